/** A batch that must look before it decides: the state of its agents, or windows. One transaction, with locks. */
import { type Decision, settle, type WindowDemand, type WindowUsage } from '@hivekey/policy';
import type { PoolClient, QueryResult } from 'pg';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { RecordResult } from '../path/types.ts';
import { type Append, type Expectation, prepareAppend } from './append.ts';
import type { BatchItem, Entry, IntentEntry } from './entries.ts';
import { callRecord } from './records.ts';
import type { HeldShard, Position } from './shard.ts';
import { LOCK_AGENTS, LOCK_SHARD, LOCK_WORKSPACE } from './sql/lock.ts';
import { LOCK_COUNTERS, MAKE_COUNTERS, READ_WINDOWS, SUM_WINDOWS, WHEN_FREED } from './sql/windows.ts';
import { WindowLedger, type WindowRow } from './windows.ts';

type Stale = Extract<RecordResult, { kind: 'stale' }>;

interface WorkspaceRow {
  status: 'active' | 'stopped';
  policy_revision: number;
  now_ms: number;
}

interface AgentRow {
  agent_id: AgentId;
  status: 'active' | 'suspended' | 'revoked';
  revision: number;
  agent_seq: number;
}

/** Another writer took the shard. */
export class ShardLost extends Error {}

export interface LockedBatch {
  /** Sent back to be decided again. */
  readonly stale: readonly { readonly entry: IntentEntry; readonly result: Stale }[];
  /** Intents that have no record: a fault of the one intent, which must not reach the others. */
  readonly faulty: readonly { readonly entry: IntentEntry; readonly error: unknown }[];
  /** The append to send, followed by COMMIT; undefined when nothing is left to record. */
  readonly append: Append | undefined;
}

export interface BatchContext {
  readonly client: PoolClient;
  readonly workspaceId: WorkspaceId;
  readonly held: HeldShard;
  readonly position: Position;
  readonly openBlock: number;
  /** Keys of counters that are known to be there. */
  readonly knownCounters: Set<string>;
}

/** Opens the transaction, locks what the batch depends on, decides, and prepares the append. Throws ShardLost. */
export async function lockAndDecide(context: BatchContext, entries: readonly Entry[]): Promise<LockedBatch> {
  const { client, workspaceId } = context;
  const intents = entries.filter((entry) => entry.kind === 'intent');
  const agentIds = [...new Set(intents.map(({ intent }) => intent.principal.agentId))];
  const keys = [...keysOf(entries)];

  // All of it leaves in one write and is answered in one; awaited together so that no rejection is left alone.
  const [, workspace, agents, shard, windows] = await Promise.all([
    client.query('BEGIN'),
    client.query<WorkspaceRow>({ name: 'log-lock-workspace', text: LOCK_WORKSPACE, values: [workspaceId] }),
    client.query<AgentRow>({ name: 'log-lock-agents', text: LOCK_AGENTS, values: [workspaceId, agentIds] }),
    client.query({
      name: 'log-lock-shard',
      text: LOCK_SHARD,
      values: [workspaceId, context.held.shardId, context.held.fence, context.position.block, context.position.head],
    }),
    keys.length === 0 ? undefined : readWindows(context, keys),
  ]);
  if (shard.rowCount === 0) throw new ShardLost();

  const rows = new Map(agents.rows.map((row) => [row.agent_id, row]));
  const stale: { entry: IntentEntry; result: Stale }[] = [];
  const live: Entry[] = [];
  for (const entry of entries) {
    const what = entry.kind === 'intent' ? staleness(entry, workspace.rows[0], rows) : undefined;
    if (entry.kind === 'intent' && what !== undefined) stale.push({ entry, result: { kind: 'stale', what } });
    else live.push(entry);
  }
  const ledger = windows === undefined ? undefined : new WindowLedger(windows.rows);
  const { items, faulty } = await decideAll(client, workspaceId, live, ledger);
  return { stale, faulty, append: items.length === 0 ? undefined : appendOf(context, items, rows, ledger) };
}

