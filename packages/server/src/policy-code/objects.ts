/** Objects under change control as files know them: by names that people use, where the database has ids of its own. */
import type { JsonValue } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { type ControlledTypes, contentHash, type ObjectRef, type ObjectType } from '../versions/index.ts';

export interface LiveObject extends ObjectRef {
  /** The handle of an agent, the e-mail of a person; else the id. */
  readonly name: string;
  readonly document: JsonValue;
  readonly sha256: string;
}

/** Types of objects whose ids are no names. */
const NAMES: ReadonlyMap<ObjectType, string> = new Map([
  ['assignment', 'SELECT id, handle AS name FROM agents WHERE workspace_id = $1 AND rehearsal_id IS NULL'],
  ['person_authority', 'SELECT id, email AS name FROM people WHERE workspace_id = $1 AND deleted_at IS NULL'],
]);

export interface Names {
  /** Undefined: files do not have it. */
  nameOf(ref: ObjectRef): string | undefined;
  /** Undefined: there is none of that name, and none can come about by a file. */
  idOf(type: ObjectType, name: string): string | undefined;
}

export async function readNames(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  types: ReadonlySet<ObjectType>,
): Promise<Names> {
  const names = new Map<ObjectType, ReadonlyMap<string, string>>();
  const ids = new Map<ObjectType, ReadonlyMap<string, string>>();
  for (const [type, text] of NAMES) {
    if (!types.has(type)) continue;
    const { rows } = await client.query<{ id: string; name: string }>(text, [workspaceId]);
    names.set(type, new Map(rows.map(({ id, name }) => [id, name])));
    ids.set(type, new Map(rows.map(({ id, name }) => [name.toLowerCase(), id])));
  }
  return {
    nameOf: ({ type, id }) => (NAMES.has(type) ? names.get(type)?.get(id) : id),
    idOf: (type, name) => (NAMES.has(type) ? ids.get(type)?.get(name.toLowerCase()) : name),
  };
}

/** Of the types, ordered by type and name. The caller sees to it that all of it is one state of the database. */
export async function readLive(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  controlled: ControlledTypes,
  types: ReadonlySet<ObjectType>,
  names: Names,
): Promise<readonly LiveObject[]> {
  const live: LiveObject[] = [];
  for (const type of [...types].sort()) {
    const documents = await controlled.get(type)?.list(client, workspaceId);
    for (const [id, document] of documents ?? []) {
      const name = names.nameOf({ type, id });
      if (name !== undefined) live.push({ type, id, name, document, sha256: contentHash(document) });
    }
  }
  return live.sort((a, b) => (a.type === b.type ? compare(a.name, b.name) : compare(a.type, b.type)));
}

/** By UTF-16 code units: the same on every machine. */
export function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** One state of the database for all that `work` reads. */
export async function inSnapshot<T>(pool: Pool, work: (client: ClientBase) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const value = await work(client);
    await client.query('COMMIT');
    client.release();
    return value;
  } catch (error) {
    client.release(true);
    throw error;
  }
}
