/** A batch that must look before it decides: the state of its agents, or windows. One transaction, with locks. */
import type { WindowDemand } from '@hivekey/policy';
import type { PoolClient } from 'pg';
import type { AgentId, EventId, WorkspaceId } from '../ids.ts';
import type { RecordResult } from '../path/index.ts';
import { type Append, NOTHING_EXPECTED, prepareAppend } from './append.ts';
import type { Credit } from './credits.ts';
import { type Decided, decideBatch, withTimes } from './decide-batch.ts';
import type { Entry, IntentEntry } from './entries.ts';
import { readWindows, whenFreed } from './read-windows.ts';
import type { HeldShard, Position } from './shard.ts';
import { LOCK_AGENTS, LOCK_SHARD, LOCK_WORKSPACE } from './sql/lock.ts';
import { CREDIT, LOCK_COUNTERS, MAKE_COUNTERS } from './sql/windows.ts';
import { type AgentRow, staleness, type WorkspaceRow } from './staleness.ts';
import type { Gate } from './types.ts';
import type { WindowLedger } from './windows.ts';

type Stale = Extract<RecordResult, { kind: 'stale' }>;

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
  const agentIds = [
    ...new Set(
      intents.flatMap(({ intent: { principal } }) => [
        principal.agentId,
        ...(principal.chain ?? []).map(({ agentId }) => agentId),
      ]),
    ),
  ];
  const keys = [...keysOf(entries)];

  // All of it leaves in one write and is answered in one; awaited together so that no rejection is left alone.
  const [, workspace, agents, shard, ledger] = await Promise.all([
    client.query('BEGIN'),
    client.query<WorkspaceRow>({ name: 'log-lock-workspace', text: LOCK_WORKSPACE, values: [workspaceId] }),
    client.query<AgentRow>({ name: 'log-lock-agents', text: LOCK_AGENTS, values: [workspaceId, agentIds] }),
    client.query<{ now_ms: number }>({
      name: 'log-lock-shard',
      text: LOCK_SHARD,
      values: [workspaceId, held.shardId, held.fence, position.block, position.head],
    }),
    keys.length === 0 ? undefined : lockWindows(context, keys, keys.every(isKnown), entries),
  ]);
  if (shard.rows[0] === undefined) throw new ShardLost();

  const nowMs = ledger === undefined ? shard.rows[0].now_ms : ledger.nowUs / 1000;
  const rows = new Map(agents.rows.map((row) => [row.agent_id, row]));
  const stale: { entry: IntentEntry; result: Stale }[] = [];
  const live: Entry[] = [];
  for (const entry of creditsFirst(entries)) {
    const what = entry.kind === 'intent' ? staleness(entry.intent, workspace.rows[0], rows, nowMs) : undefined;
    if (entry.kind !== 'intent' || what === undefined) live.push(entry);
    else stale.push({ entry, result: what === 'time' ? { kind: 'stale', what, nowMs } : { kind: 'stale', what } });
  }
  const asked = await askGates(client, live);
  for (const entry of asked.again) stale.push({ entry, result: { kind: 'stale', what: 'approval' } });
  const { items, short, faulty, moved } = decideBatch(asked.entries, ledger, nowMs);
  for (const entry of moved) stale.push({ entry, result: { kind: 'stale', what: 'approval' } });
  if (ledger !== undefined) {
    const all = short.flatMap((call) => call.short);
    const freed = await whenFreed(client, workspaceId, all, ledger);
    for (const call of short) {
      const item = items[call.place];
      if (item !== undefined) items[call.place] = withTimes(item, call, freed, nowMs);
    }
  }
  const lastSeq = (id: AgentId): number => rows.get(id)?.agent_seq ?? 0;
  const append =
    items.length === 0
      ? undefined
      : prepareAppend(workspaceId, held, position, openBlock, items, NOTHING_EXPECTED, lastSeq, ledger);
  return { stale, faulty, append };
}

/** Has the gates read what they rule by. Of two with one key the second intent is decided again. */
async function askGates(
  client: PoolClient,
  entries: readonly Entry[],
): Promise<{ readonly entries: readonly Entry[]; readonly again: readonly IntentEntry[] }> {
  const gates = new Set<Gate>();
  const keys = new Set<string>();
  const again: IntentEntry[] = [];
  for (const entry of entries) {
    const gate = entry.kind === 'intent' ? entry.intent.gate : undefined;
    if (entry.kind !== 'intent' || gate === undefined) continue;
    const its = [gate.key, ...(gate.alsoKeys ?? [])].filter((key) => key !== undefined);
    if (its.some((key) => keys.has(key))) {
      again.push(entry);
      continue;
    }
    gates.add(gate);
    for (const key of its) keys.add(key);
  }
  if (gates.size === 0) return { entries, again };
  await Promise.all([...gates].map((gate) => gate.read(client)));
  return { entries: entries.filter((entry) => entry.kind === 'plain' || !again.includes(entry)), again };
}

/** What is given back is gone before any window is read: the records stand in that order, so that a replay of them decides the same. */
function creditsFirst(entries: readonly Entry[]): readonly Entry[] {
  const gives = (entry: Entry) => entry.kind === 'plain' && (entry.credits?.length ?? 0) > 0;
  return entries.some(gives) ? [...entries.filter(gives), ...entries.filter((entry) => !gives(entry))] : entries;
}

/** The counters that the batch reads or changes. */
export function keysOf(entries: readonly Entry[]): Set<string> {
  const keys = new Set<string>();
  for (const entry of entries) {
    if (entry.kind === 'plain') for (const { key } of entry.credits ?? []) keys.add(key);
    else if (entry.ready === undefined) {
      for (const { key } of entry.intent.evaluation.demands) keys.add(key);
      for (const { key } of entry.intent.evaluation.charges) keys.add(key);
    }
  }
  return keys;
}

/** Sent in this order: what is given back is gone when the windows are read. */
async function lockWindows(
  { client, workspaceId }: BatchContext,
  keys: readonly string[],
  areKnown: boolean,
  entries: readonly Entry[],
): Promise<WindowLedger> {
  const values = [workspaceId, keys];
  const make = () => client.query({ name: 'log-make-counters', text: MAKE_COUNTERS, values });
  const lock = () => client.query({ name: 'log-lock-counters', text: LOCK_COUNTERS, values });
  const give = ({ call, credit: { key, version, sinceUs, amount } }: DueCredit) =>
    client.query({ name: 'log-credit', text: CREDIT, values: [workspaceId, key, version, sinceUs, amount, call] });
  const read = () => readWindows(client, workspaceId, keys, demandsOf(entries));
  const [, locked, , ledger] = await Promise.all([
    areKnown ? undefined : make(),
    lock(),
    Promise.all(creditsDue(entries).map(give)),
    read(),
  ]);
  if (locked.rowCount === keys.length) return ledger;
  // A counter was cleared away since it was known.
  const [, , again] = await Promise.all([make(), lock(), read()]);
  return again;
}

interface DueCredit {
  readonly call: EventId;
  readonly credit: Credit;
}

function creditsDue(entries: readonly Entry[]): DueCredit[] {
  return entries.flatMap((entry) => {
    if (entry.kind !== 'plain' || entry.settles === undefined) return [];
    const { settles: call, credits = [] } = entry;
    return credits.map((credit) => ({ call, credit }));
  });
}

function demandsOf(entries: readonly Entry[]): WindowDemand[] {
  return entries.flatMap((entry) =>
    entry.kind === 'intent' && entry.ready === undefined ? entry.intent.evaluation.demands : [],
  );
}
