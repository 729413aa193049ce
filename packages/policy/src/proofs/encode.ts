/**
 * The question about one capability, called by an agent with certain roles, for a solver: is there a call that fits
 * and is decided so? It covers every call in every state. For `allow` and `reach` it is enough to look at known
 * states outside of change freezes, since what is unknown or frozen is only stricter, and at lists that are no longer
 * than there are tests: an element left out leaves no guard stricter.
 */

import { boundsOf } from '../decide/condition.ts';
import type { GuardIndex } from '../decide/guard-index.ts';
import { moneyUnitOf, spendingOf } from '../decide/measure.ts';
import { readField } from '../documents/fields.ts';
import { isStricter, stricterOf } from '../documents/verdicts.ts';
import type { Condition, Guard } from '../model.ts';
import { currencyOf, unitOf } from '../values/money.ts';
import { type Amount, compareAmount } from './amounts.ts';
import { MAX_ELEMENTS, ValueNode } from './arguments.ts';
import { Conditions, spendingOfAmount, testsIn, textsIn } from './conditions.ts';
import { preferSchema } from './fitting.ts';
import type { Outcome, QuestionTest } from './question.ts';
import { Script } from './script.ts';
import { and, equal, FALSE, implies, ite, not, or, type Term, TRUE } from './smt.ts';
import { rankOf, type Truth, verdictOf } from './truth.ts';

export interface Encoding {
  readonly script: Script;
  /** The arguments of the call. */
  readonly args: ValueNode;
  /** Rank of the verdict: 0 allow, 1 review, 2 deny. */
  readonly verdict: Term;
  /** The call is one that is asked about. */
  readonly isAsked: Term;
  /** Guards that keep windows, with the term that says whether the call fits into what is left. */
  readonly rooms: readonly Room[];
  readonly windows: readonly Guard[];
}

interface Room {
  readonly origin: string;
  readonly id: string;
  readonly fits: Term;
  /** It fits whenever the window alone lets it: nothing is in there yet. */
  readonly isEmpty: Term;
}

export interface EncodedCase {
  readonly index: GuardIndex;
  readonly capability: string;
  /** Roles worn, as they are in the policy. */
  readonly roles: readonly string[];
  readonly where: readonly QuestionTest[];
  readonly outcome: Outcome;
}

interface PlacedGuard {
  readonly guard: Guard;
  readonly origin: string;
}

export function encode({ index, capability, roles, where, outcome }: EncodedCase): Encoding {
  const byOrigin = index.applicable(capability);
  const guards = ['workspace', ...[...new Set(roles)].sort()].flatMap((origin) =>
    (byOrigin.get(origin) ?? []).flatMap(({ guard }): PlacedGuard[] =>
      guard.mode === 'shadow' ? [] : [{ guard, origin }],
    ),
  );
  const asked = where.flatMap((test) => (test.kind === 'condition' ? [test.condition] : []));
  const conditions = guards.flatMap(({ guard: { when } }) => ('kind' in when ? [] : [when]));
  const script = new Script();
  const elements = elementsFor(asked, conditions, guards, outcome);
  if (elements > MAX_ELEMENTS) script.narrowed.add(`lists of more than ${MAX_ELEMENTS} different elements`);
  const args = new ValueNode(script, '', Math.min(elements, MAX_ELEMENTS), true);
  const declared = index.capability(capability);
  const encoder = new Conditions(capability, declared, args, script, [...asked, ...conditions].flatMap(textsIn));
  const writer = new CaseWriter(encoder, index);
  for (const placed of guards) writer.guard(placed);
  const faults = writer.faults();
  const isAsked = and(where.map((test) => writer.asked(test)));
  const ranks = [...faults, ...writer.ranks];
  const verdict = script.define('verdict', 'Int', () =>
    ite(or(ranks.map((rank) => equal(rank, '2'))), '2', ite(or(ranks.map((rank) => equal(rank, '1'))), '1', '0')),
  );
  preferSchema(args, declared?.inputSchema, script);
  const windows = guards.flatMap(({ guard }) => ('kind' in guard.when ? [guard] : []));
  if (windows.length > 1 && windows.some(({ effect, otherwise }) => isStricter(effect, otherwise)))
    script.widened.add('windows of one counter are taken to be full or empty each for itself');
  return { script, args, verdict, isAsked, rooms: writer.rooms, windows };
}

export function outcomeTerm(verdict: Term, outcome: Outcome): Term {
  return outcome === 'reach' ? `(<= ${verdict} 1)` : equal(verdict, outcome === 'allow' ? '0' : '1');
}

class CaseWriter {
  readonly ranks: Term[] = [];
  readonly rooms: Room[] = [];
  readonly #encoder: Conditions;
  readonly #index: GuardIndex;
  /** Of units, those whose impossible amounts are refused. */
  readonly #judged = new Map<string, Amount>();

  constructor(encoder: Conditions, index: GuardIndex) {
    this.#encoder = encoder;
    this.#index = index;
    for (const unit of Object.keys(encoder.declared?.impact ?? {})) this.#judge(unit, 'declared');
  }

