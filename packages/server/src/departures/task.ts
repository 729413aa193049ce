/** What a leaver has left behind, as the API shows it. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { AgentId, PersonId, WorkspaceId } from '../ids.ts';

export const TASK_STATUSES = ['open', 'done', 'expired', 'superseded'] as const;

const instant = z.string().nullable().meta({ description: 'ISO 8601 with milliseconds.' });

export const taskSchema = z
  .object({
    id: z.string(),
    object: z.literal('transfer_task'),
    person: z.string().meta({ description: 'E-mail of who has left.' }),
    person_id: z.string(),
    person_active: z
      .boolean()
      .meta({ description: 'The person is back. Their agents are not, until somebody decides.' }),
    cause: z.enum(['administrator', 'scim']),
    actor: z.string(),
    status: z.enum(TASK_STATUSES),
    agents_total: z.int(),
    agents_waiting: z.int(),
    opened_at: z.int(),
    due_at: z.int().meta({ description: 'Agents that wait for an owner then are revoked.' }),
    reminded_at: z.int().nullable(),
    escalated_at: z.int().nullable(),
    closed_at: z.int().nullable(),
    first_refusal_ms: z.number().nullable().meta({
      description: 'From the order to the first refusal of an agent. Null: none was active, or it could not be asked.',
    }),
  })
  .meta({ id: 'TransferTask' });

export const fullTaskSchema = taskSchema
  .extend({
    agents: z.array(
      z.object({
        agent: z.string(),
        agent_id: z.string(),
        status: z.enum(['active', 'suspended', 'revoked']).meta({ description: 'Now.' }),
        owner: z.string().meta({ description: 'Now.' }),
        status_before: z.enum(['active', 'suspended', 'revoked']),
        tokens_ended: z.int(),
        deputies: z.array(z.string()).meta({ description: 'E-mails of people, and groups.' }),
        transfer: z
          .object({ id: z.string(), to: z.string(), answer_by: z.int() })
          .nullable()
          .meta({ description: 'Who is asked to take it over.' }),
        outcome: z.enum(['accepted', 'given', 'kept', 'retired', 'superseded']).nullable().meta({
          description:
            'Null: it waits. `accepted` by its new owner; `given` to one who was not asked; `kept`: restored with the owner who came back; `retired`: revoked at the deadline; `superseded`: in a later task.',
        }),
        ended_at: z.int().nullable(),
      }),
    ),
    receipt: z.object({
      ordered_at: instant,
      committed_at: instant,
      effective_at: instant,
      first_refusal_ms: z.number().nullable(),
      calls: z.array(
        z.object({
          event_id: z.string(),
          agent: z.string(),
          capability: z.string(),
          fate: z.enum(['aborted_before_upstream', 'unknown', 'finished']),
        }),
      ),
      sessions_closed: z.int(),
      nodes: z.array(z.object({ node: z.string(), effective_at: instant })).meta({
        description:
          'When each node aborted what it ran. Null: not heard from; what it had recorded could begin for 2 s.',
      }),
      event_id: z.string(),
    }),
  })
  .meta({ id: 'FullTransferTask' });

export type TaskView = z.output<typeof taskSchema>;
export type FullTask = z.output<typeof fullTaskSchema>;

const TASKS = `
SELECT t.id, 'transfer_task' AS object, p.email AS person, t.person_id, p.active AS person_active, t.cause, t.actor, t.status,
       (SELECT count(*) FROM transfer_task_agents a WHERE a.workspace_id = t.workspace_id AND a.task_id = t.id) AS agents_total,
       (SELECT count(*) FROM transfer_task_agents a
         WHERE a.workspace_id = t.workspace_id AND a.task_id = t.id AND a.outcome IS NULL) AS agents_waiting,
       floor(extract(epoch FROM t.opened_at))::bigint AS opened_at, floor(extract(epoch FROM t.due_at))::bigint AS due_at,
       floor(extract(epoch FROM t.reminded_at))::bigint AS reminded_at,
       floor(extract(epoch FROM t.escalated_at))::bigint AS escalated_at,
       floor(extract(epoch FROM t.closed_at))::bigint AS closed_at, t.first_refusal_ms,
       (extract(epoch FROM t.opened_at) * 1000000)::bigint AS opened_us,
       t.ordered_at, t.committed_at, t.effective_at, t.event_id
  FROM transfer_tasks t
  JOIN people p ON p.workspace_id = t.workspace_id AND p.id = t.person_id
 WHERE t.workspace_id = $1`;

interface Row extends TaskView {
  opened_us: number;
  ordered_at: Date;
  committed_at: Date | null;
  effective_at: Date | null;
  event_id: string;
}

export interface TaskFilter {
  readonly status?: (typeof TASK_STATUSES)[number] | undefined;
  /** E-mail or id. */
  readonly person?: string | undefined;
}

