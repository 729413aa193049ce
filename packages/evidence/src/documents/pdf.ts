/**
 * A document as PDF, by pdfmake. The same document gives the same bytes on the same build of Node.js: its date is the document's, its
 * fonts come along, and nothing but these is read from disk or network. No link, script, form or attachment is ever written.
 *
 * Laying out is done in one go and takes about a second for 2,000 rows: a server does it in a thread of its own.
 */
import type { Content, Look, TableLayout } from 'pdfmake';
import { SELF_ASSESSMENT } from '../ipe.ts';
import { frameFacts, periodText, SAMPLE_DATA } from './frame.ts';
import { fitted, LACKING } from './glyphs.ts';
import type { Block, DocumentColumn, Emphasis, EvidenceDocument, Span } from './model.ts';

const INK = '#1b1d21';
const FAINT = '#5a5f69';
const RULE = '#dde0e5';
const HEAD = '#eef0f4';
const COLOURS: Readonly<Record<Emphasis, string>> = {
  plain: INK,
  strong: INK,
  muted: FAINT,
  missing: '#b3261e',
  good: '#2d6a3e',
};

/** Points. */
const SIDE = 40;
const TOP = 58;
const FOOT = 48;
const PAD = 4;
/** Least room beneath a heading. */
const HEADED = 50;
/** Height of an empty line in the smallest type. */
const SLIVER = 1.4;
const PAPERS = {
  portrait: { pageSize: 'A4', pageOrientation: 'portrait', width: 595.28, height: 841.89 },
  landscape: { pageSize: 'A4', pageOrientation: 'landscape', width: 841.89, height: 595.28 },
  'large landscape': { pageSize: 'A3', pageOrientation: 'landscape', width: 1190.55, height: 841.89 },
} as const;
/** Room for content of a page, points. */
export const ROOM = {
  landscape: { width: 841.89 - 2 * SIDE, height: 595.28 - TOP - FOOT },
  'large landscape': { width: 1190.55 - 2 * SIDE, height: 841.89 - TOP - FOOT },
} as const;

/** Characters and lines of a cell; a row is never taller than a page. */
const CELL_LETTERS = 500;
const CELL_LINES = 12;
/** Width of the name of a fact, points. */
const FACT_NAME = 88;
/** Characters of a fact that leaves room for another beside it. */
const SHORT_FACT = 36;

/** Throws what pdfmake throws for a drawing that is no SVG. */
export async function renderPdf(document: EvidenceDocument): Promise<Uint8Array> {
  const pdfmake = await loaded();
  const paper = PAPERS[document.paper];
  const width = paper.width - 2 * SIDE;
  const content = [
    ...opening(document, width),
    ...document.blocks.flatMap((block) => blockContent(block, width, paper)),
  ];
  const lacks = JSON.stringify(content).includes(LACKING);
  return pdfmake
    .createPdf({
      content: ended(
        lacks
          ? [...content, note(`${LACKING} stands for a character that this font does not have; CSV and JSON have it.`)]
          : content,
      ),
      pageSize: paper.pageSize,
      pageOrientation: paper.pageOrientation,
      pageMargins: [SIDE, TOP, SIDE, FOOT],
      header: () => pageHead(document),
      footer: (page, pages) => pageFoot(document, page, pages),
      defaultStyle: { font: 'Roboto', fontSize: 9, color: INK, lineHeight: 1.2 },
      info: {
        title: fitted(document.title),
        author: fitted(document.tenant),
        creator: 'HiveKey',
        producer: 'HiveKey',
        creationDate: new Date(document.generatedAt),
      },
      language: 'en',
      displayTitle: true,
      version: '1.7',
    })
    .getBuffer();
}

/** Without a margin at the end, which would make a page of its own where there is no room for it. */
function ended(content: readonly Content[]): readonly Content[] {
  return content.map((each, i) => (i === content.length - 1 ? { ...each, margin: [0, 2, 0, 0] } : each));
}

let loading: Promise<typeof import('pdfmake')['default']> | undefined;

/** Loaded when the first PDF is made: it takes a quarter of a second, which no start should. */
function loaded(): Promise<typeof import('pdfmake')['default']> {
  loading ??= load();
  return loading;
}

