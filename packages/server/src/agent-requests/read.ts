/** Reading requests for agents. */
import type { ClientBase, Pool } from 'pg';
import type { TimePosition } from '../api/route.ts';
import type { AgentId, PersonId, WorkspaceId } from '../ids.ts';
import { type AgentRequest, type RequestSource, type RequestStatus, requestNotFound, type Wanted } from './request.ts';

const REQUESTS = `
SELECT r.id, CASE WHEN r.status = 'requested' AND r.expires_at <= clock_timestamp() THEN 'expired' ELSE r.status END AS status, r.handle, r.owner, r.wanted, r.reason, r.source, r.requested_by, r.requested_by_id, r.credential_id,
       floor(extract(epoch FROM r.requested_at))::bigint AS requested_at,
       floor(extract(epoch FROM r.expires_at))::bigint AS expires_at, r.decided_by,
       floor(extract(epoch FROM r.decided_at))::bigint AS decided_at, r.decision_reason, r.agent_id, r.status AS stored_status,
       (extract(epoch FROM r.requested_at) * 1000000)::bigint AS requested_us
  FROM agent_requests r WHERE r.workspace_id = $1`;

interface Row {
  id: string;
  status: RequestStatus;
  stored_status: RequestStatus;
  handle: string;
  owner: string;
  wanted: Wanted;
  reason: string;
  source: RequestSource;
  requested_by: string;
  requested_by_id: PersonId | null;
  credential_id: string;
  requested_at: number;
  expires_at: number;
  decided_by: string | null;
  decided_at: number | null;
  decision_reason: string | null;
  agent_id: AgentId | null;
  requested_us: number;
}

function requestOf({
  stored_status,
  handle,
  wanted,
  requested_by_id,
  credential_id,
  requested_us,
  ...row
}: Row): AgentRequest {
  const {
    roles,
    deputies = [],
    description,
    metadata,
    risk_tier: tier = null,
    valid_until: validUntil = null,
    attributes = {},
  } = wanted;
  return {
    ...row,
    object: 'agent_request',
    name: handle,
    roles: [...roles],
    deputies: [...deputies],
    description,
    metadata,
    risk_tier: tier,
    valid_until: validUntil,
    attributes,
    wanted,
    requestedById: requested_by_id,
    credentialId: credential_id,
    isMarked: stored_status === row.status,
    requestedUs: requested_us,
  };
}

export interface RequestFilter {
  readonly status?: RequestStatus | undefined;
  /** E-mail. */
  readonly owner?: string | undefined;
}

/** Newest first, up to `limit` requests after the position. */
export async function listRequests(
  pool: Pool,
  workspaceId: WorkspaceId,
  { status, owner }: RequestFilter,
  after: TimePosition | undefined,
  limit: number,
): Promise<AgentRequest[]> {
  const { rows } = await pool.query<Row>(
    `${REQUESTS} AND ($2::text IS NULL OR CASE WHEN r.status = 'requested' AND r.expires_at <= clock_timestamp() THEN 'expired' ELSE r.status END = $2) AND ($3::text IS NULL OR r.owner = lower($3))
   AND ($4::bigint IS NULL OR (r.requested_at, r.id) < ('epoch'::timestamptz + $4 * interval '1 microsecond', $5))
 ORDER BY r.requested_at DESC, r.id DESC LIMIT $6`,
    [workspaceId, status ?? null, owner ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows.map(requestOf);
}

/** Throws `agent_request_not_found`. */
export async function readRequest(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<AgentRequest> {
  const { rows } = await client.query<Row>(`${REQUESTS} AND r.id = $2`, [workspaceId, id]);
  if (rows[0] === undefined) throw requestNotFound(id);
  return requestOf(rows[0]);
}
