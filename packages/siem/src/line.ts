/** JSON on one line that passes through anything: no control character, nor what some readers take for the end of a line. */

// JSON.stringify escapes the first 32 characters and lone surrogates; these it leaves as they are.
const UNSAFE = /[\u007f-\u009f\u2028\u2029\ufeff]/g;

export function jsonLine(value: unknown): string {
  return safeLine(JSON.stringify(value));
}

/** The same JSON value, of a text that has no control character outside its strings. */
export function safeLine(json: string): string {
  return json.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
