/**
 * XLSX (ECMA-376, transitional): a working copy of what the CSV has, written as rows come. The sheet `About` with the headers is the
 * first that is seen and the last that is written. No formula, link, macro or shared string is ever written.
 *
 * Text is typed as text, in cells of the format `@`, which stay text when somebody edits them; so no apostrophe is needed. Characters
 * that are obeyed instead of shown are written as in the CSV. Times are text. Whole numbers of more than 15 digits are text, because a
 * spreadsheet keeps no more. A text over 32,767 UTF-16 units is cut with a mark and counted. A table of more rows than a sheet
 * holds goes on in further sheets.
 */
import type { Cell, CellKind, IpeHeader, Row, TableShape } from '../types.ts';
import { aboutRows } from './about-sheet.ts';
import { isTextKind, textOf, wrongCellAt } from './cell.ts';
import { shown } from './neutral.ts';
import { type RowWriter, type Sink, TextSink } from './sink.ts';
import { ZipWriter } from './zip.ts';

/** Rows of a sheet, the header among them. */
const SHEET_ROWS = 1_048_576;
/** A sheet is as large as this at most, far from where ZIP ends and beyond what a spreadsheet opens gladly. */
const SHEET_BYTES = 2 ** 31;
const CELL_UNITS = 32_767;
const SAFE_DIGITS = 15;
const SHEET_NAME = 31;

/** Places in `cellXfs` of the style sheet. */
const STYLE = { text: 1, head: 2, number: 3, about: 4, title: 5 } as const;

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const TYPES = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

/** Widths of columns, in characters. */
const WIDTHS: Readonly<Record<CellKind, number>> = {
  id: 28,
  text: 32,
  integer: 16,
  number: 16,
  boolean: 10,
  time: 26,
  list: 40,
  json: 40,
};

interface Sheet {
  readonly name: string;
  readonly filter: string | null;
}

export class WorkbookWriter {
  readonly #zip: ZipWriter;
  readonly #sheets: Sheet[] = [];
  readonly #sheetRows: number;
  #cutCells = 0;

  constructor(sink: Sink, sheetRows = SHEET_ROWS) {
    this.#sheetRows = sheetRows;
    this.#zip = new ZipWriter(sink);
    // First, as programs tell the type of a file by its first entry.
    this.#add('_rels/.rels', relationships([['officeDocument', 'xl/workbook.xml']]));
  }

  /** Cells so far that were too long for a spreadsheet. */
  get cutCells(): number {
    return this.#cutCells;
  }

  /** A table's sheets; the table before must have ended. */
  table(shape: TableShape): RowWriter {
    let part = 1;
    let sheet = this.#open(shape, part);
    return {
      row: (row, rowNumber) => {
        if (sheet.isFull()) {
          sheet.close();
          part += 1;
          sheet = this.#open(shape, part);
        }
        sheet.row(row, rowNumber);
      },
      end: () => sheet.close(),
    };
  }

  /** Writes the first sheet and what holds all together. */
  end(headers: readonly IpeHeader[], shapes: readonly TableShape[]): void {
    const about = this.#zip.open('xl/worksheets/sheet1.xml');
    const out = new TextSink(about.write);
    out.write(`${XML}<worksheet xmlns="${MAIN}"><cols><col min="1" max="1" width="28" customWidth="1"/>`);
    out.write('<col min="2" max="64" width="80" customWidth="1"/></cols><sheetData>');
    aboutRows(headers, shapes, this.#cutCells).forEach(({ cells, isTitle }, i) => {
      out.write(`<row r="${i + 1}">`);
      cells.forEach((value, at) => {
        const style = isTitle ? STYLE.title : at === 0 ? STYLE.head : STYLE.about;
        out.write(this.#inline(at, i + 1, value, style));
      });
      out.write('</row>');
    });
    out.write('</sheetData></worksheet>');
    out.flush();
    about.close();
    const names = ['About', ...this.#sheets.map(({ name }) => name)];
    this.#add('xl/workbook.xml', workbook(names, this.#sheets));
    this.#add(
      'xl/_rels/workbook.xml.rels',
      relationships([
        ...names.map((_, i): Relationship => ['worksheet', `worksheets/sheet${i + 1}.xml`]),
        ['styles', 'styles.xml'],
      ]),
    );
    this.#add('xl/styles.xml', STYLES);
    this.#add('[Content_Types].xml', contentTypes(names.length));
    this.#zip.end();
  }

