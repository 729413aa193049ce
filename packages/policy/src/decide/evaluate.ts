/** One call against its plan: every guard is asked, the strictest answer is kept. */
import { isStricter, stricterOf } from '../documents/verdicts.ts';
import type {
  DecisionRequest,
  Evaluation,
  ReasonClass,
  TraceStep,
  Verdict,
  WindowCharge,
  WindowDemand,
} from '../model.ts';
import type { DecisionPlan } from './decision-plan.ts';
import { MEASURE_FAULTS, MISSING, NEGATIVE } from './measure.ts';
import { type KeyTemplate, type Step, tellAmount, type WindowStep } from './plan.ts';

/** May throw for requests that are none; the caller denies then. */
export function evaluatePlan(
  plan: DecisionPlan,
  request: DecisionRequest,
  policy: { readonly hash: string; readonly revision: number },
): Evaluation {
  const { grantedBy } = plan;
  const impact: Record<string, number> = {};
  const tally = new Tally();
  const amounts = measure(plan, request, impact, tally);
  const demands: WindowDemand[] = [];
  for (const step of plan.steps) {
    if (step.kind === 'condition') tally.condition(step, request, amounts);
    else enterWindow(step, plan, request, amounts, tally, demands);
  }
  const { verdict, reasonClass, deciding, trace } = tally;
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
  return deciding === undefined ? evaluation : { ...evaluation, rule: deciding.rule };
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
  ): void {
    const outcome = outcomes[test({ args, capability, amounts })];
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
  for (const { unit, slot, measure: take, judged } of measured) {
    const amount = take(request.arguments);
    while (amounts.length < slot) amounts.push(MISSING);
    amounts.push(amount);
    if (!judged) continue;
    if (amount >= 0) impact[unit] = Math.max(impact[unit] ?? 0, amount);
    else if (amount <= NEGATIVE)
      tally.add(
        {
          rule: `impact.${unit}`,
          origin: 'capability',
          sentence: `${capability} spends ${unit}.`,
          result: 'deny',
          detail: `the amount of ${unit} ${MEASURE_FAULTS[amount] ?? 'is no amount'}`,
        },
        'guard',
      );
  }
  return amounts;
}

/** Demands the window; where no counter has to be asked, answers at once. */
function enterWindow(
  { guard, origin, window, slots, key }: WindowStep,
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
  const afterSteps = tally.trace.length;
  for (const counter of keysOf(key, plan.grantingRoles, request)) {
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
    };
    demands.push(unit === undefined ? { ...demand, afterSteps } : { ...demand, unit, afterSteps });
  }
}

function chargesOf(plan: DecisionPlan, request: DecisionRequest, amounts: readonly number[]): WindowCharge[] {
  const charges: WindowCharge[] = [];
  for (const { key, slot, keepSeconds, unknownAmount } of plan.charges) {
    const measured = slot === undefined ? 1 : (amounts[slot] ?? MISSING);
    const amount = measured < 0 ? unknownAmount : measured;
    if (amount === 0) continue;
    for (const counter of keysOf(key, plan.grantingRoles, request)) charges.push({ key: counter, amount, keepSeconds });
  }
  return charges;
}

/** One key; for a workspace guard that counts by role, one for each granting role. */
function keysOf(
  { scope, role, rest }: KeyTemplate,
  grantingRoles: readonly string[],
  request: DecisionRequest,
): readonly string[] {
  switch (scope) {
    case 'agent':
      return [`agent/${request.agentId}/${rest}`];
    case 'owner':
      return [`owner/${request.ownerId}/${rest}`];
    case 'workspace':
      return [`workspace/${request.workspaceId}/${rest}`];
    case 'role':
      return role === undefined ? grantingRoles.map((name) => `role/${name}/${rest}`) : [`role/${role}/${rest}`];
  }
}
