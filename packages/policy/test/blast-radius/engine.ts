/** The production decision function with exact windows, and a record of what got through. */
import {
  approvalRequirement,
  type CompiledPolicy,
  type Decision,
  type JsonObject,
  type PolicySet,
  type RadiusAgent,
  type StateView,
  settle,
  type WindowCharge,
  type WindowDemand,
} from '../../src/index.ts';

export interface Call {
  readonly agent: RadiusAgent;
  /** Roles of the token: some of the agent's. */
  readonly roles: readonly string[];
  readonly capability: string;
  readonly arguments: JsonObject;
  readonly sessionId: string;
  readonly provenance: 'trusted' | 'untrusted';
}

/**
 * How the call ended. `failed` is a call that was sent and of which nobody knows what it did: its effect counts. `error`
 * was answered as one, and `done` may be told to have spent half: what the capability lets settle is given back.
 */
export type Fate = 'done' | 'failed' | 'error' | 'not_attempted';

export interface Passed {
  readonly atSeconds: number;
  readonly call: Call;
  /** By unit; infinite where nobody can say. */
  readonly spent: Readonly<Record<string, number>>;
}

export interface Enforcement {
  /** The set that is enforced, and what it was compiled to. */
  readonly set: PolicySet;
  readonly policy: CompiledPolicy;
  readonly line: 'alone' | 'fooled';
  /** A mutant: what failed is given back. */
  readonly forgivesFailures?: boolean;
}

interface Entry {
  readonly atSeconds: number;
  readonly amount: number;
}

export class Gateway {
  readonly passed: Passed[] = [];
  readonly #enforcement: Enforcement;
  readonly #entries = new Map<string, Entry[]>();
  /** When something leaves a window that kept a call back. */
  readonly #frees = new Set<number>();

  constructor(enforcement: Enforcement) {
    this.#enforcement = enforcement;
  }

  /** Whether the call got through. Calls come in order of time. */
  call(call: Call, atSeconds: number, fate: Fate): boolean {
    const { set, forgivesFailures = false } = this.#enforcement;
    const decided = this.#decide(call, atSeconds);
    if (!this.#passes(decided)) return false;
    const { evaluation, verdict } = decided;
    const charges =
      verdict === 'review' ? evaluation.charges.filter(({ unattended }) => !unattended) : evaluation.charges;
    if (fate === 'not_attempted') return true;
    const settled = (unit: string | undefined, amount: number) => settledTo(call.capability, unit, amount, fate, set);
    if (fate !== 'failed' || !forgivesFailures)
      this.#charge(
        charges.map((charge) => ({ ...charge, amount: settled(charge.unit, charge.amount) })),
        atSeconds,
      );
    const spent = Object.entries(spentBy(call, evaluation.impact, set)).map(([unit, amount]): [string, number] => [
      unit,
      settled(unit, amount),
    ]);
    this.passed.push({ atSeconds, call, spent: Object.fromEntries(spent) });
    return true;
  }

  wouldPass(call: Call, atSeconds: number): boolean {
    return this.#passes(this.#decide(call, atSeconds));
  }

  /** The most of the unit that fits into all windows that refuse the rest. */
  roomFor(call: Call, unit: string, atSeconds: number): number {
    const rooms = this.#decide(call, atSeconds).evaluation.demands.flatMap((demand) =>
      demand.unit === unit && demand.effect === 'allow' && demand.otherwise === 'deny' && demand.shadow !== true
        ? [demand.limit - this.#used(demand, atSeconds)]
        : [],
    );
    return Math.min(Number.POSITIVE_INFINITY, ...rooms);
  }

  /** The next time from which a window holds less; undefined where none ever does. */
  nextFree(atSeconds: number): number | undefined {
    const later = [...this.#frees].filter((time) => time > atSeconds);
    return later.length === 0 ? undefined : Math.min(...later);
  }

  #passes({ verdict, trace }: Pick<Decision, 'verdict' | 'trace'>): boolean {
    if (verdict !== 'review') return verdict === 'allow';
    const { set, line } = this.#enforcement;
    return line === 'fooled' && approvalRequirement(set, trace).people === 1;
  }

