/** A text that matches an RE2 pattern, for calls that are tried: not every pattern has one that is found. */
import { RE2JS } from 're2js';

/** Texts that match from beginning to end; none where the pattern is more intricate than what is understood here. */
export function textsMatching(pattern: string): readonly string[] {
  try {
    const compiled = RE2JS.compile(pattern);
    const found = new Sampler(pattern).texts();
    return [...new Set(found)].filter((text) => compiled.matches(text));
  } catch {
    return [];
  }
}

/** Tried for a class, until one is in it. */
const CHARACTERS = 'a0A-_. /:@b1Bz9Z,;!#$%&()*+<=>?[]^{|}~"\'\\\t\né';
const ESCAPED: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v' };
const MAX_REPEATS = 100;
const MAX_BRANCHES = 8;

/** Reads a pattern and makes one text of each branch of its first choices. */
class Sampler {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  texts(): readonly string[] {
    const texts = this.#choice();
    if (this.#at < this.#pattern.length) throw new SyntaxError('the pattern is not understood');
    return texts;
  }

  #choice(): readonly string[] {
    const texts = [...this.#sequence()];
    while (this.#take('|')) texts.push(...this.#sequence());
    return texts.slice(0, MAX_BRANCHES);
  }

  #sequence(): readonly string[] {
    let texts: readonly string[] = [''];
    while (this.#at < this.#pattern.length && !'|)'.includes(this.#next())) {
      const parts = this.#repeated(this.#atom());
      texts = texts.flatMap((text) => parts.map((part) => text + part)).slice(0, MAX_BRANCHES);
    }
    return texts;
  }

  #repeated(parts: readonly string[]): readonly string[] {
    let least = 1;
    if (this.#take('*') || this.#take('?')) least = 0;
    else if (!this.#take('+')) {
      const counted = /^\{(\d+)(?:,\d*)?\}/.exec(this.#pattern.slice(this.#at));
      if (counted === null) return parts;
      this.#at += counted[0].length;
      least = Number(counted[1]);
    }
    // lazy or possessive: the same texts
    this.#take('?');
    if (least > MAX_REPEATS) throw new SyntaxError('the pattern repeats too often');
    return parts.map((part) => part.repeat(least));
  }

  #atom(): readonly string[] {
    if (this.#take('(')) return this.#group();
    if (this.#take('^') || this.#take('$')) return [''];
    if (this.#next() === '.' || this.#next() === '[' || this.#next() === '\\') return this.#class();
    const [character = ''] = this.#pattern.slice(this.#at);
    this.#at += character.length;
    return [character];
  }

  #group(): readonly string[] {
    const head = /^\?(?:P?<\w+>|[imsU-]*(:|\)))/.exec(this.#pattern.slice(this.#at));
    if (head !== null) this.#at += head[0].length;
    // flags for the rest of the pattern
    if (head?.[1] === ')') return [''];
    const texts = this.#choice();
    if (!this.#take(')')) throw new SyntaxError('a group is not closed');
    return texts;
  }

  /** One character of a class, as RE2 itself reads it. */
  #class(): readonly string[] {
    const rest = this.#pattern.slice(this.#at);
    const text = /^(?:\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\\[pP](?:\{\^?\w+\}|\w)|\\.)/su.exec(rest)?.[0];
    if (text === undefined) throw new SyntaxError('a class is not closed');
    this.#at += text.length;
    if (/^\\[bBAzZ]$/.test(text)) return [''];
    const escaped = /^\\(.)$/su.exec(text)?.[1];
    if (escaped !== undefined && !/[dDsSwW]/.test(escaped)) {
      if (/\w/.test(escaped) && ESCAPED[escaped] === undefined) throw new SyntaxError('an escape is not understood');
      return [ESCAPED[escaped] ?? escaped];
    }
    const one = RE2JS.compile(text);
    const character = [...CHARACTERS].find((each) => one.matches(each)) ?? firstOf(text);
    return [character];
  }

  #next(): string {
    return this.#pattern.charAt(this.#at);
  }

  #take(character: string): boolean {
    if (this.#next() !== character) return false;
    this.#at += 1;
    return true;
  }
}

/** What a class begins with. */
function firstOf(text: string): string {
  const [character] = text.startsWith('[') ? text.slice(1) : '';
  if (character === undefined) throw new SyntaxError('a class has no character that is known');
  return character;
}
