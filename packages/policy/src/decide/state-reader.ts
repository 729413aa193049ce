/** The state as one evaluation reads it: the answer that comes of it, and what it was that had a say. */
import { RISK_LEVELS } from '../documents/operands.ts';
import type { DecisionRequest, Evaluation, MetPrerequisite, Provenance, StateView, UsedValue } from '../model.ts';
import type { FirstUse } from './first-use.ts';
import { keysOf } from './keys.ts';
import type { Prerequisite } from './prerequisites.ts';

export class StateReader {
  readonly #request: DecisionRequest;
  readonly #state: StateView;
  readonly #grantingRoles: readonly string[];
  readonly #met = new Map<string, MetPrerequisite>();
  readonly #used = new Map<string, UsedValue>();
  #readsTime = false;
  #readsProvenance = false;
  #readsRisks = false;
  #fromMs = Number.NEGATIVE_INFINITY;
  #untilMs = Number.POSITIVE_INFINITY;

  constructor(request: DecisionRequest, state: StateView, grantingRoles: readonly string[]) {
    this.#request = request;
    this.#state = state;
    this.#grantingRoles = grantingRoles;
  }

  /** Undefined where it is not known. */
  time(): number | undefined {
    this.#readsTime = true;
    return this.#state.atMs;
  }

  /** What was answered holds from one time to before another. */
  holds(fromMs: number, untilMs: number): void {
    this.#fromMs = Math.max(this.#fromMs, fromMs);
    this.#untilMs = Math.min(this.#untilMs, untilMs);
  }

  /** Whether it was done, is fresh, and was not used; undefined where that cannot be known. */
  isMet(prerequisite: Prerequisite): boolean | undefined {
    const key = prerequisite.keyOf(this.#request);
    const { prerequisites } = this.#state;
    const atMs = this.time();
    if (key === undefined || prerequisites === undefined || atMs === undefined) return undefined;
    const fresh = prerequisites.filter((each) => {
      const metMs = each.key === key ? prerequisite.metMs(each) : undefined;
      return metMs !== undefined && atMs < metMs + prerequisite.withinMs;
    });
    // The one that is over first: what is left keeps longest.
    const [oldest] = fresh.sort((a, b) => (prerequisite.metMs(a) ?? 0) - (prerequisite.metMs(b) ?? 0));
    if (oldest === undefined) return false;
    this.#met.set(`${oldest.eventId} ${key}`, oldest);
    this.holds(Number.NEGATIVE_INFINITY, (prerequisite.metMs(oldest) ?? 0) + prerequisite.withinMs);
    return true;
  }

  /** Whether one of the values was not used within the time; undefined where that cannot be known. */
  isFirstUse({ key, withinMs }: FirstUse): boolean | undefined {
    const keys = keysOf(key, this.#grantingRoles, this.#request);
    const { used } = this.#state;
    const atMs = this.time();
    if (keys === undefined || used === undefined || atMs === undefined) return undefined;
    const known = keys.map((each) => used.find((use) => use.key === each && atMs < use.usedAtMs + withinMs));
    for (const use of known) if (use !== undefined) this.#used.set(use.key, use);
    if (known.includes(undefined)) return true;
    for (const use of known) this.holds(Number.NEGATIVE_INFINITY, (use?.usedAtMs ?? 0) + withinMs);
    return false;
  }

  /** Undefined where it is not known. */
  provenance(): Provenance | undefined {
    this.#readsProvenance = true;
    return this.#state.provenance;
  }

  /** Place of the highest level that stands now; undefined where it is not known. */
  risk(): number | undefined {
    this.#readsRisks = true;
    const atMs = this.time();
    const { risks } = this.#state;
    if (risks === undefined || atMs === undefined) return undefined;
    let highest = 0;
    for (const { level, untilMs } of risks) {
      if (untilMs <= atMs) continue;
      highest = Math.max(highest, RISK_LEVELS.indexOf(level));
      this.holds(Number.NEGATIVE_INFINITY, untilMs);
    }
    return highest;
  }

  /** What the evaluation adds to its answer. */
  result(): Pick<Evaluation, 'read' | 'holds' | 'uses'> {
    const { atMs, provenance, risks } = this.#state;
    const met = [...this.#met.values()];
    const used = [...this.#used.values()];
    const read: StateView = {
      ...(this.#readsTime && atMs !== undefined ? { atMs } : {}),
      ...(met.length === 0 ? {} : { prerequisites: met }),
      ...(used.length === 0 ? {} : { used }),
      ...(this.#readsProvenance && provenance !== undefined ? { provenance } : {}),
      ...(this.#readsRisks && risks !== undefined ? { risks } : {}),
    };
    const isTimed = Number.isFinite(this.#fromMs) || Number.isFinite(this.#untilMs);
    return {
      ...(Object.keys(read).length === 0 ? {} : { read }),
      ...(isTimed ? { holds: { fromMs: this.#fromMs, untilMs: this.#untilMs } } : {}),
      ...(met.length === 0 ? {} : { uses: [...new Set(met.map(({ eventId }) => eventId))] }),
    };
  }
}