function appendOf(
  { workspaceId, held, position, openBlock }: BatchContext,
  items: readonly BatchItem[],
  agents: ReadonlyMap<AgentId, AgentRow>,
  ledger: WindowLedger | undefined,
): Append {
  // Everything is locked, so there is nothing left to compare but the sequence numbers.
  const expectation: Expectation = { policyRevision: null, tokenExpiryMs: 0, revisions: new Map() };
  const lastSeq = (id: AgentId): number => agents.get(id)?.agent_seq ?? 0;
  return prepareAppend(workspaceId, held, position, openBlock, items, expectation, lastSeq, ledger);
}

/** Why the intent must be decided again; undefined when it stands. */
function staleness(
  { intent }: IntentEntry,
  workspace: WorkspaceRow | undefined,
  agents: ReadonlyMap<AgentId, AgentRow>,
): Stale['what'] | undefined {
  const { principal, evaluation } = intent;
  const agent = agents.get(principal.agentId);
  if (agent === undefined) return 'agent';
  if (intent.evenIfStopped === true) return undefined;
  if (workspace?.status !== 'active') return 'workspace';
  if (agent.status !== 'active' || agent.revision !== principal.agentRevision) return 'agent';
  if (principal.tokenExpiresAtMs <= workspace.now_ms) return 'agent';
  return workspace.policy_revision === evaluation.policyRevision ? undefined : 'policy';
}

function keysOf(entries: readonly Entry[]): Set<string> {
  const keys = new Set<string>();
  for (const entry of entries) {
    if (entry.kind === 'plain') for (const { key } of entry.release ?? []) keys.add(key);
    else if (entry.ready === undefined) {
      for (const { key } of entry.intent.evaluation.demands) keys.add(key);
      for (const { key } of entry.intent.evaluation.charges) keys.add(key);
    }
  }
  return keys;
}

async function readWindows(context: BatchContext, keys: readonly string[]): Promise<QueryResult<WindowRow>> {
  const { client, workspaceId, knownCounters } = context;
  const values = [workspaceId, keys];
  const make = () => client.query({ name: 'log-make-counters', text: MAKE_COUNTERS, values });
  const lock = () => client.query({ name: 'log-lock-counters', text: LOCK_COUNTERS, values });
  const read = () => client.query<WindowRow>({ name: 'log-read-windows', text: READ_WINDOWS, values });
  const isKnown = keys.every((key) => knownCounters.has(key));
  const [, locked, windows] = await Promise.all([isKnown ? undefined : make(), lock(), read()]);
  for (const key of keys) knownCounters.add(key);
  if (locked.rowCount === keys.length) return windows;
  // A counter was cleared away since.
  const [, , again] = await Promise.all([make(), lock(), read()]);
  return again;
}

interface Decided {
  readonly items: BatchItem[];
  readonly faulty: { readonly entry: IntentEntry; readonly error: unknown }[];
}

async function decideAll(
  client: PoolClient,
  workspaceId: WorkspaceId,
  entries: readonly Entry[],
  ledger: WindowLedger | undefined,
): Promise<Decided> {
  if (ledger !== undefined) await addMissingWindows(client, workspaceId, entries, ledger);
  const items: BatchItem[] = [];
  const faulty: Decided['faulty'] = [];
  const refused: Refused[] = [];
  for (const entry of entries) {
    if (entry.kind === 'plain') {
      if (entry.release !== undefined && entry.settles !== undefined) ledger?.release(entry.release, entry.settles);
      items.push({ entry, text: entry.text });
      continue;
    }
    try {
      if (entry.ready !== undefined || ledger === undefined)
        items.push(itemOf(entry, entry.ready?.decision ?? settle(entry.intent.evaluation, [])));
      else items.push(decideOne(entry, ledger, items.length, refused));
    } catch (error) {
      faulty.push({ entry, error });
    }
  }
  if (ledger !== undefined && refused.length > 0) await sayWhenFreed(client, workspaceId, items, refused, ledger);
  return { items, faulty };
}

