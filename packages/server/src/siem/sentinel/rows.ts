/** Lines of the flat view as rows of the table. */
import { jsonObject } from '../http/quote.ts';
import type { OutgoingEvent } from '../transport.ts';

/** Of a value. The service cuts a longer one and says nothing of it. */
const MAX_VALUE_BYTES = 64 * 1024;
/** Of a call. */
export const MAX_CALL_BYTES = 1_000_000;

/** Of the array, at most: a row is as long as its line, and shorter where it is cut. */
export function callBytes(events: readonly OutgoingEvent[]): number {
  return events.reduce((sum, { body }) => sum + Buffer.byteLength(body) + 1, 1);
}

/** What is too long is cut here and says so at its end. */
export function rowOf({ body }: OutgoingEvent): Record<string, unknown> {
  const row: Record<string, unknown> = { ...jsonObject(body) };
  for (const [name, value] of Object.entries(row)) {
    if (typeof value !== 'string' && (typeof value !== 'object' || value === null)) continue;
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    // No character has more than three bytes for each unit of its length.
    if (text.length * 3 > MAX_VALUE_BYTES && Buffer.byteLength(text) > MAX_VALUE_BYTES) row[name] = cut(text);
  }
  return row;
}

function cut(text: string): string {
  const bytes = Buffer.from(text);
  const mark = `…[cut from ${bytes.length} bytes]`;
  let end = MAX_VALUE_BYTES - Buffer.byteLength(mark);
  // Not within a character: its later bytes begin with 10.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + mark;
}
