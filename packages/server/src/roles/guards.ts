/** Guards that apply to every agent of the workspace. */
import { canonicalJson } from '@hivekey/action-log';
import { checkGuards, type GuardDocument } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { valid } from './change.ts';
import { refuseMisfits, WORKSPACE } from './lint.ts';
import { publishPolicy } from './publish.ts';
import { guardSchema, guardViews } from './role.ts';

export const workspaceGuardsSchema = z
  .object({
    object: z.literal('workspace_guards'),
    revision: z.int().meta({ description: '0 when there never were any.' }),
    guards: z.array(guardSchema),
    author: z.string().nullable(),
    updated_at: z.int().nullable(),
  })
  .meta({ id: 'WorkspaceGuards' });

export type WorkspaceGuardsView = z.output<typeof workspaceGuardsSchema>;

interface Row {
  revision: number;
  guards: GuardDocument[];
  author: string;
  updated_at: number;
}

async function newest(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<Row | undefined> {
  const { rows } = await client.query<Row>(
    `SELECT revision, guards, author, floor(extract(epoch FROM created_at))::bigint AS updated_at
       FROM workspace_guard_revisions WHERE workspace_id = $1 ORDER BY revision DESC LIMIT 1`,
    [workspaceId],
  );
  return rows[0];
}

export async function readWorkspaceGuards(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<WorkspaceGuardsView> {
  const row = await newest(client, workspaceId);
  if (row === undefined) return { object: 'workspace_guards', revision: 0, guards: [], author: null, updated_at: null };
  const guards = checkGuards(row.guards, WORKSPACE);
  if (!guards.ok) throw new Error(`revision ${row.revision} of the workspace guards cannot be read`);
  const { revision, author, updated_at } = row;
  return { object: 'workspace_guards', revision, guards: guardViews(row.guards, guards.value), author, updated_at };
}

/** The same guards change nothing. */
export function putWorkspaceGuards(
  log: ActionLog,
  who: Administrator,
  guards: readonly GuardDocument[],
): Promise<WorkspaceGuardsView> {
  return log.transact(who.workspaceId, (transaction) => putWorkspaceGuardsIn(transaction, who, guards));
}

export async function putWorkspaceGuardsIn(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  guards: readonly GuardDocument[],
): Promise<WorkspaceGuardsView> {
  const { client } = transaction;
  const current = await newest(client, workspaceId);
  if (canonicalJson(current?.guards ?? []) === canonicalJson(guards)) return readWorkspaceGuards(client, workspaceId);
  const revision = (current?.revision ?? 0) + 1;
  await client.query(
    'INSERT INTO workspace_guard_revisions (workspace_id, revision, guards, author) VALUES ($1, $2, $3, $4)',
    [workspaceId, revision, JSON.stringify(guards), actor],
  );
  await refuseMisfits(client, workspaceId, valid(checkGuards(guards, WORKSPACE), 'guards_invalid', 'The guards'));
  transaction.log({
    kind: 'role.changed',
    actor,
    role: WORKSPACE,
    role_rev: revision,
    prev_role_rev: current?.revision,
    change: current === undefined ? 'created' : 'updated',
    guards: guards.length,
  });
  publishPolicy(transaction, workspaceId, actor);
  return readWorkspaceGuards(client, workspaceId);
}

/** As they are written; none: there never were any. */
export async function findWorkspaceGuards(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<readonly GuardDocument[] | undefined> {
  return (await newest(client, workspaceId))?.guards;
}
