/** Tables as RFC 4180 has them. */

type Cell = string | number | boolean | null;

/** What a spreadsheet would take for a formula (OWASP, CSV injection); a number is none. */
const FORMULA = /^[=+\-@\t\r]/;
const QUOTED = /[",\r\n]/;

/** With its line end. Null is an empty cell. A text that begins as a formula does gets an apostrophe before it. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(cellText).join(',')}\r\n`;
}

function cellText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  const inert = FORMULA.test(cell) ? `'${cell}` : cell;
  return QUOTED.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
