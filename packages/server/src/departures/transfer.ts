/** Offers of agents to other owners: as the API shows them, reading them, and ending them. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { AgentId, PersonId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';

export const TRANSFER_STATUSES = ['proposed', 'accepted', 'declined', 'withdrawn', 'lapsed'] as const;
export type TransferStatus = (typeof TRANSFER_STATUSES)[number];

export const transferSchema = z
  .object({
    id: z.string(),
    object: z.literal('ownership_transfer'),
    agent: z.string(),
    agent_id: z.string(),
    from: z.string().meta({ description: 'E-mail of the owner when it was offered.' }),
    to: z.string().meta({ description: 'E-mail of who is asked.' }),
    reason: z.string(),
    status: z.enum(TRANSFER_STATUSES),
    task: z.string().nullable().meta({ description: 'The open task that waits for the agent.' }),
    proposed_by: z.string(),
    proposed_at: z.int(),
    answer_by: z.int(),
    ended_at: z.int().nullable(),
    ended_by: z.string().nullable(),
    end_reason: z.string().nullable(),
  })
  .meta({ id: 'OwnershipTransfer' });

export type TransferView = z.output<typeof transferSchema>;

export interface Transfer extends TransferView {
  readonly agent_id: AgentId;
  readonly from_id: PersonId;
  readonly to_id: PersonId;
  readonly proposed_us: number;
}

// One whose time is over has lapsed, whether that was written down yet or not.
const TRANSFERS = `
SELECT o.id, 'ownership_transfer' AS object, a.handle AS agent, o.agent_id, f.email AS "from", o.from_id, t.email AS "to", o.to_id,
       o.reason, CASE WHEN o.status = 'proposed' AND o.answer_by <= clock_timestamp() THEN 'lapsed' ELSE o.status END AS status,
       (SELECT k.task_id FROM transfer_task_agents k
         WHERE k.workspace_id = o.workspace_id AND k.agent_id = o.agent_id AND k.outcome IS NULL) AS task,
       o.proposed_by, floor(extract(epoch FROM o.proposed_at))::bigint AS proposed_at,
       floor(extract(epoch FROM o.answer_by))::bigint AS answer_by,
       floor(extract(epoch FROM o.ended_at))::bigint AS ended_at, o.ended_by, o.end_reason,
       (extract(epoch FROM o.proposed_at) * 1000000)::bigint AS proposed_us
  FROM ownership_transfers o
  JOIN agents a ON a.workspace_id = o.workspace_id AND a.id = o.agent_id
  JOIN people f ON f.workspace_id = o.workspace_id AND f.id = o.from_id
  JOIN people t ON t.workspace_id = o.workspace_id AND t.id = o.to_id
 WHERE o.workspace_id = $1`;

export interface TransferFilter {
  readonly status?: TransferStatus | undefined;
  /** Handle or id. */
  readonly agent?: string | undefined;
  /** E-mail or id of who is asked. */
  readonly to?: string | undefined;
}

/** Newest first. */
export async function listTransfers(
  pool: Pool,
  workspaceId: WorkspaceId,
  { status, agent, to }: TransferFilter,
  after: TimePosition | undefined,
  limit: number,
): Promise<Transfer[]> {
  const { rows } = await pool.query<Transfer>(
    `SELECT * FROM (${TRANSFERS}) o
      WHERE ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR agent_id = $3 OR lower(agent) = lower($3))
        AND ($4::text IS NULL OR to_id = $4 OR "to" = lower($4))
        AND ($5::bigint IS NULL OR (proposed_us, id) < ($5, $6))
      ORDER BY proposed_us DESC, id DESC LIMIT $7`,
    [workspaceId, status ?? null, agent ?? null, to ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Throws `transfer_not_found`. */
export async function readTransfer(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<Transfer> {
  const { rows } = await client.query<Transfer>(`${TRANSFERS} AND o.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'transfer_not_found',
    `There is no offer "${id}".`,
    'List them with GET /v1/ownership-transfers.',
  );
}

/** The offer of the agent that waits for an answer. */
export async function openTransfer(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  agentId: AgentId,
): Promise<Transfer | undefined> {
  const { rows } = await client.query<Transfer>(
    `${TRANSFERS} AND o.agent_id = $2 AND o.status = 'proposed' AND o.answer_by > clock_timestamp()`,
    [workspaceId, agentId],
  );
  return rows[0];
}

/** What the records of an offer carry. */
export function transferFields({ id, agent, agent_id, from, to, task }: Transfer) {
  return { transfer_id: id, agent, agent_id, owner: from, to_person: to, task_id: task ?? undefined } as const;
}

export interface Ending {
  readonly actor: string;
  readonly reason: string;
}

type Which = { readonly id: string } | { readonly agentId: AgentId } | { readonly to: PersonId };

/** Those that wait. Returns how many ended; each has its record. */
export async function endOffers(
  { client, now, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  which: Which,
  status: Exclude<TransferStatus, 'proposed'>,
  { actor, reason }: Ending,
): Promise<number> {
  const [column, value] =
    'id' in which ? ['id', which.id] : 'to' in which ? ['to_id', which.to] : ['agent_id', which.agentId];
  const { rows } = await client.query<Transfer>(
    `${TRANSFERS} AND o.${column} = $2 AND o.status = 'proposed' ORDER BY o.id`,
    [workspaceId, value],
  );
  for (const offer of rows) {
    await client.query(
      `UPDATE ownership_transfers SET status = $3, ended_at = $4, ended_by = $5, end_reason = $6
        WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, offer.id, status, now, actor, reason],
    );
    log({ kind: `transfer.${status}`, actor, ...transferFields(offer), reason: reason === '' ? undefined : reason });
  }
  return rows.length;
}

/** Whoever leaves cannot take over anything. */
export function withdrawOffersTo(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  to: PersonId,
  ending: Ending,
): Promise<number> {
  return endOffers(transaction, workspaceId, { to }, 'withdrawn', ending);
}
