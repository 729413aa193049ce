/** What is written is what a reader of its own gets back, whatever the texts are; and nothing of it is a formula. */
import { canonicalJson } from '@hivekey/action-log';
import fc from 'fast-check';
import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import {
  type Cell,
  type CellKind,
  type Row,
  shown,
  type Table,
  type TableFormat,
  type TableShape,
  Totals,
  textOf,
  WrongCell,
  writeTables,
} from '../src/index.ts';
import { neutral } from '../src/tables/neutral.ts';
import { WorkbookWriter } from '../src/tables/xlsx.ts';
import { ZipTooLarge, ZipWriter } from '../src/tables/zip.ts';
import { HEADER } from './header.ts';
import { HOSTILE, hostileText } from './hostile.ts';
import { readCsv } from './read/csv.ts';
import { readXlsx } from './read/xlsx.ts';

const KINDS: readonly CellKind[] = ['id', 'text', 'integer', 'number', 'boolean', 'time', 'list', 'json'];
const SHAPE: TableShape = {
  name: 'agents',
  title: 'Agents',
  columns: KINDS.map((kind) => ({ name: `a_${kind}`, kind, about: `A column of the kind ${kind}.` })),
};
const TEXT_KINDS = new Set<CellKind>(['id', 'text', 'list', 'json']);

