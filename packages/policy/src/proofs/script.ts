/**
 * One question to a solver while it is written: what is declared, what holds, and what a readable answer would be.
 * All that is said of a text is an atom, `|to text is one of …|`: the skeleton of the question leaves the atoms open,
 * so that arithmetic and logic are settled first, and texts one by one.
 */
import type { Language } from './languages.ts';
import { and, equal, symbol, type Term } from './smt.ts';

export type Sort = 'Bool' | 'Int' | 'String' | 'Kind';

/** Kinds of JSON values, and `missing` for none. */
export const KINDS = ['missing', 'null', 'boolean', 'number', 'text', 'list', 'object'] as const;

/** Something that is said of one text: that it is of a language, or how long it is at most. */
export interface Atom {
  readonly term: Term;
  /** The text it is about. */
  readonly text: Term;
  /** What is said, the same for every text. */
  readonly says: string;
  readonly of: { readonly language: Language } | { readonly atMost: number };
}

function bodyOf({ text, of }: Pick<Atom, 'text' | 'of'>): Term {
  return 'language' in of ? `(str.in_re ${text} ${of.language})` : `(<= (str.len ${text}) ${of.atMost})`;
}

interface Line {
  /** In the whole question; in its skeleton, where that is different. */
  readonly whole: string;
  readonly skeleton?: string;
}

export class Script {
  readonly #lines: Line[] = [];
  readonly #values: Term[] = [];
  readonly #names = new Map<string, Term>();
  readonly #atoms = new Map<string, Atom>();
  readonly #preferred: Term[] = [];
  readonly #fitting: Term[] = [];
  readonly #short: Term[] = [];
  /** Parts that may answer more than the engine does: they can hide a proof, never make one up. */
  readonly widened = new Set<string>();
  /** Calls that are left out: they forbid a proof. */
  readonly narrowed = new Set<string>();

  /** A value that the solver chooses; declared once for each name. */
  declare(name: string, sort: Sort): Term {
    const held = this.#names.get(name);
    if (held !== undefined) return held;
    const declared = symbol(name);
    this.#names.set(name, declared);
    const whole = `(declare-const ${declared} ${sort})`;
    this.#lines.push(sort === 'String' ? { whole, skeleton: '' } : { whole });
    if (sort !== 'String') this.#values.push(declared);
    return declared;
  }

  /** A name for a term, so that it is written once. */
  define(name: string, sort: 'Bool' | 'Int', term: () => Term): Term {
    const held = this.#names.get(name);
    if (held !== undefined) return held;
    const body = term();
    const defined = symbol(name);
    this.#names.set(name, defined);
    this.#lines.push({ whole: `(define-fun ${defined} () ${sort} ${body})` });
    return defined;
  }

  /** That a text is of a language. */
  isOf(text: Term, says: string, language: () => Language): Term {
    return this.#atom(text, says, () => ({ language: language() }));
  }

  /** That it has no more characters. */
  isWithin(text: Term, length: number): Term {
    return this.#atom(text, `has at most ${length} characters`, () => ({ atMost: length }));
  }

  #atom(text: Term, says: string, of: () => Atom['of']): Term {
    const name = `${text.replaceAll('|', '')} ${says}`;
    const held = this.#atoms.get(name);
    if (held !== undefined) return held.term;
    const term = symbol(name);
    const atom: Atom = { term, text, says, of: of() };
    this.#atoms.set(name, atom);
    this.#lines.push({
      whole: `(define-fun ${term} () Bool ${bodyOf(atom)})`,
      skeleton: `(declare-const ${term} Bool)`,
    });
    this.#values.push(term);
    return term;
  }

  get atoms(): readonly Atom[] {
    return [...this.#atoms.values()];
  }

  isNamed(name: string): boolean {
    return this.#names.has(name);
  }

  assert(term: Term): void {
    if (term !== and([])) this.#lines.push({ whole: `(assert ${term})` });
  }

  note(words: string): void {
    this.#lines.push({ whole: `; ${words.replaceAll(/[^\x20-\x7e]/g, '?')}` });
  }

  /** Holds in an answer that people can read, where there is one. */
  prefer(term: Term): void {
    this.#preferred.push(term);
  }

  /** Holds in a call that fits its input schema. */
  preferFitting(term: Term): void {
    this.#fitting.push(term);
  }

  /** Holds where no text is long: those are slow to find. */
  preferShort(term: Term): void {
    this.#short.push(term);
  }

  /** Everything so far, without a command. */
  get whole(): string {
    return [HEAD, ...this.#lines.map(({ whole }) => whole)].join('\n');
  }

  get skeleton(): string {
    return [HEAD, ...this.#lines.map(({ whole, skeleton }) => skeleton ?? whole)].join('\n');
  }

  /** From the strictest to none: the first that can be met is shown. */
  get preferences(): readonly Term[] {
    const readable = [...this.#short, ...this.#preferred];
    return [and([...readable, ...this.#fitting]), and(readable), and(this.#short), and([])];
  }

  /** All that is chosen in the skeleton. */
  get values(): readonly Term[] {
    return this.#values;
  }
}

const HEAD = `(set-logic ALL)
(declare-datatypes ((Kind 0)) ((${KINDS.map((kind) => `(${kind})`).join(' ')})))`;

/** Asks for the values, where the answer is yes. */
export function asking(body: string, also: readonly Term[], values: readonly Term[] = []): string {
  const asserted = also.map((term) => `(assert ${term})`);
  const asked = values.length === 0 ? [] : [`(get-value (${values.join(' ')}))`];
  return [body, ...asserted, '(check-sat)', ...asked, ''].join('\n');
}

/** A literal as a language. That a text is long is one, too: solvers find it sooner so than by its length. */
function languageOf({ atom: { of }, holds }: Literal): Language | undefined {
  if ('language' in of) return holds ? of.language : `(re.comp ${of.language})`;
  const longer = of.atMost + 1;
  return holds ? undefined : `(re.++ ((_ re.loop ${longer} ${longer}) re.allchar) re.all)`;
}

/** Asks for a text of all these languages, which may be too long. */
export function askingText(text: Term, literals: readonly Literal[]): string {
  const languages = literals.flatMap((literal) => languageOf(literal) ?? []);
  const [only = 're.all'] = languages;
  const all = languages.length > 1 ? `(re.inter ${languages.join(' ')})` : only;
  return asking(`(set-logic ALL)\n(declare-const ${text} String)`, [`(str.in_re ${text} ${all})`], [text]);
}

/** Asks for a text that is all of this, or for those of the literals that none can be, by their place. */
export function askingCore(text: Term, literals: readonly Literal[]): string {
  const named = literals.map((_, i) => `l${i}`);
  return [
    '(set-option :produce-unsat-cores true)',
    '(set-logic ALL)',
    `(declare-const ${text} String)`,
    ...literals.map((literal, i) => {
      const language = languageOf(literal);
      const body = language === undefined ? bodyOf(literal.atom) : `(str.in_re ${text} ${language})`;
      return `(declare-const l${i} Bool)\n(assert (=> l${i} ${body}))`;
    }),
    `(check-sat-assuming (${named.join(' ')}))`,
    `(get-value (${text}))`,
    '(get-unsat-core)',
    '',
  ].join('\n');
}

/** An atom, or that it is not so. */
export interface Literal {
  readonly atom: Atom;
  readonly holds: boolean;
}

export function isKind(term: Term, kind: (typeof KINDS)[number]): Term {
  return equal(term, kind);
}
