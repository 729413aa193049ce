/** Values as they are written on the command line. */

import { readFileSync } from 'node:fs';
import { parseJson } from '@hivekey/action-log';
import { InvalidArgumentError } from 'commander';
import { UsageError } from './exit.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `90d`, `1h`, `30m`, `45s`, `2w` → seconds. */
export function duration(text: string): number {
  const match = /^(\d{1,9})([smhdw])$/.exec(text);
  const unit = UNITS[match?.[2] ?? ''];
  if (match === null || unit === undefined)
    throw new InvalidArgumentError('Write a number and s, m, h, d or w, e.g. 90d.');
  return Number(match[1]) * unit;
}

/** A date, a date and time, or a duration ago (`24h`) → ISO 8601 UTC. */
export function moment(text: string): string {
  if (/^\d{1,9}[smhdw]$/.test(text)) return new Date(Date.now() - duration(text) * 1000).toISOString();
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('Write 2026-04-01, 2026-04-01T09:30:00Z, or how long ago, e.g. 24h.');
  return new Date(ms).toISOString();
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('Write a whole number.');
  return value;
}

/** `NAME=value`, repeatable. */
export function pair(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Write NAME=value.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

export function repeated(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** The text of a file, or of standard input for `-`. */
export function readText(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new UsageError(`${path} cannot be read (${why}).`, 'Check the path and its permissions.');
  }
}

export function jsonObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new UsageError(
      `That is not JSON: ${error instanceof Error ? error.message : 'unreadable'}.`,
      'Write an object, e.g. {"amount": 40}; @FILE reads it from a file.',
    );
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new UsageError('The JSON is not an object.', 'Write an object, e.g. {"amount": 40}.');
}

/** JSON on the command line, or in a file named with `@`. */
export function jsonArgument(text: string): Record<string, unknown> {
  return jsonObject(text.startsWith('@') ? readText(text.slice(1)) : text);
}
