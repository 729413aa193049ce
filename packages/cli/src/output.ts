/** What the command prints: sentences and tables for people, JSON for programs. Colours only on a terminal. */
import { stripVTControlCharacters, styleText } from 'node:util';

export interface Output {
  readonly json: boolean;
  /** A value, as JSON with --json, otherwise in the words that `say` gives. */
  result(value: unknown, say: () => string): void;
  /** Rows, as the list they came as with --json. */
  table<T>(rows: readonly T[], columns: Columns<T>, empty: string): void;
  /** One line of a stream: JSON on one line with --json. */
  line(value: unknown, say: () => string): void;
  /** For people only; on standard error, so that output can be piped. */
  note(text: string): void;
}

export type Columns<T> = Readonly<Record<string, (row: T) => string>>;
type Style = 'red' | 'green' | 'yellow' | 'dim' | 'bold' | 'cyan';

/** Coloured where standard output is a terminal and NO_COLOR is not set. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

const VERDICTS: Readonly<Record<string, Style>> = { allow: 'green', deny: 'red', review: 'yellow' };
const STATES: Readonly<Record<string, Style>> = {
  active: 'green',
  live: 'green',
  suspended: 'yellow',
  new: 'yellow',
  changed: 'yellow',
  revoked: 'red',
  expired: 'red',
};

/** `allow`, `deny · cap`: the label of the stream, coloured. */
export function verdictLabel(verdict: string, reasonClass: string | undefined): string {
  const label = verdict === 'allow' || reasonClass === undefined ? verdict : `${verdict} · ${reasonClass}`;
  return paint(VERDICTS[verdict] ?? 'dim', label);
}

export function stateLabel(state: string): string {
  const style = STATES[state];
  return style === undefined ? state : paint(style, state);
}

/** Epoch seconds as a local date and minute. */
export function when(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return '–';
  const date = new Date(seconds * 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Seconds as `45s`, `90m`, `24h`, `7d`: the largest unit that says it exactly, or two units. */
export function span(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
  ] as const;
  const [name, length] = units.find(([, each]) => seconds >= each) ?? ['s', 1];
  const rest = seconds % length;
  if (rest === 0 || name === 's') return `${Math.floor(seconds / length)}${name}`;
  const [smaller, size] = units.find(([, each]) => each < length) ?? ['s', 1];
  return `${Math.floor(seconds / length)}${name} ${Math.floor(rest / size)}${smaller}`;
}

const WIDEST_CELL = 60;

function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

function cell(text: string): string {
  return widthOf(text) > WIDEST_CELL ? `${text.slice(0, WIDEST_CELL - 1)}…` : text;
}

/** What servers and agents named cannot move the cursor, colour the terminal or hide in it. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '·');
}

/** The same value with every text in it printable. */
function printableWithin(value: unknown): unknown {
  if (typeof value === 'string') return printable(value);
  if (Array.isArray(value)) return value.map(printableWithin);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, printableWithin(item)]));
}

function tableText<T>(rows: readonly T[], columns: Columns<T>): string {
  const titles = Object.keys(columns);
  const cells = rows.map((row) => Object.values(columns).map((read) => cell(read(printableWithin(row) as T))));
  const widths = titles.map((title, i) => Math.max(title.length, ...cells.map((line) => widthOf(line[i] ?? ''))));
  const pad = (text: string, i: number): string =>
    i === titles.length - 1 ? text : text + ' '.repeat((widths[i] ?? 0) - widthOf(text));
  const head = titles.map((title, i) => pad(paint('dim', title), i)).join('  ');
  return [head, ...cells.map((line) => line.map(pad).join('  '))].join('\n');
}

export function createOutput(json: boolean): Output {
  const print = (text: string): void => {
    process.stdout.write(`${text}\n`);
  };
  return {
    json,
    result: (value, say) => print(json ? JSON.stringify(value, null, 2) : say()),
    table: (rows, columns, empty) => {
      if (json) print(JSON.stringify({ object: 'list', data: rows }, null, 2));
      else print(rows.length === 0 ? empty : tableText(rows, columns));
    },
    line: (value, say) => print(json ? JSON.stringify(value) : say()),
    note: (text) => {
      if (!json) process.stderr.write(`${text}\n`);
    },
  };
}
