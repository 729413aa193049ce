/**
 * Credentials that a person has made, so that they were shown them or chose them, and that are not theirs: they outlive the
 * person, because others work with them. Whoever leaves may have kept them, so that somebody should put others in their place.
 */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { personActor } from '../identity/index.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import type { Leaver } from './leave.ts';

export const knownCredentialSchema = z
  .object({
    id: z.string(),
    object: z.literal('known_credential'),
    kind: z.enum(['agent_token', 'agent_key', 'agent_federation', 'key', 'scim_token']),
    name: z.string(),
    of: z.string().nullable().meta({
      description:
        'The agent, or the SCIM connection; of a key the person it belongs to, and null where it is nobody’s.',
    }),
    created: z.int(),
    expires_at: z.int().nullable(),
    last_used_at: z.int().nullable(),
  })
  .meta({ id: 'KnownCredential' });

export type KnownCredential = z.output<typeof knownCredentialSchema>;

const seconds = (column: string): string => `floor(extract(epoch FROM ${column}))::bigint`;

/** Who the person is in the log: signed in, and with each of their keys. `$2`: the person, `$3`: signed in. */
export const ACTORS = `ARRAY(SELECT $3 UNION SELECT 'key:' || k.name FROM admin_keys k WHERE k.workspace_id = $1 AND k.person_id = $2)`;

/** Those that live; what a stop has ended of an agent's is left out, and so is what is the person's own. */
const KNOWN = `
SELECT t.id, 'known_credential' AS object, 'agent_token' AS kind, t.name, a.handle AS "of", ${seconds('t.created_at')} AS created,
       ${seconds('t.expires_at')} AS expires_at, ${seconds('t.last_used_at')} AS last_used_at
  FROM agent_tokens t
  JOIN agents a ON a.workspace_id = t.workspace_id AND a.id = t.agent_id AND a.rehearsal_id IS NULL
  JOIN agent_state s ON s.workspace_id = t.workspace_id AND s.agent_id = t.agent_id AND s.authz_epoch = t.authz_epoch
 WHERE t.workspace_id = $1 AND t.created_by = ANY(${ACTORS}) AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp()
UNION ALL
SELECT c.id, 'known_credential', CASE c.kind WHEN 'key' THEN 'agent_key' ELSE 'agent_federation' END, c.name, a.handle,
       ${seconds('c.created_at')}, ${seconds('c.not_after')}, ${seconds('c.last_used_at')}
  FROM agent_credentials c
  JOIN agents a ON a.workspace_id = c.workspace_id AND a.id = c.agent_id AND a.rehearsal_id IS NULL
  JOIN agent_state s ON s.workspace_id = c.workspace_id AND s.agent_id = c.agent_id AND s.authz_epoch = c.authz_epoch
 WHERE c.workspace_id = $1 AND c.kind <> 'connection' AND c.created_by = ANY(${ACTORS}) AND c.revoked_at IS NULL AND c.not_after > clock_timestamp()
UNION ALL
SELECT k.id, 'known_credential', 'key', k.name, p.email, ${seconds('k.created_at')}, ${seconds('k.expires_at')}, ${seconds('k.last_used_at')}
  FROM admin_keys k LEFT JOIN people p ON p.workspace_id = k.workspace_id AND p.id = k.person_id
 WHERE k.workspace_id = $1 AND k.created_by = ANY(${ACTORS}) AND k.person_id IS DISTINCT FROM $2 AND k.revoked_at IS NULL
   AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
UNION ALL
SELECT t.id, 'known_credential', 'scim_token', c.name, c.name, ${seconds('t.created_at')}, ${seconds('t.expires_at')}, ${seconds('t.last_used_at')}
  FROM scim_tokens t JOIN scim_connections c ON c.workspace_id = t.workspace_id AND c.id = t.connection_id AND c.revoked_at IS NULL
 WHERE t.workspace_id = $1 AND t.created_by = ANY(${ACTORS}) AND t.expires_at > clock_timestamp()`;

export interface KnownPosition {
  readonly created: number;
  readonly id: string;
}

/** Newest first. */
export async function listKnownCredentials(
  pool: Pool,
  workspaceId: WorkspaceId,
  { id, email }: { readonly id: PersonId; readonly email: string },
  after: KnownPosition | undefined,
  limit: number,
): Promise<KnownCredential[]> {
  const { rows } = await pool.query<KnownCredential>(
    `SELECT * FROM (${KNOWN}) k WHERE ($4::bigint IS NULL OR (created, id) < ($4, $5)) ORDER BY created DESC, id DESC LIMIT $6`,
    [workspaceId, id, personActor(email), after?.created ?? null, after?.id ?? null, limit],
  );
  return rows;
}

export async function countKnownCredentials(
  client: ClientBase,
  workspaceId: WorkspaceId,
  { id, email }: Leaver,
): Promise<number> {
  const { rows } = await client.query<{ known: number }>(`SELECT count(*)::int AS known FROM (${KNOWN}) k`, [
    workspaceId,
    id,
    personActor(email),
  ]);
  return rows[0]?.known ?? 0;
}
