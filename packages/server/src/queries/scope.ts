/** Whether what is asked is counted already, and over which time. */
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import {
  agentIdOf,
  COUNTED_DIMENSIONS,
  type CountFilter,
  type EventFilter,
  type Period,
  TookTooLong,
} from '../log/index.ts';

const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
const MAX_PERIOD_MS = 10 * 366 * DAY_MS;

/** The last day, where nothing is said. Throws `period_invalid`. */
export function periodOf({ from, to }: Pick<EventFilter, 'from' | 'to'>, nowMs: number): Period {
  const end = to ?? new Date(nowMs);
  const start = from ?? new Date(end.getTime() - DAY_MS);
  if (start < end && end.getTime() - start.getTime() <= MAX_PERIOD_MS) return { from: start, to: end };
  throw new Failure(
    400,
    'period_invalid',
    'The time ends before it begins, or is longer than ten years.',
    'Set from and to.',
  );
}

/** Whole buckets, UTC: those that the period begins and ends in are whole too. */
export function wholeBuckets({ from, to }: Period, bucketMs: number): Period {
  return {
    from: new Date(Math.floor(from.getTime() / bucketMs) * bucketMs),
    to: new Date(Math.ceil(to.getTime() / bucketMs) * bucketMs),
  };
}

const FIELDS = {
  agent: 'agent',
  owner: 'owner',
  action: 'action',
  server: 'server',
  reason_class: 'reasonClass',
} as const;

/** Undefined when it takes looking at rows: two things at once, words, a session, a run. */
export async function countedFilter(
  pool: Pool,
  workspaceId: WorkspaceId,
  { from: _from, to: _to, kind, verdict, ...rest }: EventFilter,
): Promise<CountFilter | undefined> {
  const given = Object.entries(rest).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  const [first, second] = given;
  if (first === undefined) return { dimension: '', value: '', kind, verdict };
  const dimension = COUNTED_DIMENSIONS.find((each) => FIELDS[each] === first[0]);
  if (second !== undefined || dimension === undefined || typeof first[1] !== 'string') return undefined;
  const value = dimension === 'agent' ? await agentIdOf(pool, workspaceId, first[1]) : first[1];
  // As the list of events takes it.
  return { dimension, value, kind: kind ?? (dimension === 'server' ? 'tool.call' : undefined), verdict };
}

/** For what is counted row by row. */
export const SCAN_MS = 4_000;

/** Runs a query of rows. Throws `log_query_wide` when there are too many. */
export async function orTooWide<T>(counting: Promise<T>): Promise<T> {
  try {
    return await counting;
  } catch (error) {
    if (!(error instanceof TookTooLong)) throw error;
    throw new Failure(
      422,
      'log_query_wide',
      `Counting these takes longer than ${SCAN_MS / 1000} s.`,
      'Ask for a shorter time; or by one of agent, owner, action, server and reason_class, with kind and verdict, which are counted already.',
    );
  }
}
