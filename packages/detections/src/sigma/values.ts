/** Values and their modifiers: `field|startswith: text` → a test of one value of an event. Source: Sigma modifiers 2.1.0. */
import { RE2JS } from 're2js';
import { parseNetwork } from './cidr.ts';
import { compilePieces, hasWildcard, type Piece, piecesOf, type TextTest } from './pattern.ts';

/** What cannot be compiled; the message is one sentence. */
export class BadValue extends Error {}

export type ValueTest = (value: unknown) => boolean;
export type SigmaScalar = string | number | boolean | null;

const ENCODINGS = ['base64', 'base64offset', 'utf16le', 'utf16be', 'utf16', 'wide', 'windash'] as const;
const PLACES = ['contains', 'startswith', 'endswith'] as const;
const COMPARISONS = ['lt', 'lte', 'gt', 'gte'] as const;
const TIME_PARTS = ['minute', 'hour', 'day', 'week', 'month', 'year'] as const;
const PATTERN_FLAGS = ['i', 'm', 's'] as const;
const OTHERS = ['all', 'cased', 'exists', 're', 'cidr', 'fieldref', 'expand', 'neq'] as const;

type Encoding = (typeof ENCODINGS)[number];
type TimePart = (typeof TIME_PARTS)[number];
export type Modifier =
  | Encoding
  | TimePart
  | (typeof PLACES)[number]
  | (typeof COMPARISONS)[number]
  | (typeof PATTERN_FLAGS)[number]
  | (typeof OTHERS)[number];

export const MODIFIERS: readonly Modifier[] = [
  ...OTHERS,
  ...PLACES,
  ...COMPARISONS,
  ...ENCODINGS,
  ...TIME_PARTS,
  ...PATTERN_FLAGS,
];

export function isModifier(text: string): text is Modifier {
  return MODIFIERS.some((each) => each === text);
}

/** Those of which one value has one at most, and that do not go together. */
const KINDS: readonly Modifier[] = ['re', 'cidr', 'exists', 'fieldref', ...COMPARISONS];

/** Throws {@link BadValue} where the modifiers of a field do not go together. */
export function checkModifiers(modifiers: readonly Modifier[]): void {
  const kinds = modifiers.filter((each) => KINDS.includes(each));
  if (kinds.length > 1) throw new BadValue(`${kinds.join(' and ')} do not go together`);
  const [kind] = kinds;
  const flags = modifiers.filter((each) => PATTERN_FLAGS.some((flag) => flag === each));
  if (flags.length > 0 && kind !== 're') throw new BadValue(`${flags.join(', ')} belongs to re`);
  const places = modifiers.filter((each) => PLACES.some((place) => place === each));
  if (places.length > 1) throw new BadValue(`${places.join(' and ')} do not go together`);
  if (places.length > 0 && kind !== undefined && kind !== 'fieldref')
    throw new BadValue(`${places.join()} and ${kind} do not go together`);
  if (new Set(modifiers).size < modifiers.length) throw new BadValue('a modifier is written twice');
}

/** A test of one value. Throws {@link BadValue}. */
export function compileValue(value: SigmaScalar, modifiers: readonly Modifier[]): ValueTest {
  const part = TIME_PARTS.find((each) => modifiers.includes(each));
  if (part !== undefined) {
    const of = compileNumber(value, modifiers) ?? compileNumber(value, [...modifiers, 'eq']);
    if (of === undefined) throw new BadValue(`${part} is compared with a number`);
    return (found) => {
      const number = timePart(found, part);
      return number !== undefined && of(number);
    };
  }
  const number = compileNumber(value, modifiers);
  if (number !== undefined) return (found) => typeof found === 'number' && number(found);
  if (modifiers.includes('re')) return compilePattern(value, modifiers);
  if (modifiers.includes('cidr')) {
    const network = typeof value === 'string' ? parseNetwork(value) : undefined;
    if (network === undefined) throw new BadValue(`${JSON.stringify(value)} is no network such as 10.0.0.0/8`);
    return (found) => typeof found === 'string' && network(found);
  }
  if (value === null) return (found) => found === undefined || found === null;
  const cased = modifiers.includes('cased');
  const place = PLACES.find((each) => modifiers.includes(each));
  if (typeof value !== 'string' && place === undefined) {
    const text = String(value);
    return (found) => found === value || (typeof found === 'string' && found.toLowerCase() === text);
  }
  const tests = encoded(String(value), modifiers).map((pieces) => compilePieces(placed(pieces, place), cased));
  return onText((text) => tests.some((test) => test(text)));
}

/** How two fields of an event compare. */
export function compareFields(modifiers: readonly Modifier[]): (a: unknown, b: unknown) => boolean {
  const fold = modifiers.includes('cased') ? (text: string) => text : (text: string) => text.toLowerCase();
  const place = PLACES.find((each) => modifiers.includes(each));
  return (a, b) => {
    const [left, right] = [textOf(a), textOf(b)];
    if (left === undefined || right === undefined) return false;
    const [x, y] = [fold(left), fold(right)];
    if (place === 'startswith') return x.startsWith(y);
    if (place === 'endswith') return x.endsWith(y);
    return place === 'contains' ? x.includes(y) : x === y;
  };
}

export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function onText(test: TextTest): ValueTest {
  return (found) => {
    const text = textOf(found);
    return text !== undefined && test(text);
  };
}

