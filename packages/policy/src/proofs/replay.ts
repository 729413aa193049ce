/** What a solver found, as a call, and what the engine that decides in production makes of it. */
import { compileCondition, FALSE, UNKNOWN_MISSING } from '../decide/condition.ts';
import { firstUseOf } from '../decide/first-use.ts';
import { keysOf } from '../decide/keys.ts';
import { MISSING, measureOf, moneyUnitOf } from '../decide/measure.ts';
import { Prerequisite } from '../decide/prerequisites.ts';
import { settle } from '../decide/settle.ts';
import { StateReader } from '../decide/state-reader.ts';
import { readField } from '../documents/fields.ts';
import type {
  Capability,
  CompiledPolicy,
  Decision,
  DecisionRequest,
  JsonObject,
  MetPrerequisite,
  PolicySet,
  RiskLevel,
  StateView,
  UsedValue,
} from '../model.ts';
import { currencyOf, unitOf } from '../values/money.ts';
import type { Model } from './arguments.ts';
import { spendingOfAmount, testsIn } from './conditions.ts';
import type { Encoding } from './encode.ts';
import { withRequired } from './fitting.ts';
import type { Outcome, QuestionTest } from './question.ts';
import { symbol } from './smt.ts';

export interface Case {
  readonly set: PolicySet;
  readonly policy: CompiledPolicy;
  readonly capability: string;
  readonly roles: readonly string[];
  readonly where: readonly QuestionTest[];
  readonly outcome: Outcome;
  /** When the call is tried first; while a freeze is in force, later. */
  readonly atMs: number;
}

export interface Replayed {
  readonly request: DecisionRequest;
  readonly decision: Decision;
  readonly state: StateView;
  /** Windows that are full before the call, by guard. */
  readonly full: readonly string[];
  /** The engine says the same: the call is asked about, and it is decided so. */
  readonly agrees: boolean;
}

/** Freezes that come one after the other. */
const MAX_FREEZES = 50;

export function replay(asked: Case, encoding: Encoding, model: Model): Replayed {
  const { policy, capability, roles, set } = asked;
  const declared = set.capabilities.find(({ name }) => name === capability);
  const found = encoding.args.shown(model);
  const request: DecisionRequest = {
    workspaceId: 'workspace',
    agentId: 'agent',
    ownerId: 'owner',
    sessionId: 'session',
    roles,
    capability,
    arguments: withRequired(isArguments(found) ? found : {}, declared?.inputSchema),
  };
  const known = stateOf(asked, request, model);
  let atMs = asked.atMs;
  let state: StateView = { ...known, atMs };
  let evaluation = policy.evaluate(request, state);
  for (let i = 0; i < MAX_FREEZES && evaluation.reasonClass === 'freeze'; i += 1) {
    const until = evaluation.retryAfterSeconds;
    if (until === undefined) break;
    atMs += until * 1_000;
    state = { ...stateOf({ ...asked, atMs }, request, model), atMs };
    evaluation = policy.evaluate(request, state);
  }
  const full = encoding.rooms.flatMap(({ origin, id, fits }) => (model.get(fits) === false ? [{ origin, id }] : []));
  const isFull = (demand: { readonly origin: string; readonly guardId: string }): boolean =>
    full.some(({ origin, id }) => origin === demand.origin && id === demand.guardId);
  const decision = settle(
    evaluation,
    evaluation.demands.map((demand) => ({ used: isFull(demand) && demand.amount <= demand.limit ? demand.limit : 0 })),
  );
  const needed = evaluation.demands.filter((demand) => isFull(demand) && demand.amount <= demand.limit);
  return {
    request,
    decision,
    state,
    full: needed.map(({ origin, guardId }) => `${origin}/${guardId}`),
    agrees:
      answers(decision.verdict, asked.outcome) &&
      asked.where.every((test) => isAsked(test, request, declared, state)) &&
      isConsistent(
        evaluation.demands.filter(({ shadow }) => shadow !== true),
        needed,
      ),
  };
}

