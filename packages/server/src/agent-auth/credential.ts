/** Credentials of an agent, as the API shows them: tokens, public keys, federation rules and connections in one list. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { jsonObject } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';
import { jwkSchema } from './keys.ts';

const DAY_SECONDS = 86_400;
const DEFAULT_LIFE_SECONDS = 90 * DAY_SECONDS;
const MAX_LIFE_SECONDS = 366 * DAY_SECONDS;

const common = {
  name: z.string().trim().max(100).default(''),
  role: z.string().min(1).max(128).optional().meta({ description: 'Narrows it to one of the roles of the agent.' }),
  dpop: z
    .enum(['optional', 'required'])
    .default('optional')
    .meta({ description: '`required`: its access tokens are bound to a key of the client (RFC 9449).' }),
  expires_in_seconds: z.int().min(60).max(MAX_LIFE_SECONDS).default(DEFAULT_LIFE_SECONDS),
};

export const newCredentialSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('key'), ...common, jwk: z.looseObject({ kty: z.string().max(16) }) }),
  z.strictObject({
    kind: z.literal('federation'),
    ...common,
    issuer: z.string().min(1).max(128).meta({ description: 'Id or name of a workload issuer.' }),
    claims: jsonObject.meta({ description: 'Members that the claims must have, and their exact values.' }),
  }),
]);
export type NewCredential = z.output<typeof newCredentialSchema>;

export const credentialSchema = z
  .object({
    id: z.string(),
    object: z.literal('credential'),
    kind: z.enum(['token', 'key', 'federation', 'connection']),
    agent: z.string(),
    agent_id: z.string(),
    name: z.string(),
    role: z.string().nullable(),
    status: z.enum(['live', 'expired', 'revoked']),
    dpop: z.enum(['optional', 'required']).nullable(),
    key: z
      .object({ thumbprint: z.string(), algorithm: z.string(), jwk: jwkSchema })
      .nullable()
      .meta({ description: 'Of a key.' }),
    federation: z
      .object({
        issuer_id: z.string(),
        issuer_name: z.string(),
        issuer: z.string(),
        kind: z.string(),
        claims: jsonObject,
      })
      .nullable()
      .meta({ description: 'Of a federation rule.' }),
    connection: z
      .object({
        client_id: z.string(),
        client_name: z.string().meta({ description: 'As it called itself.' }),
        client_host: z.string().nullable().meta({ description: 'Null: an administrator has registered it.' }),
        person: z.string().meta({ description: 'Who said yes.' }),
        resource: z.string().meta({ description: 'Path of the resource; empty: all of them.' }),
        entrances: z.array(z.string()),
      })
      .nullable()
      .meta({ description: 'Of a client that has signed in through a browser.' }),
    last4: z.string().nullable().meta({ description: 'Of a token.' }),
    created: z.int(),
    created_by: z.string(),
    expires_at: z.int(),
    last_used_at: z.int().nullable(),
    revoked_at: z.int().nullable(),
    revoked_by: z.string().nullable(),
  })
  .meta({ id: 'Credential' });
export type CredentialView = z.output<typeof credentialSchema>;

const seconds = (column: string) => `floor(extract(epoch FROM ${column}))::bigint`;

const STATUS = (table: string, end: string) => `
       CASE WHEN ${table}.revoked_at IS NOT NULL OR ${table}.authz_epoch <> s.authz_epoch THEN 'revoked'
            WHEN ${table}.${end} <= clock_timestamp() THEN 'expired' ELSE 'live' END`;

const CREDENTIALS = `
SELECT c.id, 'credential' AS object, c.kind, a.handle AS agent, c.agent_id, c.name, c.role, ${STATUS('c', 'not_after')} AS status,
       CASE WHEN c.dpop THEN 'required' ELSE 'optional' END AS dpop,
       CASE WHEN c.kind = 'key' THEN json_build_object('thumbprint', c.thumbprint, 'algorithm', c.jwk ->> 'alg', 'jwk', c.jwk) END AS key,
       CASE WHEN c.kind = 'federation' THEN json_build_object('issuer_id', i.id, 'issuer_name', i.name, 'issuer', i.issuer, 'kind', i.kind,
         'claims', c.claims) END AS federation,
       CASE WHEN c.kind = 'connection' THEN json_build_object('client_id', c.client_id, 'client_name', c.client_name,
         'client_host', CASE WHEN c.client_id LIKE 'https://%' THEN split_part(c.client_id, '/', 3) END,
         'person', o.email, 'resource', c.resource, 'entrances', c.entrances) END AS connection,
       NULL::text AS last4, ${seconds('c.created_at')} AS created, c.created_by, ${seconds('c.not_after')} AS expires_at,
       ${seconds('c.last_used_at')} AS last_used_at, ${seconds('c.revoked_at')} AS revoked_at, c.revoked_by
  FROM agent_credentials c
  JOIN agents a ON a.workspace_id = c.workspace_id AND a.id = c.agent_id
  JOIN agent_state s ON s.workspace_id = c.workspace_id AND s.agent_id = c.agent_id
  LEFT JOIN workload_issuers i ON i.workspace_id = c.workspace_id AND i.id = c.issuer_id
  LEFT JOIN people o ON o.workspace_id = c.workspace_id AND o.id = c.person_id
 WHERE c.workspace_id = $1 AND c.agent_id = $2`;

const TOKENS = `
SELECT t.id, 'credential', 'token', a.handle, t.agent_id, t.name, t.role, ${STATUS('t', 'expires_at')}, NULL::text, NULL::json, NULL::json, NULL::json,
       t.last4, ${seconds('t.created_at')} AS created, t.created_by, ${seconds('t.expires_at')}, ${seconds('t.last_used_at')},
       ${seconds('t.revoked_at')}, NULL::text
  FROM agent_tokens t
  JOIN agents a ON a.workspace_id = t.workspace_id AND a.id = t.agent_id
  JOIN agent_state s ON s.workspace_id = t.workspace_id AND s.agent_id = t.agent_id
 WHERE t.workspace_id = $1 AND t.agent_id = $2`;

/** Newest first, dead ones too. Few of each agent. */
export async function listCredentials(
  pool: Pool,
  workspaceId: WorkspaceId,
  agentId: AgentId,
): Promise<CredentialView[]> {
  const { rows } = await pool.query<CredentialView>(
    `${CREDENTIALS} UNION ALL ${TOKENS} ORDER BY created DESC, id DESC LIMIT 1000`,
    [workspaceId, agentId],
  );
  return rows;
}

/** A key or federation rule. Throws `credential_not_found`. */
export async function readCredential(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  agentId: AgentId,
  id: string,
): Promise<CredentialView> {
  const { rows } = await client.query<CredentialView>(`${CREDENTIALS} AND c.id = $3`, [workspaceId, agentId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'credential_not_found',
    `The agent has no key or federation rule "${id}".`,
    'List them with GET /v1/agents/:agent/credentials; tokens are ended with POST /v1/tokens/:id/revoke.',
  );
}
