/** Follows what was begun: live tests to their sinks and their end, and rules to the quarter in which a test of them is due. */
import type { ApiContext } from '../api/route.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { liveCursors } from '../siem/index.ts';
import { remindOfTests } from './duties.ts';
import { endLiveTest } from './live-test.ts';
import { noteArrivals, type OpenTest, openTests } from './live-test-store.ts';

export type FollowContext = Pick<ApiContext, 'pool' | 'log' | 'clock' | 'logger'>;

const LOOK_EVERY_MS = 500;
/** Injecting takes seconds: a node that is at it for longer has died over it. */
const INJECTS_WITHIN_SECONDS = 120;
const DUTIES_EVERY_MS = 60_000;

export function watchRuleTests(context: FollowContext): Rounds {
  let dutiesAt = 0;
  return startRounds(
    LOOK_EVERY_MS,
    async () => {
      for (const test of await openTests(context.pool)) await follow(context, test);
      if (context.clock() < dutiesAt) return;
      dutiesAt = context.clock() + DUTIES_EVERY_MS;
      await remindOfTests(context);
    },
    (error) => context.logger.warn({ err: error }, 'tests of detections could not be followed'),
  );
}

async function follow(context: FollowContext, test: OpenTest): Promise<void> {
  const { workspaceId, id, lastSeq, isEvaluated } = test;
  if (test.status === 'injecting') {
    if (test.ageSeconds > INJECTS_WITHIN_SECONDS) await endLiveTest(context, workspaceId, id, 'broke_off');
    return;
  }
  if (lastSeq === null) return endLiveTest(context, workspaceId, id, 'broke_off');
  const hasArrived = test.hasArrived || (await lookAtSinks(context, test, lastSeq));
  if (test.kind === 'benign' && test.isAlerted) return endLiveTest(context, workspaceId, id, 'alerted');
  if (test.kind === 'attack' && isEvaluated && !test.isAlerted)
    return endLiveTest(context, workspaceId, id, 'not_found');
  if (hasArrived && (test.kind === 'attack' ? test.isAlerted : isEvaluated))
    return endLiveTest(context, workspaceId, id, null);
  if (test.isOver) return endLiveTest(context, workspaceId, id, hasArrived ? 'not_evaluated' : 'not_arrived');
}

/** True once all sinks that send have the last of the events; of a workspace without sinks, at once. */
async function lookAtSinks({ pool, clock }: FollowContext, test: OpenTest, lastSeq: number): Promise<boolean> {
  const sinks = await liveCursors(pool, test.workspaceId);
  const there = sinks.filter(({ cursorSeq }) => cursorSeq >= lastSeq).map(({ id }) => id);
  const isAll = there.length === sinks.length;
  const fresh = there.filter((id) => test.arrivals[id] === undefined);
  if (fresh.length > 0 || isAll) await noteArrivals(pool, test.workspaceId, test.id, fresh, isAll, clock());
  return isAll;
}
