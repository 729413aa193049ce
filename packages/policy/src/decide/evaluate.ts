/** One call against its plan: every guard is asked, the strictest answer is kept. */
import { isStricter, stricterOf } from '../documents/verdicts.ts';
import type {
  DecisionRequest,
  Evaluation,
  ReasonClass,
  StateView,
  TraceStep,
  Verdict,
  WindowCharge,
  WindowDemand,
} from '../model.ts';
import type { DecisionPlan } from './decision-plan.ts';
import { UNKNOWN_PART } from './kept-apart.ts';
import { keysOf, ownersOf } from './keys.ts';
import { MEASURE_FAULTS, MISSING, NEGATIVE } from './measure.ts';
import { type Step, tellAmount, type WindowStep } from './plan.ts';
import { StateReader } from './state-reader.ts';

/** May throw for requests that are none; the caller denies then. */
export function evaluatePlan(
  plan: DecisionPlan,
  request: DecisionRequest,
  state: StateView,
  policy: { readonly hash: string; readonly revision: number },
): Evaluation {
  const { grantedBy } = plan;
  const impact: Record<string, number> = {};
  const tally = new Tally();
  const reader = plan.readsState ? new StateReader(request, state, plan.grantingRoles) : undefined;
  const retryAfterSeconds = reader === undefined ? undefined : askFreezes(plan, reader, tally);
  const amounts = measure(plan, request, impact, tally);
  const demands: WindowDemand[] = [];
  for (const step of plan.steps) {
    if (step.kind === 'condition') tally.condition(step, request, amounts, reader);
    else enterWindow(step, plan, request, amounts, tally, demands);
  }
  const { verdict, reasonClass, deciding, trace } = tally;
  const shadow = verdict === 'deny' ? undefined : askShadows(plan, request, state, amounts, demands);
  // a refusal needs no counters
  const denied = verdict === 'deny';
  const evaluation = {
    verdict,
    reasonClass,
    reason: deciding === undefined ? `granted by ${grantedBy.name}` : `${reasonClass}: ${deciding.detail}`,
    role: grantedBy.name,
    roleRevision: grantedBy.revision,
    trace,
    demands: denied ? [] : demands,
    charges: denied ? [] : chargesOf(plan, request, amounts),
    impact,
    policyHash: policy.hash,
    policyRevision: policy.revision,
  };
  const decided = deciding === undefined ? evaluation : { ...evaluation, rule: deciding.rule };
  const ruled = shadow === undefined ? decided : { ...decided, shadow };
  const meets = denied || plan.stepKeys.length === 0 ? undefined : plan.stepKeys.flatMap((key) => key(request) ?? []);
  const found = meets === undefined || meets.length === 0 ? ruled : { ...ruled, meets };
  const leaves = denied || plan.leaves.length === 0 ? [] : leavesOf(plan, request);
  const whole = leaves.length === 0 ? found : { ...found, leaves };
  if (reader === undefined) return whole;
  return { ...whole, ...reader.result(), ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
}

/** A value that cannot be told apart counts as used by nobody. */
function leavesOf({ leaves, grantingRoles }: DecisionPlan, request: DecisionRequest): readonly string[] {
  return leaves.flatMap(({ key }) => keysOf(key, grantingRoles, request) ?? []);
}

/** Guards that are not enforced, into a trace of their own; their windows are demanded with the others. */
function askShadows(
  plan: DecisionPlan,
  request: DecisionRequest,
  state: StateView,
  amounts: readonly number[],
  demands: WindowDemand[],
): readonly TraceStep[] | undefined {
  const { shadowSteps, withheld } = plan;
  if (shadowSteps.length === 0 && withheld === undefined) return undefined;
  const tally = new Tally();
  // A reader of its own: what is not enforced uses nothing up, and its answer need not hold.
  const reader = plan.readsState ? new StateReader(request, state, plan.grantingRoles) : undefined;
  if (withheld !== undefined) tally.add(withheld, 'scope');
  for (const step of shadowSteps) {
    if (step.kind === 'condition') tally.condition(step, request, amounts, reader);
    else enterWindow(step, plan, request, amounts, tally, demands);
  }
  return tally.trace;
}

/** Freezes come first: of equally strict answers, theirs says when it ends, in the seconds returned. */
function askFreezes({ freezes }: DecisionPlan, reader: StateReader, tally: Tally): number | undefined {
  let retryAfterSeconds = 0;
  for (const freeze of freezes) {
    const { step, fromMs, untilMs, retryAfterSeconds: seconds } = freeze.at(reader.time());
    reader.holds(fromMs, untilMs);
    if (step === undefined) continue;
    tally.add(step, 'freeze');
    // refused until the last of them has ended
    if (step.result === 'deny') retryAfterSeconds = Math.max(retryAfterSeconds, seconds ?? Number.POSITIVE_INFINITY);
  }
  return retryAfterSeconds > 0 && Number.isFinite(retryAfterSeconds) ? retryAfterSeconds : undefined;
}

/** The answers so far. The first of equally strict ones decides. */
class Tally {
  readonly trace: TraceStep[] = [];
  verdict: Verdict = 'allow';
  reasonClass: ReasonClass = 'granted';
  deciding: TraceStep | undefined;

  add(step: TraceStep, reasonClass: ReasonClass): void {
    this.trace.push(step);
    if (!isStricter(step.result, this.verdict)) return;
    this.verdict = step.result;
    this.reasonClass = reasonClass;
    this.deciding = step;
  }

  condition(
    { test, outcomes, told }: Extract<Step, { kind: 'condition' }>,
    { arguments: args, capability }: DecisionRequest,
    amounts: readonly number[],
    state: StateReader | undefined,
  ): void {
    const outcome = outcomes[test({ args, capability, amounts, state })];
    if (outcome === undefined) throw new TypeError('a condition gave no answer');
    const amount = told === undefined ? MISSING : (amounts[told.slot] ?? MISSING);
    const step = told === undefined || amount < 0 ? outcome.step : tellAmount(outcome.step, amount, told.currency);
    this.add(step, outcome.reasonClass);
  }
}

/** Measures by slot. A negative or impossible amount is refused here, whether a guard reads it or not. */
function measure(
  { measured, capability }: DecisionPlan,
  request: DecisionRequest,
  impact: Record<string, number>,
  tally: Tally,
): readonly number[] {
  const amounts: number[] = [];
  let faults: TraceStep[] | undefined;
  for (const { unit, slot, measure: take, judged } of measured) {
    const amount = take(request.arguments);
    while (amounts.length < slot) amounts.push(MISSING);
    amounts.push(amount);
    if (!judged) continue;
    if (amount >= 0) impact[unit] = Math.max(impact[unit] ?? 0, amount);
    else if (amount <= NEGATIVE) {
      faults ??= [];
      faults.push({
        rule: `impact.${unit}`,
        origin: 'capability',
        sentence: `${capability} spends ${unit}.`,
        result: 'deny',
        detail: `the amount of ${unit} ${MEASURE_FAULTS[amount] ?? 'is no amount'}`,
      });
    }
  }
  // slots are in the order in which guards were first asked for: the reason must not depend on that
  for (const step of faults?.sort((a, b) => (a.rule < b.rule ? -1 : 1)) ?? []) tally.add(step, 'guard');
  return amounts;
}

/** Demands the window; where no counter has to be asked, answers at once. */
function enterWindow(
  { guard, origin, window, slots, key, isShadow }: WindowStep,
  plan: DecisionPlan,
  request: DecisionRequest,
  amounts: readonly number[],
  tally: Tally,
  demands: WindowDemand[],
): void {
  const { id, sentence, effect, otherwise } = guard;
  const { kind, unit, windowSeconds, limit } = window;
  const [slot] = slots;
  const amount = slot === undefined ? 1 : (amounts[slot] ?? MISSING);
  const step = { rule: id, origin, sentence };
  if (amount < 0) {
    const detail = `the amount of ${unit ?? 'calls'} ${MEASURE_FAULTS[amount] ?? 'is unknown'}`;
    tally.add({ ...step, result: stricterOf(effect, otherwise), detail }, 'guard');
    return;
  }
  if (amount === 0) {
    tally.add({ ...step, result: effect, detail: `the call adds no ${unit ?? 'calls'}` }, 'guard');
    return;
  }
  const keys = keysOf(key, plan.grantingRoles, request);
  if (keys === undefined) {
    const detail = `${key.per?.name} is missing or cannot be told apart`;
    tally.add({ ...step, result: stricterOf(effect, otherwise), detail }, 'guard');
    return;
  }
  const afterSteps = tally.trace.length;
  const shared = window.scope === 'agent' ? {} : { scope: window.scope };
  const shadow = isShadow ? { shadow: true as const } : {};
  for (const counter of keys) {
    const demand = {
      key: counter,
      guardId: id,
      origin,
      sentence,
      kind,
      windowSeconds,
      limit,
      amount,
      effect,
      otherwise,
      ...shared,
      ...shadow,
    };
    demands.push(unit === undefined ? { ...demand, afterSteps } : { ...demand, unit, afterSteps });
  }
}

function chargesOf(plan: DecisionPlan, request: DecisionRequest, amounts: readonly number[]): WindowCharge[] {
  const charges: WindowCharge[] = [];
  for (const { key, unit, slot, keepSeconds, unattended, unknownAmount } of plan.charges) {
    const measured = slot === undefined ? 1 : (amounts[slot] ?? MISSING);
    const amount = measured < 0 ? unknownAmount : measured;
    if (amount === 0) continue;
    const whole = ownersOf(key, plan.grantingRoles, request);
    const keys =
      keysOf(key, plan.grantingRoles, request) ?? whole.map((each) => `${each}/${key.per?.name}:${UNKNOWN_PART}`);
    const charge = { amount, keepSeconds, ...(unattended ? { unattended: true as const } : {}) };
    for (const counter of keys)
      charges.push(unit === undefined ? { key: counter, ...charge } : { key: counter, unit, ...charge });
  }
  return charges;
}