  guard({ guard, origin }: PlacedGuard): void {
    const { script } = this.#encoder;
    const { id, when, effect, otherwise, sentence } = guard;
    script.note(`${origin}/${id}: ${sentence}`);
    if ('kind' in when) {
      this.ranks.push(script.define(`verdict of ${origin}/${id}`, 'Int', () => this.#window(guard, origin)));
      return;
    }
    for (const { field, operator, operand } of testsIn(when))
      if (field === 'amount') this.#judgeAmount(operator === 'exists' ? undefined : boundsOf(operand).currency);
    const truth = this.#named(`${origin}/${id}`, this.#encoder.truthOf(when, origin));
    this.ranks.push(script.define(`verdict of ${origin}/${id}`, 'Int', () => verdictOf(truth, effect, otherwise)));
  }

  /** Impossible amounts of units that are declared or read. */
  faults(): readonly Term[] {
    return [...this.#judged.values()].map(({ isFaulty }) => ite(isFaulty, rankOf('deny'), rankOf('allow')));
  }

  /** It may hold: it does, or what is there cannot be told. What is missing does not. */
  asked(test: QuestionTest): Term {
    const { script } = this.#encoder;
    if (test.kind === 'unit') {
      const amount = this.#encoder.amount(test.unit, 'declared');
      const truth = compareAmount(amount, test.operator, [test.bound]);
      if (truth === undefined) return TRUE;
      script.prefer(truth.holds);
      return and([not(truth.fails), not(amount.isMissing)]);
    }
    const truth = this.#encoder.truthOf(test.condition, 'workspace');
    script.prefer(truth.holds);
    const [only, another] = testsIn(test.condition);
    // of several tests joined, one that is not given need not leave the whole so
    const isGiven = only === undefined || another !== undefined ? TRUE : this.#encoder.isGiven(only);
    return and([not(truth.fails), isGiven]);
  }

  #named(name: string, { holds, fails }: Truth): Truth {
    const { script } = this.#encoder;
    return {
      holds: script.define(`${name} holds`, 'Bool', () => holds),
      fails: script.define(`${name} fails`, 'Bool', () => fails),
    };
  }

  #judgeAmount(currency: string | undefined): void {
    const declared = currencyOf(moneyUnitOf(this.#encoder.declared) ?? '');
    const asked = currency ?? declared;
    if (asked !== undefined) this.#judge(unitOf(asked), spendingOfAmount(asked, declared));
  }

  #judge(unit: string, spending: Parameters<Conditions['amount']>[1]): Amount {
    const amount = this.#encoder.amount(unit, spending);
    this.#judged.set(`${unit} ${spending}`, amount);
    return amount;
  }

  #window({ id, when, effect, otherwise }: Guard, origin: string): Term {
    if (!('kind' in when)) return rankOf('deny');
    const { script, capability, declared } = this.#encoder;
    const { unit, over, limit, per } = when;
    const isCount = when.kind === 'count' || unit === undefined;
    const spending = isCount ? 'none' : spendingOf(unit, capability, declared, over, this.#index);
    const amount: Amount = isCount
      ? { isMissing: FALSE, isKnown: TRUE, isFaulty: FALSE, value: '1' }
      : this.#judge(unit, spending);
    const fits = script.declare(`room in ${origin}/${id}`, 'Bool');
    const isWithin = `(<= ${amount.value} ${limit})`;
    script.assert(implies(fits, isWithin));
    const isEmpty = equal(fits, isWithin);
    script.prefer(isEmpty);
    this.rooms.push({ origin, id, fits, isEmpty });
    const strict = rankOf(stricterOf(effect, otherwise));
    const counted = ite(this.#encoder.hasCounter(per), ite(fits, rankOf(effect), rankOf(otherwise)), strict);
    return ite(amount.isKnown, ite(equal(amount.value, '0'), rankOf(effect), counted), strict);
  }
}

/** Elements of lists that can matter; see above. */
function elementsFor(
  asked: readonly Condition[],
  conditions: readonly Condition[],
  guards: readonly PlacedGuard[],
  outcome: Outcome,
): number {
  const groups = new Map<string, number>();
  const count = (condition: Condition, weigh: (operator: string) => number): void => {
    for (const { field, operator } of testsIn(condition)) {
      const key = listOf(field);
      groups.set(key, (groups.get(key) ?? 0) + weigh(operator));
    }
  };
  for (const condition of asked) count(condition, () => (outcome === 'review' ? 2 : 1));
  for (const condition of conditions)
    count(condition, (operator) => (operator === 'contains' ? 1 : outcome === 'review' ? 2 : 0));
  // one value of several can leave a call without a counter
  for (const { guard } of guards)
    if (outcome === 'review' && 'kind' in guard.when && guard.when.per !== undefined) {
      const key = listOf(guard.when.per);
      groups.set(key, (groups.get(key) ?? 0) + 1);
    }
  return Math.max(1, ...groups.values()) + (outcome === 'review' ? 1 : 0);
}

const ADDRESSED = /^(?:to|cc|bcc|payee|recipient)$/i;

/** The argument whose lists the field reads. */
function listOf(field: string): string {
  const read = readField(field)?.field;
  if (read?.kind === 'firstUse') return listOf(read.of);
  if (read?.kind === 'payee' || read?.kind === 'recipientDomains') return 'to';
  const first = read?.kind === 'argument' ? (read.path[0]?.name ?? '') : field;
  return ADDRESSED.test(first) ? 'to' : first;
}