/** Newest first. */
export async function listTasks(
  pool: Pool,
  workspaceId: WorkspaceId,
  { status, person }: TaskFilter,
  after: TimePosition | undefined,
  limit: number,
): Promise<{ readonly view: TaskView; readonly openedUs: number }[]> {
  const { rows } = await pool.query<Row>(
    `${TASKS} AND ($2::text IS NULL OR t.status = $2) AND ($3::text IS NULL OR p.id = $3 OR p.email = lower($3))
   AND ($4::bigint IS NULL OR (t.opened_at, t.id) < ('epoch'::timestamptz + $4 * interval '1 microsecond', $5))
 ORDER BY t.opened_at DESC, t.id DESC LIMIT $6`,
    [workspaceId, status ?? null, person ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows.map((row) => ({ view: viewOf(row), openedUs: row.opened_us }));
}

function viewOf({
  opened_us: _,
  ordered_at: __,
  committed_at: ___,
  effective_at: ____,
  event_id: _____,
  ...view
}: Row): TaskView {
  return view;
}

const AGENTS = `
SELECT a.handle AS agent, k.agent_id, s.status, p.email AS owner, k.status_before, k.tokens_ended,
       ARRAY(SELECT coalesce(q.email, d."group") FROM agent_deputies d
               LEFT JOIN people q ON q.workspace_id = d.workspace_id AND q.id = d.person_id
              WHERE d.workspace_id = k.workspace_id AND d.agent_id = k.agent_id ORDER BY 1) AS deputies,
       (SELECT json_build_object('id', o.id, 'to', q.email, 'answer_by', floor(extract(epoch FROM o.answer_by))::bigint)
          FROM ownership_transfers o JOIN people q ON q.workspace_id = o.workspace_id AND q.id = o.to_id
         WHERE o.workspace_id = k.workspace_id AND o.agent_id = k.agent_id AND k.outcome IS NULL
           AND o.status = 'proposed' AND o.answer_by > clock_timestamp()) AS transfer,
       k.outcome, floor(extract(epoch FROM k.ended_at))::bigint AS ended_at
  FROM transfer_task_agents k
  JOIN agents a ON a.workspace_id = k.workspace_id AND a.id = k.agent_id
  JOIN agent_state s ON s.workspace_id = k.workspace_id AND s.agent_id = k.agent_id
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
 WHERE k.workspace_id = $1 AND k.task_id = $2 ORDER BY lower(a.handle) COLLATE "C"`;

interface AckRow {
  node: string;
  effective_at: Date | null;
  calls: FullTask['receipt']['calls'];
  sessions_closed: number;
}

type TaskAgent = FullTask['agents'][number] & { readonly agent_id: AgentId };

/** With all its agents. Throws `task_not_found`. */
export async function readTask(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<Omit<FullTask, 'person_id' | 'agents'> & { readonly person_id: PersonId; readonly agents: TaskAgent[] }> {
  const { rows } = await client.query<Row & { person_id: PersonId }>(`${TASKS} AND t.id = $2`, [workspaceId, id]);
  const [row] = rows;
  if (row === undefined)
    throw new Failure(404, 'task_not_found', `There is no task "${id}".`, 'List them with GET /v1/transfer-tasks.');
  const { rows: agents } = await client.query<TaskAgent>(AGENTS, [workspaceId, id]);
  const { rows: acks } = await client.query<AckRow>(
    `SELECT node, effective_at, calls, sessions_closed FROM transfer_task_acks
      WHERE workspace_id = $1 AND task_id = $2 ORDER BY node COLLATE "C"`,
    [workspaceId, id],
  );
  return {
    ...viewOf(row),
    person_id: row.person_id,
    agents,
    receipt: {
      ordered_at: row.ordered_at.toISOString(),
      committed_at: row.committed_at?.toISOString() ?? null,
      effective_at: row.effective_at?.toISOString() ?? null,
      first_refusal_ms: row.first_refusal_ms,
      calls: acks.flatMap(({ calls }) => calls),
      sessions_closed: acks.reduce((total, { sessions_closed: closed }) => total + closed, 0),
      nodes: acks.map(({ node, effective_at: at }) => ({ node, effective_at: at?.toISOString() ?? null })),
      event_id: row.event_id,
    },
  };
}