async function load(): Promise<typeof import('pdfmake')['default']> {
  const [{ default: pdfmake }, { default: fonts }] = await Promise.all([
    import('pdfmake'),
    import('pdfmake/fonts/Roboto.js'),
  ]);
  const files = new Set(Object.values(fonts).flatMap((family) => Object.values(family)));
  pdfmake.setFonts(fonts);
  // Otherwise text of a report could make us read a file or fetch an address.
  pdfmake.setUrlAccessPolicy(() => false);
  pdfmake.setLocalAccessPolicy((path) => files.has(path));
  return pdfmake;
}

function opening(document: EvidenceDocument, width: number): readonly Content[] {
  return [
    words(document.title, { fontSize: 18, bold: true, margin: [0, 0, 0, 4] }),
    words(SELF_ASSESSMENT, { bold: true, color: FAINT, margin: [0, 0, 0, document.isSample ? 2 : 8] }),
    ...(document.isSample ? [words(SAMPLE_DATA, { bold: true, color: COLOURS.missing, margin: [0, 0, 0, 8] })] : []),
    factsTable(frameFacts(document), width),
  ];
}

function pageHead({ title, tenant, environment, period, asOf, isSample }: EvidenceDocument): Content {
  const when = period === null ? `as of ${asOf}` : periodText(period);
  return {
    margin: [SIDE, 24, SIDE, 0],
    fontSize: 7.5,
    color: FAINT,
    columns: [
      { ...words(cut(title, 90), { bold: true }), width: '*' },
      ...(isSample ? [{ ...words('SAMPLE DATA', { bold: true, color: COLOURS.missing }), width: 70 }] : []),
      { ...words(`${cut(tenant, 60)} (${cut(environment, 30)})\n${when}`, { alignment: 'right' }), width: '*' },
    ],
  };
}

function pageFoot({ csvSha256 }: EvidenceDocument, page: number, pages: number): Content {
  const sum = csvSha256 === null ? '' : `\nSHA-256 of the CSV: ${csvSha256}`;
  return {
    margin: [SIDE, 14, SIDE, 0],
    fontSize: 7.5,
    color: FAINT,
    columns: [
      { ...words(`${SELF_ASSESSMENT}${sum}`, {}), width: '*' },
      { ...words(`page ${page} of ${pages}`, { alignment: 'right' }), width: 70 },
    ],
  };
}

function blockContent(
  block: Block,
  width: number,
  paper: { readonly height: number; readonly width: number },
): readonly Content[] {
  switch (block.kind) {
    case 'heading':
      return headingContent(block.text);
    case 'text':
      return [words(block.text, { ...look(block.emphasis), margin: [0, 2, 0, 4] })];
    case 'statement':
      return [boxed(words(block.text, { fontSize: 11, lineHeight: 1.25 }), width)];
    case 'facts':
      return [factsTable(block.facts, width)];
    case 'list':
      return [{ ul: block.items.map((item) => words(item, {})), margin: [0, 2, 0, 6] }];
    case 'code':
      return [boxed(words(block.text, { fontSize: 8 }), width)];
    case 'drawing':
      return [
        {
          svg: drawable(block.svg),
          maxWidth: width,
          maxHeight: block.maxHeight ?? paper.height - TOP - FOOT - 20,
          margin: [0, 6, 0, 6],
        },
      ];
    case 'page':
      return [words('', { pageBreak: 'after' })];
    case 'table':
      if (block.rows.length === 0) return [words(block.empty, { ...look('muted'), margin: [0, 2, 0, 6] })];
      return [rowsTable(block.columns, block.rows, width)];
  }
}

/** Followed by room for the beginning of what it is about: no heading is the last of its page. The second part gives the room back. */
function headingContent(text: string): readonly Content[] {
  const room = words('', { margin: [0, 0, 0, HEADED], fontSize: 1 });
  return [
    { unbreakable: true, stack: [words(text, { fontSize: 12.5, bold: true, margin: [0, 12, 0, 4] }), room] },
    words('', { margin: [0, -HEADED - 2 * SLIVER, 0, 0], fontSize: 1 }),
  ];
}

function rowsTable(
  columns: readonly DocumentColumn[],
  rows: readonly (readonly (string | Span)[])[],
  width: number,
): Content {
  const all = columns.reduce((sum, { weight }) => sum + weight, 0);
  const fontSize = columns.length > 6 ? 7 : 8;
  return {
    margin: [0, 2, 0, 8],
    fontSize,
    table: {
      headerRows: 1,
      keepWithHeaderRows: 1,
      dontBreakRows: true,
      widths: columns.map(({ weight }) => (weight / all) * width - 2 * PAD),
      body: [
        columns.map(({ title, isNumber }) => words(title, { bold: true, fillColor: HEAD, ...side(isNumber) })),
        ...rows.map((row) => row.map((cell, i) => cellContent(cell, columns[i]?.isNumber))),
      ],
    },
    layout: LINES,
  };
}

