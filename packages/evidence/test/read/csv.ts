/** RFC 4180, and nothing beside it: written apart from the writer, to read what it wrote. `null` is an empty cell, `''` a quoted one. */
export function readCsv(text: string): (string | null)[][] {
  const rows: (string | null)[][] = [];
  let row: (string | null)[] = [];
  let at = 0;
  while (at < text.length) {
    let value: string | null;
    if (text[at] === '"') {
      value = '';
      for (at += 1; ; at += 1) {
        if (at >= text.length) throw new Error('a quoted cell has no end');
        if (text[at] !== '"') value += text[at];
        else if (text[at + 1] === '"') {
          value += '"';
          at += 1;
        } else break;
      }
      at += 1;
    } else {
      const end = /[,\n]/g;
      end.lastIndex = at;
      const found = end.exec(text)?.index ?? text.length;
      value = at === found ? null : text.slice(at, found);
      if (value !== null && /["\r]/.test(value)) throw new Error(`a bare cell holds a quote or CR: ${value}`);
      at = found;
    }
    row.push(value);
    const next = text[at];
    if (next !== ',' && next !== '\n') throw new Error(`a cell is followed by ${next}`);
    at += 1;
    if (next === '\n') {
      rows.push(row);
      row = [];
    }
  }
  if (row.length > 0) throw new Error('the last line has no end');
  return rows;
}
