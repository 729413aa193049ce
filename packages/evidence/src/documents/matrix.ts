/** Roles and what they may do, on one page where it fits and can be read; otherwise an index, and a table for each role. */
import { type Block, type EvidenceDocument, type Frame, facts, heading, paragraph } from './model.ts';
import { ROOM } from './pdf.ts';

/** As `MatrixCells` of the server has them. */
export interface MatrixView {
  readonly policy: string;
  readonly policy_revision: number;
  readonly roles: readonly string[];
  readonly capabilities: readonly string[];
  readonly cells: readonly {
    readonly role: string;
    readonly capability: string;
    readonly mark: string;
    readonly text: string;
    readonly guards: readonly string[];
  }[];
  readonly counts: Readonly<Record<string, number>>;
  readonly wildcards: number;
}

const REFUSED = '—';
const STATEMENT = 'Produced by calling the decision engine at and beside each limit, not drawn.';
const LEGEND =
  'A allowed. A≤ allowed within limits. H a person must approve. F refused by a freeze that is in force. — refused.';
/** A drawing may shrink to this: its smallest type is then about 5 points. */
const SMALLEST = 0.55;
/** Points that title, facts and statement take of the page. */
const ABOVE = 165;

/** `svg`: the matrix as one drawing with `width` and `height`, as the server draws it. */
export function matrixDocument(frame: Frame, matrix: MatrixView, svg: string): EvidenceDocument {
  const size = sizeOf(svg);
  const paper = (['landscape', 'large landscape'] as const).find((each) => {
    const { width, height } = ROOM[each];
    return Math.min(width / size.width, (height - ABOVE) / size.height) >= SMALLEST;
  });
  return {
    ...frame,
    title: 'Roles and capabilities',
    paper: paper ?? 'landscape',
    blocks: [
      ...(paper === undefined ? indexed(matrix) : [drawing(matrix, svg, ROOM[paper].height - ABOVE)]),
      ...(paper === undefined ? [paragraph(`${LEGEND} ${STATEMENT}`, 'muted')] : []),
    ],
  };
}

function drawing({ roles, capabilities }: MatrixView, svg: string, maxHeight: number): Block {
  return {
    kind: 'drawing',
    svg,
    alt: `${roles.length} roles and ${capabilities.length} capabilities. ${STATEMENT}`,
    maxHeight,
  };
}

function indexed(matrix: MatrixView): readonly Block[] {
  const byRole = Map.groupBy(
    matrix.cells.filter(({ mark }) => mark !== REFUSED),
    ({ role }) => role,
  );
  const sections = matrix.roles.filter((role) => byRole.has(role));
  return [
    facts({
      Roles: matrix.roles.length,
      Capabilities: matrix.capabilities.length,
      Cells: Object.entries(matrix.counts)
        .map(([mark, count]) => `${mark} ${count}`)
        .join('   '),
      'Wildcards that are not expanded': matrix.wildcards,
      Policy: `${matrix.policy}, revision ${matrix.policy_revision}`,
    }),
    heading('Index'),
    {
      kind: 'table',
      columns: [
        { title: 'role', weight: 6 },
        { title: 'not refused', weight: 2, isNumber: true },
        { title: 'refused', weight: 2, isNumber: true },
        { title: 'table', weight: 2 },
      ],
      rows: matrix.roles.map((role) => {
        const count = byRole.get(role)?.length ?? 0;
        const at = sections.indexOf(role) + 1;
        return [role, String(count), String(matrix.capabilities.length - count), at === 0 ? 'none' : `table ${at}`];
      }),
      empty: 'There are no roles.',
    },
    ...sections.flatMap((role, i): readonly Block[] => [
      heading(`Table ${i + 1}: ${role}`),
      {
        kind: 'table',
        columns: [
          { title: 'capability', weight: 5 },
          { title: 'decision', weight: 7 },
          { title: 'guards', weight: 7 },
        ],
        rows: (byRole.get(role) ?? []).map(({ capability, text, guards }) => [capability, text, guards.join('\n')]),
        empty: 'Everything is refused.',
      },
    ]),
  ];
}

function sizeOf(svg: string): { readonly width: number; readonly height: number } {
  const at = (name: string): number =>
    Number(new RegExp(`^<svg [^>]*\\b${name}="(\\d+)"`).exec(svg)?.[1] ?? Number.NaN);
  return { width: at('width'), height: at('height') };
}
