/** How it goes with a sink, from what its rows say. Pure. */

import { CHECKPOINT_EVERY_MS } from './checkpoint.ts';
import type { Sink } from './store.ts';
import type { Stream } from './streams.ts';

export const SINK_STATES = ['healthy', 'unconfirmed', 'lagging', 'failing', 'holding', 'paused', 'deleted'] as const;
type SinkState = (typeof SINK_STATES)[number];

/** Without a success for this long it is not only slow. */
const FAILING_AFTER_MS = 5 * 60_000;
/** Two checkpoints are missing, and a little. */
const SILENT_AFTER_MS = 2 * CHECKPOINT_EVERY_MS + 30_000;

export interface Standing {
  readonly state: SinkState;
  readonly headSeq: number;
  readonly cursorSeq: number;
  readonly backlog: number;
  /** Age of the oldest entry that is not settled, from the beginning of the stream on; 0 where there is none. */
  readonly lagMs: number;
  /** For how long entries have waited and none was settled. */
  readonly gapMs: number;
  /** For how long no checkpoint has been settled. */
  readonly silentMs: number;
}

/** `oldestAt`: time of the first entry behind the cursor; null where there is none. */
export function standingOf(
  sink: Pick<Sink, 'status' | 'objectiveSeconds'>,
  stream: Stream,
  log: { readonly headSeq: number; readonly oldestAt: Date | null },
  nowMs: number,
): Standing {
  const bornMs = stream.createdAt.getTime();
  const sinceMs = log.oldestAt === null ? undefined : Math.max(log.oldestAt.getTime(), bornMs);
  const lagMs = sinceMs === undefined ? 0 : Math.max(0, nowMs - sinceMs);
  const successMs = stream.lastSuccessAt?.getTime() ?? bornMs;
  const gapMs = sinceMs === undefined ? 0 : Math.max(0, nowMs - Math.max(successMs, sinceMs));
  return {
    state: stateOf(sink, stream, lagMs, nowMs),
    // What is sealed goes out before it can be queried.
    headSeq: Math.max(log.headSeq, stream.cursorSeq),
    cursorSeq: stream.cursorSeq,
    backlog: Math.max(0, log.headSeq - stream.cursorSeq),
    lagMs,
    gapMs,
    silentMs: Math.max(0, nowMs - (stream.checkpointedAt ?? stream.createdAt).getTime()),
  };
}

function stateOf(
  { status, objectiveSeconds }: Pick<Sink, 'status' | 'objectiveSeconds'>,
  { holdCode, failingSince, confirmed }: Stream,
  lagMs: number,
  nowMs: number,
): SinkState {
  if (status !== 'active') return status;
  if (holdCode !== null) return 'holding';
  if (failingSince !== null && nowMs - failingSince.getTime() >= FAILING_AFTER_MS) return 'failing';
  if (lagMs > objectiveSeconds * 1000) return 'lagging';
  return confirmed === false ? 'unconfirmed' : 'healthy';
}

/** What asks for a person, by the rule of its alert. */
export const SINK_ALERTS = {
  'sink.holding': 'A sink waits for a person.',
  'sink.failing': 'A sink has taken nothing for five minutes.',
  'sink.lagging': 'A sink is behind its objective.',
  'sink.silent': 'A sink has taken no checkpoint for two intervals.',
  'sink.dead_letters': 'Entries of the log were set aside at a sink.',
} as const;
export type SinkAlert = keyof typeof SINK_ALERTS;

export function alertsOf({ state, silentMs }: Standing, deadLetters: number): readonly SinkAlert[] {
  const waiting: readonly SinkAlert[] = deadLetters > 0 ? ['sink.dead_letters'] : [];
  switch (state) {
    case 'paused':
    case 'deleted':
      return [];
    case 'holding':
    case 'failing':
    case 'lagging':
      return [`sink.${state}`, ...waiting];
    case 'healthy':
    case 'unconfirmed':
      return silentMs > SILENT_AFTER_MS ? ['sink.silent', ...waiting] : waiting;
  }
}
