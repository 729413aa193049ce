/** Whose content is trusted: revisions of one document a workspace. */
import { canonicalJson } from '@hivekey/action-log';
import { checkSources, type SourcesDocument } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { publishPolicy } from '../roles/index.ts';

const provenance = z.enum(['trusted', 'untrusted']);

export const sourcesSchema = z
  .object({
    object: z.literal('sources'),
    revision: z.int().meta({ description: '0 when there never was one.' }),
    trusted: z.array(z.string()),
    untrusted: z.array(z.string()),
    unmarked: provenance,
    author: z.string().nullable(),
    updated_at: z.int().nullable(),
  })
  .meta({ id: 'Sources' });

export type SourcesView = z.output<typeof sourcesSchema>;

interface Row {
  revision: number;
  document: unknown;
  author: string;
  updated_at: number;
}

async function newest(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<Row | undefined> {
  const { rows } = await client.query<Row>(
    `SELECT revision, document, author, floor(extract(epoch FROM created_at))::bigint AS updated_at
       FROM source_revisions WHERE workspace_id = $1 ORDER BY revision DESC LIMIT 1`,
    [workspaceId],
  );
  return rows[0];
}

/** As it is written; undefined: there never was one. */
export async function findSources(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<object | undefined> {
  const document = (await newest(client, workspaceId))?.document;
  return typeof document === 'object' && document !== null ? document : undefined;
}

export async function readSources(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<SourcesView> {
  const row = await newest(client, workspaceId);
  if (row === undefined)
    return {
      object: 'sources',
      revision: 0,
      trusted: [],
      untrusted: [],
      unmarked: 'untrusted',
      author: null,
      updated_at: null,
    };
  const read = checkSources(row.document);
  if (!read.ok) throw new Error(`revision ${row.revision} of the sources cannot be read`);
  const { trusted, untrusted, unmarked } = read.value;
  const { revision, author, updated_at } = row;
  return {
    object: 'sources',
    revision,
    trusted: [...trusted],
    untrusted: [...untrusted],
    unmarked,
    author,
    updated_at,
  };
}

/** The same marks change nothing. */
export function putSources(log: ActionLog, who: Administrator, document: SourcesDocument): Promise<SourcesView> {
  return log.transact(who.workspaceId, (transaction) => putSourcesIn(transaction, who, document));
}

export async function putSourcesIn(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  document: SourcesDocument,
): Promise<SourcesView> {
  const { client } = transaction;
  const current = await newest(client, workspaceId);
  if (current !== undefined && canonicalJson(current.document) === canonicalJson(document))
    return readSources(client, workspaceId);
  const revision = (current?.revision ?? 0) + 1;
  await client.query(
    'INSERT INTO source_revisions (workspace_id, revision, document, author) VALUES ($1, $2, $3, $4)',
    [workspaceId, revision, JSON.stringify(document), actor],
  );
  const { trusted, untrusted, unmarked } = document;
  transaction.log({
    kind: 'sources.changed',
    actor,
    sources_rev: revision,
    trusted: trusted.slice(0, MAX_NAMES),
    trusted_count: trusted.length,
    untrusted: untrusted.slice(0, MAX_NAMES),
    untrusted_count: untrusted.length,
    unmarked,
  });
  publishPolicy(transaction, workspaceId, actor);
  return readSources(client, workspaceId);
}

/** The first names of each; the revision has all of them, and a record has at most 64 KiB. */
const MAX_NAMES = 100;
