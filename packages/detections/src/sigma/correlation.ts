/** Correlations of Sigma 2.1.0, on windows that slide. */
import { durationInWords } from '../documents/duration.ts';
import { groupOf, idOf, isSynthetic, keyOf, MAX_EVIDENCE, numberField } from '../evaluator.ts';
import type { FlatEvent } from '../types.ts';
import { DistinctWindow, type SavedDistinct } from '../windows/distinct.ts';
import { EntryWindow, type SavedWindow, type WindowEntry } from '../windows/entries.ts';
import { Keyed, type KeyLimits, MAX_KEYS, type SavedKeyed } from '../windows/keyed.ts';
import type { EventTest } from './detection.ts';
import { textOf } from './values.ts';

export const CORRELATION_TYPES = [
  'event_count',
  'value_count',
  'temporal',
  'temporal_ordered',
  'value_sum',
  'value_avg',
  'value_percentile',
  'value_median',
] as const;
export type CorrelationType = (typeof CORRELATION_TYPES)[number];

export const COMPARISONS = ['gt', 'gte', 'lt', 'lte', 'eq', 'neq'] as const;
export type Comparisons = Readonly<Partial<Record<(typeof COMPARISONS)[number], number>>>;

export interface CorrelationModel {
  readonly type: CorrelationType;
  readonly groupBy: readonly string[];
  readonly timespanMs: number;
  readonly compare: Comparisons;
  /** Of value_…: whose values. */
  readonly field: string | undefined;
  /** Of value_percentile: 0 to 100. */
  readonly percentile: number;
  /** By the place of the rule in `inputs`: alias → its field there. */
  readonly aliases: readonly Readonly<Record<string, string>>[];
}

/** An event that a rule matches; of a correlation the one that completed it, with what it rests on. */
export interface Hit {
  readonly event: FlatEvent;
  readonly at: number;
  readonly from: number;
  readonly count: number;
  readonly isExact: boolean;
  readonly evidence: readonly string[];
  readonly group: Readonly<Record<string, string>>;
  readonly measured: Readonly<Record<string, number>>;
  readonly reason: string;
  readonly synthetic: boolean;
}

/** A rule of Sigma as it runs. */
export interface SigmaNode {
  take(event: FlatEvent, at: number): Hit | undefined;
  readonly keys: number;
  readonly evicted: number;
  save(): unknown;
  load(saved: unknown): void;
}

export class BaseNode implements SigmaNode {
  readonly keys = 0;
  readonly evicted = 0;
  readonly #test: EventTest;
  readonly #groupBy: readonly string[];
  readonly #title: string;

  constructor(test: EventTest, groupBy: readonly string[], title: string) {
    this.#test = test;
    this.#groupBy = groupBy;
    this.#title = title;
  }

