/** What is asked of a policy, as data and in words. */
import { conditionInWords } from '../documents/sentence.ts';
import type { Condition } from '../model.ts';
import { formatUnits } from '../values/money.ts';

export interface Question {
  readonly subject: Subject;
  /** A capability, `payments.*`, or `*`. */
  readonly action: string;
  /** All of them; each may hold of the call. */
  readonly where: readonly QuestionTest[];
  readonly outcome: Outcome;
}

export type Subject =
  /** Who wears exactly these in the call; with `orFewer`, any of them, as the token of an agent can be narrowed. */
  | { readonly kind: 'roles'; readonly roles: readonly string[]; readonly orFewer?: true }
  /** Any agent, whatever it wears; with a role, any that wears it among others. */
  | { readonly kind: 'any'; readonly role?: string };

export type QuestionTest =
  | { readonly kind: 'condition'; readonly condition: Condition }
  /** What the call spends of an impact unit that is not money. */
  | { readonly kind: 'unit'; readonly unit: string; readonly operator: UnitOperator; readonly bound: number };

export type UnitOperator = 'gt' | 'gte' | 'lt' | 'lte' | 'eq';

/** `allow`: it runs without a person. `reach`: it runs, a person may have to agree. `review`: a person has to. */
export type Outcome = 'allow' | 'reach' | 'review';

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  allow: 'without a person',
  reach: 'at all, a person agreeing where one is asked',
  review: 'with the answer that a person must approve it',
};

const UNIT_WORDS: Readonly<Record<UnitOperator, string>> = {
  gt: 'more than',
  gte: 'at least',
  lt: 'less than',
  lte: 'at most',
  eq: 'exactly',
};

/** "Can an agent that wears billing call any capability, where amount is more than $1,000.00, without a person?" */
export function questionInWords({ subject, action, where, outcome }: Question): string {
  const called = action === '*' ? 'any capability' : action;
  const tests = where.map(questionTestInWords);
  const limited = tests.length === 0 ? '' : `, where ${tests.join(' and ')},`;
  return `Can ${subjectInWords(subject)} call ${called}${limited} ${OUTCOMES[outcome]}?`;
}

function subjectInWords(subject: Subject): string {
  if (subject.kind === 'roles') {
    const roles = subject.roles.join(' and ');
    return subject.orFewer === true
      ? `an agent that wears ${roles}, or narrows its token to fewer of these,`
      : `an agent that wears ${roles} and no other role`;
  }
  return subject.role === undefined
    ? 'any agent, whatever roles it wears,'
    : `any agent that wears ${subject.role}, whatever else it wears,`;
}

function questionTestInWords(test: QuestionTest): string {
  if (test.kind === 'condition') return conditionInWords(test.condition);
  return `it spends ${UNIT_WORDS[test.operator]} ${formatUnits(test.bound, test.unit)}`;
}