function decideOne(entry: IntentEntry, ledger: WindowLedger, place: number, refused: Refused[]): BatchItem {
  const { evaluation } = entry.intent;
  const usages = evaluation.demands.map((demand) => ({ used: toNumber(ledger.used(demand)) }));
  const item = itemOf(entry, settle(evaluation, usages));
  const short = shortages(evaluation.demands, ledger);
  if (short.length > 0) refused.push({ place, entry, usages, short });
  if (item.decision?.verdict !== 'allow') return item;
  return { ...item, reservations: ledger.reserve(evaluation.charges, entry.eventId) };
}

function itemOf(entry: IntentEntry, decision: Decision): BatchItem {
  return {
    entry,
    text: entry.ready?.text ?? callRecord(entry.intent, decision, entry.eventId, entry.nowMs),
    agentId: entry.intent.principal.agentId,
    decision,
  };
}

async function addMissingWindows(
  client: PoolClient,
  workspaceId: WorkspaceId,
  entries: readonly Entry[],
  ledger: WindowLedger,
): Promise<void> {
  const missing = ledger.missing(demandsOf(entries));
  if (missing.length === 0) return;
  const { rows } = await client.query<{ total: string }>(SUM_WINDOWS, [
    workspaceId,
    missing.map(({ key }) => key),
    missing.map(({ sinceUs }) => sinceUs),
  ]);
  for (const [i, { key, seconds }] of missing.entries()) ledger.addWindow(key, seconds, BigInt(rows[i]?.total ?? 0));
}

function* demandsOf(entries: readonly Entry[]): Generator<WindowDemand> {
  for (const entry of entries)
    if (entry.kind === 'intent' && entry.ready === undefined) yield* entry.intent.evaluation.demands;
}

interface Shortage {
  readonly demand: WindowDemand;
  readonly needed: bigint;
  readonly sinceUs: number;
}

interface Refused {
  readonly place: number;
  readonly entry: IntentEntry;
  readonly usages: readonly WindowUsage[];
  readonly short: readonly Shortage[];
}

function shortages(demands: readonly WindowDemand[], ledger: WindowLedger): Shortage[] {
  return demands.flatMap((demand) => {
    const shortage = ledger.shortage(demand);
    return shortage === undefined ? [] : [{ demand, ...shortage }];
  });
}

/** Settles the refused calls once more, now with the moment from which they would fit. The verdict cannot change by it. */
async function sayWhenFreed(
  client: PoolClient,
  workspaceId: WorkspaceId,
  items: BatchItem[],
  refused: readonly Refused[],
  ledger: WindowLedger,
): Promise<void> {
  const all = refused.flatMap(({ short }) => short);
  const { rows } = await client.query<{ at_us: number | null }>({
    name: 'log-when-freed',
    text: WHEN_FREED,
    values: [
      workspaceId,
      all.map(({ demand }) => demand.key),
      all.map(({ sinceUs }) => sinceUs),
      all.map(({ needed }) => needed.toString()),
    ],
  });
  const frees = new Map(
    all.map((shortage, i) => [shortage, ledger.freesInSeconds(shortage.demand, rows[i]?.at_us ?? undefined)]),
  );
  for (const { place, entry, usages, short } of refused) {
    const told = entry.intent.evaluation.demands.map((demand, i): WindowUsage => {
      const shortage = short.find((each) => each.demand === demand);
      const freesInSeconds = shortage === undefined ? undefined : frees.get(shortage);
      const used = usages[i]?.used ?? 0;
      return freesInSeconds === undefined ? { used } : { used, freesInSeconds };
    });
    const item = items[place];
    const decision = settle(entry.intent.evaluation, told);
    if (item !== undefined) items[place] = { ...item, ...itemOf(entry, decision) };
  }
}

/** Beyond 2^53 the exact number has no bearing: no limit is that high. */
function toNumber(units: bigint): number {
  return units > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(units);
}
