/** Parameters of a rule, as its evaluator takes them. */
import { BadValue } from '../sigma/values.ts';
import type { ParameterValue } from '../types.ts';

/** Throws {@link BadValue} where a parameter is missing or of another type: the rule is then refused when it is loaded. */
export class Params {
  readonly #values: Readonly<Record<string, ParameterValue>>;
  readonly #asked = new Set<string>();

  constructor(values: Readonly<Record<string, ParameterValue>>) {
    this.#values = values;
  }

  number(name: string): number {
    const value = this.#take(name);
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw new BadValue(`the parameter ${name} must be a number`);
    return value;
  }

  /** In milliseconds. */
  seconds(name: string): number {
    return this.number(name) * 1_000;
  }

  texts(name: string): readonly string[] {
    const value = this.#take(name);
    if (!Array.isArray(value)) throw new BadValue(`the parameter ${name} must be a list of texts`);
    return value;
  }

  /** Names that nobody has asked for. */
  get unused(): readonly string[] {
    return Object.keys(this.#values).filter((name) => !this.#asked.has(name));
  }

  #take(name: string): ParameterValue | undefined {
    this.#asked.add(name);
    return this.#values[name];
  }
}
