/** Names that rules may read. A rule that reads another would never match, and is refused when it is loaded. */
import { ENVELOPE_FIELDS, RECORD_FIELDS } from '@hivekey/siem';

/** Fields of single kinds of records that the flat view has beside its columns; see docs/reference/records.md. */
const FURTHER = [
  'freezes_passed',
  'fresh',
  'granted',
  'granted_count',
  'last_action_at',
  'dormant_since',
  'definition_pin',
  'rehearsal',
  'sensitive',
  'withdrawn',
  'withdrawn_count',
] as const;

export const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...Object.keys(RECORD_FIELDS),
  ...Object.keys(ENVELOPE_FIELDS),
  ...FURTHER,
]);

/** The one that is most like a name that is not known. */
export function likeField(name: string): string | undefined {
  const bare = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return [...KNOWN_FIELDS].find((each) => bare(each) === bare(name));
}
