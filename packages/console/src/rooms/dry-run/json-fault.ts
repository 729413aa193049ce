import type { Problem } from '../../api/types.ts';

export type Read = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: Problem };

/** Reads a JSON object, or says where it is none. */
export function jsonFault(text: string): Read {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ok: false, problem: { code: 'json_invalid', ...placeOf(error, text), message: wordsOf(error) } };
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ok: true, value };
  return { ok: false, problem: { code: 'json_invalid', line: 1, column: 1, message: 'Arguments are a JSON object.' } };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/ in JSON at position.*/s, '.') : 'It is not JSON.';
}

/** Engines tell the place as `position 17` or as `line 2 column 3`; some not at all. */
function placeOf(error: unknown, text: string): { readonly line?: number; readonly column?: number } {
  const message = error instanceof Error ? error.message : '';
  const place = /line (\d+) column (\d+)/.exec(message);
  if (place !== null) return { line: Number(place[1]), column: Number(place[2]) };
  const position = /position (\d+)/.exec(message)?.[1] ?? (/end of/i.test(message) ? String(text.length) : undefined);
  if (position === undefined) return {};
  const before = text.slice(0, Number(position)).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}
