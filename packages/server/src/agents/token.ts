/** Agent tokens as the API shows them, and reading them. The secret itself is stored nowhere. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { AgentId, TokenId, WorkspaceId } from '../ids.ts';

const DAY_SECONDS = 86_400;
const DEFAULT_LIFE_SECONDS = 90 * DAY_SECONDS;
const MAX_LIFE_SECONDS = 366 * DAY_SECONDS;
const DEFAULT_OVERLAP_SECONDS = 3600;
const MAX_OVERLAP_SECONDS = 30 * DAY_SECONDS;

const lifeSeconds = z.int().min(1).max(MAX_LIFE_SECONDS);

export const newTokenSchema = z.strictObject({
  agent: z.string().min(1).max(128),
  name: z.string().trim().max(100).default(''),
  role: z.string().min(1).max(128).optional(),
  expires_in_seconds: lifeSeconds.default(DEFAULT_LIFE_SECONDS),
});

export const rotationSchema = z.strictObject({
  overlap_seconds: z.int().min(0).max(MAX_OVERLAP_SECONDS).default(DEFAULT_OVERLAP_SECONDS),
  expires_in_seconds: lifeSeconds.default(DEFAULT_LIFE_SECONDS),
});

export type NewToken = z.output<typeof newTokenSchema>;
export type Rotation = z.output<typeof rotationSchema>;

export const tokenSchema = z
  .object({
    id: z.string(),
    object: z.literal('token'),
    agent: z.string(),
    agent_id: z.string(),
    name: z.string(),
    role: z.string().nullable(),
    last4: z.string(),
    status: z.enum(['live', 'expired', 'revoked']),
    created: z.int(),
    created_by: z.string(),
    expires_at: z.int(),
    last_used_at: z.int().nullable(),
    replaced_by: z.string().nullable(),
  })
  .meta({ id: 'Token' });

/** The one answer that shows the secret. */
export const mintedTokenSchema = tokenSchema
  .extend({ token: z.string().meta({ description: 'Shown this once.' }) })
  .meta({ id: 'MintedToken' });

export type TokenView = z.output<typeof tokenSchema>;
export type MintedToken = z.output<typeof mintedTokenSchema>;

// A token from before a stop is dead even where nobody ended it by name: its epoch tells.
const TOKENS = `
SELECT t.id, 'token' AS object, a.handle AS agent, t.agent_id, t.name, t.role, t.last4,
       CASE WHEN t.revoked_at IS NOT NULL OR t.authz_epoch <> s.authz_epoch THEN 'revoked'
            WHEN t.expires_at <= clock_timestamp() THEN 'expired' ELSE 'live' END AS status,
       floor(extract(epoch FROM t.created_at))::bigint AS created, t.created_by,
       floor(extract(epoch FROM t.expires_at))::bigint AS expires_at,
       floor(extract(epoch FROM t.last_used_at))::bigint AS last_used_at, t.replaced_by,
       (extract(epoch FROM t.created_at) * 1000000)::bigint AS created_us, p.email AS owner
  FROM agent_tokens t
  JOIN agents a ON a.workspace_id = t.workspace_id AND a.id = t.agent_id
  JOIN agent_state s ON s.workspace_id = t.workspace_id AND s.agent_id = t.agent_id
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
 WHERE t.workspace_id = $1 AND a.rehearsal_id IS NULL`;

export interface Token extends TokenView {
  readonly id: TokenId;
  readonly agent_id: AgentId;
  readonly created_us: number;
  readonly owner: string;
}

/** Newest first, up to `limit` tokens after the position; of one agent, if named. */
export async function listTokens(
  pool: Pool,
  workspaceId: WorkspaceId,
  agentId: AgentId | undefined,
  after: TimePosition | undefined,
  limit: number,
): Promise<Token[]> {
  const { rows } = await pool.query<Token>(
    `${TOKENS} AND ($2::text IS NULL OR t.agent_id = $2)
   AND ($3::bigint IS NULL OR (t.created_at, t.id) < ('epoch'::timestamptz + $3 * interval '1 microsecond', $4))
 ORDER BY t.created_at DESC, t.id DESC LIMIT $5`,
    [workspaceId, agentId ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Throws `token_not_found`. */
export async function readToken(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<Token> {
  const { rows } = await client.query<Token>(`${TOKENS} AND t.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(404, 'token_not_found', `There is no token "${id}".`, 'List tokens with GET /v1/tokens.');
}
