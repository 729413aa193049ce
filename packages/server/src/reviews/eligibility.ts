/** Whether somebody may review an item, asked anew wherever they try: what is true at the launch may not be true later. */
import type { ClientBase, Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { keyMadeBy } from '../changes/index.ts';
import { Failure } from '../errors.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import { readDirectory } from './directory.ts';
import { nowBarred } from './launch.ts';
import { current } from './outcome.ts';
import { type Barred, barOf, type Directory, type KnownPerson } from './reviewers.ts';
import type { AssignmentRow, ItemRow } from './rows.ts';
import type { Part } from './subjects.ts';

/**
 * Of an agent: its owner now, and whoever gave it the role; of a role: who wrote what is in force, and whose agents wear it.
 * `agent`, `role` and `isRole` are SQL expressions, `workspace` as well.
 */
export function partsNowSql(workspace: string, agent: string, role: string, isRole: string): string {
  return `
SELECT a.owner_id AS "by", 'owner of the agent' AS "as" FROM agents a WHERE a.workspace_id = ${workspace} AND a.id = ${agent}
UNION ALL
SELECT w.granted_by, 'gave the role to the agent' FROM agent_roles w
 WHERE w.workspace_id = ${workspace} AND w.agent_id = ${agent} AND w.role = ${role}
UNION ALL
SELECT v.author, 'author of the role'
  FROM roles r JOIN role_revisions v ON v.workspace_id = r.workspace_id AND v.role = r.name AND v.revision = r.current_revision
 WHERE ${isRole} AND r.workspace_id = ${workspace} AND r.name = ${role}
UNION ALL
SELECT a.owner_id, 'owner of ' || a.handle || ', which wears the role'
  FROM agent_roles w
  JOIN agents a ON a.workspace_id = w.workspace_id AND a.id = w.agent_id AND a.rehearsal_id IS NULL
  JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id AND s.status <> 'revoked'
 WHERE ${isRole} AND w.workspace_id = ${workspace} AND w.role = ${role}`;
}

const PARTS_NOW = partsNowSql('$1', '$2::text', '$3::text', '$4::boolean');

/** Frozen ones and those of now. */
export async function barredNow(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  directory: Directory,
  { type, agentId, role, barred }: Pick<ItemRow, 'type' | 'agentId' | 'role' | 'barred'>,
): Promise<Barred> {
  const { rows } = await client.query<Part>(PARTS_NOW, [workspaceId, agentId ?? '', role ?? '', type === 'role']);
  return nowBarred(directory, barred, rows);
}

export interface Reviewer {
  readonly person: KnownPerson;
  readonly directory: Directory;
}

/** Whose credential it is. Throws `person_required`, `person_inactive`, `review_self` for an account for emergencies or an auditor. */
export async function reviewerOf(client: Pool | ClientBase, who: Administrator): Promise<Reviewer> {
  if (who.person === undefined)
    throw new Failure(
      403,
      'person_required',
      'People review access, and this key belongs to none.',
      'Use a key of your own: hivekey key create NAME --person E-MAIL.',
    );
  const directory = await readDirectory(client, who.workspaceId);
  const person = directory.people.get(who.person.id);
  if (person?.active !== true)
    throw new Failure(403, 'person_inactive', `${who.person.email} is not active.`, 'Have somebody else review it.');
  return { person, directory };
}

/** Throws `review_self`, `review_key_of_subject`. */
export async function refuseSelf(
  client: ClientBase,
  who: Administrator,
  { person, directory }: Reviewer,
  item: ItemRow,
): Promise<Barred> {
  const barred = await barredNow(client, who.workspaceId, directory, item);
  const bar = barOf(person, barred);
  if (bar !== undefined) throw selfReview(person.email, item.id, bar);
  const subjects = new Set([...barred.keys()]);
  if (subjects.size > 0 && (await keyMadeBy(client, who, subjects)))
    throw new Failure(
      403,
      'review_key_of_subject',
      `Somebody with a part in ${item.id} made this key, and so can use it.`,
      'Sign in, or use a key that somebody else has made for you.',
    );
  return barred;
}

export function selfReview(person: string, item: string, bar: string): Failure {
  return new Failure(
    403,
    'review_self',
    `${person} may not review ${item}: ${bar}.`,
    'Nobody reviews what they have a part in: have it reassigned (POST /v1/reviews/:review/items/:item/reassign).',
  );
}

/** Throws `review_not_yours`. */
export function ownAssignment(item: ItemRow, personId: PersonId): AssignmentRow {
  const own = current(item).find((each) => each.personId === personId);
  if (own !== undefined) return own;
  throw new Failure(
    403,
    'review_not_yours',
    `${item.id} is reviewed by ${
      current(item)
        .map(({ reviewer }) => reviewer)
        .join(' and ') || 'nobody yet'
    }.`,
    'Whoever reviews it, or the owner of the campaign, can reassign it.',
  );
}
