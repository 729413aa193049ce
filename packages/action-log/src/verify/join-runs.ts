/** From runs that were checked by themselves to one run. */
import { ZERO_LINK } from '../hashes.ts';
import { joinUsed } from './absences.ts';
import type { AgentRun, EntryRun, ReachedMark, ShardPosition, ShardRun } from './entry-run.ts';
import { Findings } from './findings.ts';

const ZERO = Buffer.from(ZERO_LINK).toString('latin1');

/** Joins runs that stand one behind the other in the file, and checks what crosses from one to the next. */
export function joinRuns(runs: readonly EntryRun[]): EntryRun {
  const [first, ...rest] = runs;
  if (first === undefined) throw new TypeError('there is no run to join');
  return rest.reduce(joinTwo, first);
}

function joinTwo(left: EntryRun, right: EntryRun): EntryRun {
  const findings = new Findings();
  findings.addAll(left.found);
  const bytes = left.bytes + right.bytes;
  if (left.first === undefined || right.first === undefined) {
    findings.addAll(right.found);
    return { ...(left.first === undefined ? right : left), bytes, found: findings.found };
  }
  const follows = left.next === right.first;
  if (right.first > left.next)
    findings.fatal('entry_missing', `seq ${left.next} to ${right.first - 1}`, 'Entries are missing.');
  else if (!follows)
    findings.fatal('entry_reordered', `seq ${right.first}`, `The entry ${right.first} stands behind later ones.`);
  const isOrdered = follows && left.isOrdered && right.isOrdered;
  findings.addAll(right.found);
  return {
    first: left.first,
    next: Math.max(left.next, right.next),
    bytes,
    isOrdered,
    subtrees: isOrdered ? [...left.subtrees, ...right.subtrees] : [],
    marks:
      follows && left.isOrdered ? [...left.marks, ...right.marks.map((mark) => continued(left, mark))] : left.marks,
    shards: joinShards(left, right, findings, follows),
    agents: joinAgents(left, right, findings, follows),
    absent: left.absent + right.absent,
    allowed: joinUsed(left.allowed, right.allowed),
    holds: [...left.holds, ...right.holds],
    earliestTime: Math.min(left.earliestTime, right.earliestTime),
    latestTime: Math.max(left.latestTime, right.latestTime),
    found: findings.found,
  };
}

function continued(left: EntryRun, { size, subtrees, heads }: ReachedMark): ReachedMark {
  const before = [...left.shards].map(([shard, { last }]): [string, ShardPosition] => [shard, last]);
  return {
    size,
    subtrees: [...left.subtrees, ...subtrees],
    heads: heads === undefined ? undefined : new Map([...before, ...heads]),
  };
}

function joinShards(left: EntryRun, right: EntryRun, findings: Findings, follows: boolean): Map<string, ShardRun> {
  const shards = new Map(left.shards);
  for (const [shard, after] of right.shards) {
    const before = shards.get(shard);
    shards.set(
      shard,
      before === undefined
        ? after
        : { ...before, last: after.last, latestTime: Math.max(before.latestTime, after.latestTime) },
    );
    if (before !== undefined && follows) checkShardLink(shard, before.last, after, findings);
  }
  return shards;
}

function checkShardLink(
  shard: string,
  last: ShardPosition,
  { firstSeq, previous, firstAt }: ShardRun,
  findings: Findings,
): void {
  const place = `seq ${firstAt}, shard ${shard} position ${firstSeq}`;
  if (firstSeq > last.seq + 1)
    findings.fatal(
      'entry_missing',
      place,
      `The positions ${last.seq + 1} to ${firstSeq - 1} of the shard are missing.`,
    );
  else if (firstSeq <= last.seq)
    findings.fatal('entry_reordered', place, `The position comes after position ${last.seq} of the shard.`);
  else if (previous !== last.link)
    findings.fatal('link_broken', place, 'Its prev_hash is not the hash of the entry before it in the shard.');
}

function joinAgents(left: EntryRun, right: EntryRun, findings: Findings, follows: boolean): Map<string, AgentRun> {
  const agents = new Map(left.agents);
  for (const [agent, after] of right.agents) {
    const before = agents.get(agent);
    const absentAtLast = left.absent + after.absentAtLast;
    agents.set(
      agent,
      before === undefined
        ? { ...after, absentBefore: left.absent + after.absentBefore, absentAtLast }
        : { ...before, lastSeq: after.lastSeq, absentAtLast },
    );
    const skipped = after.firstSeq - (before?.lastSeq ?? 0) - 1;
    const absent = left.absent - (before?.absentAtLast ?? 0) + after.absentBefore;
    if (before !== undefined && follows && (skipped < 0 || skipped > absent))
      findings.fatal(
        'agent_sequence_broken',
        `seq ${after.firstAt}, agent ${agent}`,
        `Call ${after.firstSeq} of the agent follows its call ${before.lastSeq}.`,
      );
  }
  return agents;
}

/** A run that begins with entry 1 begins every shard and every agent. In any run, position 1 of a shard has no entry before it. */
export function checkBeginnings(run: EntryRun, findings: Findings): void {
  for (const [shard, { firstSeq, previous, firstAt }] of run.shards) {
    const place = `seq ${firstAt}, shard ${shard} position ${firstSeq}`;
    if (run.first === 1 && firstSeq !== 1)
      findings.fatal('entry_missing', place, `The positions 1 to ${firstSeq - 1} of the shard are missing.`);
    if (firstSeq === 1 && previous !== ZERO)
      findings.fatal('link_broken', place, 'The first prev_hash of a shard is 32 zero bytes.');
  }
  if (run.first !== 1) return;
  for (const [agent, { firstSeq, firstAt, absentBefore }] of run.agents)
    if (firstSeq - 1 > absentBefore)
      findings.fatal(
        'agent_sequence_broken',
        `seq ${firstAt}, agent ${agent}`,
        `The first call of the agent is numbered ${firstSeq}.`,
      );
}
