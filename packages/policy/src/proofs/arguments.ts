/**
 * The arguments of a call that is not known yet: a tree of JSON values, each with what the solver chooses of it.
 * Only what something reads is there; what nothing reads changes no answer.
 */
import type { PathStep } from '../documents/fields.ts';
import type { JsonObject, JsonValue } from '../model.ts';
import { DECIMALS, decimalOf, type Steps } from './decimals.ts';
import { between, star } from './languages.ts';
import { isKind, type KINDS, type Script } from './script.ts';
import { and, equal, FALSE, implies, not, or, symbol, type Term, TRUE } from './smt.ts';

/** Elements of a list that are told apart. Each test takes one or two; more elements repeat these. */
export const MAX_ELEMENTS = 8;
/** Of a list that is shown. */
const MAX_SHOWN = 10_000;
/** Texts that people read. */
const PRINTABLE = star(between(' ', '~'));
const LINE = 63;
/** Text that is compared as money: its value is chosen beside it. */
const MONEY_TEXT = 'decimal';

/** Numbers that people read have two decimals and are no larger. In steps. */
const CENT = 10n ** BigInt(DECIMALS - 2);
const LARGE = 10n ** BigInt(DECIMALS + 9);

export type ModelValue = boolean | bigint | string;
/** By symbol, as the solver chose. */
export type Model = ReadonlyMap<Term, ModelValue>;

/** What a path finds: whether anything is there, and the single values, each where its term holds. */
export interface Reading {
  readonly given: Term;
  /** Lists on the way. */
  readonly lists: readonly ValueNode[];
  readonly leaves: readonly Leaf[];
}
export interface Leaf {
  readonly isThere: Term;
  readonly node: ValueNode;
}

export class ValueNode {
  readonly path: string;
  readonly #script: Script;
  readonly #elements: number;
  readonly #children = new Map<string, ValueNode>();
  #items: readonly ValueNode[] | undefined;
  readonly #isRoot: boolean;

  constructor(script: Script, path: string, elements: number, isRoot = false) {
    this.#script = script;
    this.path = path;
    this.#elements = elements;
    this.#isRoot = isRoot;
  }

  /** Kind of the value that a text belongs to. */
  static kindOf(text: Term): Term {
    return text.replace(/ text\|$/, ' kind|');
  }

