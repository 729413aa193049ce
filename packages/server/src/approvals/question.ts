/** Who is barred from approving a call, read from the database: owners, requesters, authors; and the people asked. */
import type { ClientBase, Pool } from 'pg';
import { type Delegation, delegationsFor } from '../delegations/index.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import type { Authority, Candidate, Question } from './eligibility.ts';
import type { ApprovalRow } from './rows.ts';

/**
 * An actor of the log is `key:<name>`, and a key of that name may have belonged to several people one after the
 * other: all of them count. The author of the policy is whoever published the revision in force when the call was
 * held, and whoever wrote the roles and workspace guards that it had of the agent.
 */
const BARRED = `
WITH held AS (
  SELECT a.*, p.actor, p.document, p.created_at AS published_at
    FROM approvals a
    LEFT JOIN LATERAL (
      SELECT * FROM policy_revisions v WHERE v.workspace_id = a.workspace_id AND v.revision <= a.policy_revision
       ORDER BY v.revision DESC LIMIT 1) AS p ON true
   WHERE a.workspace_id = $1 AND a.id = $2),
actors AS (
  SELECT 'author' AS why, actor FROM held
  UNION ALL
  SELECT 'author', v.author
    FROM held, jsonb_array_elements(held.document -> 'roles') r
    JOIN role_revisions v ON v.role = r ->> 'name' AND v.revision = (r ->> 'revision')::integer
   WHERE v.workspace_id = $1 AND v.role = ANY(held.roles)
  UNION ALL
  SELECT 'author', (SELECT g.author FROM workspace_guard_revisions g
                     WHERE g.workspace_id = $1 AND g.created_at <= held.published_at ORDER BY g.revision DESC LIMIT 1)
    FROM held
  UNION ALL
  SELECT 'requester', t.created_by FROM held JOIN agent_tokens t ON t.workspace_id = $1 AND t.id = held.token_id)
SELECT DISTINCT actors.why, k.person_id AS id
  FROM actors JOIN admin_keys k ON k.workspace_id = $1 AND actors.actor = 'key:' || k.name
 WHERE k.person_id IS NOT NULL
UNION
-- an enforcement point asks with its own key
SELECT 'requester', k.person_id FROM held JOIN admin_keys k ON k.workspace_id = $1 AND k.id = held.token_id
 WHERE k.person_id IS NOT NULL
UNION
SELECT 'owner', held.owner_id FROM held
UNION
SELECT 'owner', g.owner_id FROM held JOIN agents g ON g.workspace_id = $1 AND g.id = held.agent_id`;

export interface Asked extends Question {
  readonly delegations: readonly Delegation[];
}

export async function questionOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  { id, people, groups, capability, impact }: Pick<ApprovalRow, 'id' | 'people' | 'groups' | 'capability' | 'impact'>,
): Promise<Asked> {
  const { rows } = await client.query<{ why: 'author' | 'requester' | 'owner'; id: PersonId }>(BARRED, [
    workspaceId,
    id,
  ]);
  const of = (reason: string): ReadonlySet<PersonId> =>
    new Set(rows.filter(({ why }) => why === reason).map((row) => row.id));
  return {
    quorum: { people, groups },
    capability,
    impact,
    owners: of('owner'),
    requesters: of('requester'),
    authors: of('author'),
    delegations: await delegationsFor(client, workspaceId, capability),
  };
}

export interface Person extends Candidate {
  readonly email: string;
}

interface PersonRow {
  id: PersonId;
  email: string;
  active: boolean;
  groups: string[];
  authority: Authority[] | null;
}

/** As they are now. */
export async function peopleOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  ids: readonly PersonId[],
): Promise<ReadonlyMap<PersonId, Person>> {
  const { rows } = await client.query<PersonRow>(
    'SELECT id, email, active, groups, authority FROM people WHERE workspace_id = $1 AND id = ANY($2)',
    [workspaceId, ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** Active people with a live key of their own or an account in Slack, by e-mail: those who could decide at all. */
export async function peopleWithCredentials(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  limit: number,
): Promise<readonly Person[]> {
  const { rows } = await client.query<PersonRow>(
    `SELECT p.id, p.email, p.active, p.groups, p.authority FROM people p
      WHERE p.workspace_id = $1 AND p.active AND (
        EXISTS (
          SELECT FROM admin_keys k WHERE k.workspace_id = p.workspace_id AND k.person_id = p.id AND k.revoked_at IS NULL
             AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp()))
        OR (p.slack_user IS NOT NULL
            AND EXISTS (SELECT FROM channels c WHERE c.workspace_id = p.workspace_id AND c.kind = 'slack')))
      ORDER BY p.email LIMIT $2`,
    [workspaceId, limit],
  );
  return rows;
}
