/** Clients that an administrator has registered, for those that have no metadata document of their own. */
import type { AdapterPayload } from 'oidc-provider';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../../api/route.ts';
import { Failure } from '../../errors.ts';
import { newId, type WorkspaceId } from '../../ids.ts';
import type { ActionLog } from '../../log/index.ts';
import { endConnections } from './end.ts';

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
/** Schemes that a browser acts upon itself. */
const FORBIDDEN = /^(?:javascript|data|vbscript|blob|file|about|view-source|ws|wss|ftp|mailto|tel):/i;
const MAX_LIVE = 100;

/** https anywhere else, http on the machine of whoever signs in, or a scheme of the client's own (RFC 8252). */
function isRedirect(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.hash !== '' || text.includes('#') || url.username !== '' || url.password !== '') return false;
  if (url.protocol === 'http:') return LOOPBACK.has(url.hostname);
  if (url.protocol === 'https:') return !LOOPBACK.has(url.hostname);
  // With a dot it is one that somebody can own.
  return !FORBIDDEN.test(text) && /^[a-z][a-z0-9+.-]*:/.test(text);
}

export const newClientSchema = z.strictObject({
  name: z.string().trim().min(1).max(100),
  redirect_uris: z
    .array(z.string().min(1).max(1024).refine(isRedirect, 'https, http on localhost, or a scheme of the client’s own'))
    .min(1)
    .max(10)
    .transform((uris) => [...new Set(uris)])
    .meta({ description: 'Compared as they stand; of http on localhost the port does not matter.' }),
});

export const oauthClientSchema = z
  .object({
    id: z.string().meta({ description: 'What the client sends as `client_id`. It has no secret.' }),
    object: z.literal('oauth_client'),
    name: z.string(),
    redirect_uris: z.array(z.string()),
    connections: z.int().meta({ description: 'Live ones.' }),
    status: z.enum(['active', 'removed']),
    created: z.int(),
    created_by: z.string(),
    removed_at: z.int().nullable(),
    removed_by: z.string().nullable(),
  })
  .meta({ id: 'OAuthClient' });
export type OAuthClient = z.output<typeof oauthClientSchema>;

const CLIENTS = `
SELECT o.id, 'oauth_client' AS object, o.name, o.redirect_uris,
       (SELECT count(*)::int FROM agent_credentials c JOIN agent_state s ON s.workspace_id = c.workspace_id AND s.agent_id = c.agent_id
         WHERE c.workspace_id = o.workspace_id AND c.client_id = o.id AND c.revoked_at IS NULL AND c.authz_epoch = s.authz_epoch
           AND c.not_after > now()) AS connections,
       CASE WHEN o.removed_at IS NULL THEN 'active' ELSE 'removed' END AS status,
       floor(extract(epoch FROM o.created_at))::bigint AS created, o.created_by,
       floor(extract(epoch FROM o.removed_at))::bigint AS removed_at, o.removed_by
  FROM oauth_clients o WHERE o.workspace_id = $1`;

/** Newest first. */
export async function listClients(pool: Pool, workspaceId: WorkspaceId): Promise<OAuthClient[]> {
  const { rows } = await pool.query<OAuthClient>(`${CLIENTS} ORDER BY o.created_at DESC, o.id LIMIT 1000`, [
    workspaceId,
  ]);
  return rows;
}

async function readClient(client: ClientBase, workspaceId: WorkspaceId, id: string): Promise<OAuthClient> {
  const { rows } = await client.query<OAuthClient>(`${CLIENTS} AND o.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'oauth_client_not_found',
    `There is no client "${id}".`,
    'List them with GET /v1/oauth-clients.',
  );
}

/** Throws `oauth_clients_too_many`. */
export function addClient(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  { name, redirect_uris: redirectUris }: z.output<typeof newClientSchema>,
): Promise<OAuthClient> {
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    const id = newId('ocl');
    const { rowCount } = await client.query(
      `INSERT INTO oauth_clients (workspace_id, id, name, redirect_uris, created_by, created_at)
       SELECT $1, $2, $3, $4, $5, $6
        WHERE (SELECT count(*) FROM oauth_clients WHERE workspace_id = $1 AND removed_at IS NULL) < $7`,
      [workspaceId, id, name, redirectUris, actor, now, MAX_LIVE],
    );
    if (rowCount === 0)
      throw new Failure(
        409,
        'oauth_clients_too_many',
        `The workspace has ${MAX_LIVE} registered clients.`,
        'Remove those that nobody uses any more.',
      );
    record({ kind: 'oauth_client.changed', actor, change: 'added', client_id: id, name, redirect_uris: redirectUris });
    return readClient(client, workspaceId, id);
  });
}

/** With it end its connections. Throws `oauth_client_not_found`. */
export function removeClient(log: ActionLog, { workspaceId, actor }: Administrator, id: string): Promise<OAuthClient> {
  return log.transact(workspaceId, async (transaction) => {
    const { client, now, log: record } = transaction;
    const before = await readClient(client, workspaceId, id);
    if (before.status === 'removed') return before;
    await client.query(
      'UPDATE oauth_clients SET removed_at = $3, removed_by = $4 WHERE workspace_id = $1 AND id = $2',
      [workspaceId, id, now, actor],
    );
    const reason = 'the client was removed';
    const ended = await endConnections(transaction, workspaceId, { clientId: id }, { actor, reason });
    record({
      kind: 'oauth_client.changed',
      actor,
      change: 'removed',
      client_id: id,
      name: before.name,
      redirect_uris: before.redirect_uris,
      connections_ended: ended,
    });
    return readClient(client, workspaceId, id);
  });
}

/** As oidc-provider wants it; undefined for what is no registered client. */
export async function findClient(pool: Pool, id: string): Promise<AdapterPayload | undefined> {
  const { rows } = await pool.query<{ name: string; redirect_uris: string[] }>(
    'SELECT name, redirect_uris FROM oauth_clients WHERE id = $1 AND removed_at IS NULL',
    [id],
  );
  const [row] = rows;
  return row && { client_id: id, client_name: row.name, redirect_uris: row.redirect_uris };
}

/** Whether a client that is registered is so in this workspace. */
export async function isClientOf(client: ClientBase | Pool, workspaceId: WorkspaceId, id: string): Promise<boolean> {
  const { rowCount } = await client.query(
    'SELECT FROM oauth_clients WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL',
    [workspaceId, id],
  );
  return rowCount === 1;
}
