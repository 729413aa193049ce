/** A stop as the API shows it, with its receipt. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { SCOPES } from './standing.ts';

/** Body of the routes that only take a reason. */
export const reasonSchema = z.strictObject({ reason: z.string().trim().max(500).default('') }).prefault({});

export const newContainmentSchema = z.strictObject({
  scope: z.enum(SCOPES),
  target: z.string().min(1).max(254),
  reason: z.string().trim().max(500).default(''),
});

export type NewContainment = z.output<typeof newContainmentSchema>;

const abortedCallSchema = z.object({
  event_id: z.string(),
  agent: z.string(),
  capability: z.string(),
  fate: z.enum(['aborted_before_upstream', 'unknown', 'finished']),
});

const instant = z.string().meta({ description: 'ISO 8601 with milliseconds.' });

const receiptSchema = z.object({
  ordered_at: instant,
  committed_at: instant.nullable(),
  effective_at: instant.nullable().meta({
    description:
      'When the recording transaction, asked for one of the stopped agents, was seen to refuse; the commit, where nobody was stopped. Null: it could not be asked.',
  }),
  first_refusal_ms: z.number().nullable().meta({
    description: 'From the order to that refusal. Null when there was no agent to ask for, or it could not be asked.',
  }),
  agents: z.array(z.object({ id: z.string(), name: z.string(), tokens_ended: z.int() })),
  calls: z.array(abortedCallSchema).meta({ description: 'What was in flight, on every node that answered.' }),
  sessions_closed: z.int(),
  approvals_cancelled: z.int(),
  nodes: z.array(z.object({ node: z.string(), effective_at: instant.nullable() })).meta({
    description: 'When each node aborted what it had in flight. Null: not heard from. New calls do not depend on it.',
  }),
  event_id: z.string(),
});

export const containmentSchema = z
  .object({
    id: z.string(),
    object: z.literal('containment'),
    scope: z.enum(SCOPES),
    target: z.string(),
    reason: z.string(),
    actor: z.string(),
    ordered_at: z.int(),
    effective_at: z.int().nullable(),
    lifted_at: z.int().nullable(),
    lifted_by: z.string().nullable(),
    proposal: z.string().nullable().meta({ description: 'Two people gave it.' }),
    lift_proposal: z.string().nullable(),
    rehearsal: z.string().nullable().meta({ description: 'It was of a shadow agent.' }),
    receipt: receiptSchema,
  })
  .meta({ id: 'Containment' });

export type ContainmentView = z.output<typeof containmentSchema>;
export type AbortedCallView = z.output<typeof abortedCallSchema>;

const CONTAINMENTS = `
SELECT k.id, k.scope, k.target, k.reason, k.actor, k.ordered_at, k.committed_at, k.effective_at, k.first_refusal_ms,
       coalesce(k.event_id, '') AS event_id, k.lifted_at, k.lifted_by,
       k.proposal_id AS proposal, k.lift_proposal_id AS lift_proposal, k.rehearsal_id AS rehearsal, k.approvals_cancelled,
       (extract(epoch FROM k.ordered_at) * 1000000)::bigint AS ordered_us,
       (SELECT coalesce(json_agg(json_build_object('id', a.id, 'name', coalesce(c.handle, a.handle), 'tokens_ended', c.tokens_ended) ORDER BY coalesce(c.handle, a.handle) COLLATE "C"), '[]')
          FROM containment_agents c JOIN agents a ON a.workspace_id = c.workspace_id AND a.id = c.agent_id
         WHERE c.workspace_id = k.workspace_id AND c.containment_id = k.id) AS agents,
       (SELECT coalesce(json_agg(json_build_object('node', n.node, 'at_ms', floor(extract(epoch FROM n.effective_at) * 1000),
                                                   'calls', n.calls, 'sessions', n.sessions_closed) ORDER BY n.node COLLATE "C"), '[]')
          FROM containment_acks n WHERE n.workspace_id = k.workspace_id AND n.containment_id = k.id) AS acks
  FROM containments k WHERE k.workspace_id = $1`;

interface Row {
  id: string;
  scope: ContainmentView['scope'];
  target: string;
  reason: string;
  actor: string;
  ordered_at: Date;
  committed_at: Date | null;
  effective_at: Date | null;
  first_refusal_ms: number | null;
  event_id: string;
  lifted_at: Date | null;
  lifted_by: string | null;
  proposal: string | null;
  lift_proposal: string | null;
  rehearsal: string | null;
  approvals_cancelled: number;
  ordered_us: number;
  agents: ContainmentView['receipt']['agents'];
  acks: { node: string; at_ms: number | null; calls: AbortedCallView[]; sessions: number }[];
}

export interface Containment extends ContainmentView {
  readonly ordered_us: number;
}

function seconds(at: Date | null): number | null {
  return at === null ? null : Math.floor(at.getTime() / 1000);
}

function containmentOf(row: Row): Containment {
  const { acks } = row;
  return {
    id: row.id,
    object: 'containment',
    scope: row.scope,
    target: row.target,
    reason: row.reason,
    actor: row.actor,
    ordered_at: Math.floor(row.ordered_at.getTime() / 1000),
    effective_at: seconds(row.effective_at),
    lifted_at: seconds(row.lifted_at),
    lifted_by: row.lifted_by,
    proposal: row.proposal,
    lift_proposal: row.lift_proposal,
    rehearsal: row.rehearsal,
    ordered_us: row.ordered_us,
    receipt: {
      ordered_at: row.ordered_at.toISOString(),
      committed_at: row.committed_at?.toISOString() ?? null,
      effective_at: row.effective_at?.toISOString() ?? null,
      first_refusal_ms: row.first_refusal_ms,
      agents: row.agents,
      calls: acks.flatMap(({ calls }) => calls),
      sessions_closed: acks.reduce((total, { sessions }) => total + sessions, 0),
      approvals_cancelled: row.approvals_cancelled,
      nodes: acks.map(({ node, at_ms: ms }) => ({
        node,
        effective_at: ms === null ? null : new Date(ms).toISOString(),
      })),
      event_id: row.event_id,
    },
  };
}

/** Newest first, without rehearsals, up to `limit` after the position; only those that stand, or only those lifted, with `active`. */
export async function listContainments(
  pool: Pool,
  workspaceId: WorkspaceId,
  active: boolean | undefined,
  after: TimePosition | undefined,
  limit: number,
): Promise<Containment[]> {
  const { rows } = await pool.query<Row>(
    `${CONTAINMENTS} AND k.rehearsal_id IS NULL AND ($2::boolean IS NULL OR (k.lifted_at IS NULL) = $2)
   AND ($3::bigint IS NULL OR (k.ordered_at, k.id) < ('epoch'::timestamptz + $3 * interval '1 microsecond', $4))
 ORDER BY k.ordered_at DESC, k.id DESC LIMIT $5`,
    [workspaceId, active ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows.map(containmentOf);
}

/** Throws `containment_not_found`. */
export async function readContainment(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<Containment> {
  const { rows } = await client.query<Row>(`${CONTAINMENTS} AND k.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return containmentOf(rows[0]);
  throw new Failure(
    404,
    'containment_not_found',
    `There is no containment "${id}".`,
    'List them with GET /v1/containments.',
  );
}