  take(event: FlatEvent, at: number): Hit | undefined {
    if (!this.#test(event)) return undefined;
    const synthetic = isSynthetic(event);
    const group = groupOf(event, this.#groupBy) ?? {};
    const evidence = [idOf(event)];
    return {
      event,
      at,
      from: at,
      count: 1,
      isExact: true,
      evidence,
      group,
      measured: {},
      reason: this.#title,
      synthetic,
    };
  }

  save(): null {
    return null;
  }

  load(): void {}
}

/** Of all keys of a correlation together. */
const MAX_WEIGHT = 100_000;
const LIMITS: KeyLimits = { keys: MAX_KEYS, weight: MAX_WEIGHT };

/** A chain of `temporal_ordered` that got so far: when it began, and on which events. */
interface Chain {
  readonly from: number;
  readonly ids: readonly string[];
  readonly synthetic: boolean;
}

interface Saved {
  readonly inputs: readonly unknown[];
  readonly windows: SavedKeyed<SavedWindow>;
  readonly distinct: SavedKeyed<SavedDistinct>;
  readonly chains: SavedKeyed<readonly (Chain | null)[]>;
}

export class CorrelationNode implements SigmaNode {
  readonly #model: CorrelationModel;
  readonly #inputs: readonly SigmaNode[];
  readonly #windows = new Keyed<EntryWindow>(LIMITS, ({ size }) => size);
  readonly #distinct = new Keyed<DistinctWindow>(LIMITS, ({ size }) => size);
  readonly #chains = new Keyed<(Chain | null)[]>();

  constructor(model: CorrelationModel, inputs: readonly SigmaNode[]) {
    this.#model = model;
    this.#inputs = inputs;
  }

  get keys(): number {
    return this.#windows.size + this.#distinct.size + this.#chains.size;
  }

  get evicted(): number {
    return this.#windows.evicted + this.#distinct.evicted + this.#chains.evicted;
  }

  take(event: FlatEvent, at: number): Hit | undefined {
    // Each input sees each event: it may be a correlation, which has a memory of its own.
    const hits = this.#inputs.map((input) => input.take(event, at));
    const { type } = this.#model;
    if (type === 'temporal' || type === 'temporal_ordered') return this.#temporal(hits, event);
    for (const [i, hit] of hits.entries()) {
      // An event that several of the rules match is one event.
      if (hit !== undefined) return this.#counted(i, event, at);
    }
    return undefined;
  }

  #group(input: number, event: FlatEvent): Readonly<Record<string, string>> | undefined {
    const aliases = this.#model.aliases[input] ?? {};
    if (Object.keys(aliases).length === 0) return groupOf(event, this.#model.groupBy);
    const found = groupOf(
      event,
      this.#model.groupBy.map((field) => aliases[field] ?? field),
    );
    if (found === undefined) return undefined;
    const values = this.#model.groupBy.map((field) => [field, found[aliases[field] ?? field] ?? '']);
    return Object.fromEntries(values);
  }

  #counted(input: number, event: FlatEvent, at: number): Hit | undefined {
    const { type, field, timespanMs } = this.#model;
    const group = this.#group(input, event);
    if (group === undefined) return undefined;
    const key = keyOf(group);
    if (type === 'value_count') {
      const value = textOf(event[field ?? '']);
      if (value === undefined) return undefined;
      const window = this.#distinct.useOr(key, () => new DistinctWindow(timespanMs));
      const before = window.size;
      window.add(value, at, idOf(event), isSynthetic(event));
      this.#distinct.grown(window.size - before);
      const seen = window.within(at);
      const entries = seen.map(({ at: when, id, synthetic }): WindowEntry => {
        return { at: when, count: 1, sum: 0, id, ...(synthetic ? { synthetic } : {}) };
      });
      return this.#hit(group, event, at, seen.length, !window.isFull, entries, `distinct ${field}`);
    }
    const value = field === undefined ? 0 : numberField(event, field);
    if (value === undefined) return undefined;
    const window = this.#windows.useOr(key, () => new EntryWindow(timespanMs));
    const before = window.size;
    window.add(at, value, idOf(event), isSynthetic(event));
    this.#windows.grown(window.size - before);
    const entries = window.within(at);
    const what = field === undefined ? 'events' : `${NAMES[type] ?? ''}${field}`;
    return this.#hit(group, event, at, this.#measure(entries), window.isExact, entries, what);
  }

  #measure(entries: readonly WindowEntry[]): number {
    const count = entries.reduce((total, entry) => total + entry.count, 0);
    const sum = entries.reduce((total, entry) => total + entry.sum, 0);
    switch (this.#model.type) {
      case 'value_sum':
        return sum;
      case 'value_avg':
        return sum / count;
      case 'value_percentile':
      case 'value_median':
        return percentileOf(entries, this.#model.percentile);
      default:
        return count;
    }
  }

  #hit(
    group: Readonly<Record<string, string>>,
    event: FlatEvent,
    at: number,
    measured: number,
    isExact: boolean,
    entries: readonly WindowEntry[],
    what: string,
  ): Hit | undefined {
    if (!holds(this.#model.compare, measured)) return undefined;
    const { timespanMs } = this.#model;
    return {
      ...{ group, event, at, isExact },
      from: at - timespanMs,
      count: entries.reduce((total, { count }) => total + count, 0),
      evidence: entries.slice(-MAX_EVIDENCE).flatMap(({ id }) => (id === undefined ? [] : [id])),
      measured: { [what.replaceAll(' ', '_')]: measured },
      reason: `${Math.round(measured * 100) / 100} ${what} in ${durationInWords(timespanMs)}`,
      synthetic: entries.every(({ synthetic }) => synthetic === true),
    };
  }

  #temporal(hits: readonly (Hit | undefined)[], event: FlatEvent): Hit | undefined {
    let completed: Hit | undefined;
    // The last step first, so that one event is never two steps of a chain.
    for (let i = hits.length - 1; i >= 0; i -= 1) {
      const hit = hits[i];
      if (hit === undefined) continue;
      const group = this.#group(i, event);
      if (group === undefined) continue;
      const key = keyOf(group);
      const chains = this.#chains.useOr(key, () => hits.map(() => null));
      completed ??=
        this.#model.type === 'temporal' ? this.#near(chains, i, hit, group) : this.#ordered(chains, i, hit, group);
    }
    return completed;
  }

  /** Each rule's newest event; they are near when all that count lie in one window. */
  #near(chains: (Chain | null)[], i: number, hit: Hit, group: Readonly<Record<string, string>>): Hit | undefined {
    chains[i] = { from: hit.at, ids: hit.evidence.slice(-MAX_EVIDENCE), synthetic: hit.synthetic };
    const start = hit.at - this.#model.timespanMs;
    const near = chains.filter((chain) => chain !== null && chain.from > start && chain.from <= hit.at);
    if (!holds(this.#model.compare, near.length)) return undefined;
    return this.#chained(
      group,
      hit,
      near.filter((chain) => chain !== null),
      near.length,
    );
  }

  /** The chain up to each step that began last: none that began earlier can end within the window when it cannot. */
  #ordered(chains: (Chain | null)[], i: number, hit: Hit, group: Readonly<Record<string, string>>): Hit | undefined {
    const before = i === 0 ? { from: hit.at, ids: [], synthetic: true } : chains[i - 1];
    if (before === null || before === undefined || before.from <= hit.at - this.#model.timespanMs) return undefined;
    const chain: Chain = {
      from: before.from,
      ids: [...before.ids, ...hit.evidence].slice(-MAX_EVIDENCE),
      synthetic: before.synthetic && hit.synthetic,
    };
    chains[i] = chain;
    return i === chains.length - 1 ? this.#chained(group, hit, [chain], chains.length) : undefined;
  }

  #chained(group: Readonly<Record<string, string>>, hit: Hit, chains: readonly Chain[], rules: number): Hit {
    const evidence = [...new Set(chains.flatMap(({ ids }) => ids))].slice(-MAX_EVIDENCE);
    const { timespanMs, type } = this.#model;
    return {
      ...{ group, evidence, count: evidence.length, isExact: true },
      ...{ event: hit.event, at: hit.at, from: Math.min(...chains.map(({ from }) => from)) },
      measured: { rules },
      reason: `${rules} kinds of events${type === 'temporal_ordered' ? ', one after another,' : ''} in ${durationInWords(timespanMs)}`,
      synthetic: chains.every(({ synthetic }) => synthetic),
    };
  }

