/** Change freezes and their overrides as the API shows them. */
import { Calendar, type FreezeDocument, freezeFromDocument } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';

/** A request that nobody answers is over after this long. */
export const ANSWER_WITHIN_MINUTES = 60;
export const MAX_OVERRIDE_MINUTES = 1_440;

const seconds = z.int().nullable();

export const overrideSchema = z
  .object({
    id: z.string(),
    object: z.literal('freeze_override'),
    freeze: z.string(),
    status: z.enum(['requested', 'unanswered', 'active', 'ended']),
    reason: z.string(),
    minutes: z.int(),
    requested_by: z.string(),
    requested_by_person: z.string().nullable().meta({ description: 'E-mail of whose key that is.' }),
    requested_at: z.int(),
    answer_by: z.int().meta({ description: 'Without a second person by then it lapses.' }),
    approved_by: z.string().nullable(),
    approved_by_person: z.string().nullable(),
    starts_at: seconds,
    ends_at: seconds,
    ended_by: z.string().nullable().meta({ description: 'Who ended it early.' }),
  })
  .meta({ id: 'FreezeOverride' });

export type OverrideView = z.output<typeof overrideSchema>;

export const freezeSchema = z
  .object({
    object: z.literal('freeze'),
    name: z.string(),
    description: z.string(),
    sentence: z.string(),
    in_force: z.boolean().meta({ description: 'Whether it denies now: its time, and not overridden.' }),
    until: seconds.meta({ description: 'While its time lasts: when that ends.' }),
    next: seconds.meta({ description: 'While its time is not: when it comes. Null: never again.' }),
    override: overrideSchema.nullable().meta({ description: 'The override that lifts it now.' }),
    document: z.record(z.string(), z.unknown()).meta({ description: 'The Freeze file it can be applied from.' }),
    author: z.string(),
    created: z.int(),
    updated_at: z.int(),
  })
  .meta({ id: 'Freeze' });

export type FreezeView = z.output<typeof freezeSchema>;

interface Row {
  name: string;
  document: FreezeDocument;
  author: string;
  created: number;
  updated_at: number;
  now_ms: number;
}

const FREEZES = `
SELECT name, document, author, floor(extract(epoch FROM created_at))::bigint AS created,
       floor(extract(epoch FROM updated_at))::bigint AS updated_at,
       floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms
  FROM freezes WHERE workspace_id = $1`;

const OVERRIDES = `
SELECT id, 'freeze_override' AS object, freeze_name AS freeze,
       CASE WHEN approved_by IS NULL THEN CASE WHEN clock_timestamp() < answer_by THEN 'requested' ELSE 'unanswered' END
            WHEN clock_timestamp() < ends_at THEN 'active' ELSE 'ended' END AS status,
       reason, minutes, requested_by, floor(extract(epoch FROM requested_at))::bigint AS requested_at,
       floor(extract(epoch FROM answer_by))::bigint AS answer_by, approved_by,
       (SELECT email FROM people p WHERE p.workspace_id = $1 AND p.id = requested_by_id) AS requested_by_person,
       (SELECT email FROM people p WHERE p.workspace_id = $1 AND p.id = approved_by_id) AS approved_by_person,
       floor(extract(epoch FROM starts_at))::bigint AS starts_at, floor(extract(epoch FROM ends_at))::bigint AS ends_at, ended_by
  FROM freeze_overrides WHERE workspace_id = $1`;

/** Sorted by name; all of them, as there are few. */
export async function listFreezes(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<FreezeView[]> {
  const { rows } = await client.query<Row>(`${FREEZES} ORDER BY name COLLATE "C"`, [workspaceId]);
  const active = await activeOverrides(client, workspaceId);
  return rows.map((row) => viewOf(row, active.get(row.name)));
}

/** Undefined when there is none. */
export async function findFreeze(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  name: string,
): Promise<FreezeView | undefined> {
  const { rows } = await client.query<Row>(`${FREEZES} AND name = $2`, [workspaceId, name]);
  const [row] = rows;
  return row && viewOf(row, (await activeOverrides(client, workspaceId)).get(name));
}

/** Throws `freeze_not_found`. */
export async function readFreeze(client: Pool | ClientBase, workspaceId: WorkspaceId, name: string) {
  const freeze = await findFreeze(client, workspaceId, name);
  if (freeze !== undefined) return freeze;
  throw new Failure(404, 'freeze_not_found', `There is no freeze "${name}".`, 'List them with GET /v1/freezes.');
}

/** Newest first. */
export async function listOverrides(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  freeze: string,
  limit: number,
): Promise<OverrideView[]> {
  const { rows } = await client.query<OverrideView>(
    `${OVERRIDES} AND freeze_name = $2 ORDER BY freeze_overrides.requested_at DESC, id LIMIT $3`,
    [workspaceId, freeze, limit],
  );
  return rows;
}

/** Throws `override_not_found`. */
export async function readOverride(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  freeze: string,
  id: string,
): Promise<OverrideView> {
  const { rows } = await client.query<OverrideView>(`${OVERRIDES} AND freeze_name = $2 AND id = $3`, [
    workspaceId,
    freeze,
    id,
  ]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'override_not_found',
    `The freeze "${freeze}" has no override "${id}".`,
    'List them with GET /v1/freezes/:name/overrides.',
  );
}

async function activeOverrides(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<Map<string, OverrideView>> {
  const { rows } = await client.query<OverrideView>(
    `${OVERRIDES} AND in_policy AND clock_timestamp() < ends_at ORDER BY ends_at`,
    [workspaceId],
  );
  return new Map(rows.map((override) => [override.freeze, override]));
}

function viewOf(
  { name, document, author, created, updated_at, now_ms }: Row,
  override: OverrideView | undefined,
): FreezeView {
  const freeze = freezeFromDocument(document, []);
  if (!freeze.ok) throw new Error(`the freeze ${name} cannot be read`);
  const { inForce, untilMs } = new Calendar(freeze.value).at(now_ms);
  const boundary = Number.isFinite(untilMs) ? Math.floor(untilMs / 1000) : null;
  return {
    object: 'freeze',
    name,
    description: freeze.value.description,
    sentence: freeze.value.sentence,
    in_force: inForce && override === undefined,
    until: inForce ? boundary : null,
    next: inForce ? null : boundary,
    override: override ?? null,
    document: { ...document },
    author,
    created,
    updated_at,
  };
}

export function freezeNameDiffers(named: string, address: string): Failure {
  return new Failure(
    422,
    'freeze_name_differs',
    `The document is of "${named}", the address names "${address}".`,
    'Send it to the address of its freeze.',
  );
}
