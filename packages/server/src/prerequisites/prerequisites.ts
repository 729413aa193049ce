/** Calls that others need before them, as the path looks them up and has them kept. */
import type { Evaluation, MetPrerequisite } from '@hivekey/policy';
import type { Pool } from 'pg';
import type { EventId, WorkspaceId } from '../ids.ts';
import type { Gate } from '../log/index.ts';
import type { Logger } from '../observability/index.ts';
import type { Prerequisites } from '../path/index.ts';
import { PrerequisiteGate } from './gate.ts';

const FORGET_EVERY_MS = 3_600_000;
/** No guard looks further back. */
const KEPT_DAYS = 367;
/** What was used stays a while, to be looked at. */
const USED_KEPT_DAYS = 7;

/** `close` ends the upkeep. */
export function createPrerequisites(pool: Pool, logger: Logger): Prerequisites & { close(): void } {
  const upkeep = setInterval(() => {
    forget(pool).catch((error: unknown) => logger.warn({ err: error }, 'prerequisites could not be tidied up'));
  }, FORGET_EVERY_MS).unref();
  return {
    find: (workspaceId, keys) => find(pool, workspaceId, keys),
    gate: (workspaceId, evaluation) => gateOf(workspaceId, evaluation),
    done: (workspaceId, eventId) => markDone(pool, workspaceId, eventId),
    close: () => clearInterval(upkeep),
  };
}

// Times are rounded up: a call must not be found before it is done by the clock that it is compared with.
const FIND = `
SELECT key, event_id AS "eventId", ceil(extract(epoch FROM done_at) * 1000)::float8 AS "doneAtMs",
       ceil(extract(epoch FROM approved_at) * 1000)::float8 AS "approvedAtMs"
  FROM prerequisites
 WHERE workspace_id = $1 AND key = ANY($2) AND used_by IS NULL AND (done_at IS NOT NULL OR approved_at IS NOT NULL)
 ORDER BY recorded_at, event_id`;

interface Row {
  key: string;
  eventId: string;
  doneAtMs: number | null;
  approvedAtMs: number | null;
}

async function find(
  pool: Pool,
  workspaceId: WorkspaceId,
  keys: readonly string[],
): Promise<readonly MetPrerequisite[]> {
  const { rows } = await pool.query<Row>({ name: 'prerequisites-find', text: FIND, values: [workspaceId, keys] });
  return rows.map(({ key, eventId, doneAtMs, approvedAtMs }) => ({
    key,
    eventId,
    ...(doneAtMs === null ? {} : { doneAtMs }),
    ...(approvedAtMs === null ? {} : { approvedAtMs }),
  }));
}

function gateOf(workspaceId: WorkspaceId, { uses = [], meets = [] }: Evaluation): Gate | undefined {
  return uses.length === 0 && meets.length === 0 ? undefined : new PrerequisiteGate(workspaceId, uses, meets);
}

async function markDone(pool: Pool, workspaceId: WorkspaceId, eventId: EventId): Promise<void> {
  await pool.query({
    name: 'prerequisites-done',
    text: `UPDATE prerequisites SET done_at = clock_timestamp() WHERE workspace_id = $1 AND event_id = $2 AND done_at IS NULL`,
    values: [workspaceId, eventId],
  });
}

async function forget(pool: Pool): Promise<void> {
  await pool.query(
    `DELETE FROM prerequisites WHERE recorded_at < now() - make_interval(days => $1)
        OR (used_by IS NOT NULL AND recorded_at < now() - make_interval(days => $2))`,
    [KEPT_DAYS, USED_KEPT_DAYS],
  );
}
