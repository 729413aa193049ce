/** What HEC wants around an event. */
import type { Format } from '@hivekey/siem';
import type { OutgoingEvent } from '../transport.ts';
import type { SplunkSettings } from './index.ts';

/**
 * Events one after another, each on a line. `time` is in seconds; `fields` are indexed, flat, and carry the key by which
 * a search drops duplicates.
 */
export function envelopes(events: readonly OutgoingEvent[], settings: SplunkSettings, format: Format): string {
  const { index, source, host, sourcetype } = settings;
  const place = JSON.stringify({
    ...(host === null ? {} : { host }),
    source,
    sourcetype: sourcetype ?? `hivekey:${format.replace(/-.*$/, '')}`,
    ...(index === null ? {} : { index }),
  }).slice(1, -1);
  return events.map((event) => envelope(event, place)).join('\n');
}

function envelope({ id, time, item, body }: OutgoingEvent, place: string): string {
  const fields = JSON.stringify({ event_id: id, ...(item.type === 'entry' ? { seq: String(item.seq) } : {}) });
  // Put in as it is: the bytes of the event are those that the mapper made.
  const event = body.startsWith('{') ? body : JSON.stringify(body);
  return `{"time":${(time / 1000).toFixed(3)},${place},"fields":${fields},"event":${event}}`;
}
