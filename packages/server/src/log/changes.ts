/** What an administrative record says of a change. */
import { isDeepStrictEqual } from 'node:util';

/** Field → before and after, of the fields of `after` whose value differs. What was not there is null. */
export function changesOf<After extends Readonly<Record<string, unknown>>>(
  before: { readonly [Field in keyof After]: unknown },
  after: After,
): Record<string, readonly [unknown, unknown]> {
  const changes: Record<string, readonly [unknown, unknown]> = {};
  for (const [field, value] of Object.entries(after))
    if (!isDeepStrictEqual(before[field], value)) changes[field] = [before[field] ?? null, value ?? null];
  return changes;
}
