/** Who provisions: a token of a connection, looked up at each request. */
import type { KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import { lookupHmac } from '../identity/index.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';

export const SCOPES = ['users', 'groups', 'agents'] as const;
export type Scope = (typeof SCOPES)[number];

/** SQL: a token `t` counts. */
export const LIVE = 't.expires_at > clock_timestamp()';

/** What a token stands for, now. */
export interface Provisioner {
  readonly workspaceId: WorkspaceId;
  /** As it stands in the log, `scim:<name>`. */
  readonly actor: string;
  /** Id of the connection. */
  readonly directory: string;
  readonly tokenId: string;
  readonly scopes: readonly Scope[];
  /** Accountable for agents whose owner the directory does not name. */
  readonly agentOwner: PersonId | null;
}

/** Whose token it is, in one indexed query against current state. Undefined: it is no token, or none any more. */
export async function provisionerOf(pool: Pool, pepper: KeyObject, token: string): Promise<Provisioner | undefined> {
  const { rows } = await pool.query<Provisioner>({
    name: 'scim-provisioner',
    text: `SELECT c.workspace_id AS "workspaceId", 'scim:' || c.name AS actor, c.id AS directory, t.id AS "tokenId", c.scopes,
                  c.agent_owner AS "agentOwner"
             FROM scim_tokens t JOIN scim_connections c ON c.workspace_id = t.workspace_id AND c.id = t.connection_id
            WHERE t.lookup_hmac = $1 AND ${LIVE} AND c.revoked_at IS NULL`,
    values: [lookupHmac(token, pepper)],
  });
  return rows[0];
}