  #open(shape: TableShape, part: number) {
    const { columns } = shape;
    const letters = columns.map((_, i) => lettersOf(i));
    const entry = this.#zip.open(`xl/worksheets/sheet${this.#sheets.length + 2}.xml`);
    let bytes = 0;
    const out = new TextSink((piece) => {
      bytes += piece.length;
      entry.write(piece);
    });
    const frozen = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>';
    out.write(
      `${XML}<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0">${frozen}</sheetView></sheetViews><cols>`,
    );
    columns.forEach(({ kind }, i) => {
      out.write(`<col min="${i + 1}" max="${i + 1}" width="${WIDTHS[kind]}" customWidth="1"/>`);
    });
    out.write('</cols><sheetData><row r="1">');
    columns.forEach(({ name }, i) => {
      out.write(this.#inline(i, 1, name, STYLE.head));
    });
    out.write('</row>');
    let at = 1;
    return {
      isFull: () => at >= this.#sheetRows || bytes >= SHEET_BYTES,
      row: (row: Row, rowNumber: number) => {
        at += 1;
        let line = `<row r="${at}">`;
        for (let i = 0; i < columns.length; i += 1) {
          const cell = row[i] ?? null;
          const kind = columns[i]?.kind;
          if (cell === null || kind === undefined) continue;
          try {
            line += this.#cell(`${letters[i]}${at}`, kind, cell);
          } catch (error) {
            wrongCellAt(shape, i, rowNumber, error);
          }
        }
        out.write(`${line}</row>`);
      },
      close: () => {
        const filter = columns.length === 0 ? null : `A1:${letters.at(-1)}${at}`;
        out.write(`</sheetData>${filter === null ? '' : `<autoFilter ref="${filter}"/>`}</worksheet>`);
        out.flush();
        entry.close();
        this.#sheets.push({ name: this.#sheetName(shape.name, part), filter });
      },
    };
  }

  #cell(ref: string, kind: CellKind, cell: Cell): string {
    const text = textOf(kind, cell);
    if (kind === 'boolean') return `<c r="${ref}" t="b"><v>${text === 'true' ? 1 : 0}</v></c>`;
    if ((kind === 'integer' || kind === 'number') && isKeptByDoubles(text)) {
      return `<c r="${ref}" s="${STYLE.number}"><v>${text}</v></c>`;
    }
    const written = isTextKind(kind) ? this.#cut(shown(text)) : text;
    return `<c r="${ref}" s="${STYLE.text}" t="inlineStr"><is>${textElement(written)}</is></c>`;
  }

  #inline(column: number, row: number, text: string, style: number): string {
    const written = textElement(this.#cut(shown(text)));
    return `<c r="${lettersOf(column)}${row}" s="${style}" t="inlineStr"><is>${written}</is></c>`;
  }

  #cut(text: string): string {
    if (text.length <= CELL_UNITS) return text;
    this.#cutCells += 1;
    const mark = `… [cut: the CSV has ${text.length} characters]`;
    // Not between the halves of a character.
    return text.slice(0, CELL_UNITS - mark.length).replace(/[\ud800-\udbff]$/, '') + mark;
  }

  /** What a sheet may be called: 31 characters without `[]:*?/\`, told apart without regard to case. */
  #sheetName(name: string, part: number): string {
    const taken = new Set(['about', 'history', ...this.#sheets.map((sheet) => sheet.name.toLowerCase())]);
    const plain = name.replaceAll(/[^\w .-]/g, '_');
    for (let n = part; ; n += 1) {
      const ending = n === 1 ? '' : ` (${n})`;
      const found = plain.slice(0, SHEET_NAME - ending.length) + ending;
      if (!taken.has(found.toLowerCase())) return found;
    }
  }

  #add(path: string, xml: string): void {
    this.#zip.add(path, Buffer.from(xml, 'utf8'));
  }
}

