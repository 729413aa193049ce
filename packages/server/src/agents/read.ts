/** Reading agents. */
import type { ClientBase, Pool } from 'pg';
import type { AgentId, PersonId, WorkspaceId } from '../ids.ts';
import { type AgentView, agentNotFound } from './agent.ts';
import { attentionOf } from './attention.ts';

const AGENTS = `
SELECT a.id, a.handle AS name, a.owner_id, p.email AS owner, p.label AS owner_label,
       ARRAY(SELECT coalesce(q.email, d."group") FROM agent_deputies d
               LEFT JOIN people q ON q.workspace_id = d.workspace_id AND q.id = d.person_id
              WHERE d.workspace_id = a.workspace_id AND d.agent_id = a.id ORDER BY 1) AS deputies, s.status, a.description, a.metadata, a.risk_tier,
       (SELECT json_build_object('request', q.id, 'requested_by', q.requested_by, 'requested_at', floor(extract(epoch FROM a.requested_at))::bigint,
                                 'approved_by', a.approved_by, 'approved_at', floor(extract(epoch FROM a.approved_at))::bigint)
          FROM agent_requests q WHERE q.workspace_id = a.workspace_id AND q.id = a.request_id) AS admission,
       floor(extract(epoch FROM a.first_credential_at))::bigint AS first_credential_at,
       floor(extract(epoch FROM a.first_action_at))::bigint AS first_action_at,
       floor(extract(epoch FROM a.valid_until))::bigint AS valid_until,
       floor(extract(epoch FROM a.dormant_since))::bigint AS dormant_since, a.version,
       coalesce((SELECT v.attributes FROM agent_versions v
                  WHERE v.workspace_id = a.workspace_id AND v.agent_id = a.id AND v.version = a.version), '{}') AS attributes,
       ${attentionOf('a', 's', 'p')} AS attention,
       ARRAY(SELECT r.role FROM agent_roles r WHERE r.workspace_id = a.workspace_id AND r.agent_id = a.id
              ORDER BY r.position, r.role) AS roles,
       floor(extract(epoch FROM a.created_at))::bigint AS created, a.created_by,
       floor(extract(epoch FROM s.last_action_at))::bigint AS last_action_at,
       CASE s.status
         WHEN 'revoked' THEN (
           SELECT k.reason FROM containment_agents c
             JOIN containments k ON k.workspace_id = c.workspace_id AND k.id = c.containment_id AND k.lifted_at IS NULL
            WHERE c.workspace_id = a.workspace_id AND c.agent_id = a.id ORDER BY k.ordered_at DESC LIMIT 1)
         WHEN 'suspended' THEN CASE WHEN s.suspended THEN s.stopped_reason
           WHEN a.valid_until <= clock_timestamp() THEN 'It was valid until an earlier time.'
           WHEN p.active THEN 'Its owner was deactivated, and it has not been restored since.' ELSE 'The owner was deactivated.' END
       END AS stopped_reason,
       (SELECT json_build_object('id', q.id, 'role', q.role, 'reason', q.reason,
                                 'since', floor(extract(epoch FROM q.entered_at))::bigint, 'until', floor(extract(epoch FROM q.until))::bigint)
          FROM quarantines q WHERE q.workspace_id = a.workspace_id AND q.agent_id = a.id AND q.ended_at IS NULL) AS quarantine
  FROM agents a
  JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
 WHERE a.workspace_id = $1`;

interface Row {
  id: AgentId;
  name: string;
  owner_id: PersonId;
  owner: string;
  owner_label: string | null;
  deputies: string[];
  status: AgentView['status'];
  description: string;
  metadata: Record<string, string>;
  risk_tier: AgentView['risk_tier'];
  admission: AgentView['admission'];
  first_credential_at: number | null;
  first_action_at: number | null;
  valid_until: number | null;
  dormant_since: number | null;
  version: number;
  attributes: AgentView['attributes'];
  attention: AgentView['attention'];
  roles: string[];
  created: number;
  created_by: string;
  last_action_at: number | null;
  stopped_reason: string | null;
  quarantine: AgentView['quarantine'];
}

export interface Agent extends AgentView {
  readonly id: AgentId;
  readonly ownerId: PersonId;
}

function agentOf({ owner_id, owner_label, ...row }: Row): Agent {
  return {
    ...row,
    object: 'agent',
    role: row.roles[0] ?? '',
    ...(owner_label === null ? {} : { owner_label }),
    ownerId: owner_id,
  };
}

export interface AgentFilter {
  readonly status?: AgentView['status'] | undefined;
  /** E-mail or id. */
  readonly owner?: string | undefined;
  /** Who stands in for the owner, in person or by a group: e-mail or id. */
  readonly deputy?: string | undefined;
  readonly role?: string | undefined;
  /** Part of the name or the description. */
  readonly q?: string | undefined;
  readonly attention?: AgentView['attention'][number] | undefined;
}

/** By name, up to `limit` agents after `after` (a name in lower case). */
export async function listAgents(
  pool: Pool,
  workspaceId: WorkspaceId,
  { status, owner, deputy, role, q, attention }: AgentFilter,
  after: string | undefined,
  limit: number,
): Promise<Agent[]> {
  const { rows } = await pool.query<Row>(
    `${AGENTS} AND a.rehearsal_id IS NULL
   AND ($2::text IS NULL OR s.status = $2)
   AND ($3::text IS NULL OR p.email = lower($3) OR p.id = $3)
   AND ($4::text IS NULL OR EXISTS (SELECT FROM agent_roles r
         WHERE r.workspace_id = a.workspace_id AND r.agent_id = a.id AND r.role = $4))
   AND ($5::text IS NULL OR strpos(lower(a.handle || ' ' || a.description), lower($5)) > 0)
   AND ($6::text IS NULL OR lower(a.handle) COLLATE "C" > $6 COLLATE "C")
   AND ($8::text IS NULL OR $8 = ANY(${attentionOf('a', 's', 'p')}))
   AND ($9::text IS NULL OR EXISTS (
         SELECT FROM agent_deputies d JOIN people m ON m.workspace_id = d.workspace_id AND (m.id = $9 OR m.email = lower($9))
          WHERE d.workspace_id = a.workspace_id AND d.agent_id = a.id
            AND (d.person_id = m.id OR d."group" = ANY(m.groups))))
 ORDER BY lower(a.handle) COLLATE "C" LIMIT $7`,
    [
      workspaceId,
      status ?? null,
      owner ?? null,
      role ?? null,
      q ?? null,
      after ?? null,
      limit,
      attention ?? null,
      deputy ?? null,
    ],
  );
  return rows.map(agentOf);
}

/** By id or name; the shadow agent of a rehearsal only for that rehearsal. Throws `agent_not_found`. */
export async function readAgent(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  agent: string,
  { rehearsalId }: { readonly rehearsalId?: string | undefined } = {},
): Promise<Agent> {
  const { rows } = await client.query<Row>(
    `${AGENTS} AND (a.id = $2 OR lower(a.handle) = lower($2)) AND a.rehearsal_id IS NOT DISTINCT FROM $3`,
    [workspaceId, agent, rehearsalId ?? null],
  );
  if (rows[0] === undefined) throw agentNotFound(agent);
  return agentOf(rows[0]);
}
