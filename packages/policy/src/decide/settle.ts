/** The second half of a decision: windows as they stand, and the verdict that follows. */
import { isStricter } from '../documents/verdicts.ts';
import type {
  Decision,
  Evaluation,
  ReasonClass,
  SharedStep,
  TraceStep,
  Verdict,
  WindowDemand,
  WindowUsage,
} from '../model.ts';
import { durationInWords } from '../values/duration.ts';
import { formatUnits } from '../values/money.ts';

/**
 * `usages` are parallel to the demands. Pure and total: usage that is missing or no amount is a deny with
 * the class `error`, as an unavailable counter is.
 */
export function settle(evaluation: Evaluation, usages: readonly WindowUsage[]): Decision {
  const { demands, charges: _, holds: __, shadow: asked, ...decided } = evaluation;
  const tried = [...(asked ?? [])];
  if (demands.length === 0) return withShadow(decided, tried);
  let { verdict, reasonClass, reason, rule } = evaluation;
  let refused: { readonly demand: WindowDemand; readonly used: number } | undefined;
  let retryAfterSeconds: number | undefined = 0;
  const trace: TraceStep[] = [];
  const shared: Omit<SharedStep, 'decides'>[] = [];
  let deciding: number | undefined;
  let copied = 0;
  for (const [i, demand] of demands.entries()) {
    const usage = usages[i];
    if (demand.shadow === true) {
      // what is not enforced refuses nothing, not even where its counter cannot be read
      if (usage !== undefined) tried.push(windowStep(demand, usage.used, usage.used + demand.amount <= demand.limit));
      continue;
    }
    if (usage === undefined || !Number.isSafeInteger(usage.used) || usage.used < 0)
      return unreadable(evaluation, demand);
    const until = Math.min(demand.afterSteps ?? evaluation.trace.length, evaluation.trace.length);
    while (copied < until) copied = pushStep(trace, evaluation.trace, copied);
    const fits = usage.used + demand.amount <= demand.limit;
    const step = windowStep(demand, usage.used, fits);
    if (demand.scope !== undefined) shared.push({ step: trace.length, told: toldOfShared(demand, demand.scope, fits) });
    trace.push(step);
    if (!fits && step.result !== 'allow')
      retryAfterSeconds = latest(retryAfterSeconds, demand.amount > demand.limit ? undefined : usage.freesInSeconds);
    if (!isStricter(step.result, verdict)) continue;
    deciding = trace.length - 1;
    verdict = step.result;
    reasonClass = classOf(demand, step.result, fits);
    rule = demand.guardId;
    reason = `${reasonClass}: ${step.detail}`;
    refused = fits ? undefined : { demand, used: usage.used };
  }
  while (copied < evaluation.trace.length) copied = pushStep(trace, evaluation.trace, copied);
  const decision: Decision = {
    ...decided,
    verdict,
    reasonClass,
    reason,
    ...(rule === undefined ? {} : { rule }),
    trace,
    ...(refused === undefined ? {} : remainderOf(refused.demand, refused.used)),
    ...(refused === undefined || retryAfterSeconds === undefined || retryAfterSeconds === 0
      ? {}
      : { retryAfterSeconds }),
    ...(shared.length === 0 ? {} : { shared: shared.map((each) => ({ ...each, decides: each.step === deciding })) }),
  };
  return withShadow(decision, tried);
}

/** With what guards that are not enforced would have made of it, where that is stricter. */
function withShadow(decision: Decision, tried: readonly TraceStep[]): Decision {
  const stricter = tried.filter(({ result }) => isStricter(result, decision.verdict));
  return stricter.length === 0 ? decision : { ...decision, shadow: stricter };
}

function remainderOf({ limit, unit }: WindowDemand, used: number): Pick<Decision, 'remaining' | 'remainingUnit'> {
  const remaining = Math.max(0, limit - used);
  return unit === undefined ? { remaining } : { remaining, remainingUnit: unit };
}

/**
 * The decision as the agent is told it. Of a counter that it shares, it learns whether its call fits and when it
 * would, not how much others have used: neither the use nor what is left.
 */
export function toldToAgent({ shared, shadow: _shadow, ...decision }: Decision): Decision {
  if (shared === undefined) return decision;
  const told = new Map(shared.map(({ step, told: words }) => [step, words]));
  const trace = decision.trace.map((step, i) => ({ ...step, detail: told.get(i) ?? step.detail }));
  const deciding = shared.find(({ decides }) => decides);
  if (deciding === undefined) return { ...decision, trace };
  const { remaining: _, remainingUnit: __, ...rest } = decision;
  return { ...rest, trace, reason: `${decision.reasonClass}: ${deciding.told}` };
}

function toldOfShared({ unit, windowSeconds, limit, amount }: WindowDemand, scope: string, fits: boolean): string {
  const bound = `${formatUnits(limit, unit)} in any ${durationInWords(windowSeconds)} per ${scope}`;
  const call = formatUnits(amount, unit);
  return fits ? `${call} fits into ${bound}` : `${call} does not fit into what is left of ${bound}`;
}

function pushStep(trace: TraceStep[], from: readonly TraceStep[], at: number): number {
  const step = from[at];
  if (step !== undefined) trace.push(step);
  return at + 1;
}

/** Whole seconds until both fit; undefined when one never does, or is not known to. */
function latest(soFar: number | undefined, seconds: number | undefined): number | undefined {
  return soFar === undefined || seconds === undefined ? undefined : Math.max(soFar, Math.ceil(seconds));
}

/** Beyond a sum is over a cap, beyond a count over a rate. */
function classOf({ kind }: WindowDemand, result: Verdict, fits: boolean): ReasonClass {
  if (fits || result === 'allow') return 'guard';
  return kind === 'sum' ? 'cap' : 'rate';
}

function windowStep(
  { guardId, origin, sentence, unit, windowSeconds, limit, amount, effect, otherwise }: WindowDemand,
  used: number,
  fits: boolean,
): TraceStep {
  const sum = `${formatUnits(used, unit)} used + ${formatUnits(amount, unit)}`;
  const detail = `${sum} ${fits ? '≤' : '>'} ${formatUnits(limit, unit)} in any ${durationInWords(windowSeconds)}`;
  return { rule: guardId, origin, sentence, result: fits ? effect : otherwise, detail };
}

function unreadable(
  { demands: _, charges: __, holds: ___, shadow: ____, ...decided }: Evaluation,
  { guardId, origin, sentence }: WindowDemand,
): Decision {
  const detail = 'the counter could not be read';
  return {
    ...decided,
    verdict: 'deny',
    reasonClass: 'error',
    reason: `error: ${detail}`,
    rule: guardId,
    trace: [...decided.trace, { rule: guardId, origin, sentence, result: 'deny', detail }],
  };
}
