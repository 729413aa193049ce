/** Which kept items are looked at again. Pure. */
import { createHash } from 'node:crypto';

/** Sorted by SHA-256 of `<seed><item id>`, the first ones: anybody can draw them again with a shell. Pure. */
export function drawn(seed: string, ids: readonly string[], share: number): readonly string[] {
  const count = Math.min(ids.length, Math.ceil(ids.length * share));
  const order = (id: string): string => createHash('sha256').update(`${seed}${id}`).digest('hex');
  return ids
    .map((id) => ({ id, key: order(id) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .slice(0, count)
    .map(({ id }) => id);
}
