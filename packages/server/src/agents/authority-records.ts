/** Which records of the log say what an agent was given. They are on it a moment after they are made. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { Agent } from './read.ts';

interface Found {
  readonly event_id: string;
  readonly kind: string;
  readonly ms: number;
  readonly record: Readonly<Record<string, unknown>>;
}

/** Each answers the id of a record, or null. */
export interface AuthorityRecords {
  requested(): string | null;
  admitted(): string | null;
  created(): string | null;
  /** Epoch seconds. */
  owner(email: string, since: number): string | null;
  role(name: string, grantedMs: number): string | null;
  revision(role: string, revision: number): string | null;
  version(version: number): string | null;
  credential(id: string): string | null;
}

const KINDS = [
  'agent.admitted',
  'agent.created',
  'agent.changed',
  'agent.versioned',
  'token.minted',
  'token.rotated',
  'credential.added',
];

// The first condition is that of the index.
const OF_AGENT = `
SELECT event_id, kind, extract(epoch FROM ts) * 1000 AS ms, record FROM actions
 WHERE kind NOT IN ('tool.call', 'tool.result') AND workspace_id = $1 AND agent_id = $2 AND kind = ANY($3)
 ORDER BY seq DESC LIMIT 5000`;
const OF_ROLES = `
SELECT event_id, kind, extract(epoch FROM ts) * 1000 AS ms, record FROM actions
 WHERE kind = 'role.changed' AND workspace_id = $1
   AND record ->> 'role' IN (SELECT role FROM agent_role_history WHERE workspace_id = $1 AND agent_id = $2)
   AND record ? 'sha256' AND NOT record ? 'synthetic'`;
const OF_REQUEST = `
SELECT event_id, kind, extract(epoch FROM ts) * 1000 AS ms, record FROM actions
 WHERE kind = 'agent.requested' AND workspace_id = $1 AND record ->> 'request_id' = $2`;

/** Between the database's time of a grant and a node's time of its record. */
const TOLERANCE_MS = 60_000;

export async function readRecords(pool: Pool, workspaceId: WorkspaceId, agent: Agent): Promise<AuthorityRecords> {
  const [ofAgent, ofRoles, ofRequest] = await Promise.all([
    pool.query<Found>(OF_AGENT, [workspaceId, agent.id, KINDS]),
    pool.query<Found>(OF_ROLES, [workspaceId, agent.id]),
    pool.query<Found>(OF_REQUEST, [workspaceId, agent.admission?.request ?? null]),
  ]);
  const find = (rows: readonly Found[], is: (found: Found) => boolean): string | null =>
    rows.find(is)?.event_id ?? null;
  /** The nearest in time of those that match. */
  const nearest = (ms: number, is: (found: Found) => boolean): string | null => {
    const [best] = ofAgent.rows
      .filter((found) => is(found) && Math.abs(found.ms - ms) <= TOLERANCE_MS)
      .sort((a, b) => Math.abs(a.ms - ms) - Math.abs(b.ms - ms));
    return best?.event_id ?? null;
  };
  return {
    requested: () => ofRequest.rows[0]?.event_id ?? null,
    admitted: () => find(ofAgent.rows, ({ kind }) => kind === 'agent.admitted'),
    created: () => find(ofAgent.rows, ({ kind }) => kind === 'agent.created'),
    owner: (email, since) =>
      nearest(since * 1000, ({ kind, record }) =>
        kind === 'agent.created'
          ? record.owner === email
          : kind === 'agent.changed' && afterOf(record, 'owner') === email,
      ),
    role: (name, grantedMs) =>
      nearest(grantedMs, ({ kind, record }) => {
        const roles =
          kind === 'agent.created' ? record.roles : kind === 'agent.changed' ? afterOf(record, 'roles') : [];
        return Array.isArray(roles) && roles.includes(name);
      }),
    revision: (role, revision) =>
      find(ofRoles.rows, ({ record }) => record.role === role && record.role_rev === revision),
    version: (version) =>
      find(ofAgent.rows, ({ kind, record }) => kind === 'agent.versioned' && record.agent_version === version),
    credential: (id) =>
      find(ofAgent.rows, ({ kind, record }) =>
        kind === 'credential.added' ? record.credential_id === id : kind.startsWith('token.') && record.token_id === id,
      ),
  };
}

/** What a field of `changes` became. */
function afterOf({ changes }: Found['record'], field: string): unknown {
  if (typeof changes !== 'object' || changes === null) return undefined;
  const change: unknown = Reflect.get(changes, field);
  return Array.isArray(change) ? change[1] : undefined;
}
