/** What one person has asked for and another has to confirm. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { storedSettings } from './settings.ts';
import { SCOPES } from './standing.ts';

export const PROPOSAL_STATUSES = ['proposed', 'confirmed', 'withdrawn', 'expired'] as const;
const seconds = z.int().nullable();

export const proposalSchema = z
  .object({
    id: z.string(),
    object: z.literal('containment_proposal'),
    kind: z.enum(['kill', 'lift', 'restore', 'settings']),
    scope: z.enum(SCOPES).nullable(),
    target: z.string(),
    containment: z.string().nullable().meta({ description: 'lift, restore: the stop that is to be lifted.' }),
    settings: storedSettings.nullable(),
    reason: z.string(),
    status: z.enum(PROPOSAL_STATUSES),
    proposed_by: z.string(),
    proposed_by_person: z.string().meta({ description: 'Of what a detection asks for, the detection.' }),
    proposed_at: z.int(),
    answer_by: z.int().meta({ description: 'Without a second person by then it lapses.' }),
    ended_at: seconds,
    ended_by: z.string().nullable(),
    confirmed_by_person: z.string().nullable(),
    result: z.string().nullable().meta({ description: 'The stop that was given or lifted.' }),
    meanwhile: z.array(z.string()).meta({ description: 'While it waits: what takes one person.' }),
  })
  .meta({ id: 'ContainmentProposal' });

export type ProposalView = z.output<typeof proposalSchema>;

const PROPOSALS = `
SELECT p.id, 'containment_proposal' AS object, p.kind, p.scope, p.target, p.containment_id AS containment, p.settings, p.reason,
       CASE WHEN p.status = 'proposed' AND p.answer_by <= clock_timestamp() THEN 'expired' ELSE p.status END AS status,
       p.proposed_by, coalesce(a.email, p.proposed_by) AS proposed_by_person, floor(extract(epoch FROM p.proposed_at))::bigint AS proposed_at,
       floor(extract(epoch FROM p.answer_by))::bigint AS answer_by, floor(extract(epoch FROM p.ended_at))::bigint AS ended_at,
       p.ended_by, b.email AS confirmed_by_person,
       (SELECT k.id FROM containments k WHERE k.workspace_id = p.workspace_id AND (k.proposal_id = p.id OR k.lift_proposal_id = p.id)) AS result,
       (extract(epoch FROM p.proposed_at) * 1000000)::bigint AS proposed_us
  FROM containment_proposals p
  LEFT JOIN people a ON a.workspace_id = p.workspace_id AND a.id = p.proposed_by_id
  LEFT JOIN people b ON b.workspace_id = p.workspace_id AND b.id = p.confirmed_by_id
 WHERE p.workspace_id = $1`;

export interface Proposal extends ProposalView {
  readonly proposed_us: number;
}

function proposalOf(row: Omit<Proposal, 'meanwhile'>): Proposal {
  return { ...row, meanwhile: row.status === 'proposed' && row.kind === 'kill' ? meanwhile(row) : [] };
}

/** A stop that waits is no excuse: one person can do this now, on every path. */
function meanwhile({ scope, target }: Pick<Proposal, 'scope' | 'target'>): string[] {
  const whose = {
    agent: `"${target}"`,
    role: `each agent that wears "${target}"`,
    owner: `each agent of ${target}`,
    tool: `each agent that uses ${target}`,
    workspace: 'each agent',
  }[scope ?? 'workspace'];
  return [
    `Leave ${whose} nothing but reads: POST /v1/agents/:agent/quarantine.`,
    `Stop ${whose} and keep its tokens: POST /v1/agents/:agent/suspend.`,
  ];
}

/** Newest first. */
export async function listProposals(
  pool: Pool,
  workspaceId: WorkspaceId,
  status: ProposalView['status'] | undefined,
  after: TimePosition | undefined,
  limit: number,
): Promise<Proposal[]> {
  const { rows } = await pool.query<Omit<Proposal, 'meanwhile'>>(
    `SELECT * FROM (${PROPOSALS}) p WHERE ($2::text IS NULL OR status = $2)
   AND ($3::bigint IS NULL OR (proposed_us, id) < ($3, $4)) ORDER BY proposed_us DESC, id DESC LIMIT $5`,
    [workspaceId, status ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows.map(proposalOf);
}

/** Throws `proposal_not_found`. */
export async function readProposal(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<Proposal> {
  const { rows } = await client.query<Omit<Proposal, 'meanwhile'>>(`${PROPOSALS} AND p.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return proposalOf(rows[0]);
  throw new Failure(
    404,
    'proposal_not_found',
    `There is no proposal "${id}".`,
    'List them with GET /v1/containment-proposals.',
  );
}

/** The one that waits for exactly this, if there is one. */
export async function openProposal(
  client: ClientBase,
  workspaceId: WorkspaceId,
  kind: ProposalView['kind'],
  scope: string | null,
  target: string,
  containmentId?: string,
): Promise<Proposal | undefined> {
  const { rows } = await client.query<Omit<Proposal, 'meanwhile'>>(
    `${PROPOSALS} AND p.kind = $2 AND p.scope IS NOT DISTINCT FROM $3 AND p.target = $4
     AND p.containment_id IS NOT DISTINCT FROM $5 AND p.status = 'proposed' AND p.answer_by > clock_timestamp() ORDER BY p.proposed_at LIMIT 1`,
    [workspaceId, kind, scope, target, containmentId ?? null],
  );
  return rows[0] === undefined ? undefined : proposalOf(rows[0]);
}
