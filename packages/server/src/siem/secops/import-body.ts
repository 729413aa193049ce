/** Bodies of `logs:import` and `events:import`. */
import type { OutgoingEvent } from '../transport.ts';
import type { SecopsSettings } from './index.ts';

/** Raw logs, each with the key by which duplicates are found as a label. Times are of the record: a retry is the same. */
export function logsImport(events: readonly OutgoingEvent[], { instance, forwarder }: SecopsSettings): string {
  const logs = events.map(({ id, time, item, body }) => {
    const at = new Date(time).toISOString();
    return {
      data: Buffer.from(body).toString('base64'),
      logEntryTime: at,
      collectionTime: at,
      labels: {
        event_id: { value: id },
        ...(item.type === 'entry' ? { seq: { value: String(item.seq) } } : {}),
      },
    };
  });
  const source = forwarder === null ? {} : { forwarder: `${instance}/forwarders/${forwarder}` };
  return JSON.stringify({ inlineSource: { logs, ...source } });
}

/** Events that are in the Unified Data Model already, with the bytes that they were mapped to. */
export function eventsImport(events: readonly OutgoingEvent[]): string {
  return `{"inlineSource":{"events":[${events.map(({ body }) => `{"udm":${body}}`).join(',')}]}}`;
}
