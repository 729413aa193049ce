/** The answer to one of an auditor's questions: one sentence, the claims it is made of, and the record behind each. */
import { type Block, type EvidenceDocument, type Frame, heading, NO_RECORD, paragraph, type Span } from './model.ts';
import { timeText } from './time.ts';

/** As the server's `Answer` has it. */
export interface AnswerView {
  readonly asked: string;
  readonly agent: string;
  readonly sentence: string;
  readonly claims: readonly AnswerClaim[];
  readonly tables: readonly {
    readonly title: string;
    readonly columns: readonly string[];
    readonly rows: readonly (readonly (string | number | null)[])[];
  }[];
  /** What the answer says nothing about. */
  readonly not_covered: readonly string[];
}

export interface AnswerClaim {
  readonly topic: string;
  readonly sentence: string;
  readonly at: string | null;
  readonly by: string | null;
  readonly record: string | null;
  /** What it was computed from, where no record says it. */
  readonly computed_from: string | null;
}

/** `drawings` come before the tables. */
export function answerDocument(
  frame: Frame,
  answer: AnswerView,
  drawings: readonly { readonly title: string; readonly svg: string }[] = [],
): EvidenceDocument {
  const { asked, agent, sentence, claims, tables, not_covered: notCovered } = answer;
  return {
    ...frame,
    title: asked,
    paper: 'portrait',
    blocks: [
      paragraph(`Agent ${agent}`, 'strong'),
      { kind: 'statement', text: sentence },
      heading('What it rests on'),
      {
        kind: 'table',
        columns: [
          { title: 'topic', weight: 2 },
          { title: 'claim', weight: 5 },
          { title: 'by', weight: 2 },
          { title: 'at', weight: 2 },
          { title: 'record', weight: 3 },
        ],
        rows: claims.map((claim) => [
          claim.topic,
          claim.sentence,
          claim.by ?? '',
          claim.at === null ? '' : timeText(claim.at),
          proofOf(claim),
        ]),
        empty: 'There is no claim.',
      },
      ...drawings.flatMap(({ title, svg }): readonly Block[] => [heading(title), { kind: 'drawing', svg, alt: title }]),
      ...tables.flatMap(({ title, columns, rows }): readonly Block[] => [
        heading(title),
        {
          kind: 'table',
          columns: columns.map((name, i) => ({
            title: name,
            weight: i === 0 ? 2 : 1,
            isNumber: rows.length > 0 && rows.every((row) => typeof row[i] === 'number'),
          })),
          rows: rows.map((row) => row.map((cell) => (cell === null ? '' : String(cell)))),
          empty: 'There is none.',
        },
      ]),
      ...(notCovered.length === 0
        ? []
        : [heading('What this says nothing about'), { kind: 'list', items: notCovered } as const]),
    ],
  };
}

function proofOf({ record, computed_from: from }: AnswerClaim): string | Span {
  if (record !== null) return record;
  return from === null ? NO_RECORD : { text: `computed from ${from}`, emphasis: 'muted' };
}
