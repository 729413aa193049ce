/** Events as the log intake takes them. */
import type { SinkIdentity } from '../sink-type.ts';
import type { OutgoingEvent } from '../transport.ts';
import type { DatadogSettings } from './index.ts';

/** A longer log is cut by the receiver, which says nothing of it. */
const MAX_LOG_BYTES = 1_000_000;
/** Older ones are refused, equally silently. The last minutes are for the way there. */
const MAX_AGE_MS = 18 * 3_600_000 - 300_000;

export function isTooOld({ time }: OutgoingEvent, nowMs: number): boolean {
  return nowMs - time > MAX_AGE_MS;
}

/** A JSON array of logs. `message` holds the line, which the receiver reads as JSON by itself. */
export function logsBody(events: readonly OutgoingEvent[], settings: DatadogSettings, sink: SinkIdentity): string {
  const { service, source, host, tags } = settings;
  const common = {
    ddsource: source,
    service,
    ...(host === null ? {} : { hostname: host }),
    ddtags: [...tags, `env:${sink.env}`, `workspace:${sink.workspace}`].join(','),
  };
  return `[${events.map((event) => log(event, common)).join(',')}]`;
}

function log({ id, time, item, body }: OutgoingEvent, common: object): string {
  const place = item.type === 'entry' ? { seq: item.seq } : {};
  const whole = { ...common, timestamp: time, event_id: id, ...place };
  const text = JSON.stringify({ ...whole, message: body });
  if (Buffer.byteLength(text) <= MAX_LOG_BYTES) return text;
  // The line does not end any more where its JSON does, and the mark says so. As a string, it can double.
  const marked = { ...whole, hivekey_cut: true, hivekey_bytes: Buffer.byteLength(body) };
  return JSON.stringify({
    ...marked,
    message: fitted(body, MAX_LOG_BYTES - Buffer.byteLength(JSON.stringify(marked)) - 64),
  });
}

/** The longest beginning whose JSON string has at most so many bytes. */
function fitted(text: string, bytes: number): string {
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (Buffer.byteLength(JSON.stringify(text.slice(0, middle))) <= bytes) low = middle;
    else high = middle - 1;
  }
  const isHalf = /[\ud800-\udbff]$/.test(text.slice(0, low));
  return text.slice(0, isHalf ? low - 1 : low);
}
