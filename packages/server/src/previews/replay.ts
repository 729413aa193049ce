/** The replay of the log's last days: which part of it, in a thread of its own, and what came of it in words. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { PolicySet } from '@hivekey/policy';
import type { Pool } from 'pg';
import type { ChangeOperation } from '../changes/index.ts';
import type { WorkspaceId } from '../ids.ts';
import { type RunningLog, seqFrom } from '../log/index.ts';
import type { PreviewReplay } from './preview.ts';
import type { ReplayAnswer, ReplayTask } from './replay-task.ts';
import type { World } from './world.ts';

export interface ReplayParts {
  readonly pool: Pool;
  readonly log: Pick<RunningLog, 'catchUp'>;
  readonly connectionString: string;
  readonly clock: () => number;
  readonly limitMs: number;
}

const DAY_MS = 86_400_000;
/** Of clocks that differ. */
const MARGIN_MS = 60_000;
const LISTED = 100;
const MAX_KINDS = 50;
/** The thread's own heap: what windows hold, and a few megabytes of the log. */
const HEAP_MB = 1_024;

/** Rejects when the thread fails; aborted: it is ended. */
export async function replayChange(
  parts: ReplayParts,
  workspaceId: WorkspaceId,
  before: World,
  after: World,
  operations: readonly ChangeOperation[],
  days: number,
  signal: AbortSignal,
): Promise<PreviewReplay> {
  const { pool, log, clock, connectionString, limitMs } = parts;
  await log.catchUp(workspaceId);
  const sinceMs = clock() - days * DAY_MS;
  const lookbackMs = longestWindowMs(before.set, after.set) + MARGIN_MS;
  const [filling, counting] = await Promise.all([
    seqFrom(pool, workspaceId, new Date(sinceMs - lookbackMs)),
    seqFrom(pool, workspaceId, new Date(sinceMs)),
  ]);
  const touched = touchedBy(operations);
  const task: ReplayTask = {
    connectionString,
    workspaceId,
    before: before.set,
    after: after.set,
    roles: rolesMoved(before, after),
    first: Math.min(filling.first, counting.first),
    counted: counting.first,
    last: counting.last,
    sinceMs,
    limitMs,
    listed: LISTED,
    touched,
  };
  return replayInWords(task, days, await inThread(task, signal));
}

/** What is changed beside the policy, with the calls that are of it. */
function touchedBy(operations: readonly ChangeOperation[]): ReplayTask['touched'] {
  return operations.flatMap(({ type, id }): ReplayTask['touched'] => {
    if (type === 'definition') return [{ type, id, pattern: id }];
    return type === 'mcp_server' || type === 'http_api' ? [{ type, id, pattern: `${id}.*` }] : [];
  });
}

function rolesMoved(before: World, after: World): ReplayTask['roles'] {
  const later = new Map(after.agents.map((agent) => [agent.id, agent.roles]));
  return before.agents.flatMap(({ id, roles }) => {
    const given = later.get(id) ?? roles;
    return given.join('\0') === roles.join('\0') ? [] : [[id, { before: roles, after: given }] as const];
  });
}

/** How far back calls have a say in those of now. */
function longestWindowMs(...sets: readonly PolicySet[]): number {
  const guards = sets.flatMap(({ roles, workspaceGuards }) => [
    ...workspaceGuards,
    ...roles.flatMap((role) => role.guards),
  ]);
  return 1_000 * Math.max(0, ...guards.map(({ when }) => ('kind' in when ? when.windowSeconds : 0)));
}

async function inThread(task: ReplayTask, signal: AbortSignal): Promise<ReplayAnswer> {
  const worker = new Worker(new URL('./replay-thread.ts', import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  const failed = once(worker, 'exit', { signal }).then(([code]) => {
    throw new Error(`the thread of the replay ended with ${code} and no answer`);
  });
  try {
    const [answer] = await Promise.race([once(worker, 'message', { signal }), failed]);
    return answer;
  } finally {
    failed.catch(() => undefined);
    await worker.terminate();
  }
}

function replayInWords(
  { first, counted, last, listed, touched }: ReplayTask,
  days: number,
  answer: ReplayAnswer,
): PreviewReplay {
  const { result, readTo } = answer;
  const entries = Math.max(0, last - counted + 1);
  const replayed = Math.min(entries, Math.max(0, readTo - counted + 1));
  return {
    days,
    from: result.from ?? null,
    to: result.to ?? null,
    entries,
    replayed,
    complete: readTo >= last || last < first,
    coverage: coverageInWords(days, entries, replayed, answer),
    calls: result.calls,
    same: result.same,
    changed: result.changed,
    not_replayable: result.unreplayable,
    recorded_otherwise: result.recordedOtherwise,
    by: result.by_rule.slice(0, MAX_KINDS).map((each) => ({ ...each })),
    not_replayable_by: result.unreplayable_by.slice(0, MAX_KINDS).map((each) => ({ ...each })),
    touched: touched.map(({ type, id }, i) => ({ type, id, calls: answer.touched[i] ?? 0 })),
    changes: result.changes.slice(0, listed).flatMap(({ seq, eventId, ts, agent, action, recorded, before, after }) =>
      'unreplayable' in after
        ? []
        : [
            {
              seq,
              event_id: eventId,
              ts,
              agent,
              action,
              recorded,
              before: before.verdict,
              after: after.verdict,
              rule: after.rule ?? before.rule ?? null,
              reason: after.reason,
            },
          ],
    ),
  };
}

function coverageInWords(days: number, entries: number, replayed: number, { result }: ReplayAnswer): string {
  const read =
    entries === replayed
      ? `all ${entries} entries of the last ${days} days were replayed`
      : `${replayed} of the ${entries} entries of the last ${days} days were replayed, up to ${result.to ?? 'none'}, before the time was up`;
  if (result.unreplayable === 0) return `${read}; every call could be`;
  const why = result.unreplayable_by.slice(0, 3).map((each) => `${each.detail} (${each.calls})`);
  const more = result.unreplayable_by.length > why.length ? ', and for other reasons' : '';
  return `${read}; ${result.unreplayable} of ${result.calls} calls could not be, because ${why.join(', ')}${more}`;
}
