/** Who signed what about an access review: each signature is a session of a person over the hash of a frozen file. */
import { type Block, type EvidenceDocument, type Frame, facts, heading, NO_RECORD, paragraph } from './model.ts';
import { timeText } from './time.ts';

export interface SignOff {
  readonly campaignId: string;
  readonly campaign: string;
  /** The file whose hash is signed. */
  readonly items: { readonly file: string; readonly sha256: string; readonly rows: number };
  /** What came out, e.g. `{Keep: 58, Modify: 5, Revoke: 3}`. */
  readonly outcome: Readonly<Record<string, string | number | null>>;
  readonly signatures: readonly Signature[];
  /** What is still to be signed, in words. */
  readonly outstanding: readonly string[];
}

/** Times are ISO 8601 UTC. */
export interface Signature {
  /** As what, e.g. `reviewer`, `campaign owner`, `countersignature`. */
  readonly capacity: string;
  readonly person: string;
  /** As the identity provider names the person; null: nobody signed in there. */
  readonly subject: string | null;
  readonly mfaAt: string | null;
  readonly signedAt: string;
  readonly statement: string;
  /** Id of the record of the log. */
  readonly record: string | null;
}

export function signOffDocument(frame: Frame, signOff: SignOff): EvidenceDocument {
  const { campaignId, campaign, items, outcome, signatures, outstanding } = signOff;
  return {
    ...frame,
    title: `Sign-off of ${campaign}`,
    paper: 'portrait',
    blocks: [
      facts({ Campaign: campaignId, 'Frozen file': items.file, Items: items.rows, 'SHA-256': items.sha256 }),
      heading('Outcome'),
      facts(outcome),
      heading('Signatures'),
      ...(signatures.length === 0 ? [paragraph('Nobody has signed.', 'missing')] : signatures.flatMap(signatureBlocks)),
      ...(outstanding.length === 0 ? [] : [heading('Not signed yet'), { kind: 'list', items: outstanding } as const]),
      paragraph(
        'A signature is an authenticated session: the subject at the identity provider, the time of the second factor, the statement, and the hash above. The record of the log holds all of them.',
        'muted',
      ),
    ],
  };
}

function signatureBlocks({
  capacity,
  person,
  subject,
  mfaAt,
  signedAt,
  statement,
  record,
}: Signature): readonly Block[] {
  return [
    { kind: 'statement', text: statement },
    {
      kind: 'table',
      columns: ['signed as', 'person', 'subject', 'second factor', 'signed', 'record'].map((title) => ({
        title,
        weight: 1,
      })),
      rows: [
        [
          capacity,
          person,
          subject ?? NO_RECORD,
          mfaAt === null ? NO_RECORD : timeText(mfaAt),
          timeText(signedAt),
          record ?? NO_RECORD,
        ],
      ],
      empty: '',
    },
  ];
}
