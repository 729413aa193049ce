/** Our own form: the record itself inside an envelope with its place and hashes. */
import type { StreamEvent } from './event.ts';
import { jsonLine, safeLine } from './line.ts';

/**
 * `{seq, entry_hash, prev_hash, hash, record}`, where `record` is the exact record; of a checkpoint `{checkpoint}`.
 * A record that does not go out whole has `omitted`, and `record` then holds the flat fields that do.
 */
export function nativeLine({ place, fields, more, raw, replayed, omitted }: StreamEvent): string {
  const mark = replayed ? { replayed } : {};
  if (place === undefined) return jsonLine({ checkpoint: fields, ...mark });
  const { seq, entryHash, prevHash, hash } = place;
  const envelope = { seq, entry_hash: entryHash, prev_hash: prevHash, hash, ...mark };
  if (raw === undefined) return jsonLine({ ...envelope, omitted, record: { ...more, ...fields } });
  return `${jsonLine(envelope).slice(0, -1)},"record":${safeLine(raw)}}`;
}
