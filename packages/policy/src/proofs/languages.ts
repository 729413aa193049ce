/** Regular languages as SMT-LIB terms. */
import { character, LAST_CHARACTER, type Term, text } from './smt.ts';

export type Language = Term;

export const ANYTHING: Language = 're.all';

export function exactly(word: string): Language {
  return `(str.to_re ${text(word)})`;
}

export function sequence(parts: readonly Language[]): Language {
  const [only] = parts;
  if (only === undefined) return exactly('');
  return parts.length === 1 ? only : `(re.++ ${parts.join(' ')})`;
}

/** Halved again and again: solvers go as deep as a term does, and a long list would be as deep as it is long. */
export function union(parts: readonly Language[]): Language {
  const [only] = parts;
  if (only === undefined) return 're.none';
  if (parts.length === 1) return only;
  if (parts.length <= 4) return `(re.union ${parts.join(' ')})`;
  const half = Math.ceil(parts.length / 2);
  return `(re.union ${union(parts.slice(0, half))} ${union(parts.slice(half))})`;
}

export function star(part: Language): Language {
  return `(re.* ${part})`;
}

export function plus(part: Language): Language {
  return `(re.+ ${part})`;
}

export function optional(part: Language): Language {
  return `(re.opt ${part})`;
}

export function times(part: Language, low: number, high: number): Language {
  return `((_ re.loop ${low} ${high}) ${part})`;
}

export function without(part: Language, taken: Language): Language {
  return `(re.inter ${part} (re.comp ${taken}))`;
}

/** From and to, both included. */
export type Range = readonly [number, number];

const LAST_CODE_POINT = 0x10_ffff;
/**
 * The theory has no characters above U+2FFFF. U+2FFFE, which is no character, stands for all from there on: sound as
 * long as nothing tells them apart.
 */
const STAND_IN = 0x2f_ffe;

/** Undefined for a class that tells apart characters that the theory has not. */
export function characters(ranges: readonly Range[]): Language | undefined {
  const sorted = joined(ranges);
  const above = sorted.filter(([, high]) => high >= STAND_IN);
  if (!above.every(([low, high]) => low <= STAND_IN && high === LAST_CODE_POINT)) return undefined;
  return union(
    sorted.map(([low, high]) =>
      low === high
        ? `(str.to_re ${character(low)})`
        : `(re.range ${character(low)} ${character(Math.min(high, LAST_CHARACTER))})`,
    ),
  );
}

export function complement(ranges: readonly Range[]): readonly Range[] {
  const left: Range[] = [];
  let next = 0;
  for (const [low, high] of joined(ranges)) {
    if (low > next) left.push([next, low - 1]);
    next = high + 1;
  }
  return next > LAST_CODE_POINT ? left : [...left, [next, LAST_CODE_POINT]];
}

function joined(ranges: readonly Range[]): readonly Range[] {
  const result: [number, number][] = [];
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else result.push([low, high]);
  }
  return result;
}

/** Characters of a text, each alone, as a class. */
export function oneOf(letters: string): Language {
  return characters([...letters].map((letter): Range => [pointOf(letter), pointOf(letter)])) ?? 're.none';
}

export function between(low: string, high: string): Language {
  return `(re.range ${text(low)} ${text(high)})`;
}

/** The ASCII word in any case of its letters. */
export function anyCase(word: string): Language {
  return sequence(
    [...word].map((letter) => {
      const [lower, upper] = [letter.toLowerCase(), letter.toUpperCase()];
      return lower === upper ? exactly(letter) : union([exactly(lower), exactly(upper)]);
    }),
  );
}

function pointOf(letter: string): number {
  return letter.codePointAt(0) ?? 0;
}

/** Whether the theory can tell the text from every other: no halves of surrogate pairs, nothing above its characters. */
export function isExpressible(word: string): boolean {
  return word.isWellFormed() && [...word].every((letter) => pointOf(letter) < STAND_IN);
}
