/** SMT-LIB 2.6 terms as text: what is built, and what a solver answers. http://smt-lib.org */

export type Term = string;

export const TRUE: Term = 'true';
export const FALSE: Term = 'false';

export function and(terms: readonly Term[]): Term {
  const kept = [...new Set(terms)].filter((term) => term !== TRUE);
  if (kept.includes(FALSE)) return FALSE;
  const [only] = kept;
  if (only === undefined) return TRUE;
  return kept.length === 1 ? only : `(and ${kept.join(' ')})`;
}

export function or(terms: readonly Term[]): Term {
  const kept = [...new Set(terms)].filter((term) => term !== FALSE);
  if (kept.includes(TRUE)) return TRUE;
  const [only] = kept;
  if (only === undefined) return FALSE;
  return kept.length === 1 ? only : `(or ${kept.join(' ')})`;
}

export function not(term: Term): Term {
  if (term === TRUE) return FALSE;
  return term === FALSE ? TRUE : `(not ${term})`;
}

export function implies(premise: Term, conclusion: Term): Term {
  return or([not(premise), conclusion]);
}

export function ite(test: Term, then: Term, otherwise: Term): Term {
  if (test === TRUE) return then;
  return test === FALSE || then === otherwise ? otherwise : `(ite ${test} ${then} ${otherwise})`;
}

export function equal(a: Term, b: Term): Term {
  return `(= ${a} ${b})`;
}

export function integer(value: bigint | number): Term {
  const whole = BigInt(value);
  return whole < 0n ? `(- ${-whole})` : String(whole);
}

/** A quoted symbol; what cannot stand in one is written as its number. */
export function symbol(name: string): Term {
  return `|${name.replaceAll(/[^\x20-\x5b\x5d-\x7a\x7e]/g, (letter) => `{${letter.charCodeAt(0).toString(16)}}`)}|`;
}

/** Highest character of the theory of strings. */
export const LAST_CHARACTER = 0x2f_fff;

export function text(value: string): Term {
  return `"${[...value].map(written).join('')}"`;
}

export function character(codePoint: number): Term {
  return `"${written(String.fromCodePoint(codePoint))}"`;
}

function written(character: string): string {
  if (character === '"') return '""';
  return /^[\x20-\x5b\x5d-\x7e]$/.test(character) ? character : `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

/** Of the literal that a solver writes, quotes taken off. */
function unwritten(literal: string): string {
  return literal
    .replaceAll('""', '"')
    .replaceAll(/\\u\{([0-9a-fA-F]{1,5})\}|\\u([0-9a-fA-F]{4})/g, (_, braced: string | undefined, bare: string) =>
      String.fromCodePoint(Number.parseInt(braced ?? bare, 16)),
    );
}

export type Expression = string | { readonly text: string } | readonly Expression[];

/** Every expression in what a solver wrote; undefined when it is not one that is whole. */
export function readExpressions(answer: string): readonly Expression[] | undefined {
  const open: Expression[][] = [[]];
  for (const [, space, token, literal, quoted] of answer.matchAll(
    /(\s+|;[^\n]*)|([()]|[^\s()"|;]+)|"((?:[^"]|"")*)"|\|([^|]*)\|/g,
  )) {
    if (space !== undefined) continue;
    const top = open.at(-1);
    if (top === undefined) return undefined;
    if (token === '(') open.push([]);
    else if (token === ')') {
      open.pop();
      const outer = open.at(-1);
      if (outer === undefined) return undefined;
      outer.push(top);
    } else top.push(literal === undefined ? (token ?? `|${quoted}|`) : { text: unwritten(literal) });
  }
  return open.length === 1 ? open[0] : undefined;
}
