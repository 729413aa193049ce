/** Kleene's three truths as two terms; neither of them is the unknown. */
import { stricterOf } from '../documents/verdicts.ts';
import type { Verdict } from '../model.ts';
import { and, FALSE, ite, not, or, type Term } from './smt.ts';

export interface Truth {
  readonly holds: Term;
  readonly fails: Term;
}

export function allOf(parts: readonly Truth[]): Truth {
  return { holds: and(parts.map(({ holds }) => holds)), fails: or(parts.map(({ fails }) => fails)) };
}

export function anyOf(parts: readonly Truth[]): Truth {
  return { holds: or(parts.map(({ holds }) => holds)), fails: and(parts.map(({ fails }) => fails)) };
}

export function negated({ holds, fails }: Truth): Truth {
  return { holds: fails, fails: holds };
}

/** Answered, when something is there to answer; what is missing is unknown. */
export function answered(isAnswered: Term, holds: Term): Truth {
  return { holds: and([isAnswered, holds]), fails: and([isAnswered, not(holds)]) };
}

/** Never unknown. */
export function known(holds: Term): Truth {
  return { holds, fails: not(holds) };
}

/** Several values answer with one voice; none at all, and two voices, are the unknown. */
export function oneVoice(voices: readonly { readonly isThere: Term; readonly truth: Truth }[], isAny: Term): Truth {
  const every = (answer: (truth: Truth) => Term) =>
    and([isAny, ...voices.map(({ isThere, truth }) => or([not(isThere), answer(truth)]))]);
  return { holds: every(({ holds }) => holds), fails: every(({ fails }) => fails) };
}

export const UNKNOWN: Truth = { holds: FALSE, fails: FALSE };

const RANK: Readonly<Record<Verdict, number>> = { allow: 0, review: 1, deny: 2 };

export function rankOf(verdict: Verdict): Term {
  return String(RANK[verdict]);
}

/** Verdict of a guard, as its rank. */
export function verdictOf({ holds, fails }: Truth, effect: Verdict, otherwise: Verdict): Term {
  return ite(holds, rankOf(effect), ite(fails, rankOf(otherwise), rankOf(stricterOf(effect, otherwise))));
}