  #decide({ agent, roles, capability, arguments: args, sessionId, provenance }: Call, atSeconds: number) {
    const request = {
      workspaceId: 'w',
      agentId: agent.id,
      ownerId: agent.ownerId,
      roles,
      capability,
      arguments: args,
      sessionId,
    };
    const state: StateView = { atMs: atSeconds * 1_000, provenance, risks: [], prerequisites: [], used: [] };
    const evaluation = this.#enforcement.policy.evaluate(request, state);
    const decision = settle(
      evaluation,
      evaluation.demands.map((demand) => ({ used: this.#used(demand, atSeconds) })),
    );
    return { evaluation, verdict: decision.verdict, trace: decision.trace };
  }

  #used({ key, windowSeconds }: WindowDemand, atSeconds: number): number {
    let used = 0;
    for (const entry of this.#entries.get(key) ?? []) {
      if (entry.atSeconds <= atSeconds - windowSeconds) continue;
      used += entry.amount;
      this.#frees.add(entry.atSeconds + windowSeconds);
    }
    return used;
  }

  #charge(charges: readonly WindowCharge[], atSeconds: number): void {
    for (const { key, amount } of charges) {
      const entries = this.#entries.get(key) ?? [];
      entries.push({ atSeconds, amount });
      this.#entries.set(key, entries);
    }
  }
}

/** What is left of a charge, or of what was spent, when the answer is known. */
function settledTo(
  capability: string,
  unit: string | undefined,
  amount: number,
  fate: Fate,
  { capabilities }: PolicySet,
): number {
  const settle = capabilities.find(({ name }) => name === capability)?.impact[unit ?? '']?.settle;
  if (settle === undefined) return amount;
  if (fate === 'error') return settle.errors === 'release' ? 0 : amount;
  return fate === 'done' && settle.field !== undefined ? Math.floor(amount / 2) : amount;
}

const UNITS = [
  'usd',
  'records_read',
  'records_changed',
  'records_deleted',
  'messages',
  'recipients',
  'letters',
  'stamps',
];

/** By the documents alone: what is declared is measured, and what nobody declares could be anything. */
function spentBy(
  { capability }: Call,
  impact: Readonly<Record<string, number>>,
  { capabilities }: PolicySet,
): Record<string, number> {
  const declared = capabilities.find(({ name }) => name === capability);
  const spent: Record<string, number> = {};
  for (const unit of UNITS) {
    if (declared === undefined) spent[unit] = Number.POSITIVE_INFINITY;
    else if (unit in declared.impact) spent[unit] = impact[unit] ?? Number.POSITIVE_INFINITY;
    else if (declared.access === 'read') spent[unit] = unit === 'records_read' ? Number.POSITIVE_INFINITY : 0;
    else spent[unit] = Object.keys(declared.impact).length === 0 ? Number.POSITIVE_INFINITY : 0;
  }
  return spent;
}

/** The most of a unit within any interval that holds its beginning and not its end. */
export function mostWithin(passed: readonly Passed[], unit: string, seconds: number): number {
  let most = 0;
  let sum = 0;
  let from = 0;
  let infinite = 0;
  for (const each of passed) {
    const amount = each.spent[unit] ?? 0;
    if (Number.isFinite(amount)) sum += amount;
    else infinite += 1;
    for (
      let first = passed[from];
      first !== undefined && first.atSeconds <= each.atSeconds - seconds;
      first = passed[from]
    ) {
      const gone = first.spent[unit] ?? 0;
      if (Number.isFinite(gone)) sum -= gone;
      else infinite -= 1;
      from += 1;
    }
    most = Math.max(most, infinite > 0 ? Number.POSITIVE_INFINITY : sum);
  }
  return most;
}
