/** Who may vouch for the workloads of a workspace. */
import type { JSONWebKeySet } from 'jose';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { settleStatus } from '../agents/index.ts';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { type AgentId, type IssuerId, newId, type WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import type { IssuerKind } from './claims.ts';
import { type KeySets, readKeySet } from './key-sets.ts';
import { KeyProblem } from './keys.ts';

const KINDS = ['github', 'kubernetes', 'spiffe', 'oidc'] as const;
const TRUST_DOMAIN = /^spiffe:\/\/[a-z0-9._-]{1,255}$/;

export const newIssuerSchema = z.strictObject({
  name: z.string().trim().min(1).max(100),
  kind: z.enum(KINDS),
  issuer: z
    .string()
    .min(1)
    .max(512)
    .meta({ description: '`iss`, byte for byte; of SPIFFE the trust domain, `spiffe://…`.' }),
  jwks_url: z
    .string()
    .max(2048)
    .optional()
    .meta({ description: 'Where its keys are; public, or allowed by the operator.' }),
  jwks: z
    .looseObject({ keys: z.array(z.unknown()) })
    .optional()
    .meta({ description: 'Its keys themselves.' }),
});
export type NewIssuer = z.output<typeof newIssuerSchema>;

export const issuerSchema = z
  .object({
    id: z.string(),
    object: z.literal('workload_issuer'),
    name: z.string(),
    kind: z.enum(KINDS),
    issuer: z.string(),
    jwks_url: z.string().nullable(),
    key_ids: z.array(z.string()).nullable().meta({ description: 'Of pasted keys.' }),
    audience: z.string().meta({ description: 'What its tokens must be for.' }),
    rules: z.int().meta({ description: 'Live federation rules that refer to it.' }),
    status: z.enum(['active', 'removed']),
    created: z.int(),
    created_by: z.string(),
    removed_at: z.int().nullable(),
    removed_by: z.string().nullable(),
  })
  .meta({ id: 'WorkloadIssuer' });
export type IssuerView = z.output<typeof issuerSchema>;

const ISSUERS = `
SELECT i.id, 'workload_issuer' AS object, i.name, i.kind, i.issuer, i.jwks_url,
       CASE WHEN i.jwks IS NOT NULL THEN (SELECT coalesce(json_agg(k ->> 'kid') FILTER (WHERE k ? 'kid'), '[]') FROM jsonb_array_elements(i.jwks -> 'keys') k) END AS key_ids,
       (SELECT count(*)::int FROM agent_credentials c WHERE c.workspace_id = i.workspace_id AND c.issuer_id = i.id
           AND c.revoked_at IS NULL AND c.not_after > now()) AS rules,
       CASE WHEN i.removed_at IS NULL THEN 'active' ELSE 'removed' END AS status,
       floor(extract(epoch FROM i.created_at))::bigint AS created, i.created_by,
       floor(extract(epoch FROM i.removed_at))::bigint AS removed_at, i.removed_by, $2::text AS audience
  FROM workload_issuers i WHERE i.workspace_id = $1`;

export async function listIssuers(pool: Pool, workspaceId: WorkspaceId, url: string): Promise<IssuerView[]> {
  const { rows } = await pool.query<IssuerView>(`${ISSUERS} ORDER BY i.created_at DESC, i.id LIMIT 1000`, [
    workspaceId,
    url,
  ]);
  return rows;
}

async function viewIssuer(client: ClientBase, workspaceId: WorkspaceId, url: string, id: string): Promise<IssuerView> {
  const { rows } = await client.query<IssuerView>(`${ISSUERS} AND i.id = $3`, [workspaceId, url, id]);
  if (rows[0] !== undefined) return rows[0];
  throw notFound(id);
}

/** One that is trusted, by id or name. Throws `issuer_not_found`. */
export async function readIssuer(
  client: ClientBase,
  workspaceId: WorkspaceId,
  idOrName: string,
): Promise<{ readonly id: IssuerId; readonly kind: IssuerKind; readonly issuer: string; readonly name: string }> {
  const { rows } = await client.query<{ id: IssuerId; kind: IssuerKind; issuer: string; name: string }>(
    `SELECT id, kind, issuer, name FROM workload_issuers
      WHERE workspace_id = $1 AND (id = $2 OR name = $2) AND removed_at IS NULL ORDER BY id = $2 DESC, created_at LIMIT 1`,
    [workspaceId, idOrName],
  );
  if (rows[0] !== undefined) return rows[0];
  throw notFound(idOrName);
}

function notFound(id: string): Failure {
  return new Failure(
    404,
    'issuer_not_found',
    `There is no workload issuer "${id}" that is trusted.`,
    'List them with GET /v1/workload-issuers.',
  );
}

/** Throws `issuer_invalid`, `issuer_keys_invalid`, `issuer_known`, and what the guard of addresses says. */
export async function addIssuer(
  { log, keySets, url }: { readonly log: ActionLog; readonly keySets: KeySets; readonly url: string },
  { workspaceId, actor }: Administrator,
  { name, kind, issuer, jwks_url: jwksUrl, jwks }: NewIssuer,
): Promise<IssuerView> {
  checkName(kind, issuer);
  const keys = await readKeys(keySets, jwksUrl, jwks);
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    const id = newId<IssuerId>('wis');
    const { rowCount } = await client.query(
      `INSERT INTO workload_issuers (workspace_id, id, name, kind, issuer, jwks_url, jwks, created_by, created_at)
       SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
        WHERE NOT EXISTS (SELECT FROM workload_issuers WHERE workspace_id = $1 AND removed_at IS NULL AND (issuer = $5 OR name = $3))`,
      [
        workspaceId,
        id,
        name,
        kind,
        issuer,
        jwksUrl ?? null,
        jwksUrl === undefined ? JSON.stringify(keys) : null,
        actor,
        now,
      ],
    );
    if (rowCount === 0)
      throw new Failure(
        409,
        'issuer_known',
        'An issuer of this name or with this iss is trusted already.',
        'Remove that one first; its rules end with it.',
      );
    record({
      kind: 'workload_issuer.changed',
      actor,
      change: 'added',
      issuer_id: id,
      ...{ name, issuer },
      issuer_kind: kind,
      jwks_url: jwksUrl,
    });
    return viewIssuer(client, workspaceId, url, id);
  });
}

