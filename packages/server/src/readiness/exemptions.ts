/** Controls that do not apply: one person says why, another agrees, and it ends by itself. What fails stays failed all the same. */
import { type ControlId, controlOf, type Exemption } from '@hivekey/evidence/controls';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator, TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { signingPerson } from '../identity/index.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import type { TestScope } from './control-test.ts';

const MOST_DAYS = 366;
const DAY_MS = 86_400_000;

export const exemptionSchema = z
  .object({
    object: z.literal('control_exemption'),
    id: z.string(),
    control: z.string(),
    reason: z.string(),
    status: z.enum(['requested', 'approved', 'refused', 'withdrawn', 'expired', 'ended']),
    requested_by: z.string(),
    requested_at: z.int(),
    answered_by: z.string().nullable(),
    answered_at: z.int().nullable(),
    expires_at: z.int(),
    ended_at: z.int().nullable(),
  })
  .meta({ id: 'ControlExemption' });
export type ExemptionView = z.output<typeof exemptionSchema>;

interface Row extends Omit<ExemptionView, 'object'> {
  requested_by_id: string;
  requested_us: number;
}

const EXEMPTIONS = `
SELECT id, control, reason, requested_by, requested_by_id, answered_by,
       CASE WHEN ended_at IS NOT NULL THEN 'ended'
            WHEN status IN ('requested', 'approved') AND expires_at <= clock_timestamp() THEN 'expired' ELSE status END AS status,
       floor(extract(epoch FROM requested_at))::bigint AS requested_at,
       (extract(epoch FROM requested_at) * 1000000)::bigint AS requested_us,
       floor(extract(epoch FROM answered_at))::bigint AS answered_at,
       floor(extract(epoch FROM expires_at))::bigint AS expires_at, floor(extract(epoch FROM ended_at))::bigint AS ended_at
  FROM control_exemptions WHERE workspace_id = $1`;

function viewOf({ requested_by_id: _, requested_us: __, ...row }: Row): ExemptionView {
  return { object: 'control_exemption', ...row };
}