const VALUES: Readonly<Record<CellKind, fc.Arbitrary<Cell>>> = {
  id: hostileText,
  text: hostileText,
  integer: fc.oneof(
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
    fc.constant('-9223372036854775808'),
  ),
  number: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant('-12345678901234567890.5')),
  boolean: fc.boolean(),
  time: fc
    .date({ min: new Date('1970-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString()),
  list: fc.array(hostileText, { maxLength: 3 }),
  json: fc.dictionary(hostileText, hostileText, { maxKeys: 3 }),
};
const rowArbitrary: fc.Arbitrary<Row> = fc.tuple(...KINDS.map((kind) => fc.option(VALUES[kind], { freq: 6 })));
const rowsArbitrary = fc.array(rowArbitrary, { maxLength: 6 });

describe('CSV', () => {
  it('reads back cell by cell, and says exactly how many cells are not as they were', async () => {
    await fc.assert(
      fc.asyncProperty(rowsArbitrary, async (rows) => {
        const { text, facts } = await write(rows, 'csv');
        const [head, ...read] = readCsv(text);
        expect(head).toEqual(SHAPE.columns.map(({ name }) => name));
        let altered = 0;
        const expected = rows.map((row) =>
          KINDS.map((kind, i) => {
            const cell = row[i] ?? null;
            if (cell === null) return null;
            const plain = textOf(kind, cell);
            const written = TEXT_KINDS.has(kind) ? neutral(plain) : plain;
            if (written !== plain) altered += 1;
            return written;
          }),
        );
        expect(read).toEqual(expected);
        expect(facts).toMatchObject({ rows: rows.length, neutralised: altered });
      }),
    );
  });

  it('has no cell of text that a spreadsheet takes for a formula, wherever it parts cells', async () => {
    await fc.assert(
      fc.asyncProperty(rowsArbitrary, async (rows) => {
        const { text } = await write(rows, 'csv');
        for (const row of readCsv(text).slice(1)) {
          row.forEach((cell, i) => {
            if (cell === null || !TEXT_KINDS.has(KINDS[i] ?? 'number')) return;
            for (const part of cell.split(/[;\t\r\n]/)) {
              expect(part.normalize('NFKC').replace(/^[\s"]+/, '')).not.toMatch(/^[=+\-@−]/);
            }
            expect(cell).not.toMatch(/^[\t\r\n]/);
          });
        }
      }),
    );
  });

  it('keeps numbers as numbers, with their minus', async () => {
    const row: Row = [null, null, -5, -0.5, false, '2026-07-01T00:00:00.000Z', [], null];
    const { text, facts } = await write([row], 'csv');
    expect(text.split('\n')[1]).toBe(',,-5,-0.5,false,2026-07-01T00:00:00.000Z,"",');
    expect(facts.neutralised).toBe(0);
  });

  it('neutralises every character that folds into a sign of formulas', () => {
    const signs: string[] = [];
    for (let point = 0; point <= 0x10ffff; point += 1) {
      if (point >= 0xd800 && point <= 0xdfff) continue;
      const character = String.fromCodePoint(point);
      if (/^[=+\-@]$/.test(character.normalize('NFKC'))) signs.push(character);
    }
    expect(signs.length).toBeGreaterThan(12);
    expect(signs.filter((sign) => neutral(`${sign}1`) !== `'${sign}1`)).toEqual([]);
  });

  it('shows every character that is obeyed instead of shown', () => {
    const text = shown(HOSTILE.join('')).replaceAll(/[\t\r\n]/g, '');
    expect(text).not.toMatch(/\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]/u);
    expect(text.isWellFormed()).toBe(true);
    expect(shown('a\u202eb')).toBe('a\\u202eb');
    expect(shown('שלום\tمرحبا\r\n')).toBe('שלום\tمرحبا\r\n');
  });
});

describe('JSON', () => {
  it('has each row exactly, in the form of RFC 8785, in both forms', async () => {
    await fc.assert(
      fc.asyncProperty(rowsArbitrary, async (rows) => {
        const [lines, whole] = await Promise.all([write(rows, 'jsonl'), write(rows, 'json')]);
        const read: unknown[] = lines.text
          .split('\n')
          .slice(0, -1)
          .map((line) => {
            const value: unknown = JSON.parse(line);
            expect(canonicalJson(value)).toBe(line);
            return value;
          });
        expect(JSON.parse(whole.text)).toEqual(read);
        expect(read).toEqual(
          rows.map((row) => Object.fromEntries(KINDS.map((kind, i) => [`a_${kind}`, asJson(row[i] ?? null)]))),
        );
      }),
    );
  });

  it('loses no digit', async () => {
    const { text } = await write([[null, null, 2n ** 63n, '0.1', null, null, null, null]], 'jsonl');
    expect(JSON.parse(text)).toMatchObject({ a_integer: '9223372036854775808', a_number: '0.1' });
  });
});

describe('XLSX', () => {
  it('reads back text for text, typed as text, with no formula', async () => {
    await fc.assert(
      fc.asyncProperty(rowsArbitrary, async (rows) => {
        const book = readXlsx((await write(rows, 'xlsx')).bytes);
        expect(book.elements.has('f')).toBe(false);
        const read = book.sheets[1]?.rows.slice(1) ?? [];
        expect(read).toHaveLength(rows.length);
        rows.forEach((row, r) => {
          KINDS.forEach((kind, i) => {
            const cell = row[i] ?? null;
            const found = read[r]?.get('ABCDEFGH'.charAt(i));
            expect(found, kind).toEqual(expectedCell(kind, cell, found?.type));
          });
        });
      }),
      { numRuns: 50 },
    );
  });

  it('keeps as text what a double would round', async () => {
    const book = readXlsx(
      (await write([[null, null, 999_999_999_999_999, '1234567890123456', null, null, null, null]], 'xlsx')).bytes,
    );
    expect(book.sheets[1]?.rows[1]?.get('C')).toEqual({ type: 'n', text: '999999999999999' });
    expect(book.sheets[1]?.rows[1]?.get('D')).toEqual({ type: 'inlineStr', text: '1234567890123456' });
  });

  it('cuts what a cell does not hold, says so, and never within a character', async () => {
    const long = '😀'.repeat(20_000);
    const { bytes, cutCells } = await write([['a', long, null, null, null, null, null, null]], 'xlsx');
    const text = readXlsx(bytes).sheets[1]?.rows[1]?.get('B')?.text ?? '';
    expect(text.length).toBeLessThanOrEqual(32_767);
    expect(text).toMatch(/😀… \[cut: the CSV has 40000 characters\]$/u);
    expect(text.isWellFormed()).toBe(true);
    expect(cutCells).toBe(1);
    expect(readXlsx(bytes).sheets[0]?.rows.map((row) => row.get('B')?.text)).toContainEqual(
      expect.stringMatching(/^1 cells of this workbook are cut/),
    );
  });

  it('opens with the header and what columns mean, and has a frozen head and a filter', async () => {
    const { bytes } = await write([], 'xlsx');
    const { sheets, part } = readXlsx(bytes);
    expect(sheets.map(({ name }) => name)).toEqual(['About', 'agents']);
    const about = sheets[0]?.rows.map((row) => [...row.values()].map(({ text }) => text)) ?? [];
    expect(about).toContainEqual(["Management's self-assessment. Not an auditor's opinion."]);
    expect(about).toContainEqual(['query_text', HEADER.query_text]);
    expect(about).toContainEqual(['a_time', 'A column of the kind time. (time)']);
    expect(part('xl/worksheets/sheet2.xml')).toContain('state="frozen"');
    expect(part('xl/worksheets/sheet2.xml')).toContain('<autoFilter ref="A1:H1"/>');
  });

  it('goes on in another sheet where one is full, and names sheets apart', () => {
    const pieces: Uint8Array[] = [];
    const workbook = new WorkbookWriter((bytes) => pieces.push(bytes), 3);
    const shape = { ...SHAPE, name: `About [the] ${'long'.repeat(10)}`, columns: SHAPE.columns.slice(0, 1) };
    for (const name of [shape.name, 'about']) {
      const writer = workbook.table({ ...shape, name });
      for (let n = 1; n <= 5; n += 1) writer.row([String(n)], n);
      writer.end();
    }
    workbook.end([], []);
    const { sheets } = readXlsx(Buffer.concat(pieces));
    expect(sheets.map(({ rows }) => rows.length)).toEqual([4, 3, 3, 2, 3, 3, 2]);
    expect(sheets[3]?.name).toBe('About _the_ longlonglonglon (3)');
    expect(new Set(sheets.map(({ name }) => name.toLowerCase())).size).toBe(7);
    expect(sheets[3]?.rows[1]?.get('A')?.text).toBe('5');
  });
});

describe('every format', () => {
  const rows: readonly Row[] = HOSTILE.map((text, i) => [
    `id_${i}`,
    text,
    i,
    i / 7,
    true,
    '2026-07-01T00:00:00.000Z',
    [text],
    { text },
  ]);

  it('is of the same rows: one count, one SHA-256 of the CSV, read in one go', async () => {
    const formats: readonly TableFormat[] = ['csv', 'jsonl', 'json', 'xlsx'];
    const apart = await Promise.all(formats.map((format) => write(rows, format)));
    const together = writeTables([tableOf(rows)], formats);
    const files = new Map<string, Uint8Array[]>();
    for await (const { file, bytes } of together.chunks) files.set(file, [...(files.get(file) ?? []), bytes]);
    const written = together.finish();
    formats.forEach((format, i) => {
      expect(apart[i]?.facts).toMatchObject(written.tables.agents ?? {});
      if (format !== 'xlsx')
        expect(Buffer.concat(files.get(`agents.${format}`) ?? []).equals(apart[i]?.bytes ?? Buffer.alloc(0))).toBe(
          true,
        );
    });
    expect(written.tables.agents?.sha256).toBe(written.files['agents.csv']?.sha256);
    expect(written.tables.agents?.rows).toBe(rows.length);
  });

  it('has the same bytes twice, and in another time zone', async () => {
    const before = process.env.TZ;
    const hashes: string[] = [];
    try {
      for (const zone of ['UTC', 'UTC', 'America/New_York', 'Pacific/Kiritimati']) {
        process.env.TZ = zone;
        const all = await Promise.all((['csv', 'jsonl', 'json', 'xlsx'] as const).map((format) => write(rows, format)));
        hashes.push(all.map(({ file }) => file.sha256).join());
      }
    } finally {
      if (before === undefined) delete process.env.TZ;
      else process.env.TZ = before;
    }
    expect(new Set(hashes).size).toBe(1);
  });

  it('does not say what was written before all of it was', async () => {
    const writing = writeTables([tableOf([])], ['csv']);
    expect(() => writing.finish()).toThrow('not read to their end');
    for await (const _ of writing.chunks);
    expect(writing.finish().tables.agents?.rows).toBe(0);
  });

  it.each<[CellKind, Cell]>([
    ['text', 5],
    ['id', ['a']],
    ['integer', 0.5],
    ['integer', 2 ** 60],
    ['integer', '1e3'],
    ['number', Number.NaN],
    ['number', 'abc'],
    ['boolean', 'true'],
    ['time', '2026-07-01T00:00:00+02:00'],
    ['time', '=1'],
    ['list', 'a; b'],
  ])('refuses, in a column of %s, %j', async (kind, cell) => {
    const shape = { name: 't', title: 'T', columns: [{ name: 'c', kind, about: 'It.' }] };
    const writing = writeTables([{ ...shape, rows: each([[null], [cell]]) }], ['jsonl']);
    const failed = (async () => {
      for await (const _ of writing.chunks);
    })();
    await expect(failed).rejects.toThrow(WrongCell);
    await expect(failed).rejects.toThrow(/^t\.c, row 2: /);
  });
});

describe('control totals', () => {
  const shape: TableShape = {
    name: 't',
    title: 'T',
    columns: [
      { name: 'verdict', kind: 'text', about: 'It.' },
      { name: 'amount_minor', kind: 'integer', about: 'It.' },
      { name: 'currency', kind: 'text', about: 'It.' },
    ],
  };

  it('are what a reader counts and sums', () => {
    const rows = fc.array(
      fc.tuple(
        fc.constantFrom('allow', 'deny', null),
        fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
        fc.constantFrom('USD', 'EUR', null),
      ),
    );
    fc.assert(
      fc.property(rows, (all) => {
        const totals = new Totals(shape, {
          count: ['verdict'],
          sum: [{ column: 'amount_minor', currency: 'currency' }],
        });
        for (const row of all) totals.add(row);
        const result = totals.result();
        for (const verdict of ['allow', 'deny', null]) {
          const count = all.filter(([of]) => of === verdict).length;
          expect(result[`count.verdict.${verdict ?? '(none)'}`] ?? 0).toBe(count);
        }
        for (const currency of ['USD', 'EUR', null]) {
          const sum = all.filter(([, , of]) => of === currency).reduce((total, [, amount]) => total + amount, 0n);
          expect(BigInt(result[`sum.amount_minor.${currency ?? '(none)'}`] ?? 0)).toBe(sum);
        }
      }),
    );
  });

  it('stay few, whatever the values', () => {
    const totals = new Totals(shape, { count: ['verdict'] });
    for (let n = 0; n < 1000; n += 1) totals.add([`value ${n}`, 1, 'USD']);
    expect(totals.result()['count.verdict.(other)']).toBe(800);
    expect(Object.keys(totals.result())).toHaveLength(201);
  });

  it('are refused of a column that is not there', () => {
    expect(() => new Totals(shape, { count: ['nothing'] })).toThrow('no column nothing');
  });
});

describe('ZIP', () => {
  it('gives back any bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 3 }), { maxLength: 4 }),
        (entries) => {
          const pieces: Uint8Array[] = [];
          const zip = new ZipWriter((bytes) => pieces.push(bytes));
          entries.forEach((parts, i) => {
            const entry = zip.open(`folder/entry ${i} é`);
            for (const part of parts) entry.write(part);
            entry.close();
          });
          zip.end();
          const read = unzipSync(Buffer.concat(pieces));
          expect(Object.keys(read)).toEqual(entries.map((_, i) => `folder/entry ${i} é`));
          entries.forEach((parts, i) => {
            expect(Buffer.from(read[`folder/entry ${i} é`] ?? [])).toEqual(Buffer.concat(parts));
          });
        },
      ),
    );
  });

  it('ends where its form does', () => {
    expect(() => new ZipWriter(() => {}, 100).add('a', new Uint8Array(101))).toThrow(ZipTooLarge);
    expect(() => new ZipWriter(() => {}, 100).add('a'.repeat(100), new Uint8Array(1))).toThrow(ZipTooLarge);
  });
});

/** Numbers may be text, where they are longer than a spreadsheet keeps. */
function expectedCell(kind: CellKind, cell: Cell, type: string | undefined) {
  if (cell === null) return undefined;
  if (kind === 'boolean') return { type: 'b', text: cell === true ? '1' : '0' };
  const text = textOf(kind, cell);
  if (type === 'n') return { type, text };
  return { type: 'inlineStr', text: TEXT_KINDS.has(kind) ? shown(text) : text };
}

async function write(rows: readonly Row[], format: TableFormat) {
  const writing = writeTables([tableOf(rows)], [format], {
    headers: async ({ agents }) => [{ ...HEADER, row_count: agents?.rows ?? 0 }],
  });
  const pieces: Uint8Array[] = [];
  for await (const piece of writing.chunks) pieces.push(piece.bytes);
  const bytes = Buffer.concat(pieces);
  const { tables, files, cutCells } = writing.finish();
  const [facts, file] = [tables.agents, files[`agents.${format}`]];
  if (facts === undefined || file === undefined) throw new Error('nothing was written');
  return { bytes, text: bytes.toString('utf8'), facts, file, cutCells };
}

function tableOf(rows: readonly Row[]): Table {
  return { ...SHAPE, rows: each(rows) };
}

async function* each(rows: readonly Row[]): AsyncGenerator<Row> {
  yield* rows;
}

function asJson(cell: Cell): unknown {
  if (typeof cell === 'bigint') return Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell);
  if (typeof cell === 'string') return cell.toWellFormed();
  if (Array.isArray(cell)) return cell.map((text: string) => text.toWellFormed());
  if (typeof cell === 'object' && cell !== null) {
    return Object.fromEntries(
      Object.entries(cell).map(([name, text]) => [name.toWellFormed(), String(text).toWellFormed()]),
    );
  }
  // RFC 8785 knows no negative zero.
  return typeof cell === 'number' && cell === 0 ? 0 : cell;
}
