/** Whether agents of a workspace sign in through a browser, and with which clients. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../../api/route.ts';
import type { WorkspaceId } from '../../ids.ts';
import { type ActionLog, changesOf } from '../../log/index.ts';
import { endConnections } from './end.ts';

const HOST = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?$/;

const values = {
  enabled: z.boolean().meta({ description: 'Whether agents sign in through a browser at all.' }),
  client_hosts: z.array(z.string()).meta({
    description: 'Hosts that the addresses of metadata documents of clients may have, exactly. Empty: any.',
  }),
};

export const browserSettingsSchema = z
  .object({
    object: z.literal('browser_sign_in_settings'),
    ...values,
    author: z.string().nullable(),
    updated_at: z.int().nullable(),
  })
  .meta({ id: 'BrowserSignInSettings' });
export type BrowserSettings = z.output<typeof browserSettingsSchema>;

export const browserSettingsChangeSchema = z.strictObject({
  enabled: values.enabled.optional(),
  client_hosts: z
    .array(z.string().max(260).toLowerCase().regex(HOST, 'a host, such as claude.ai'))
    .max(50)
    .transform((hosts) => [...new Set(hosts)].sort())
    .optional(),
});

/** Of a workspace without a row. */
const DEFAULT = {
  object: 'browser_sign_in_settings',
  enabled: true,
  client_hosts: [],
  author: null,
  updated_at: null,
} as const satisfies BrowserSettings;

export async function readBrowserSettings(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<BrowserSettings> {
  const { rows } = await client.query<BrowserSettings>(
    `SELECT 'browser_sign_in_settings' AS object, enabled, client_hosts, author, floor(extract(epoch FROM updated_at))::bigint AS updated_at
       FROM browser_sign_in_settings WHERE workspace_id = $1`,
    [workspaceId],
  );
  return rows[0] ?? { ...DEFAULT, client_hosts: [] };
}

/** What is absent stays. Connections of what is not let in any more end with it. */
export function changeBrowserSettings(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  change: z.output<typeof browserSettingsChangeSchema>,
): Promise<BrowserSettings> {
  return log.transact(workspaceId, async (transaction) => {
    const { client, log: record } = transaction;
    const before = await readBrowserSettings(client, workspaceId);
    const after = {
      enabled: change.enabled ?? before.enabled,
      client_hosts: change.client_hosts ?? before.client_hosts,
    };
    const changes = changesOf(before, after);
    if (Object.keys(changes).length === 0) return before;
    await client.query(
      `INSERT INTO browser_sign_in_settings (workspace_id, enabled, client_hosts, author) VALUES ($1, $2, $3, $4)
       ON CONFLICT (workspace_id) DO UPDATE SET enabled = excluded.enabled, client_hosts = excluded.client_hosts,
         author = excluded.author, updated_at = clock_timestamp()`,
      [workspaceId, after.enabled, after.client_hosts, actor],
    );
    const ended = await endConnections(
      transaction,
      workspaceId,
      after.enabled ? { notOfHosts: after.client_hosts } : {},
      { actor, reason: 'its client is not let in any more' },
    );
    record({ kind: 'workspace.changed', actor, change: 'browser_sign_in', changes, connections_ended: ended });
    return readBrowserSettings(client, workspaceId);
  });
}

/** Host of a client id that is an address; undefined for one that an administrator has registered. */
export function clientHost(clientId: string): string | undefined {
  return clientId.startsWith('https://') ? URL.parse(clientId)?.host : undefined;
}

/** Whether the workspace lets this client in, as far as the settings say. */
export function letsIn({ enabled, client_hosts: hosts }: BrowserSettings, clientId: string): boolean {
  const host = clientHost(clientId);
  return enabled && (host === undefined || hosts.length === 0 || hosts.includes(host));
}

/** Whether any workspace does: before anybody is known, nothing else is fetched. */
export async function anybodyLetsIn(pool: Pool, clientId: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `SELECT FROM workspaces w LEFT JOIN browser_sign_in_settings s ON s.workspace_id = w.id
      WHERE coalesce(s.enabled AND (cardinality(s.client_hosts) = 0 OR $1 = ANY(s.client_hosts)), true) LIMIT 1`,
    [clientHost(clientId) ?? ''],
  );
  return rowCount === 1;
}

/** Whether a workspace where agents sign in so has said that clients are there. */
export async function isNamedByAnybody(pool: Pool, host: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    'SELECT FROM browser_sign_in_settings WHERE enabled AND $1 = ANY(client_hosts) LIMIT 1',
    [host],
  );
  return rowCount === 1;
}