function isArguments(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function answers(verdict: Decision['verdict'], outcome: Outcome): boolean {
  return outcome === 'reach' ? verdict !== 'deny' : verdict === outcome;
}

type Demands = ReturnType<CompiledPolicy['evaluate']>['demands'];

/** A window that is full fills every window of its counter that is as long and no larger. */
function isConsistent(demands: Demands, full: Demands): boolean {
  return full.every((each) =>
    demands.every(
      (other) => other.key !== each.key || full.includes(other) || other.windowSeconds < each.windowSeconds,
    ),
  );
}

/** Whether the call is one that the test asks about, by the engine's own test. */
export function isAsked(
  test: QuestionTest,
  request: DecisionRequest,
  declared: Capability | undefined,
  state: StateView,
): boolean {
  const args = request.arguments;
  if (test.kind === 'unit') {
    const amount = measureOf(test.unit, 'declared', declared)(args);
    return amount < 0 ? amount !== MISSING : COMPARE[test.operator](amount, test.bound);
  }
  const amounts: number[] = [];
  const money = currencyOf(moneyUnitOf(declared) ?? '');
  const compiled = compileCondition(
    test.condition,
    (currency) => {
      const asked = currency ?? money;
      if (asked === undefined) return undefined;
      const unit = unitOf(asked);
      const slot = amounts.push(measureOf(unit, spendingOfAmount(asked, money), declared)(args)) - 1;
      return { slot, currency: asked };
    },
    'workspace',
  );
  const truth = compiled({
    args,
    capability: request.capability,
    amounts,
    state: new StateReader(request, state, request.roles),
  });
  return truth !== FALSE && truth !== UNKNOWN_MISSING;
}

const COMPARE = {
  gt: (amount: number, bound: number) => amount > bound,
  gte: (amount: number, bound: number) => amount >= bound,
  lt: (amount: number, bound: number) => amount < bound,
  lte: (amount: number, bound: number) => amount <= bound,
  eq: (amount: number, bound: number) => amount === bound,
} as const;

/** How long risks last that the solver chose, and how long ago what came before was. */
const AROUND_MS = 1_000;

/** The state that the solver chose. What no guard reads is not there. */
function stateOf({ set, roles, atMs, where }: Case, request: DecisionRequest, model: Model): StateView {
  const chosen = (name: string) => model.get(symbol(name));
  const level = chosen('state risk');
  const risks =
    typeof level !== 'bigint' || level <= 0n
      ? []
      : [{ id: 'risk', level: levelAt(Number(level)), untilMs: atMs + AROUND_MS }];
  const isTrusted = chosen('state provenance is trusted') === true;
  const prerequisites: MetPrerequisite[] = [];
  const used: UsedValue[] = [];
  const origins = [
    { origin: 'workspace', guards: set.workspaceGuards },
    ...set.roles.map(({ name, guards }) => ({ origin: name, guards })),
  ];
  const conditions = [
    ...where.flatMap((test) => (test.kind === 'condition' ? [{ origin: 'workspace', condition: test.condition }] : [])),
    ...origins.flatMap(({ origin, guards }) =>
      guards.flatMap(({ when }) => ('kind' in when ? [] : [{ origin, condition: when }])),
    ),
  ];
  for (const { origin, condition } of conditions)
    for (const test of testsIn(condition)) {
      const kind = readField(test.field)?.field.kind;
      const id = `${test.field} ${JSON.stringify(test.operand)}`;
      if (kind === 'prerequisite' && chosen(`state ${id} holds`) === true) {
        const key = new Prerequisite(test.field, test.operand).keyOf(request);
        const doneMs = atMs - AROUND_MS;
        const how = test.field.startsWith('done') ? { doneAtMs: doneMs } : { approvedAtMs: doneMs };
        if (key !== undefined) prerequisites.push({ key, eventId: `earlier-${prerequisites.length + 1}`, ...how });
      }
      if (kind === 'firstUse' && chosen(`state ${origin} ${id} fails`) === true)
        for (const key of keysOf(firstUseOf(test, origin).key, roles, request) ?? [])
          used.push({ key, eventId: `earlier-use-${used.length + 1}`, usedAtMs: atMs - AROUND_MS });
    }
  return {
    prerequisites,
    used,
    risks,
    ...(chosen('state provenance is known') === true
      ? { provenance: isTrusted ? ('trusted' as const) : ('untrusted' as const) }
      : {}),
  };
}

const LEVELS: readonly RiskLevel[] = ['low', 'medium', 'high', 'critical'];

function levelAt(place: number): RiskLevel {
  return LEVELS[place - 1] ?? 'critical';
}
