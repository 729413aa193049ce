/** Who could author and approve changes at all. A rule that nobody could meet would lock everybody out. */
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import { rolesOfPersonSql } from '../identity/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ChangeSettings, Requirement } from './settings.ts';

const AUTHORS = ['admin', 'author', 'operator'];

interface Able {
  readonly email: string;
  readonly groups: readonly string[];
  readonly may_write: boolean;
  readonly may_review: boolean;
}

/**
 * Active people who can sign in by a provider, or hold a live key unless people decide by their own sign-in; with what
 * they may. A person without roles of their own may what the key may.
 */
const ABLE = `
WITH able AS (
  SELECT p.email, p.groups, ${rolesOfPersonSql()} AS own, p.had_role,
         CASE WHEN coalesce(s.people_decide, 'keys') = 'keys' THEN ARRAY(
           SELECT DISTINCT unnest(k.roles) FROM admin_keys k
            WHERE k.workspace_id = p.workspace_id AND k.person_id = p.id AND k.revoked_at IS NULL
              AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())) ELSE '{}' END AS by_key,
         EXISTS (SELECT FROM person_identities i
                   JOIN identity_providers v ON v.workspace_id = i.workspace_id AND v.id = i.provider_id
                  WHERE i.workspace_id = p.workspace_id AND i.person_id = p.id AND v.active) AS signs_in
    FROM people p LEFT JOIN sign_in_settings s ON s.workspace_id = p.workspace_id
   WHERE p.workspace_id = $1 AND p.active),
may AS (
  SELECT email, groups, CASE WHEN cardinality(own) = 0 AND NOT had_role THEN by_key
                      WHEN signs_in OR cardinality(by_key) > 0 THEN own ELSE '{}' END AS roles FROM able)
SELECT email, groups, roles && $2 AS may_write, roles @> '{reviewer}' AS may_review FROM may
 WHERE roles && ('{reviewer}' || $2) ORDER BY email`;

/** People that one record names. */
const MAX_TOLD = 200;

/** E-mails of those who may review, by e-mail. Whoever may it by a group that only their provider names is not among them. */
export async function reviewersOf(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<readonly string[]> {
  const { rows } = await client.query<Able>(ABLE, [workspaceId, AUTHORS]);
  return rows.flatMap(({ email, may_review }) => (may_review ? [email] : [])).slice(0, MAX_TOLD);
}

/** Throws `people_missing`: there have to be an author and, beside them, as many reviewers as the strictest rule asks for. */
export async function refuseWithoutPeople(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  { authority }: Pick<ChangeSettings, 'authority'>,
): Promise<void> {
  const { rows } = await client.query<Able>(ABLE, [workspaceId, AUTHORS]);
  const rules: readonly Requirement[] = [...Object.values(authority.normal), authority.emergency];
  const people = Math.max(...rules.map((rule) => rule.people));
  const reviewers = rows.filter(({ may_review }) => may_review);
  const missing = rules
    .flatMap(({ groups }) => groups)
    .find((group) => !reviewers.some(({ groups }) => groups.includes(group)));
  if (missing !== undefined) throw peopleMissing(`Nobody who may review changes is in the group "${missing}".`);
  if (!rows.some(({ may_write }) => may_write)) throw peopleMissing('Nobody could draft a change.');
  if (reviewers.length < people || rows.length < people + 1)
    throw peopleMissing(
      `It takes ${people} ${people === 1 ? 'person' : 'people'} with the role reviewer and somebody else who drafts; ${reviewers.length} can review, and ${rows.length} people take part at all.`,
    );
}

function peopleMissing(cause: string): Failure {
  return new Failure(
    409,
    'people_missing',
    cause,
    'Invite people to sign in, or make keys for them (hivekey key create NAME --person E-MAIL), and give them the roles author and reviewer.',
  );
}
