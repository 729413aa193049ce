/**
 * What happens to changes by themselves. Any number of nodes look; whoever moves a row writes its record, in one transaction,
 * so nothing is done twice, and what a dead node left is done by the next.
 */
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { activateIn } from './activate.ts';
import type { ChangesContext } from './context.ts';
import { end } from './move.ts';
import { reviewersOf } from './people.ts';
import { freezesOver } from './policy-freeze.ts';
import { recordingRefusals } from './refusals.ts';
import { type ChangeRow, changeFields, findChange } from './rows.ts';
import { approvedSettings } from './settings.ts';

const LOOK_EVERY_MS = 1_000;
/** A freeze can be lifted before its end: it is looked at again after this long. */
const LOOK_AGAIN_MS = 60_000;
/** Most rows that one look takes on. */
const AT_ONCE = 100;

export function watchChanges(context: ChangesContext): Rounds {
  return startRounds(
    LOOK_EVERY_MS,
    () => look(context),
    (error) => context.logger.warn({ err: error }, 'changes could not be looked after'),
  );
}

/** What fails keeps nothing else from being done, and is due again in the next look. */
async function look(context: ChangesContext): Promise<void> {
  const failures: unknown[] = [];
  for (const work of [activateDue, expire, escalate])
    await work(context).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, 'some of it could not be done');
}

interface Due {
  readonly workspace_id: WorkspaceId;
  readonly id: string;
}

/** One that fails keeps no other from its turn. */
async function each(rows: readonly Due[], work: (due: Due) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  for (const due of rows) await work(due).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, 'some changes could not be looked after');
}

async function activateDue(context: ChangesContext): Promise<void> {
  const { rows } = await context.pool.query<Due>(
    `SELECT workspace_id, id FROM changes WHERE status = 'scheduled' AND due_at <= clock_timestamp() ORDER BY due_at LIMIT ${AT_ONCE}`,
  );
  await each(rows, (due) => activateOne(context, due));
}

async function activateOne(context: ChangesContext, { workspace_id: workspaceId, id }: Due): Promise<void> {
  const system = { workspaceId, actor: 'system' };
  try {
    await recordingRefusals(context, system, id, 'activate', () =>
      context.log.transact(workspaceId, async (transaction) => {
        const row = await findChange(transaction.client, workspaceId, id, 'FOR UPDATE OF c');
        if (row.status !== 'scheduled' || row.due_at === null || row.due_at > transaction.now) return row;
        await refuseAbsentAuthor(transaction, row);
        return (await waitForFreeze(transaction, row))
          ? row
          : activateIn(transaction, context, { actor: 'system' }, row);
      }),
    );
    context.path.invalidate(workspaceId);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    await giveUp(context, workspaceId, id, error);
  }
}

/** What nobody stands behind any more takes effect only when somebody puts it in force. Throws `author_inactive`. */
async function refuseAbsentAuthor({ client }: LoggedTransaction, row: ChangeRow): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM people WHERE workspace_id = $1 AND id = $2 AND active', [
    row.workspace_id,
    row.author_id,
  ]);
  if (rowCount !== 0) return;
  throw new Failure(
    409,
    'author_inactive',
    `${row.author_email}, who drafted it, has left.`,
    'Look at it again, and put it in force with POST /v1/changes/:change/activate, or withdraw it.',
  );
}

