/** What a directory decides about a person is not changed by hand. */
import { Failure } from '../errors.ts';
import { namesOfDirectory } from '../groups/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { Person } from './read.ts';

type Changes = Readonly<Record<string, readonly [unknown, unknown]>>;

/**
 * Deactivating is open to everybody who may: a stop never waits for a directory. Throws `person_deleted`,
 * `person_of_directory`, `group_of_directory`.
 */
export async function refuseOfDirectory(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  person: Person,
  changes: Changes,
): Promise<void> {
  if (person.deleted_at !== null)
    throw new Failure(
      409,
      'person_deleted',
      `${person.email} was deleted by the directory.`,
      'Whoever comes back gets a new id from the directory.',
    );
  const isActivation = changes.active?.[1] === true;
  if (person.directory !== null && (changes.display_name !== undefined || isActivation)) {
    const { rowCount } = await transaction.client.query(
      'SELECT FROM scim_connections WHERE workspace_id = $1 AND name = $2 AND revoked_at IS NULL',
      [workspaceId, person.directory],
    );
    if (rowCount !== 0)
      throw new Failure(
        409,
        'person_of_directory',
        `${isActivation ? 'Whether' : 'How'} ${person.email} is ${isActivation ? 'active' : 'called'} is for the directory "${person.directory}" to say.`,
        'Change it there, or revoke the SCIM connection.',
      );
  }
  if (changes.groups === undefined) return;
  const [before, after] = changes.groups.map((names) => (Array.isArray(names) ? names.map(String) : []));
  const moved = [...(before ?? []), ...(after ?? [])].filter(
    (name) => before?.includes(name) !== after?.includes(name),
  );
  const [taken] = await namesOfDirectory(transaction, workspaceId, moved);
  if (taken !== undefined)
    throw new Failure(
      409,
      'group_of_directory',
      `Who is in the group ${taken} is for a directory to say.`,
      'Change it there, or name another group.',
    );
}