function cellContent(cell: string | Span, isNumber: boolean | undefined): Content {
  const { text, emphasis } = typeof cell === 'string' ? { text: cell, emphasis: 'plain' as const } : cell;
  return words(cutCell(text), { ...look(emphasis), ...side(isNumber) });
}

/** Two short ones side by side, so that a page holds more. */
function factsTable(facts: readonly Fact[], width: number): Content {
  // Fixed: a long digest would widen what is left to itself.
  const value = width / 2 - FACT_NAME - 4 * PAD;
  const rows: Fact[][] = [];
  for (const fact of facts) {
    const last = rows.at(-1);
    if (last?.length === 1 && [...last, fact].every(isShort)) last.push(fact);
    else rows.push([fact]);
  }
  return {
    margin: [0, 2, 0, 8],
    table: {
      widths: [FACT_NAME, value, FACT_NAME, value],
      body: rows.map((row) =>
        row.length === 2
          ? row.flatMap(({ name, value }) => factCells(name, value))
          : row.flatMap(({ name, value }) => [...factCells(name, value, 3), words('', {}), words('', {})]),
      ),
    },
    layout: LINES,
  };
}

interface Fact {
  readonly name: string;
  readonly value: string;
}

function isShort({ value }: Fact): boolean {
  return value.length <= SHORT_FACT && !value.includes('\n');
}

function factCells(name: string, value: string, colSpan = 1): readonly Content[] {
  return [words(name, { color: FAINT }), { ...words(value, {}), colSpan }];
}

/** What drawings are made of. Nothing that fetches, links, runs or styles is among it. */
const ELEMENTS = /^<\/?(?:svg|g|title|desc|text|tspan|rect|line|circle|path|polyline|polygon)[\s/>]/;

const ACTIVE = /\b(?:href|style|on\w+)\s*=|url\(/i;

/** Throws for what no drawing of ours holds: a text that was not escaped must not become markup. */
function drawable(svg: string): string {
  const tags = svg.replace(/ aria-label="[^"<>]*"/g, '').match(/<[^>]*>?/g) ?? [];
  const strange = tags.find((tag) => !ELEMENTS.test(tag) || ACTIVE.test(tag));
  if (strange !== undefined) throw new Error(`a drawing holds ${strange.slice(0, 40)}`);
  return fitted(svg);
}

function boxed(inner: Content, width: number): Content {
  return {
    margin: [0, 4, 0, 8],
    table: { widths: [width - 2 * PAD], body: [[{ ...inner, fillColor: '#f4f5f8', margin: [4, 4, 4, 4] }]] },
    layout: { ...LINES, hLineWidth: () => 0 },
  };
}

function note(text: string): Content {
  return { text, fontSize: 7.5, color: FAINT, margin: [0, 6, 0, 0] };
}

const LINES: TableLayout = {
  hLineWidth: (i, { table }) => (i === 0 || i === table.body.length ? 0 : 0.5),
  vLineWidth: () => 0,
  hLineColor: () => RULE,
  paddingLeft: () => PAD,
  paddingRight: () => PAD,
  paddingTop: () => 2.5,
  paddingBottom: () => 2,
};

/** All text of a PDF goes through here. */
function words(text: string, how: Look): Content & { readonly text: string } {
  return { text: fitted(text), preserveLeadingSpaces: true, ...how };
}

function look(emphasis: Emphasis): Look {
  return { color: COLOURS[emphasis], bold: emphasis !== 'plain' && emphasis !== 'muted' };
}

function side(isNumber: boolean | undefined): Look {
  return isNumber === true ? { alignment: 'right', margin: [0, 0, 10, 0] } : {};
}

function cutCell(text: string): string {
  const lines = text.split('\n');
  const fewer = lines.length > CELL_LINES ? `${lines.slice(0, CELL_LINES).join('\n')}…` : text;
  const shorter = cut(fewer, CELL_LETTERS);
  return shorter === text ? text : `${shorter} [cut: ${text.length} characters]`;
}

function cut(text: string, letters: number): string {
  const all = [...text.slice(0, letters * 2 + 2)];
  return all.length <= letters && text.length <= letters * 2 ? text : `${all.slice(0, letters - 1).join('')}…`;
}
