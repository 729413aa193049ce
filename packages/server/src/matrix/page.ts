/** The matrix as one page: SVG 1.1 that needs no font, script or style sheet from elsewhere. The same cells give the same bytes. Pure. */
import type { MatrixCells } from './cells.ts';

const MARGIN = 32;
const ROLE_WIDTH = 180;
const CELL_WIDTH = 132;
const CELL_HEIGHT = 54;
const HEAD_HEIGHT = 58;
const TITLE_HEIGHT = 52;
const LINE = 11;
/** Letters of the small type that fit a line of a cell. */
const LETTERS = 25;
const LINES = 3;

const INK = '#1b1d21';
const MUTED = '#5a5f69';
const RULE = '#c9cdd4';
/** Fills of the marks: told apart by lightness as well, so that they survive a printer. */
const FILLS: Readonly<Record<MatrixCells['cells'][number]['mark'], string>> = {
  '—': '#ffffff',
  A: '#cfe8d5',
  'A≤': '#e6f3e9',
  H: '#fdf0d0',
  F: '#dde3f5',
};

const LEGEND =
  'A allowed   A≤ allowed within limits   H a person must approve   F refused by a freeze that is in force   — refused';
const STATEMENT = 'Produced by calling the decision engine at and beside each limit, not drawn.';

export interface PageTitle {
  readonly workspace: string;
  readonly environment: string;
}

export function pageOf({ workspace, environment }: PageTitle, matrix: MatrixCells): string {
  const { roles, capabilities, cells, counts } = matrix;
  const byPlace = new Map(cells.map((cell) => [`${cell.role} ${cell.capability}`, cell]));
  const width = MARGIN * 2 + ROLE_WIDTH + Math.max(4, capabilities.length) * CELL_WIDTH;
  const top = MARGIN + TITLE_HEIGHT + HEAD_HEIGHT;
  const bottom = top + roles.length * CELL_HEIGHT;
  const left = (column: number): number => MARGIN + ROLE_WIDTH + column * CELL_WIDTH;
  const asOf = new Date(matrix.at * 1_000).toISOString().replace('.000Z', 'Z');
  const head = groupsOf(capabilities).flatMap(({ namespace, start, names }) => [
    text(left(start) + 6, top - HEAD_HEIGHT + 16, namespace, { size: 11, fill: MUTED, clip: names.length * 20 }),
    line(left(start), top - HEAD_HEIGHT + 22, left(start + names.length) - 4, top - HEAD_HEIGHT + 22),
    ...names.flatMap((name, i) =>
      wrapped(shortName(name), LETTERS, 2).map((part, at) =>
        text(left(start + i) + 6, top - 22 + at * 12, part, { size: 11, isBold: true }),
      ),
    ),
  ]);
  const rows = roles.flatMap((role, row) => {
    const y = top + row * CELL_HEIGHT;
    return [
      ...wrapped(role, 24, 2).map((part, at) => text(MARGIN, y + 20 + at * 14, part, { size: 12, isBold: true })),
      ...capabilities.flatMap((capability, column) =>
        cellAt(left(column), y, byPlace.get(`${role} ${capability}`) ?? { mark: '—' as const, text: '—', guards: [] }),
      ),
    ];
  });
  const told = Object.entries(counts)
    .map(([mark, count]) => `${mark} ${count}`)
    .join('   ');
  const foot = [
    LEGEND,
    `${roles.length} roles × ${capabilities.length} capabilities: ${told}. Wildcards that are not expanded: ${matrix.wildcards}.`,
    `Policy ${matrix.policy}, revision ${matrix.policy_revision}, as of ${asOf} (UTC).`,
    STATEMENT,
  ].map((part, i) => text(MARGIN, bottom + 26 + i * 15, part, { size: 10, fill: MUTED }));
  const height = bottom + 26 + foot.length * 15 + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Roles and capabilities" font-family="Helvetica, Arial, sans-serif">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(MARGIN, MARGIN + 18, `Roles and capabilities of ${workspace} (${environment})`, { size: 18, isBold: true }),
    ...head,
    ...rows,
    line(MARGIN, bottom, width - MARGIN, bottom),
    ...foot,
    '</svg>',
    '',
  ].join('\n');
}

function cellAt(
  x: number,
  y: number,
  { mark, text: said, guards }: Pick<MatrixCells['cells'][number], 'mark' | 'text' | 'guards'>,
): string[] {
  const limits = said.slice(mark.length).trim();
  const lines = wrapped(limits, LETTERS, LINES);
  return [
    `<g><title>${escaped(guards.length === 0 ? said : `${said} (${guards.join(', ')})`)}</title>`,
    `<rect x="${x}" y="${y}" width="${CELL_WIDTH}" height="${CELL_HEIGHT}" fill="${FILLS[mark]}" stroke="${RULE}"/>`,
    text(x + 6, y + 14, mark, { size: 11, isBold: mark !== '—', fill: mark === '—' ? MUTED : INK }),
    ...lines.map((part, i) => text(x + 6, y + 26 + i * LINE, part, { size: 9 })),
    ...(guards.length === 0
      ? []
      : [text(x + 30, y + 14, cut(guards.map(idOf).join(', '), 19), { size: 8, fill: MUTED })]),
    '</g>',
  ];
}

/** Without the role it is of, which stands beside. */
function idOf(guard: string): string {
  return guard.slice(guard.lastIndexOf('/') + 1);
}

function namespaceOf(capability: string): string {
  return capability.includes('.') ? capability.slice(0, capability.indexOf('.')) : '';
}

function shortName(capability: string): string {
  const namespace = namespaceOf(capability);
  return namespace === '' ? capability : capability.slice(namespace.length + 1);
}

interface Group {
  readonly namespace: string;
  readonly start: number;
  readonly names: string[];
}

function groupsOf(capabilities: readonly string[]): readonly Group[] {
  const groups: Group[] = [];
  capabilities.forEach((name, start) => {
    const namespace = namespaceOf(name);
    const last = groups.at(-1);
    if (last?.namespace === namespace) last.names.push(name);
    else groups.push({ namespace, start, names: [name] });
  });
  return groups;
}

/** At spaces, and within what is longer than a line; what does not fit ends in an ellipsis. */
function wrapped(value: string, letters: number, lines: number): readonly string[] {
  const found: string[] = [];
  for (const word of value.split(' ').flatMap((each) => each.match(new RegExp(`.{1,${letters}}`, 'gu')) ?? [])) {
    const last = found.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= letters) found[found.length - 1] = `${last} ${word}`;
    else found.push(word);
  }
  if (found.length <= lines) return found;
  return [...found.slice(0, lines - 1), cut(found.slice(lines - 1).join(' '), letters)];
}

function cut(value: string, letters: number): string {
  const all = [...value];
  return all.length <= letters ? value : `${all.slice(0, letters - 1).join('')}…`;
}

interface Type {
  readonly size: number;
  readonly isBold?: boolean;
  readonly fill?: string;
  readonly clip?: number;
}

function text(x: number, y: number, value: string, { size, isBold = false, fill = INK, clip }: Type): string {
  const shown = clip === undefined ? value : cut(value, clip);
  return `<text x="${x}" y="${y}" font-size="${size}"${isBold ? ' font-weight="600"' : ''} fill="${fill}">${escaped(shown)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${RULE}"/>`;
}

/** As XML text: names come from people. What XML 1.0 cannot hold is left out. */
function escaped(value: string): string {
  return value
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