  is(kind: (typeof KINDS)[number]): Term {
    if (this.#isRoot) return kind === 'object' ? TRUE : FALSE;
    return isKind(this.#part('kind', 'Kind'), kind);
  }

  get isMissing(): Term {
    return this.is('missing');
  }

  /** Neither missing nor null. */
  get isGiven(): Term {
    return not(or([this.is('missing'), this.is('null')]));
  }

  get boolean(): Term {
    return this.#part('boolean', 'Bool');
  }

  /** Whole steps of the number; see decimals.ts. */
  get steps(): Term {
    const name = `${this.path} steps`;
    const isNew = !this.#script.isNamed(name);
    const term = this.#script.declare(name, 'Int');
    if (isNew)
      this.#script.prefer(and([not(this.finer), equal(`(mod ${term} ${CENT})`, '0'), `(<= ${term} ${LARGE})`]));
    return term;
  }

  get finer(): Term {
    return this.#part('finer', 'Bool');
  }

  get text(): Term {
    const name = `${this.path} text`;
    const isNew = !this.#script.isNamed(name);
    const term = this.#script.declare(name, 'String');
    if (isNew) {
      const isPrintable = this.#script.isOf(term, 'is printable', () => PRINTABLE);
      const isShort = this.#script.isWithin(term, LINE);
      const isNone = not(this.is('text'));
      this.#script.prefer(or([isNone, isPrintable]));
      this.#script.preferShort(or([isNone, isShort]));
    }
    return term;
  }

  /** Steps of the amount that the text writes, where it writes one. */
  get decimal(): Term {
    const name = `${this.path} ${MONEY_TEXT}`;
    const isNew = !this.#script.isNamed(name);
    const term = this.#script.declare(name, 'Int');
    if (isNew) {
      this.#script.assert(`(>= ${term} 0)`);
      this.#script.prefer(not(this.is('text')));
      this.#script.widened.add(`${this.path} may write an amount as text, which is not tied to its letters`);
    }
    return term;
  }

  get decimalFiner(): Term {
    return this.#script.declare(`${this.path} ${MONEY_TEXT} finer`, 'Bool');
  }

  get length(): Term {
    const name = `${this.path} length`;
    const isNew = !this.#script.isNamed(name);
    const term = this.#script.declare(name, 'Int');
    if (isNew) this.#script.assert(`(>= ${term} 0)`);
    return term;
  }

  child(name: string): ValueNode {
    const held = this.#children.get(name);
    if (held !== undefined) return held;
    const path = this.path === '' ? name : `${this.path}.${name}`;
    const made = new ValueNode(this.#script, path, this.#elements);
    this.#children.set(name, made);
    this.#script.assert(implies(not(made.isMissing), this.is('object')));
    return made;
  }

  /** Whether something reads its elements. */
  get isList(): boolean {
    return this.#items !== undefined;
  }

  get children(): ReadonlyMap<string, ValueNode> {
    return this.#children;
  }

  /** Elements of the list; what is beyond its length is missing. */
  get items(): readonly ValueNode[] {
    if (this.#items !== undefined) return this.#items;
    const items = Array.from(
      { length: this.#elements },
      (_, i) => new ValueNode(this.#script, `${this.path}.${i}`, this.#elements),
    );
    this.#items = items;
    for (const [i, item] of items.entries())
      this.#script.assert(equal(not(item.isMissing), and([this.is('list'), `(> ${this.length} ${i})`])));
    return items;
  }

  /** The value, or the elements of the list that it is. */
  get leaves(): readonly Leaf[] {
    return [
      { isThere: and([this.isGiven, not(this.is('list'))]), node: this },
      ...this.items.map((node): Leaf => ({ isThere: not(node.isMissing), node })),
    ];
  }

  /** As the engine reads a field: any branch without a value leaves the whole without. */
  read(path: readonly PathStep[]): Reading {
    const [step, ...rest] = path;
    if (step === undefined) return { given: this.isGiven, leaves: this.leaves, lists: [this] };
    const next = this.child(step.name);
    if (!step.each) return next.read(rest);
    const read = next.items.map((item) => ({ isThere: not(item.isMissing), reading: item.read(rest) }));
    return {
      given: and([next.is('list'), ...read.map(({ isThere, reading }) => implies(isThere, reading.given))]),
      leaves: read.flatMap(({ reading }) => reading.leaves),
      lists: [next, ...read.flatMap(({ reading }) => reading.lists)],
    };
  }

  /** The value that the solver chose, for people and for the engine; undefined where it is missing. */
  shown(model: Model): JsonValue | undefined {
    if (this.#isRoot) return this.#shownObject(model);
    const chosen = (part: string): ModelValue | undefined => model.get(symbol(`${this.path} ${part}`));
    const kind = chosen('kind');
    switch (kind) {
      case 'boolean':
        return chosen('boolean') === true;
      case 'number':
        return Number(decimalOf(stepsIn(chosen('steps'), chosen('finer'))));
      case 'text':
        return this.#shownText(chosen('text'), chosen(MONEY_TEXT), chosen(`${MONEY_TEXT} finer`));
      case 'list': {
        const length = Number(chosen('length') ?? 0n);
        const items = this.items.map((item) => item.shown(model)).filter((item) => item !== undefined);
        const last = items.at(-1) ?? null;
        return Array.from({ length: Math.min(length, MAX_SHOWN) }, (_, i) => items[i] ?? last);
      }
      case 'object':
        return this.#shownObject(model);
      case 'null':
        return null;
      default:
        return undefined;
    }
  }

  #shownText(chosen: ModelValue | undefined, decimal: ModelValue | undefined, finer: ModelValue | undefined): string {
    const letters = typeof chosen === 'string' ? chosen : '';
    if (decimal === undefined || !/^(0|[1-9][0-9]*)(\.[0-9]+)?$/.test(letters)) return letters;
    return decimalOf(stepsIn(decimal, finer));
  }

  #shownObject(model: Model): JsonObject {
    const members = [...this.#children].flatMap(([name, child]): [string, JsonValue][] => {
      const value = child.shown(model);
      return value === undefined ? [] : [[name, value]];
    });
    return Object.fromEntries(members);
  }

  #part(part: string, sort: 'Bool' | 'Int' | 'Kind'): Term {
    return this.#script.declare(`${this.path} ${part}`, sort);
  }
}

function stepsIn(steps: ModelValue | undefined, finer: ModelValue | undefined): Steps {
  return { steps: typeof steps === 'bigint' ? steps : 0n, finer: finer === true };
}