/** Newest first. */
export async function listExemptions(
  pool: Pool,
  workspaceId: WorkspaceId,
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly { readonly exemption: ExemptionView; readonly position: TimePosition }[]> {
  const { rows } = await pool.query<Row>(
    `${EXEMPTIONS} AND ($2::bigint IS NULL OR (control_exemptions.requested_at, id) < ('epoch'::timestamptz + $2 * interval '1 microsecond', $3))
     ORDER BY control_exemptions.requested_at DESC, id DESC LIMIT $4`,
    [workspaceId, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows.map((row) => ({ exemption: viewOf(row), position: { atUs: row.requested_us, id: row.id } }));
}

/** By control, those that were agreed to before the end of the period and had not ended by then. */
export async function exemptionsAt({ client, workspaceId, to }: TestScope): Promise<ReadonlyMap<string, Exemption>> {
  const { rows } = await client.query<{
    id: string;
    control: string;
    reason: string;
    requested_by: string;
    answered_by: string;
    expires_at: Date;
  }>(
    `SELECT id, control, reason, requested_by, answered_by, expires_at FROM control_exemptions
      WHERE workspace_id = $1 AND status = 'approved' AND answered_at < $2 AND expires_at >= $2 AND (ended_at IS NULL OR ended_at >= $2)
      ORDER BY answered_at`,
    [workspaceId, to],
  );
  return new Map(
    rows.map(({ id, control, reason, requested_by, answered_by, expires_at }) => [
      control,
      { id, reason, requested_by, approved_by: answered_by, expires_at: expires_at.toISOString() },
    ]),
  );
}

/** Throws `control_not_found`. */
export function knownControl(id: string): ControlId {
  const control = controlOf(id);
  if (control !== undefined) return control.id;
  throw new Failure(404, 'control_not_found', `There is no control "${id}".`, 'They are AG-01 to AG-20.');
}

/** Throws `control_not_found`, `expiry_invalid`, `exemption_waiting`, and what a person is asked for. */
export function requestExemption(
  log: ActionLog,
  who: Administrator,
  { control, reason, expiresAt }: { readonly control: string; readonly reason: string; readonly expiresAt: Date },
): Promise<ExemptionView> {
  return log.transact(who.workspaceId, async (transaction) => {
    const { client, now } = transaction;
    const person = await signingPerson(client, who, 'sign_off', now);
    const id = newId('exm');
    const ms = expiresAt.getTime() - now.getTime();
    if (!(ms > 0 && ms <= MOST_DAYS * DAY_MS))
      throw new Failure(422, 'expiry_invalid', 'That is no time to end at.', `Name one within ${MOST_DAYS} days.`);
    // What nobody answered until it was over makes room.
    await client.query(
      `UPDATE control_exemptions SET status = 'withdrawn', answered_at = $3, answered_by = 'system'
        WHERE workspace_id = $1 AND control = $2 AND status = 'requested' AND expires_at <= $3`,
      [who.workspaceId, control, now],
    );
    const { rowCount } = await client.query(
      `INSERT INTO control_exemptions (workspace_id, id, control, reason, expires_at, requested_by_id, requested_by, requested_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
      [who.workspaceId, id, knownControl(control), reason, expiresAt, person.id, person.email, now],
    );
    if (rowCount === 0)
      throw new Failure(
        409,
        'exemption_waiting',
        `It is already asked whether ${control} applies.`,
        'Answer or withdraw that first: GET /v1/readiness/not-applicable.',
      );
    return told(transaction, who, id, 'requested');
  });
}

export type Answer = 'approve' | 'refuse' | 'withdraw' | 'end';

const BECOMES = { approve: 'approved', refuse: 'refused', withdraw: 'withdrawn', end: 'ended' } as const;

/** Throws `exemption_not_found`, `exemption_over`, `own_exemption`, and what a person is asked for. */
export function answerExemption(
  log: ActionLog,
  who: Administrator,
  id: string,
  answer: Answer,
): Promise<ExemptionView> {
  return log.transact(who.workspaceId, async (transaction) => {
    const { client, now } = transaction;
    const person = await signingPerson(client, who, 'sign_off', now);
    await client.query('SELECT FROM control_exemptions WHERE workspace_id = $1 AND id = $2 FOR UPDATE', [
      who.workspaceId,
      id,
    ]);
    const row = await readRow(client, who.workspaceId, id);
    if (row.status !== (answer === 'end' ? 'approved' : 'requested'))
      throw new Failure(409, 'exemption_over', `It is ${row.status}.`, 'Ask anew: POST /v1/readiness/not-applicable.');
    if ((answer === 'approve' || answer === 'refuse') && row.requested_by_id === person.id)
      throw new Failure(403, 'own_exemption', 'Whoever asks does not answer.', 'Have another person look at it.');
    await (answer === 'end'
      ? client.query('UPDATE control_exemptions SET ended_at = $3, ended_by = $4 WHERE workspace_id = $1 AND id = $2', [
          who.workspaceId,
          id,
          now,
          person.email,
        ])
      : client.query(
          'UPDATE control_exemptions SET status = $3, answered_at = $4, answered_by_id = $5, answered_by = $6 WHERE workspace_id = $1 AND id = $2',
          [who.workspaceId, id, BECOMES[answer], now, person.id, person.email],
        ));
    return told(transaction, who, id, BECOMES[answer]);
  });
}

async function told(
  { client, log }: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  id: string,
  change: string,
): Promise<ExemptionView> {
  const exemption = viewOf(await readRow(client, workspaceId, id));
  const { control, reason, requested_by, answered_by, expires_at } = exemption;
  log({
    kind: 'readiness.exemption',
    actor,
    exemption_id: id,
    control,
    change,
    reason,
    requested_by,
    person: change === 'requested' ? requested_by : (answered_by ?? undefined),
    until: new Date(expires_at * 1000).toISOString(),
  });
  return exemption;
}

async function readRow(client: ClientBase, workspaceId: WorkspaceId, id: string): Promise<Row> {
  const { rows } = await client.query<Row>(`${EXEMPTIONS} AND id = $2`, [workspaceId, id]);
  const [row] = rows;
  if (row !== undefined) return row;
  throw new Failure(
    404,
    'exemption_not_found',
    'There is no such exemption.',
    'List them with GET /v1/readiness/not-applicable.',
  );
}