function checkName(kind: IssuerKind, issuer: string): void {
  const isRight = kind === 'spiffe' ? TRUST_DOMAIN.test(issuer) : URL.parse(issuer)?.protocol === 'https:';
  if (isRight) return;
  throw new Failure(
    400,
    'issuer_invalid',
    kind === 'spiffe' ? 'The issuer is not a SPIFFE trust domain.' : 'The issuer is not an https address.',
    kind === 'spiffe' ? 'Write it as spiffe://prod.acme.example.' : 'Copy iss from a token of the platform.',
  );
}

/** Fetched once now: an address that does not work is found out by whoever registers it. */
async function readKeys(keySets: KeySets, url: string | undefined, jwks: unknown): Promise<JSONWebKeySet> {
  if ((url === undefined) === (jwks === undefined))
    throw new Failure(
      400,
      'issuer_keys_invalid',
      'Give either jwks_url or jwks.',
      'Paste keys where the address is not reachable from here.',
    );
  try {
    return url === undefined ? await readKeySet(jwks) : await keySets.fetch(url);
  } catch (error) {
    if (error instanceof Failure) throw error;
    const why = error instanceof KeyProblem ? error.message : 'it cannot be reached, or is no JSON';
    throw new Failure(
      400,
      'issuer_keys_invalid',
      `The key set cannot be used: ${why}.`,
      'Give the address of the JWK set itself, public or allowed in HIVEKEY_UPSTREAM_ALLOW, or paste the set.',
    );
  }
}

/** With it end the rules that refer to it, and the access tokens that were given for them. Throws `issuer_not_found`. */
export function removeIssuer(
  { log, url }: { readonly log: ActionLog; readonly url: string },
  { workspaceId, actor }: Administrator,
  idOrName: string,
): Promise<IssuerView> {
  return log.transact(workspaceId, async (transaction) => {
    const { client, log: record } = transaction;
    const { id, kind, issuer, name } = await readIssuer(client, workspaceId, idOrName);
    await client.query(
      'UPDATE workload_issuers SET removed_at = clock_timestamp(), removed_by = $3 WHERE workspace_id = $1 AND id = $2',
      [workspaceId, id, actor],
    );
    const { rows } = await client.query<{ agent_id: AgentId }>(
      `UPDATE agent_credentials SET revoked_at = clock_timestamp(), revoked_by = $3
        WHERE workspace_id = $1 AND issuer_id = $2 AND revoked_at IS NULL RETURNING agent_id`,
      [workspaceId, id, actor],
    );
    await settleStatus(transaction, workspaceId, [...new Set(rows.map(({ agent_id }) => agent_id))]);
    record({
      kind: 'workload_issuer.changed',
      actor,
      change: 'removed',
      issuer_id: id,
      ...{ name, issuer },
      issuer_kind: kind,
      rules_ended: rows.length,
    });
    return viewIssuer(client, workspaceId, url, id);
  });
}