  save(): Saved {
    return {
      inputs: this.#inputs.map((input) => input.save()),
      windows: this.#windows.save((window) => window.save()),
      distinct: this.#distinct.save((window) => window.save()),
      chains: this.#chains.save((chains) => [...chains]),
    };
  }

  load({ inputs, windows, distinct, chains }: Saved): void {
    for (const [i, input] of this.#inputs.entries()) input.load(inputs[i]);
    const { timespanMs } = this.#model;
    this.#windows.load(windows, (saved) => EntryWindow.load(timespanMs, saved));
    this.#distinct.load(distinct, (saved) => DistinctWindow.load(timespanMs, saved));
    this.#chains.load(chains, (saved) => [...saved]);
  }
}

const NAMES: Readonly<Partial<Record<CorrelationType, string>>> = {
  value_sum: 'in all of ',
  value_avg: 'on average of ',
  value_percentile: 'as percentile of ',
  value_median: 'as median of ',
};

function holds(compare: Comparisons, value: number): boolean {
  const { gt, gte, lt, lte, eq, neq } = compare;
  return (
    (gt === undefined || value > gt) &&
    (gte === undefined || value >= gte) &&
    (lt === undefined || value < lt) &&
    (lte === undefined || value <= lte) &&
    (eq === undefined || value === eq) &&
    (neq === undefined || value !== neq)
  );
}

/** Nearest rank: the smallest value that at least so many of a hundred do not exceed. */
function percentileOf(entries: readonly WindowEntry[], percentile: number): number {
  const sorted = entries.map(({ sum, count }) => ({ value: sum / count, count })).sort((a, b) => a.value - b.value);
  const total = sorted.reduce((all, { count }) => all + count, 0);
  const rank = Math.max(1, Math.ceil((percentile / 100) * total));
  let reached = 0;
  for (const { value, count } of sorted) {
    reached += count;
    if (reached >= rank) return value;
  }
  return sorted.at(-1)?.value ?? 0;
}
