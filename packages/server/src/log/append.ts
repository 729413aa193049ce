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
  /** The first moment at which one of the tokens is dead, epoch milliseconds. */
  readonly tokenExpiryMs: number;
  /** Revision of each agent; null where it is not compared. */
  readonly revisions: ReadonlyMap<AgentId, number | null>;
}

/** Undefined when the intents disagree among themselves, so that one of them must be stale. */
export function expectationOf(intents: Iterable<IntentEntry>): Expectation | undefined {
  let policyRevision: number | null = null;
  let tokenExpiryMs = Number.POSITIVE_INFINITY;
  const revisions = new Map<AgentId, number | null>();
  for (const { intent } of intents) {
    const { agentId, agentRevision, tokenExpiresAtMs } = intent.principal;
    const known = revisions.get(agentId) ?? null;
    if (intent.evenIfStopped === true) {
      revisions.set(agentId, known);
      continue;
    }
    const revision = intent.evaluation.policyRevision;
    if ((policyRevision ?? revision) !== revision || (known ?? agentRevision) !== agentRevision) return undefined;
    policyRevision = revision;
    revisions.set(agentId, agentRevision);
    tokenExpiryMs = Math.min(tokenExpiryMs, tokenExpiresAtMs);
  }
  return { policyRevision, tokenExpiryMs, revisions };
}

/** A block with its place, and the statement that adds it. */
export interface Append {
  readonly items: readonly BatchItem[];
  readonly block: Block;
  readonly before: Position;
  readonly after: Position;
  /** Last sequence number given to each agent. */
  readonly agentSeqs: ReadonlyMap<AgentId, number>;
  readonly statement: { readonly name: string; readonly text: string; readonly values: unknown[] };
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
  const values: unknown[] = [
    workspaceId,
    expectation.policyRevision,
    expectation.tokenExpiryMs / 1000,
    agents,
    agents.map((id) => expectation.revisions.get(id) ?? null),
    agents.map(lastSeq),
    agents.map((id) => agentSeqs.get(id)),
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
  if (windows !== undefined) values.push(...windowValues(windows));
  return {
    items,
    block,
    before,
    after: { block: before.block + 1, seq: before.seq + block.count, head: block.head },
    agentSeqs,
    statement:
      windows === undefined
        ? { name: 'log-append', text: APPEND, values }
        : { name: 'log-append-windows', text: APPEND_WITH_WINDOWS, values },
  };
}

function windowValues(windows: WindowLedger): unknown[] {
  const { entries, released } = windows;
  return [
    JSON.stringify(windows.counters()),
    entries.map(({ key }) => key),
    entries.map(({ atUs }) => atUs),
    entries.map(({ eventId }) => eventId),
    entries.map(({ amount }) => amount),
    released.map(({ key }) => key),
    released.map(({ atUs }) => atUs),
    released.map(({ eventId }) => eventId),
  ];
}
