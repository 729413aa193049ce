/** What becomes of an OAuth client at its authorization server: kept with the connection and told, once for each change. */
import type { ApiId, ServerId, WorkspaceId } from '../../ids.ts';
import type { ActionLog } from '../../log/index.ts';

interface Connected {
  readonly workspaceId: WorkspaceId;
  readonly id: ServerId | ApiId;
  readonly namespace: string;
  readonly credentialError: { readonly code: string } | undefined;
}

/** What each node has heard last; the row decides whether it is news. */
const heard = new WeakMap<Connected, string>();

/** `problem`: the error code of RFC 6749, 5.2; undefined when a token was given out. */
export async function recordCredentialOutcome(
  log: ActionLog,
  table: 'mcp_servers' | 'http_apis',
  connected: Connected,
  problem: string | undefined,
): Promise<void> {
  const before = heard.get(connected) ?? connected.credentialError?.code ?? '';
  if (before === (problem ?? '')) return;
  heard.set(connected, problem ?? '');
  const { workspaceId, id, namespace } = connected;
  await log.transact(workspaceId, async (transaction) => {
    const { rowCount } = await transaction.client.query(
      `UPDATE ${table} SET credential_error = $3, credential_error_at = CASE WHEN $3::text IS NULL THEN NULL ELSE now() END
        WHERE workspace_id = $1 AND id = $2 AND credential_error IS DISTINCT FROM $3`,
      [workspaceId, id, problem ?? null],
    );
    if (rowCount === 0) return;
    transaction.log({
      kind: 'server.changed',
      actor: 'system',
      server: namespace,
      server_id: id,
      change: problem === undefined ? 'credential_accepted' : 'credential_refused',
      ...(problem === undefined ? {} : { error_code: problem }),
    });
  });
}
