/** Members of a JSON object; none of anything else. */
import type { Json } from '@hivekey/evidence';

export function membersOf(value: Json): Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}
