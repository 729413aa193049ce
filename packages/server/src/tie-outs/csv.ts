/** Reads CSV (RFC 4180; LF or CRLF, a byte order mark is passed over) as rows by the names of its header. Pure. */

export type CsvRow = ReadonlyMap<string, string>;

export type Csv =
  | { readonly ok: true; readonly header: readonly string[]; readonly rows: readonly CsvRow[] }
  /** In words, with the line it is in. */
  | { readonly ok: false; readonly why: string };

export function readCsv(text: string, maxRows: number): Csv {
  const records: string[][] = [];
  let record: string[] = [];
  let cell = '';
  let isQuoted = false;
  let wasQuoted = false;
  let line = 1;
  const body = text.startsWith('\ufeff') ? text.slice(1) : text;

  const endCell = (): void => {
    record.push(cell);
    cell = '';
    wasQuoted = false;
  };
  const endRecord = (): void => {
    endCell();
    // An empty line is no record.
    if (record.length > 1 || record[0] !== '') records.push(record);
    record = [];
  };

  for (let at = 0; at < body.length; at += 1) {
    const character = body[at];
    if (character === '\n') line += 1;
    if (isQuoted) {
      if (character !== '"') cell += character;
      else if (body[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else isQuoted = false;
    } else if (character === '"') {
      if (cell !== '' || wasQuoted) return { ok: false, why: `line ${line} has a quote inside a value` };
      isQuoted = true;
      wasQuoted = true;
    } else if (character === ',') endCell();
    else if (character === '\n') {
      endRecord();
      if (records.length > maxRows + 1) return { ok: false, why: `it has more than ${maxRows} rows` };
    } else if (character === '\r' && body[at + 1] === '\n') continue;
    else if (wasQuoted) return { ok: false, why: `line ${line} goes on behind a quoted value` };
    else cell += character;
  }
  if (isQuoted) return { ok: false, why: 'a quoted value does not end' };
  if (cell !== '' || wasQuoted || record.length > 0) endRecord();
  const [header, ...rest] = records;
  if (header === undefined) return { ok: false, why: 'it is empty' };
  if (rest.length > maxRows) return { ok: false, why: `it has more than ${maxRows} rows` };
  if (new Set(header).size !== header.length) return { ok: false, why: 'two of its columns have one name' };
  const broken = rest.findIndex((row) => row.length !== header.length);
  if (broken >= 0) return { ok: false, why: `row ${broken + 1} has not as many values as the header` };
  return {
    ok: true,
    header,
    rows: rest.map((row) => new Map(header.map((name, column) => [name, row[column] ?? '']))),
  };
}