function compileNumber(
  value: SigmaScalar,
  modifiers: readonly (Modifier | 'eq')[],
): ((found: number) => boolean) | undefined {
  const comparison = [...COMPARISONS, 'eq' as const].find((each) => modifiers.includes(each));
  if (comparison === undefined) return undefined;
  const limit =
    typeof value === 'number' ? value : Number(typeof value === 'string' && value !== '' ? value : Number.NaN);
  if (!Number.isFinite(limit)) throw new BadValue(`${JSON.stringify(value)} is no number`);
  switch (comparison) {
    case 'lt':
      return (found) => found < limit;
    case 'lte':
      return (found) => found <= limit;
    case 'gt':
      return (found) => found > limit;
    case 'gte':
      return (found) => found >= limit;
    case 'eq':
      return (found) => found === limit;
  }
}

/** Found anywhere in the text, in linear time. */
function compilePattern(value: SigmaScalar, modifiers: readonly Modifier[]): ValueTest {
  if (typeof value !== 'string') throw new BadValue('re takes text');
  const flags =
    (modifiers.includes('i') ? RE2JS.CASE_INSENSITIVE : 0) |
    (modifiers.includes('m') ? RE2JS.MULTILINE : 0) |
    (modifiers.includes('s') ? RE2JS.DOTALL : 0);
  try {
    const pattern = RE2JS.compile(value, flags);
    return onText((text) => pattern.matcher(text).find());
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BadValue(`the pattern cannot be compiled in linear time: ${why}`);
  }
}

function placed(pieces: readonly Piece[], place: (typeof PLACES)[number] | undefined): readonly Piece[] {
  const run: Piece = { any: 'run' };
  const before = place === 'contains' || place === 'endswith' ? [run] : [];
  const after = place === 'contains' || place === 'startswith' ? [run] : [];
  return [...before, ...pieces, ...after];
}

/** The alternatives that a value stands for after its encodings, applied in the order they are written in. */
function encoded(value: string, modifiers: readonly Modifier[]): readonly (readonly Piece[])[] {
  const encodings = ENCODINGS.map((name) => ({ name, at: modifiers.indexOf(name) }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at);
  let texts: readonly string[] = [value];
  let bytes: readonly Buffer[] | undefined;
  for (const { name } of encodings) {
    if (name === 'windash') texts = texts.flatMap(windash);
    else bytes = (bytes ?? texts.map(plainBytes)).flatMap((each) => encode(name, each));
  }
  if (bytes === undefined) return texts.map(piecesOf);
  return bytes.map((each) => [each.toString('utf8')]);
}

function plainBytes(text: string): Buffer {
  const pieces = piecesOf(text);
  if (hasWildcard(pieces)) throw new BadValue('a value with wildcards cannot be encoded');
  return Buffer.from(pieces.join(''), 'utf8');
}

function encode(encoding: Exclude<Encoding, 'windash'>, bytes: Buffer): readonly Buffer[] {
  switch (encoding) {
    case 'base64':
      return [Buffer.from(bytes.toString('base64'))];
    case 'base64offset':
      return [0, 1, 2].map((offset) => base64At(bytes, offset));
    case 'wide':
    case 'utf16le':
      return [Buffer.from(bytes.toString('utf8'), 'utf16le')];
    case 'utf16be':
      return [Buffer.from(bytes.toString('utf8'), 'utf16le').swap16()];
    case 'utf16':
      return [Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(bytes.toString('utf8'), 'utf16le')])];
  }
}

/** What the middle of an encoded text looks like when the value begins `offset` bytes after a multiple of three. */
function base64At(bytes: Buffer, offset: number): Buffer {
  const text = Buffer.concat([Buffer.alloc(offset, ' '), bytes]).toString('base64');
  const start = [0, 2, 3][offset] ?? 0;
  const end = [0, 3, 2][(bytes.length + offset) % 3] ?? 0;
  return Buffer.from(text.slice(start, text.length - end));
}

const DASHES = ['-', '/', '–', '—', '―'];
const MAX_DASHES = 3;

/** Each dash that begins a word, as each of the characters that are typed for it. */
function windash(text: string): readonly string[] {
  const places = [...text.matchAll(/(?<=^|\s)[-/–—―](?=\w)/gu)].map(({ index }) => index);
  if (places.length > MAX_DASHES) throw new BadValue(`windash takes at most ${MAX_DASHES} flags in one value`);
  return places.reduce<readonly string[]>(
    (texts, at) => texts.flatMap((each) => DASHES.map((dash) => `${each.slice(0, at)}${dash}${each.slice(at + 1)}`)),
    [text],
  );
}

const INSTANT = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):/;

/** Of the text as it stands: zones are not converted. */
function timePart(value: unknown, part: TimePart): number | undefined {
  const found = typeof value === 'string' ? INSTANT.exec(value) : null;
  if (found === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = found.slice(1).map(Number);
  if (part === 'week') return isoWeek(year, month, day);
  return { year, month, day, hour, minute }[part];
}

/** ISO 8601: week 1 has the year's first Thursday. */
function isoWeek(year: number, month: number, day: number): number {
  const date = new Date(Date.UTC(year, month - 1, day));
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * 86_400_000);
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  return Math.ceil(((thursday.getTime() - first) / 86_400_000 + 1) / 7);
}
