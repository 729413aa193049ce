/** What a solver answered. Its output is only believed where the engine, asked again, says the same. */
import type { Model, ModelValue } from './arguments.ts';
import { type Expression, readExpressions, type Term } from './smt.ts';

export type SolverAnswer =
  | { readonly kind: 'unsat' }
  | { readonly kind: 'sat'; readonly model: Model }
  /** Neither was found. */
  | { readonly kind: 'unknown'; readonly why: string };

const MAX_WHY = 200;

/** The answer to a script of one check, that asked for these values where they were found. */
export function readAnswer(output: string, values: readonly Term[]): SolverAnswer {
  const expressions = readExpressions(output);
  const [verdict, pairs] = expressions ?? [];
  // an error in front of the answer means that a part of the question was not understood
  if (verdict === 'unsat') return { kind: 'unsat' };
  if (verdict !== 'sat') return { kind: 'unknown', why: output.trim().slice(0, MAX_WHY) || 'the solver said nothing' };
  const model = new Map<Term, ModelValue>();
  if (values.length === 0) return { kind: 'sat', model };
  if (!isList(pairs) || pairs.length !== values.length) return { kind: 'unknown', why: 'the solver gave no values' };
  for (const [i, pair] of pairs.entries()) {
    const [term, value] = [values[i], isList(pair) ? readValue(pair[1]) : undefined];
    if (term === undefined || value === undefined)
      return { kind: 'unknown', why: 'the solver gave a value that is none' };
    model.set(term, value);
  }
  return { kind: 'sat', model };
}

function isList(value: Expression | undefined): value is readonly Expression[] {
  return Array.isArray(value);
}

/** A truth, a whole number, a text, or the name of a kind. */
function readValue(value: Expression | undefined): ModelValue | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'object' && 'text' in value) return value.text;
  if (isList(value)) {
    const [sign, size] = value;
    return sign === '-' && typeof size === 'string' && /^[0-9]+$/.test(size) ? -BigInt(size) : undefined;
  }
  if (value === 'true' || value === 'false') return value === 'true';
  return /^[0-9]+$/.test(value) ? BigInt(value) : value.replaceAll('|', '');
}
