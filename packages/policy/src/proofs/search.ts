/**
 * Looks for a model of a question: the skeleton first, then each text that it needs, alone. What a text cannot be is
 * learnt, for every text of which the same is said, and the skeleton is asked again.
 */
import { readAnswer } from './answer.ts';
import { type Model, ValueNode } from './arguments.ts';
import { type Atom, asking, askingCore, askingText, type Literal, type Script } from './script.ts';
import { not, or, readExpressions, type Term } from './smt.ts';

/** Runs an SMT-LIB script and gives what the solver wrote, or why it wrote nothing. Never rejects. */
export type Solve = (script: string) => Promise<string | { readonly failed: string }>;

export type Found =
  | { readonly kind: 'none' }
  | { readonly kind: 'model'; readonly model: Model }
  | { readonly kind: 'unknown'; readonly why: string };

interface Said {
  readonly says: string;
  readonly holds: boolean;
}

/** Skeletons that are asked for before giving up. */
const MAX_ROUNDS = 200;

export class Search {
  readonly #script: Script;
  readonly #solve: Solve;
  readonly #atoms: ReadonlyMap<Term, readonly Atom[]>;
  /** By what they say, of which text they do. */
  readonly #lessons: (readonly Said[])[] = [];
  /** Known from the start: what is within a length is within a greater one. */
  readonly #lengths: readonly (readonly Said[])[];

  constructor(script: Script, solve: Solve) {
    this.#script = script;
    this.#solve = solve;
    const lengths = new Map(
      script.atoms.flatMap(({ of, says }) => ('atMost' in of ? [[of.atMost, says] as const] : [])),
    );
    const sorted = [...lengths].sort(([a], [b]) => a - b).map(([, says]) => says);
    this.#lengths = sorted.slice(1).map((longer, i) => [
      { says: sorted[i] ?? '', holds: true },
      { says: longer, holds: false },
    ]);
    this.#atoms = Map.groupBy(script.atoms, ({ text }) => text);
  }

  /** Without a look at texts: `none` is certain. */
  async skeleton(terms: readonly Term[]): Promise<Found> {
    const output = await this.#solve(asking(this.#script.skeleton, [...this.#learnt(), ...terms]));
    if (typeof output !== 'string') return { kind: 'unknown', why: output.failed };
    const answer = readAnswer(output, []);
    if (answer.kind === 'unsat') return { kind: 'none' };
    return answer.kind === 'sat' ? { kind: 'model', model: answer.model } : answer;
  }

  async find(terms: readonly Term[]): Promise<Found> {
    const { skeleton, values } = this.#script;
    // combinations that could not be settled: without them, that nothing is found proves nothing
    const passed: Term[] = [];
    let why = '';
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const output = await this.#solve(asking(skeleton, [...this.#learnt(), ...passed, ...terms], values));
      if (typeof output !== 'string') return { kind: 'unknown', why: output.failed };
      const answer = readAnswer(output, values);
      if (answer.kind === 'unknown') return answer;
      if (answer.kind === 'unsat') return passed.length === 0 ? { kind: 'none' } : { kind: 'unknown', why };
      const model = new Map(answer.model);
      let isWhole = true;
      for (const [text, atoms] of this.#atoms) {
        if (model.get(ValueNode.kindOf(text)) !== 'text') continue;
        const literals = atoms.map((atom): Literal => ({ atom, holds: model.get(atom.term) === true }));
        const found = await this.#text(text, literals);
        if (found.kind === 'text') {
          model.set(text, found.text);
          continue;
        }
        isWhole = false;
        if (found.kind === 'core')
          this.#lessons.push(found.literals.map(({ atom, holds }) => ({ says: atom.says, holds })));
        else {
          passed.push(or(literals.map(literalNot)));
          why = found.why;
        }
        // the other texts are asked about again, with what was learnt
        break;
      }
      if (isWhole) return { kind: 'model', model };
    }
    return { kind: 'unknown', why: `no call was found in ${MAX_ROUNDS} rounds` };
  }

  async #text(text: Term, literals: readonly Literal[]): Promise<TextAnswer> {
    // one language is searched fastest; lengths are looked at only where that found a text of another length
    const first = await this.#solve(askingText(text, literals));
    const found = typeof first === 'string' ? textIn(first, text) : undefined;
    if (found !== undefined && literals.every((literal) => isLengthOf(found, literal)))
      return { kind: 'text', text: found };
    const asked =
      found === undefined ? literals.filter(({ atom: { of }, holds }) => 'language' in of || !holds) : literals;
    const output = await this.#solve(askingCore(text, asked));
    if (typeof output !== 'string') return { kind: 'unknown', why: output.failed };
    const other = textIn(output, text);
    if (other !== undefined && literals.every((literal) => isLengthOf(other, literal)))
      return { kind: 'text', text: other };
    const [verdict, ...rest] = readExpressions(output) ?? [];
    if (verdict !== 'unsat') return { kind: 'unknown', why: 'a text that has to be so and so was not found in time' };
    const core = rest.find((each) => Array.isArray(each) && each.every((name) => /^l[0-9]+$/.test(String(name))));
    const named = Array.isArray(core) ? core.flatMap((name) => asked[Number(String(name).slice(1))] ?? []) : [];
    return { kind: 'core', literals: named.length === 0 ? asked : named };
  }

  /** What no text can be, said of every text. */
  #learnt(): readonly Term[] {
    return [...this.#lessons, ...this.#lengths].flatMap((lesson) =>
      [...this.#atoms.values()].flatMap((atoms) => {
        const literals = lesson.flatMap(({ says, holds }): Literal[] => {
          const atom = atoms.find((each) => each.says === says);
          return atom === undefined ? [] : [{ atom, holds }];
        });
        return literals.length === lesson.length ? [or(literals.map(literalNot))] : [];
      }),
    );
  }
}

type TextAnswer =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'core'; readonly literals: readonly Literal[] }
  | { readonly kind: 'unknown'; readonly why: string };

function textIn(output: string, text: Term): string | undefined {
  const answer = readAnswer(output, [text]);
  const value = answer.kind === 'sat' ? answer.model.get(text) : undefined;
  return typeof value === 'string' ? value : undefined;
}

function isLengthOf(text: string, { atom: { of }, holds }: Literal): boolean {
  return !('atMost' in of) || [...text].length <= of.atMost === holds;
}

function literalNot({ atom, holds }: Literal): Term {
  return holds ? not(atom.term) : atom.term;
}
