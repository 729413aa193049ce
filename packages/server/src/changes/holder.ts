/** People who have a say about changes, read in the transaction that acts. */
import type { ClientBase, Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkVoucher, effectiveRoles, rolesOfKey, rolesOfPersonSql, type WorkspaceRole } from '../identity/index.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import type { Candidate } from './eligibility.ts';
import type { ReviewRow } from './rows.ts';
import type { ChangeOperation } from './types.ts';

export interface Holder {
  readonly id: PersonId;
  readonly email: string;
  readonly active: boolean;
  readonly groups: readonly string[];
}

/** Whose credential it is. Throws `person_required`, `person_inactive`. */
export async function holderOf(
  client: Pool | ClientBase,
  { workspaceId, person }: Pick<Administrator, 'workspaceId' | 'person'>,
): Promise<Holder> {
  if (person === undefined)
    throw new Failure(
      403,
      'person_required',
      'People draft and approve changes, and this key belongs to none.',
      'Use a key of your own: hivekey key create NAME --person E-MAIL.',
    );
  const { rows } = await client.query<Holder>(
    'SELECT id, email, active, groups FROM people WHERE workspace_id = $1 AND id = $2',
    [workspaceId, person.id],
  );
  const [holder] = rows;
  if (holder?.active === true) return holder;
  throw new Failure(403, 'person_inactive', `${person.email} is not active.`, 'Have somebody else do it.');
}

interface NowRow extends Holder {
  readonly had_role: boolean;
  readonly own: readonly WorkspaceRole[];
  readonly key_roles: readonly WorkspaceRole[] | null;
}

/** What a person's own roles are now, and those of the key they decided with, unless it was revoked since. */
const NOW = `
SELECT p.id, p.email, p.active, p.groups, p.had_role, ${rolesOfPersonSql('$4::text[]')} AS own,
       (SELECT k.roles FROM admin_keys k
         WHERE k.workspace_id = p.workspace_id AND k.id = $3 AND k.person_id = p.id AND k.revoked_at IS NULL) AS key_roles
  FROM people p WHERE p.workspace_id = $1 AND p.id = $2`;

/** Who gave this approval, as they would be judged if they gave it now. */
export async function approverNow(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  { person_id, credential_id, method, idp_groups }: ReviewRow,
): Promise<Candidate> {
  const { rows } = await client.query<NowRow>(NOW, [workspaceId, person_id, credential_id, idp_groups]);
  const [row] = rows;
  if (row === undefined) return { id: person_id, active: false, groups: [], roles: [] };
  const { id, active, groups, own, had_role, key_roles } = row;
  const roles = method === 'key' ? rolesOfKey(key_roles ?? [], { roles: own, hadRole: had_role }) : effectiveRoles(own);
  return { id, active, groups, roles: key_roles === null && method === 'key' ? [] : roles };
}

/** Who may do what is said by whoever may say who people are: as `PATCH /v1/people/:person` asks it. Throws `own_session_required`, `credential_over`. */
export async function refuseUnlessVouched(
  client: ClientBase,
  who: Administrator,
  operations: readonly Pick<ChangeOperation, 'type'>[],
): Promise<void> {
  if (operations.some(({ type }) => type === 'person_authority')) await checkVoucher(client, who);
}

/** Whose name a key was made in, by its name in the log. */
const KEY_OF = `
SELECT FROM admin_keys k LEFT JOIN admin_keys m ON m.workspace_id = k.workspace_id AND k.created_by = 'key:' || m.name
 WHERE k.workspace_id = $1
   AND k.id IN ($2, (SELECT s.admin_key_id FROM console_sessions s WHERE s.workspace_id = $1 AND s.id = $2))
   AND (m.person_id = ANY($3) OR k.created_by = ANY (ARRAY(SELECT 'person:' || p.email FROM people p
                                                            WHERE p.workspace_id = $1 AND p.id = ANY($3))))
 LIMIT 1`;

/** Whether one of these people made the key, or the key of the session, that is used. Of one that was made by a key of nobody's, nobody knows. */
export async function keyMadeBy(
  client: ClientBase,
  { workspaceId, credentialId }: Pick<Administrator, 'workspaceId' | 'credentialId'>,
  people: ReadonlySet<PersonId>,
): Promise<boolean> {
  const { rowCount } = await client.query(KEY_OF, [workspaceId, credentialId, [...people]]);
  return (rowCount ?? 0) > 0;
}

/**
 * Whoever made a key has seen it. Throws `approver_key_of_author` where it was an author (`people_decide: "sessions"` takes no
 * key at all).
 */
export async function refuseKeyOfAuthor(
  client: ClientBase,
  who: Administrator,
  authors: ReadonlySet<PersonId>,
): Promise<void> {
  if (!(await keyMadeBy(client, who, authors))) return;
  throw new Failure(
    403,
    'approver_key_of_author',
    'An author of the change made this key, and so can use it.',
    'Sign in, or use a key that somebody else has made for you.',
  );
}