function isKeptByDoubles(text: string): boolean {
  return text.replaceAll(/[^\d]/g, '').replace(/^0+/, '').length <= SAFE_DIGITS;
}

function lettersOf(column: number): string {
  const rest = Math.floor(column / 26) - 1;
  return (rest < 0 ? '' : lettersOf(rest)) + String.fromCharCode(65 + (column % 26));
}

const SPECIAL = /[&<>\r]|_(?=x[0-9A-Fa-f]{4}_)/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  // XML folds CR into LF, and `_xHHHH_` is read as a character (ECMA-376 part 1, 22.9.2.19).
  '\r': '_x000D_',
  _: '_x005F_',
};

/** Where XML would fold blanks. */
const BLANKS = /^\s|\s$|\n/;

/** The text has no character that XML 1.0 lacks: `shown` left none. */
function textElement(text: string): string {
  const escaped = text.replace(SPECIAL, (found) => ESCAPES[found] ?? found);
  return BLANKS.test(text) ? `<t xml:space="preserve">${escaped}</t>` : `<t>${escaped}</t>`;
}

type Relationship = readonly [type: string, target: string];

function relationships(list: readonly Relationship[]): string {
  const each = list.map(
    ([type, target], i) => `<Relationship Id="rId${i + 1}" Type="${OFFICE}/${type}" Target="${target}"/>`,
  );
  return `${XML}<Relationships xmlns="${PACKAGE}/relationships">${each.join('')}</Relationships>`;
}

function workbook(names: readonly string[], sheets: readonly Sheet[]): string {
  const listed = names.map((name, i) => `<sheet name="${name}" sheetId="${i + 1}" r:id="rId${i + 1}"/>`);
  // Without these, some programs show no filter.
  const filters = sheets.flatMap(({ name, filter }, i) =>
    filter === null
      ? []
      : [
          `<definedName name="_xlnm._FilterDatabase" localSheetId="${i + 1}" hidden="1">'${name}'!${filter.replaceAll(/([A-Z]+)(\d+)/g, '$$$1$$$2')}</definedName>`,
        ],
  );
  const defined = filters.length === 0 ? '' : `<definedNames>${filters.join('')}</definedNames>`;
  return `${XML}<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}"><bookViews><workbookView/></bookViews><sheets>${listed.join('')}</sheets>${defined}</workbook>`;
}

function contentTypes(sheets: number): string {
  const parts: Relationship[] = [
    ['xl/workbook.xml', 'sheet.main+xml'],
    ['xl/styles.xml', 'styles+xml'],
    ...Array.from({ length: sheets }, (_, i): Relationship => [`xl/worksheets/sheet${i + 1}.xml`, 'worksheet+xml']),
  ];
  const overrides = parts.map(([path, type]) => `<Override PartName="/${path}" ContentType="${TYPES}.${type}"/>`);
  const rels = `<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>`;
  const xml = '<Default Extension="xml" ContentType="application/xml"/>';
  return `${XML}<Types xmlns="${PACKAGE}/content-types">${rels}${xml}${overrides.join('')}</Types>`;
}

const XFS = [
  '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>',
  '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>',
  '<xf numFmtId="49" fontId="1" fillId="2" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" applyFill="1" applyAlignment="1"><alignment vertical="top"/></xf>',
  '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>',
  '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf>',
  '<xf numFmtId="49" fontId="2" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>',
];
const FONT = '<name val="Calibri"/><family val="2"/>';
const STYLES = `${XML}<styleSheet xmlns="${MAIN}"><fonts count="3"><font><sz val="11"/>${FONT}</font><font><b/><sz val="11"/>${FONT}</font><font><b/><sz val="14"/>${FONT}</font></fonts><fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid"><fgColor rgb="FFE9ECF1"/></patternFill></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="${XFS.length}">${XFS.join('')}</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`;
