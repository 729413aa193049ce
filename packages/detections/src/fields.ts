/** Names that rules may read. A rule that reads another would never match, and is refused when it is loaded. */
import { ENVELOPE_FIELDS, RECORD_FIELDS } from '@hivekey/siem';

/** Fields of single kinds of records that the flat view has beside its columns; see docs/reference/records.md. */
const FURTHER = [
  'approval_threshold',
  'basis',
  'definition_pin',
  'dormant_since',
  'freezes_passed',
  'granted',
  'granted_count',
  'last_action_at',
  'rehearsal',
  'review_required',
  'reviewers',
  'window',
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
