/** Sinks with how it goes with each. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { waitingOf } from './dead-letters.ts';
import { type Standing, standingOf } from './health.ts';
import { listSinks, type Sink } from './store.ts';
import { liveStreams, type Stream } from './streams.ts';

export interface Overview {
  readonly sink: Sink;
  readonly stream: Stream;
  readonly standing: Standing;
  /** Entries that are set aside, and neither sent since nor given up. */
  readonly deadLetters: number;
}

/** By name; the deleted ones behind. */
export async function overviewOf(pool: Pool, workspaceId: WorkspaceId, nowMs: number): Promise<readonly Overview[]> {
  const [sinks, streams, waiting, logs] = await Promise.all([
    listSinks(pool, workspaceId),
    liveStreams(pool, workspaceId),
    waitingOf(pool, workspaceId),
    logStates(pool, workspaceId),
  ]);
  const bySink = new Map(streams.map((stream) => [stream.sinkId, stream]));
  return sinks.flatMap((sink) => {
    const stream = bySink.get(sink.id);
    if (stream === undefined) return [];
    const log = logs.get(sink.id) ?? { headSeq: stream.cursorSeq, oldestAt: null };
    return [{ sink, stream, standing: standingOf(sink, stream, log, nowMs), deadLetters: waiting.get(sink.id) ?? 0 }];
  });
}

interface LogState {
  readonly headSeq: number;
  readonly oldestAt: Date | null;
}

/** By sink: the end of the log, and when the first entry behind the cursor was recorded. */
async function logStates(pool: Pool, workspaceId: WorkspaceId): Promise<ReadonlyMap<string, LogState>> {
  const { rows } = await pool.query<LogState & { sink: string }>({
    name: 'sink-log-states',
    text: `SELECT t.sink_id AS sink,
                  coalesce((SELECT p.next_seq - 1 FROM projection_cursor p WHERE p.workspace_id = t.workspace_id), 0) AS "headSeq",
                  (SELECT a.ts FROM actions a WHERE a.workspace_id = t.workspace_id AND a.seq > t.cursor_seq ORDER BY a.seq LIMIT 1) AS "oldestAt"
             FROM sink_streams t WHERE t.workspace_id = $1 AND t.purpose = 'live'`,
    values: [workspaceId],
  });
  return new Map(rows.map(({ sink, ...state }) => [sink, state]));
}
