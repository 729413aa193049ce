/**
 * Telling people that a call still waits: a reminder to those who may decide, an escalation to others as well. Each
 * is one record, which the key of its notice allows once; whoever sends messages reads the log.
 */
import type { ClientBase, Pool } from 'pg';
import type { EventId, WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { decidersOf } from './deciders.ts';
import { questionOf } from './question.ts';
import { fillPlaces } from './quorum.ts';
import { decidedOf, decisionsOf, findApproval, recordFields } from './rows.ts';

/** Most that one look takes on. */
const AT_ONCE = 200;
/** People that one record names: more e-mails, as long as they may be, would not fit into it. */
const MAX_TOLD = 200;

type Kind = 'reminded' | 'escalated';

interface Due {
  readonly workspace_id: WorkspaceId;
  readonly id: string;
  readonly kind: Kind;
  readonly escalate_to: readonly string[];
  /** As the database writes it, to the microsecond. */
  readonly requested_at: string;
}

/**
 * What nobody was told yet and waits for longer than the narrowest rule for it says, by the database's clock. It is
 * asked again in the transaction that tells it, of one approval and kind.
 */
const DUE = `
SELECT a.workspace_id, a.id, k.kind, r.escalate_to, a.requested_at::text AS requested_at
  FROM approvals a
 CROSS JOIN LATERAL (
   SELECT remind_after_seconds, escalate_after_seconds, escalate_to FROM approval_reminders r
    WHERE r.workspace_id = a.workspace_id
      AND (r.capability IN ('*', a.capability)
           OR (r.capability LIKE '%.*' AND starts_with(a.capability || '.', left(r.capability, -1))))
    ORDER BY r.capability = a.capability DESC, length(r.capability) DESC LIMIT 1) r
 CROSS JOIN LATERAL (
   VALUES ('reminded', r.remind_after_seconds), ('escalated', r.escalate_after_seconds)) k(kind, after_seconds)
 WHERE a.status = 'pending' AND a.expires_at > clock_timestamp()
   AND a.requested_at + k.after_seconds * interval '1 second' <= clock_timestamp()
   AND NOT EXISTS (SELECT FROM approval_notices n
                    WHERE n.workspace_id = a.workspace_id AND n.approval_id = a.id AND n.kind = k.kind)
   AND ($1::text IS NULL OR (a.workspace_id = $1 AND a.id = $2 AND k.kind = $3))
   AND ($4::timestamptz IS NULL OR (a.requested_at, a.workspace_id, a.id, k.kind) > ($4, $5, $6, $7))
 ORDER BY a.requested_at, a.workspace_id, a.id, k.kind LIMIT ${AT_ONCE}`;

/**
 * Looks for them, each look from where the one before ended, so that those that cannot be told hide no others. Each is
 * told in a transaction of its own, so that calls wait for none of them long.
 */
export class Reminders {
  readonly #pool: Pool;
  readonly #log: ActionLog;
  #last: Due | undefined;

  constructor(pool: Pool, log: ActionLog) {
    this.#pool = pool;
    this.#log = log;
  }

  /** Rejects when some could not be told, after all others of this look were. */
  async look(): Promise<void> {
    const { requested_at, workspace_id, id, kind } = this.#last ?? {};
    const after = [requested_at, workspace_id, id, kind];
    const values = [null, null, null, ...after];
    const { rows } = await this.#pool.query<Due>({ name: 'approvals-to-tell', text: DUE, values });
    this.#last = rows.length === AT_ONCE ? rows.at(-1) : undefined;
    const failures: unknown[] = [];
    for (const { workspace_id: workspaceId, id, kind } of rows)
      await this.#log
        .transact(workspaceId, (transaction) => tell(transaction, workspaceId, id, kind))
        .catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, 'people could not be told that calls wait');
  }
}

async function tell(transaction: LoggedTransaction, workspaceId: WorkspaceId, id: string, kind: Kind): Promise<void> {
  const { client, now } = transaction;
  const row = await findApproval(client, workspaceId, id, 'FOR UPDATE');
  const { rows } = await client.query<Due>(DUE, [workspaceId, id, kind, null, null, null, null]);
  const [due] = rows;
  if (row === undefined || due === undefined) return;
  const approvals = (await decisionsOf(client, workspaceId, [id])).map(decidedOf);
  const question = await questionOf(client, workspaceId, row);
  const deciders = await decidersOf(client, workspaceId, question, approvals);
  const named = kind === 'escalated' ? due.escalate_to : [];
  const concerned = new Set([
    ...(await emailsOf(client, workspaceId, named)),
    ...deciders.filter(({ bar }) => bar === undefined).map(({ by }) => by.email),
  ]);
  const to = [...concerned].slice(0, MAX_TOLD).sort();
  const { places, missingGroups } = fillPlaces(row, approvals);
  const eventId = transaction.log({
    kind: `approval.${kind}`,
    actor: 'system',
    ...recordFields(row),
    to,
    named: kind === 'escalated' ? named : undefined,
    missing_people: row.people - places,
    missing_groups: missingGroups,
    expires_at: row.expires_at.toISOString(),
  });
  await client.query(
    'INSERT INTO approval_notices (workspace_id, approval_id, kind, at, event_id) VALUES ($1, $2, $3, $4, $5)',
    [workspaceId, id, kind, now, eventId],
  );
}

/** Of the active people who are named, or in a group that is. */
async function emailsOf(
  client: ClientBase,
  workspaceId: WorkspaceId,
  named: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await client.query<{ email: string }>(
    `SELECT email FROM people WHERE workspace_id = $1 AND active AND (email = ANY($2) OR groups && $2)
      ORDER BY email LIMIT ${MAX_TOLD}`,
    [workspaceId, named],
  );
  return rows.map(({ email }) => email);
}

export interface Notice {
  readonly kind: Kind;
  /** Epoch seconds. */
  readonly at: number;
  readonly event_id: EventId;
}

export async function noticesOf(client: Pool, workspaceId: WorkspaceId, id: string): Promise<Notice[]> {
  const { rows } = await client.query<Notice>(
    `SELECT kind, floor(extract(epoch FROM at))::bigint AS at, event_id FROM approval_notices
      WHERE workspace_id = $1 AND approval_id = $2 ORDER BY approval_notices.at, kind DESC`,
    [workspaceId, id],
  );
  return rows;
}