/** True: it waits for a freeze to end, by the settings. */
async function waitForFreeze(transaction: LoggedTransaction, row: ChangeRow): Promise<boolean> {
  const { client, now, log } = transaction;
  const { workspace_id: workspaceId, id } = row;
  if (row.narrows === true || row.class === 'emergency') return false;
  const freezes = await freezesOver(
    client,
    workspaceId,
    row.operations.map(({ type }) => type),
    now.getTime(),
  );
  const { when_frozen: whenFrozen } = await approvedSettings(client, workspaceId);
  if (freezes.length === 0 || whenFrozen === 'fail') return false;
  const names = freezes.map(({ name }) => name);
  const endsMs = Math.max(...freezes.map(({ untilMs }) => untilMs));
  const againAt = new Date(Math.min(endsMs, now.getTime() + LOOK_AGAIN_MS));
  await client.query('UPDATE changes SET due_at = $3, waiting_for = $4 WHERE workspace_id = $1 AND id = $2', [
    workspaceId,
    id,
    againAt,
    names,
  ]);
  if (names.join() !== row.waiting_for.join())
    log({ kind: 'change.waiting', actor: 'system', ...changeFields(row), freezes: names });
  return true;
}

/** What cannot be applied at its time is not tried by itself any more; people see why. */
async function giveUp({ log }: ChangesContext, workspaceId: WorkspaceId, id: string, failure: Failure): Promise<void> {
  await log.transact(workspaceId, async ({ client }) => {
    await client.query(
      `UPDATE changes SET status = 'approved', due_at = NULL, waiting_for = '{}', ended_code = $3, ended_reason = $4
        WHERE workspace_id = $1 AND id = $2 AND status = 'scheduled'`,
      [workspaceId, id, failure.code, failure.message],
    );
  });
}

/** No answer is a no. */
async function expire({ pool, log }: ChangesContext): Promise<void> {
  const { rows } = await pool.query<Due>(
    `SELECT workspace_id, id FROM changes
      WHERE status IN ('submitted', 'approved') AND expires_at <= clock_timestamp() ORDER BY expires_at LIMIT ${AT_ONCE}`,
  );
  await each(rows, ({ workspace_id: workspaceId, id }) =>
    log.transact(workspaceId, async (transaction) => {
      const { rowCount } = await transaction.client.query(
        `SELECT FROM changes WHERE workspace_id = $1 AND id = $2 AND status IN ('submitted', 'approved') AND expires_at <= clock_timestamp()`,
        [workspaceId, id],
      );
      if (rowCount === 0) return;
      const row = await findChange(transaction.client, workspaceId, id, 'FOR UPDATE OF c');
      await end(transaction, { actor: 'system' }, row, 'expired', { code: 'expired', reason: '' });
    }),
  );
}

/** An emergency that nobody has reviewed in time: said once, and it stays so until somebody reviews it. */
async function escalate({ pool, log }: ChangesContext): Promise<void> {
  const { rows } = await pool.query<Due>(
    `SELECT workspace_id, id FROM changes
      WHERE emergency_review = 'due' AND review_due_at <= clock_timestamp() ORDER BY review_due_at LIMIT ${AT_ONCE}`,
  );
  await each(rows, ({ workspace_id: workspaceId, id }) =>
    log.transact(workspaceId, async (transaction) => {
      const { client } = transaction;
      const { rowCount } = await client.query(
        `UPDATE changes SET emergency_review = 'overdue'
          WHERE workspace_id = $1 AND id = $2 AND emergency_review = 'due' AND review_due_at <= clock_timestamp()`,
        [workspaceId, id],
      );
      if (rowCount === 0) return;
      const row = await findChange(client, workspaceId, id);
      const { emergency } = await approvedSettings(client, workspaceId);
      const { rows: named } = await client.query<{ email: string }>(
        'SELECT email FROM people WHERE workspace_id = $1 AND active AND (email = ANY($2) OR groups && $2) ORDER BY email LIMIT 200',
        [workspaceId, emergency.escalate_to],
      );
      const to = new Set([...named.map(({ email }) => email), ...(await reviewersOf(client, workspaceId))]);
      transaction.log({
        kind: 'change.overdue',
        actor: 'system',
        ...changeFields(row),
        activated_by: row.activated_by ?? undefined,
        review_due_at: row.review_due_at?.toISOString(),
        to: [...to].slice(0, 200).sort(),
        named: emergency.escalate_to,
      });
    }),
  );
}
