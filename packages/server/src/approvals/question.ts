/** Who is barred from approving a call, read from the database: owners, requesters, authors; and the people asked. */
import type { ClientBase, Pool } from 'pg';
import { type Delegation, delegationsFor } from '../delegations/index.ts';
import { rolesOfPersonSql } from '../identity/index.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import type { Authority, Candidate, Question } from './eligibility.ts';
import type { ApprovalRow } from './rows.ts';

/**
 * An actor of the log is `key:<name>`, and a key of that name may have belonged to several people one after the
 * other: all of them count; or `person:<e-mail>`. The author of the policy is whoever published the revision in force
 * when the call was held, and whoever wrote the roles and workspace guards that it had of the agent.
 */
const BARRED = `
WITH held AS (
  SELECT a.id, a.agent_id, a.owner_id, a.token_id, a.roles,
         (SELECT max(v.revision) FROM policy_revisions v
           WHERE v.workspace_id = a.workspace_id AND v.revision <= a.policy_revision) AS revision
    FROM approvals a WHERE a.workspace_id = $1 AND a.id = ANY($2)),
actors AS (
  SELECT held.id AS approval_id, 'author' AS why, p.actor
    FROM held JOIN policy_revisions p ON p.workspace_id = $1 AND p.revision = held.revision
  UNION ALL
  SELECT held.id, 'author', v.author
    FROM held JOIN policy_revisions p ON p.workspace_id = $1 AND p.revision = held.revision,
         jsonb_array_elements(p.document -> 'roles') r
    JOIN role_revisions v ON v.role = r ->> 'name' AND v.revision = (r ->> 'revision')::integer
   WHERE v.workspace_id = $1 AND v.role = ANY(held.roles)
  UNION ALL
  SELECT held.id, 'author', (SELECT g.author FROM workspace_guard_revisions g
                              WHERE g.workspace_id = $1 AND g.created_at <= p.created_at ORDER BY g.revision DESC LIMIT 1)
    FROM held JOIN policy_revisions p ON p.workspace_id = $1 AND p.revision = held.revision
  UNION ALL
  SELECT held.id, 'requester', t.created_by FROM held JOIN agent_tokens t ON t.workspace_id = $1 AND t.id = held.token_id
  UNION ALL
  SELECT held.id, 'requester', c.created_by FROM held JOIN agent_credentials c ON c.workspace_id = $1 AND c.id = held.token_id)
SELECT actors.approval_id, actors.why, k.person_id AS id
  FROM actors JOIN admin_keys k ON k.workspace_id = $1 AND actors.actor = 'key:' || k.name
 WHERE k.person_id IS NOT NULL
UNION
SELECT actors.approval_id, actors.why, p.id
  FROM actors JOIN people p ON p.workspace_id = $1 AND actors.actor = 'person:' || p.email
UNION
-- an enforcement point asks with its own key
SELECT held.id, 'requester', k.person_id FROM held JOIN admin_keys k ON k.workspace_id = $1 AND k.id = held.token_id
 WHERE k.person_id IS NOT NULL
UNION
SELECT held.id, 'owner', held.owner_id FROM held
UNION
SELECT held.id, 'owner', g.owner_id FROM held JOIN agents g ON g.workspace_id = $1 AND g.id = held.agent_id`;

export interface Asked extends Question {
  readonly approvalId: string;
  readonly delegations: readonly Delegation[];
}

/** What of an approval the question is made of. */
export type AskedAbout = Pick<ApprovalRow, 'id' | 'people' | 'groups' | 'capability' | 'impact'>;

export async function questionOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  approval: AskedAbout,
): Promise<Asked> {
  const [question] = await questionsOf(client, workspaceId, [approval]);
  if (question === undefined) throw new Error('one approval has one question');
  return question;
}

/** In the order of the approvals. */
export async function questionsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  approvals: readonly AskedAbout[],
): Promise<readonly Asked[]> {
  const { rows } = await client.query<{ approval_id: string; why: 'author' | 'requester' | 'owner'; id: PersonId }>(
    BARRED,
    [workspaceId, approvals.map(({ id }) => id)],
  );
  const barred = Map.groupBy(rows, ({ approval_id }) => approval_id);
  const delegations = new Map<string, readonly Delegation[]>();
  for (const { capability } of approvals)
    if (!delegations.has(capability))
      delegations.set(capability, await delegationsFor(client, workspaceId, capability));
  return approvals.map(({ id, people, groups, capability, impact }) => {
    const mine = barred.get(id) ?? [];
    const of = (reason: string): ReadonlySet<PersonId> =>
      new Set(mine.filter(({ why }) => why === reason).map((row) => row.id));
    return {
      approvalId: id,
      quorum: { people, groups },
      capability,
      impact,
      owners: of('owner'),
      requesters: of('requester'),
      authors: of('author'),
      delegations: delegations.get(capability) ?? [],
    };
  });
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

/**
 * Active people with a live key of their own, an account in Slack, or a provider and the role to sign in and decide with, by
 * e-mail: those who could decide at all.
 */
export async function peopleWithCredentials(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  limit: number,
): Promise<readonly Person[]> {
  const { rows } = await client.query<PersonRow>(
    `SELECT p.id, p.email, p.active, p.groups, p.authority FROM people p
      WHERE p.workspace_id = $1 AND p.active AND (
        p.id IN (
          SELECT k.person_id FROM admin_keys k WHERE k.workspace_id = $1 AND k.person_id IS NOT NULL AND k.revoked_at IS NULL
             AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp()))
        OR (p.slack_user IS NOT NULL
            AND EXISTS (SELECT FROM channels c WHERE c.workspace_id = $1 AND c.kind = 'slack'))
        OR ((p.directory IN (SELECT v.scim_connection FROM identity_providers v
                              WHERE v.workspace_id = $1 AND v.active AND v.scim_connection IS NOT NULL)
             OR p.id IN (SELECT i.person_id FROM person_identities i
                           JOIN identity_providers v ON v.workspace_id = i.workspace_id AND v.id = i.provider_id AND v.active
                          WHERE i.workspace_id = $1))
            AND ${rolesOfPersonSql()} @> '{approver}'))
      ORDER BY p.email LIMIT $2`,
    [workspaceId, limit],
  );
  return rows;
}
