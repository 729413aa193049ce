/**
 * RE2 patterns as regular languages. What is not understood exactly is not translated: classes of Unicode, word
 * boundaries, anchors inside, cases beyond ASCII. https://github.com/google/re2/wiki/Syntax
 */
import {
  characters,
  complement,
  exactly,
  isExpressible,
  type Language,
  optional,
  plus,
  type Range,
  sequence,
  star,
  times,
  union,
} from './languages.ts';

/** The language of texts that the pattern matches from beginning to end; undefined when it is not translated. */
export function languageOf(pattern: string): Language | undefined {
  const reader = new PatternReader([...pattern]);
  const language = reader.alternatives({ i: false, s: false }, true);
  return language === undefined || !reader.isAtEnd ? undefined : language;
}

interface Flags {
  readonly i: boolean;
  readonly s: boolean;
}

const DIGITS: readonly Range[] = [[0x30, 0x39]];
const WORD: readonly Range[] = [...DIGITS, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const SPACE: readonly Range[] = [
  [0x09, 0x0a],
  [0x0c, 0x0d],
  [0x20, 0x20],
];
const CLASSES: Readonly<Record<string, readonly Range[]>> = {
  d: DIGITS,
  D: complement(DIGITS),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
};
const CONTROLS: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const MAX_DEPTH = 20;

/** Undefined means: not translated. */
class PatternReader {
  readonly #letters: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(letters: readonly string[]) {
    this.#letters = letters;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#letters.length;
  }

  /** `isOutermost`: anchors at its ends say nothing that a whole match does not. */
  alternatives(flags: Flags, isOutermost: boolean): Language | undefined {
    const parts: Language[] = [];
    let now = flags;
    for (;;) {
      const read = this.#sequence(now, isOutermost);
      if (read === undefined) return undefined;
      parts.push(read.language);
      // flags set inside hold to the end of the group, past its bars
      now = read.flags;
      if (!this.#take('|')) return union(parts);
    }
  }

  #sequence(given: Flags, isOutermost: boolean): { readonly language: Language; readonly flags: Flags } | undefined {
    const parts: Language[] = [];
    let flags = given;
    if (isOutermost && !this.#take('^')) this.#takeAll('\\A');
    while (!this.isAtEnd && this.#peek() !== '|' && this.#peek() !== ')') {
      if (isOutermost && this.#endsHere()) break;
      const set = this.#flagsSet(flags);
      if (set !== undefined) {
        flags = set;
        continue;
      }
      const atom = this.#atom(flags);
      const repeated = atom === undefined ? undefined : this.#repeated(atom);
      if (repeated === undefined) return undefined;
      parts.push(repeated);
    }
    return { language: sequence(parts), flags };
  }

  /** An anchor behind which nothing more comes. */
  #endsHere(): boolean {
    const length = this.#peek() === '$' ? 1 : this.#peek() === '\\' && this.#letters[this.#at + 1] === 'z' ? 2 : 0;
    const next = this.#letters[this.#at + length];
    if (length === 0 || (next !== undefined && next !== '|')) return false;
    this.#at += length;
    return true;
  }

  /** `(?is)` */
  #flagsSet(flags: Flags): Flags | undefined {
    const [whole = '', on = ''] = /^\(\?([is]+)\)/.exec(this.#rest(8)) ?? [];
    this.#at += whole.length;
    return whole === '' ? undefined : { i: flags.i || on.includes('i'), s: flags.s || on.includes('s') };
  }

  #atom(flags: Flags): Language | undefined {
    const letter = this.#next();
    switch (letter) {
      case '(':
        return this.#group(flags);
      case '[':
        return this.#class(flags);
      case '.':
        return characters(flags.s ? complement([]) : complement([[10, 10]]));
      case '\\': {
        const found = this.#escape();
        return found === undefined ? undefined : classOf(found, flags, false);
      }
      case undefined:
      case '*':
      case '+':
      case '?':
      case '^':
      case '$':
        return undefined;
      default:
        return flags.i
          ? classOf([pointRange(letter)], flags, false)
          : isExpressible(letter)
            ? exactly(letter)
            : undefined;
    }
  }

  #group(flags: Flags): Language | undefined {
    const [whole, named, on = ''] = /^\?(?:(P?<[A-Za-z0-9_]+>)|([is]*):)/.exec(this.#rest(80)) ?? [];
    if (whole === undefined && this.#peek() === '?') return undefined;
    this.#at += whole?.length ?? 0;
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) return undefined;
    const inner = named === undefined ? { i: flags.i || on.includes('i'), s: flags.s || on.includes('s') } : flags;
    const language = this.alternatives(inner, false);
    this.#depth -= 1;
    return language !== undefined && this.#take(')') ? language : undefined;
  }

  #repeated(atom: Language): Language | undefined {
    let language = atom;
    if (this.#take('*')) language = star(atom);
    else if (this.#take('+')) language = plus(atom);
    else if (this.#take('?')) language = optional(atom);
    else {
      const [whole, low, comma, high] = /^\{([0-9]{1,4})(,)?([0-9]{1,4})?\}/.exec(this.#rest(12)) ?? [];
      if (whole === undefined) return atom;
      this.#at += whole.length;
      const least = Number(low);
      if (comma === undefined) language = times(atom, least, least);
      else if (high === undefined) language = sequence([times(atom, least, least), star(atom)]);
      else language = times(atom, least, Number(high));
    }
    // lazy or not, the same texts match
    this.#take('?');
    return /^[*+?]/.test(this.#peek() ?? '') ? undefined : language;
  }

  #class(flags: Flags): Language | undefined {
    const isNegative = this.#take('^');
    const ranges: Range[] = [];
    for (let isFirst = true; isFirst || this.#peek() !== ']'; isFirst = false) {
      const low = this.#classPart();
      if (low === undefined) return undefined;
      const [first] = low;
      const isPoint = first !== undefined && low.length === 1 && first[0] === first[1];
      if (!isPoint || this.#peek() !== '-' || this.#letters[this.#at + 1] === ']') {
        ranges.push(...low);
        continue;
      }
      this.#at += 1;
      const high = this.#classPart()?.[0];
      if (high === undefined || high[0] !== high[1] || high[0] < first[0]) return undefined;
      ranges.push([first[0], high[0]]);
    }
    this.#at += 1;
    return classOf(ranges, flags, isNegative);
  }

  #classPart(): readonly Range[] | undefined {
    const letter = this.#next();
    if (letter === undefined || (letter === '[' && this.#peek() === ':')) return undefined;
    return letter === '\\' ? this.#escape() : [pointRange(letter)];
  }

  /** What stands behind a backslash. */
  #escape(): readonly Range[] | undefined {
    const letter = this.#next() ?? '';
    if (Object.hasOwn(CLASSES, letter)) return CLASSES[letter];
    const control = CONTROLS[letter];
    if (control !== undefined) return [[control, control]];
    if (letter === 'x') {
      const [whole, short, long] = /^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(this.#rest(8)) ?? [];
      if (whole === undefined) return undefined;
      this.#at += whole.length;
      const point = Number.parseInt(short ?? long ?? '', 16);
      return [[point, point]];
    }
    return /^[\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e]$/.test(letter) ? [pointRange(letter)] : undefined;
  }

  #peek(): string | undefined {
    return this.#letters[this.#at];
  }

  #next(): string | undefined {
    this.#at += 1;
    return this.#letters[this.#at - 1];
  }

  #rest(length: number): string {
    return this.#letters.slice(this.#at, this.#at + length).join('');
  }

  #take(letter: string): boolean {
    if (this.#peek() !== letter) return false;
    this.#at += 1;
    return true;
  }

  #takeAll(word: string): void {
    if (this.#rest(word.length) === word) this.#at += word.length;
  }
}

function pointRange(letter: string): Range {
  const point = letter.codePointAt(0) ?? 0;
  return [point, point];
}

/** Cases are told apart in ASCII alone; two other characters fold to ASCII letters. */
const FOLDED: readonly (readonly [string, string])[] = [
  ['k', '\u212a'],
  ['s', '\u017f'],
];

function classOf(ranges: readonly Range[], { i }: Flags, isNegative: boolean): Language | undefined {
  let folded = ranges;
  if (i) {
    if (ranges.some(([low, high]) => high > 0x7f && !(low <= 0x41 && high === 0x10_ffff))) return undefined;
    folded = [...ranges, ...ranges.flatMap(otherCases)];
  }
  return characters(isNegative ? complement(folded) : folded);
}

function otherCases([low, high]: Range): readonly Range[] {
  const found: Range[] = [];
  for (let point = Math.max(low, 0x41); point <= Math.min(high, 0x7a); point += 1) {
    const letter = String.fromCharCode(point);
    const other = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
    if (other === letter) continue;
    found.push(pointRange(other));
    for (const [lower, special] of FOLDED) if (letter.toLowerCase() === lower) found.push(pointRange(special));
  }
  return found;
}
