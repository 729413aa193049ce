/** A batch that must look before it decides: the state of its agents, or windows. One transaction, with locks. */
import type { PoolClient } from 'pg';
import type { AgentId, EventId, WorkspaceId } from '../ids.ts';
import type { RecordResult } from '../path/types.ts';
import { type Append, NOTHING_EXPECTED, prepareAppend } from './append.ts';
import { type Decided, decideBatch, withTimes } from './decide-batch.ts';
import type { Entry, IntentEntry } from './entries.ts';
import type { HeldShard, Position } from './shard.ts';
import { LOCK_AGENTS, LOCK_SHARD, LOCK_WORKSPACE } from './sql/lock.ts';
import {
  LOCK_COUNTERS,
  MAKE_COUNTERS,
  READ_WINDOWS,
  RELEASE_ENTRY,
  SUM_WINDOWS,
  WHEN_FREED,
  type WindowRow,
} from './sql/windows.ts';
import { type Counter, WindowLedger, windowOf } from './windows.ts';

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
  readonly faulty: Decided['faulty'];
  /** The append to send, followed by COMMIT; undefined when nothing is left to record. */
  readonly append: Append | undefined;
}

export interface BatchContext {
  readonly client: PoolClient;
  readonly workspaceId: WorkspaceId;
  readonly held: HeldShard;
  readonly position: Position;
  readonly openBlock: number;
}

/** Opens the transaction, locks what the batch depends on, decides, and prepares the append. Throws ShardLost. */
export async function lockAndDecide(
  context: BatchContext,
  entries: readonly Entry[],
  isKnown: (counter: string) => boolean,
): Promise<LockedBatch> {
  const { client, workspaceId, held, position, openBlock } = context;
  const intents = entries.filter((entry) => entry.kind === 'intent');
  const agentIds = [...new Set(intents.map(({ intent }) => intent.principal.agentId))];
  const keys = [...keysOf(entries)];

  // All of it leaves in one write and is answered in one; awaited together so that no rejection is left alone.
  const [, workspace, agents, shard, ledger] = await Promise.all([
    client.query('BEGIN'),
    client.query<WorkspaceRow>({ name: 'log-lock-workspace', text: LOCK_WORKSPACE, values: [workspaceId] }),
    client.query<AgentRow>({ name: 'log-lock-agents', text: LOCK_AGENTS, values: [workspaceId, agentIds] }),
    client.query({
      name: 'log-lock-shard',
      text: LOCK_SHARD,
      values: [workspaceId, held.shardId, held.fence, position.block, position.head],
    }),
    keys.length === 0 ? undefined : readWindows(context, keys, keys.every(isKnown), entries),
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
  if (ledger !== undefined) await addMissingWindows(context, live, ledger);
  const { items, short, faulty } = decideBatch(live, ledger);
  if (ledger !== undefined) {
    const told = await whenFreed(context, short, ledger);
    for (const call of short) {
      const item = items[call.place];
      if (item !== undefined) items[call.place] = withTimes(item, call, (shortage) => told.get(shortage) ?? 0);
    }
  }
  const lastSeq = (id: AgentId): number => rows.get(id)?.agent_seq ?? 0;
  const append =
    items.length === 0
      ? undefined
      : prepareAppend(workspaceId, held, position, openBlock, items, NOTHING_EXPECTED, lastSeq, ledger);
  return { stale, faulty, append };
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

/** The counters that the batch reads or changes. */
export function keysOf(entries: readonly Entry[]): Set<string> {
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

async function readWindows(
  { client, workspaceId }: BatchContext,
  keys: readonly string[],
  areKnown: boolean,
  entries: readonly Entry[],
): Promise<WindowLedger> {
  const values = [workspaceId, keys];
  const make = () => client.query({ name: 'log-make-counters', text: MAKE_COUNTERS, values });
  const lock = () => client.query({ name: 'log-lock-counters', text: LOCK_COUNTERS, values });
  const release = () =>
    releasesOf(entries).map(({ key, atUs, eventId }) =>
      client.query({ name: 'log-release', text: RELEASE_ENTRY, values: [workspaceId, key, atUs, eventId] }),
    );
  const read = () => client.query<WindowRow>({ name: 'log-read-windows', text: READ_WINDOWS, values });
  // In this order on the wire: what is given back is gone when the windows are read.
  const [, locked, , windows] = await Promise.all([
    areKnown ? undefined : make(),
    lock(),
    Promise.all(release()),
    read(),
  ]);
  if (locked.rowCount === keys.length) return ledgerOf(windows.rows);
  // A counter was cleared away since it was known.
  const [, , again] = await Promise.all([make(), lock(), read()]);
  return ledgerOf(again.rows);
}

function releasesOf(entries: readonly Entry[]): { key: string; atUs: number; eventId: EventId }[] {
  return entries.flatMap((entry) => {
    if (entry.kind === 'intent' || entry.settles === undefined) return [];
    const { settles: eventId } = entry;
    return (entry.release ?? []).map(({ key, atUs }) => ({ key, atUs, eventId }));
  });
}

function ledgerOf(rows: readonly WindowRow[]): WindowLedger {
  const counters = new Map<string, Counter & { readonly windows: Map<number, ReturnType<typeof windowOf>> }>();
  for (const row of rows) {
    const counter = counters.get(row.key) ?? {
      version: row.version,
      lastAtUs: row.last_at_us,
      keepSeconds: row.keep_seconds,
      windows: new Map(),
    };
    counters.set(row.key, counter);
    if (row.seconds !== null && row.total !== null)
      counter.windows.set(row.seconds, windowOf(BigInt(row.total), row.seconds, row.oldest_us));
  }
  return new WindowLedger(counters, rows[0]?.now_us ?? 0);
}

async function addMissingWindows(
  { client, workspaceId }: BatchContext,
  entries: readonly Entry[],
  ledger: WindowLedger,
): Promise<void> {
  const demands = entries.flatMap((entry) =>
    entry.kind === 'intent' && entry.ready === undefined ? entry.intent.evaluation.demands : [],
  );
  const missing = ledger.missing(demands);
  if (missing.length === 0) return;
  const { rows } = await client.query<{ total: string; oldest_us: number | null }>(SUM_WINDOWS, [
    workspaceId,
    missing.map(({ key }) => key),
    missing.map(({ sinceUs }) => sinceUs),
  ]);
  for (const [i, { key, seconds }] of missing.entries())
    ledger.addWindow(key, seconds, BigInt(rows[i]?.total ?? 0), rows[i]?.oldest_us ?? null);
}

/** For each shortage, the seconds until it is none. */
async function whenFreed(
  { client, workspaceId }: BatchContext,
  calls: Decided['short'],
  ledger: WindowLedger,
): Promise<ReadonlyMap<object, number>> {
  const all = calls.flatMap(({ short }) => short);
  if (all.length === 0) return new Map();
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
  return new Map(
    all.map((shortage, i) => [shortage, ledger.freesInSeconds(shortage.demand, rows[i]?.at_us ?? undefined)]),
  );
}
