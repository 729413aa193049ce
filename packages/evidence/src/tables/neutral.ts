/**
 * Text that a spreadsheet shows and does nothing else with.
 *
 * Formulas: a cell that begins with `=`, `+`, `-`, `@` (or one of their full-width, small and raised forms), blanks before it or
 * not, or with a tab or line break, gets an apostrophe in front. So does what follows a semicolon, a tab or a line break within the
 * cell: where the list separator of the machine is not the comma, a spreadsheet begins a new cell there, quotes or not.
 *
 * Characters that are obeyed instead of shown are written as JSON writes them, e.g. `\u202e`: control characters but tab and
 * line breaks, U+2028 and U+2029, overrides and isolates of writing direction, lone surrogates, U+FFFE and U+FFFF. Letters that are
 * written from right to left stay as they are.
 */

/** What looks like `=`, `+`, `-` or `@` to a program that folds forms (Unicode NFKC), and the minus sign. */
const SIGNS =
  '=+\\-@\\u2212\\u207a-\\u207c\\u208a-\\u208c\\ufb29\\ufe62\\ufe63\\ufe66\\ufe6b\\uff0b\\uff0d\\uff1d\\uff20';
/** Where a spreadsheet may begin a cell, before what it takes for a formula. */
const FORMULA = new RegExp(`(^|[;\\t\\r\\n])(?=(?:[^\\S\\t\\r\\n]|")*[${SIGNS}])`, 'g');
// With the flag u, a surrogate in a class is a lone one.
const OBEYED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]/gu;

/** With every character to be seen; the same string where there is nothing to do. */
export function shown(text: string): string {
  return text.replace(OBEYED, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** For a cell of a CSV file; the same string where there is nothing to do. */
export function neutral(text: string): string {
  const safe = shown(text).replace(FORMULA, "$1'");
  return /^[\t\r\n]/.test(safe) ? `'${safe}` : safe;
}
