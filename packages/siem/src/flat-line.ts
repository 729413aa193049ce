/** The flat view as it is sent: one level of names without dots, the rest of the record under `more`, the record as it was hashed in `raw`. */
import type { StreamEvent } from './event.ts';
import { jsonLine } from './line.ts';

export function flatLine({ place, fields, more, raw, replayed, omitted }: StreamEvent): string {
  return jsonLine({
    ...(place === undefined
      ? {}
      : { seq: place.seq, entry_hash: place.entryHash, prev_hash: place.prevHash, hash: place.hash }),
    ...fields,
    ...(more === undefined ? {} : { more }),
    ...(replayed ? { replayed } : {}),
    ...(omitted.length === 0 ? {} : { omitted }),
    ...(raw === undefined ? {} : { raw }),
  });
}
