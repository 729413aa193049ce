/** A batch made into the parameters of APPEND. Pure. */
import type { AgentId, WorkspaceId } from '../ids.ts';
import { type Block, buildBlock } from './block.ts';
import type { BatchItem, IntentEntry } from './entries.ts';
import { placeRecord } from './records.ts';
import type { HeldShard, Position } from './shard.ts';
import { APPEND, APPEND_WITH_WINDOWS } from './sql/append.ts';
import type { WindowLedger } from './windows.ts';

/** What the intents of a batch were decided under, to be compared in the transaction. */
export interface Expectation {
  /** Null when nothing in the batch depends on the workspace's state. */
  readonly policyRevision: number | null;
  /** All was decided for times from this one on, epoch milliseconds. */
  readonly fromMs: number;
  /** The first moment at which one of the tokens is dead, or one of the decisions holds no more. */
  readonly untilMs: number;
  /** Revision of each agent; undefined where none is compared. */
  readonly revisions: ReadonlyMap<AgentId, number> | undefined;
  /** The windows were decided as of this time, believed to be past for the database. Absent when they were read under lock. */
  readonly windowsAsOfUs?: number;
}

/** For a batch whose state is locked, and for records that depend on none. */
export const NOTHING_EXPECTED: Expectation = { policyRevision: null, fromMs: 0, untilMs: 0, revisions: undefined };

/** Undefined when the intents must be looked at one by one: they disagree, so that one must be stale, or one stands whatever its agent's state. */
export function expectationOf(intents: readonly IntentEntry[]): Expectation | undefined {
  const [first] = intents;
  if (first === undefined) return NOTHING_EXPECTED;
  const { policyRevision } = first.intent.evaluation;
  let fromMs = 0;
  let untilMs = Number.POSITIVE_INFINITY;
  const revisions = new Map<AgentId, number>();
  for (const { intent } of intents) {
    const { agentId, agentRevision, tokenExpiresAtMs } = intent.principal;
    // Those on whose behalf it is are looked at, too.
    if (intent.principal.chain !== undefined) return undefined;
    if (intent.evenIfStopped === true || intent.evaluation.policyRevision !== policyRevision) return undefined;
    if ((revisions.get(agentId) ?? agentRevision) !== agentRevision) return undefined;
    revisions.set(agentId, agentRevision);
    untilMs = Math.min(untilMs, tokenExpiresAtMs);
    const { holds } = intent.evaluation;
    if (holds === undefined) continue;
    fromMs = Math.max(fromMs, holds.fromMs);
    untilMs = Math.min(untilMs, holds.untilMs);
  }
  return { policyRevision, fromMs, untilMs, revisions };
}

/** A block with its place, and the statement that adds it. */
export interface Append {
  readonly items: readonly BatchItem[];
  readonly block: Block;
  readonly before: Position;
  readonly after: Position;
  /** Last sequence number given to each agent. */
  readonly agentSeqs: ReadonlyMap<AgentId, number>;
  readonly windows: WindowLedger | undefined;
  readonly statement: { readonly name: string; readonly text: string; readonly values: unknown[] };
}

/** What the statement returns when it was written. */
export interface AppendReply {
  /** The database's time; only with windows. */
  readonly now_us?: number;
}

/** Places the records behind `before` and the last known sequence numbers of their agents. */
export function prepareAppend(
  workspaceId: WorkspaceId,
  held: HeldShard,
  before: Position,
  openBlock: number,
  items: readonly BatchItem[],
  expectation: Expectation,
  lastSeq: (agentId: AgentId) => number,
  windows?: WindowLedger,
): Append {
  const agentSeqs = new Map<AgentId, number>();
  const records = items.map(({ text, agentId }, i) => {
    if (agentId === undefined) return placeRecord(text, held.shardId, before.seq + i);
    const seq = (agentSeqs.get(agentId) ?? lastSeq(agentId)) + 1;
    agentSeqs.set(agentId, seq);
    return placeRecord(text, held.shardId, before.seq + i, seq);
  });
  const block = buildBlock(before.head, records);
  const agents = [...agentSeqs.keys()].sort();
  const { policyRevision, fromMs, untilMs, revisions } = expectation;
  const values: unknown[] = [
    workspaceId,
    policyRevision,
    [fromMs / 1000, untilMs / 1000],
    agents,
    agents.map(lastSeq),
    revisions === undefined ? null : agents.map((id) => revisions.get(id)),
    JSON.stringify(Object.fromEntries([...agentSeqs].map(([id, seq]) => [id, seq - lastSeq(id)]))),
    held.shardId,
    held.fence,
    before.block,
    before.seq,
    block.count,
    block.records,
    block.entryHashes,
    block.previousHead,
    block.head,
    openBlock,
  ];
  if (windows !== undefined) values.push(...windowValues(windows, expectation));
  return {
    items,
    block,
    before,
    after: { block: before.block + 1, seq: before.seq + block.count, head: block.head },
    agentSeqs,
    windows,
    statement:
      windows === undefined
        ? { name: 'log-append', text: APPEND, values }
        : { name: 'log-append-windows', text: APPEND_WITH_WINDOWS, values },
  };
}

function windowValues(windows: WindowLedger, { windowsAsOfUs }: Expectation): unknown[] {
  const { keys, versions, added, keepSeconds } = windows.write();
  return [keys, versions, JSON.stringify(added), JSON.stringify(keepSeconds), windowsAsOfUs ?? null];
}
