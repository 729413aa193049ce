/** Objects that a transaction has touched, as triggers on their tables note them, and what has become of them. */
import type { JsonValue } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { type ControlledType, contentHash, OBJECT_TYPES, type ObjectRef, type ObjectType } from './object.ts';

export type ControlledTypes = ReadonlyMap<ObjectType, ControlledType>;

export interface Touched extends ObjectRef {
  /** Of its newest version; 0: it has none. */
  readonly version: number;
  readonly sha256: string | undefined;
  readonly before: JsonValue | undefined;
  readonly after: JsonValue | undefined;
  /** Of `after`. */
  readonly hash: string | undefined;
}

/** More than so many of one type are read at once. */
const FEW = 20;

export async function touchedIn(client: ClientBase): Promise<readonly ObjectRef[]> {
  const { rows } = await client.query<{ touched: string | null }>({
    name: 'touched',
    text: `SELECT nullif(current_setting('hivekey.touched', true), '') AS touched`,
  });
  const lines = new Set((rows[0]?.touched ?? '').split('\n').filter((line) => line !== ''));
  return [...lines].flatMap((line) => {
    const [type, id]: [string, string] = JSON.parse(line);
    return isObjectType(type) ? [{ type, id }] : [];
  });
}

export function isObjectType(type: string): type is ObjectType {
  return OBJECT_TYPES.some((each) => each === type);
}

/** Those of which the content is not that of their newest version, in their order. */
export async function differing(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  controlled: ControlledTypes,
  refs: readonly ObjectRef[],
): Promise<readonly Touched[]> {
  const newest = await newestOf(client, workspaceId, refs);
  const byType = Map.groupBy(refs, ({ type }) => type);
  const differ: Touched[] = [];
  for (const [type, of] of byType) {
    const now = await contentsOf(client, workspaceId, controlled.get(type), of);
    for (const { id } of of) {
      const { version = 0, sha256 = null, document = null } = newest.get(keyOf({ type, id })) ?? {};
      const after = now.get(id);
      const hash = after === undefined ? undefined : contentHash(after);
      if ((hash ?? null) === sha256) continue;
      const before = document ?? undefined;
      differ.push({ type, id, version, sha256: sha256 ?? undefined, before, after, hash });
    }
  }
  return differ;
}

function contentsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  type: ControlledType | undefined,
  refs: readonly ObjectRef[],
): Promise<ReadonlyMap<string, JsonValue>> {
  if (type === undefined) return Promise.resolve(new Map());
  return refs.length > FEW ? type.list(client, workspaceId) : readEach(client, workspaceId, type, refs);
}

async function readEach(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  type: ControlledType,
  refs: readonly ObjectRef[],
): Promise<ReadonlyMap<string, JsonValue>> {
  const contents = new Map<string, JsonValue>();
  for (const { id } of refs) {
    const content = await type.read(client, workspaceId, id);
    if (content !== undefined) contents.set(id, content);
  }
  return contents;
}

interface Newest {
  object_type: ObjectType;
  object_id: string;
  version: number;
  sha256: string | null;
  document: JsonValue | null;
}

/** By `keyOf`. */
async function newestOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  refs: readonly ObjectRef[],
): Promise<ReadonlyMap<string, Newest>> {
  const { rows } = await client.query<Newest>(
    `SELECT v.object_type, v.object_id, v.version, v.sha256, v.document
       FROM unnest($2::text[], $3::text[]) AS t (type, id)
      CROSS JOIN LATERAL (SELECT * FROM object_versions o
                           WHERE o.workspace_id = $1 AND o.object_type = t.type AND o.object_id = t.id
                           ORDER BY o.version DESC LIMIT 1) v`,
    [workspaceId, refs.map(({ type }) => type), refs.map(({ id }) => id)],
  );
  return new Map(rows.map((row) => [keyOf({ type: row.object_type, id: row.object_id }), row]));
}

export function keyOf({ type, id }: ObjectRef): string {
  return `${type} ${id}`;
}
