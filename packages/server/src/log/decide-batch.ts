/** The decisions of a batch, made one after the other against the windows they share. Pure. */
import { type Decision, settle, type WindowDemand, type WindowUsage } from '@hivekey/policy';
import { newEventId } from '../ids.ts';
import type { Reservation } from '../path/index.ts';
import type { BatchItem, Entry, IntentEntry, PlainEntry } from './entries.ts';
import { callRecord, looseRecord } from './records.ts';
import type { RecordDraft } from './types.ts';
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
  /** What their gates were made for is there no more. */
  readonly moved: IntentEntry[];
}

/**
 * Decides and reserves in order. Without a ledger, no intent may have demands. `gatesAtMs`: the gates have read, at
 * that time of the database; without it they are not asked.
 */
export function decideBatch(entries: readonly Entry[], ledger: WindowLedger | undefined, gatesAtMs?: number): Decided {
  const decided: Decided = { items: [], short: [], faulty: [], moved: [] };
  for (const entry of entries) {
    if (entry.kind === 'plain') {
      decided.items.push({ entry, text: entry.text });
      continue;
    }
    try {
      decideOne(entry, ledger, gatesAtMs, decided);
    } catch (error) {
      decided.faulty.push({ entry, error });
    }
  }
  return decided;
}

function decideOne(
  entry: IntentEntry,
  ledger: WindowLedger | undefined,
  gatesAtMs: number | undefined,
  { items, short, moved }: Decided,
): void {
  if (entry.ready !== undefined) {
    items.push(itemOf(entry, entry.ready.decision, gatesAtMs));
    return;
  }
  const { evaluation } = entry.intent;
  if (ledger === undefined) {
    if (evaluation.demands.length > 0 || evaluation.charges.length > 0) throw new Error('the windows were not read');
    add(itemOf(entry, settle(evaluation, []), gatesAtMs), entry, items, moved);
    return;
  }
  const usages = evaluation.demands.map((demand) => ({ used: toNumber(ledger.used(demand)) }));
  const reserve: Reserve = (isApproved) =>
    ledger.reserve(isApproved ? evaluation.charges.filter(({ unattended }) => !unattended) : evaluation.charges);
  const shortages = evaluation.demands.flatMap((demand) => {
    const shortage = ledger.shortage(demand);
    return shortage === undefined ? [] : [{ demand, shortage }];
  });
  const item = itemOf(entry, settle(evaluation, usages), gatesAtMs, reserve);
  if (item.ruling?.kind === 'stale') {
    moved.push(entry);
    return;
  }
  if (shortages.length > 0) short.push({ place: items.length, entry, usages, short: shortages });
  add(item, entry, items, moved);
}

/** With the records that its gate wants behind it. */
function add(item: BatchItem, entry: IntentEntry, items: BatchItem[], moved: IntentEntry[]): void {
  const { ruling } = item;
  if (ruling?.kind === 'stale') {
    moved.push(entry);
    return;
  }
  items.push(item);
  for (const draft of ruling?.records ?? []) items.push(recordItem(draft, entry));
}

/** Durable exactly when its call is, so nobody waits for it and nobody tries it again. */
function recordItem(draft: RecordDraft, { intent: { principal }, nowMs }: IntentEntry): BatchItem {
  const eventId = newEventId(nowMs);
  const text = looseRecord(draft, principal, eventId, nowMs);
  const entry: PlainEntry = { kind: 'plain', eventId, text, attempts: 0, resolve: ignore, reject: ignore };
  return { entry, text };
}

function ignore(): void {}

/** The call decided once more, now knowing from when on it would fit; what the decision says of it changes, the verdict does not. */
export function withTimes(
  item: BatchItem,
  { entry, usages, short }: ShortCall,
  freed: ReadonlyMap<Shortage, number>,
  gatesAtMs: number,
): BatchItem {
  const told = entry.intent.evaluation.demands.map((demand, i): WindowUsage => {
    const used = usages[i]?.used ?? 0;
    const shortage = short.find((each) => each.demand === demand)?.shortage;
    const freesInSeconds = shortage && freed.get(shortage);
    return freesInSeconds === undefined ? { used } : { used, freesInSeconds };
  });
  return { ...item, ...itemOf(entry, settle(entry.intent.evaluation, told), gatesAtMs, () => item.reservations ?? []) };
}

/** What people approved is not unattended. */
type Reserve = (isApproved: boolean) => readonly Reservation[];

/** `reserve` is called once the call is known to be allowed: the record names the entries that it charges. */
function itemOf(
  entry: IntentEntry,
  settled: Decision,
  gatesAtMs: number | undefined,
  reserve: Reserve = () => [],
): BatchItem {
  const { intent, eventId, nowMs, ready } = entry;
  const { agentId } = intent.principal;
  const { gate } = intent;
  if (gate === undefined || gatesAtMs === undefined) {
    const reservations = settled.verdict === 'allow' ? reserve(false) : [];
    const text = ready?.text ?? callRecord(intent, settled, eventId, nowMs, undefined, reservations);
    return { entry, text, agentId, decision: settled, reservations };
  }
  const ruling = gate.rule(settled, { eventId, nowMs: gatesAtMs });
  const decision = ruling.kind === 'ruled' ? ruling.decision : settled;
  const approvalId = ruling.kind === 'ruled' ? ruling.approvalId : undefined;
  const reservations = ruling.kind === 'ruled' && decision.verdict === 'allow' ? reserve(approvalId !== undefined) : [];
  const text = callRecord(intent, decision, eventId, nowMs, approvalId, reservations);
  return { entry, text, agentId, decision, gate, ruling, reservations };
}
