/** The decisions of a batch, made one after the other against the windows they share. Pure. */
import { type Decision, settle, type WindowDemand, type WindowUsage } from '@hivekey/policy';
import type { BatchItem, Entry, IntentEntry } from './entries.ts';
import { callRecord } from './records.ts';
import { type Shortage, toNumber, type WindowLedger } from './windows.ts';

/** A decided call with demands that did not fit but may later; `place` is its index among the items. */
export interface ShortCall {
  readonly place: number;
  readonly entry: IntentEntry;
  readonly usages: readonly WindowUsage[];
  readonly short: readonly { readonly demand: WindowDemand; readonly shortage: Shortage }[];
}

export interface Decided {
  readonly items: BatchItem[];
  readonly short: ShortCall[];
  /** Intents that have no record: a fault of the one intent, which must not reach the others. */
  readonly faulty: { readonly entry: IntentEntry; readonly error: unknown }[];
}

/** Decides and reserves in order. Without a ledger, no intent may have demands. */
export function decideBatch(entries: readonly Entry[], ledger: WindowLedger | undefined): Decided {
  const decided: Decided = { items: [], short: [], faulty: [] };
  for (const entry of entries) {
    if (entry.kind === 'plain') {
      decided.items.push({ entry, text: entry.text });
      continue;
    }
    try {
      decided.items.push(decideOne(entry, ledger, decided));
    } catch (error) {
      decided.faulty.push({ entry, error });
    }
  }
  return decided;
}

function decideOne(entry: IntentEntry, ledger: WindowLedger | undefined, { items, short }: Decided): BatchItem {
  if (entry.ready !== undefined) return itemOf(entry, entry.ready.decision);
  const { evaluation } = entry.intent;
  if (ledger === undefined) throw new Error('the windows were not read');
  const usages = evaluation.demands.map((demand) => ({ used: toNumber(ledger.used(demand)) }));
  const item = itemOf(entry, settle(evaluation, usages));
  const shortages = evaluation.demands.flatMap((demand) => {
    const shortage = ledger.shortage(demand);
    return shortage === undefined ? [] : [{ demand, shortage }];
  });
  if (shortages.length > 0) short.push({ place: items.length, entry, usages, short: shortages });
  if (item.decision?.verdict !== 'allow') return item;
  return { ...item, reservations: ledger.reserve(evaluation.charges) };
}

/** The call decided once more, now knowing from when on it would fit; what the decision says of it changes, the verdict does not. */
export function withTimes(
  item: BatchItem,
  { entry, usages, short }: ShortCall,
  freed: ReadonlyMap<Shortage, number>,
): BatchItem {
  const told = entry.intent.evaluation.demands.map((demand, i): WindowUsage => {
    const used = usages[i]?.used ?? 0;
    const shortage = short.find((each) => each.demand === demand)?.shortage;
    const freesInSeconds = shortage && freed.get(shortage);
    return freesInSeconds === undefined ? { used } : { used, freesInSeconds };
  });
  return { ...item, ...itemOf(entry, settle(entry.intent.evaluation, told)) };
}

function itemOf(entry: IntentEntry, decision: Decision): BatchItem {
  return {
    entry,
    text: entry.ready?.text ?? callRecord(entry.intent, decision, entry.eventId, entry.nowMs),
    agentId: entry.intent.principal.agentId,
    decision,
  };
}
