/** Who may push security event tokens, and the keys that they sign with. Keys are configured, never fetched. */
import { importJWK, type JSONWebKeySet } from 'jose';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { MAX_SECONDS } from './risk.ts';

export const ALGORITHMS = ['EdDSA', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'];
const MIN_SECONDS = 60;

const publicKey = z
  .looseObject({ kty: z.enum(['OKP', 'EC', 'RSA']), kid: z.string().min(1).max(200).optional() })
  .refine((key) => !('d' in key), { error: 'is a private key' });

export const newTransmitterSchema = z.strictObject({
  issuer: z.string().min(1).max(500),
  audience: z.string().min(1).max(500).meta({ description: 'Must stand in `aud` of its tokens.' }),
  jwks: z.strictObject({ keys: z.array(publicKey).min(1).max(20) }).meta({ description: 'Its public keys.' }),
  lasts_seconds: z
    .int()
    .min(MIN_SECONDS)
    .max(MAX_SECONDS)
    .default(86_400)
    .meta({ description: 'How long its signals last.' }),
});
export type NewTransmitter = z.output<typeof newTransmitterSchema>;

export const transmitterSchema = newTransmitterSchema
  .extend({ object: z.literal('risk_transmitter'), name: z.string(), author: z.string(), updated_at: z.int() })
  .meta({ id: 'RiskTransmitter' });
export type TransmitterView = z.output<typeof transmitterSchema>;

const TRANSMITTERS = `
SELECT 'risk_transmitter' AS object, name, issuer, audience, jwks, lasts_seconds, author,
       floor(extract(epoch FROM updated_at))::bigint AS updated_at FROM risk_transmitters`;

export async function listTransmitters(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<TransmitterView[]> {
  const { rows } = await client.query<TransmitterView>(
    `${TRANSMITTERS} WHERE workspace_id = $1 ORDER BY name COLLATE "C"`,
    [workspaceId],
  );
  return rows;
}

/** What a token says it is from; nothing of it has been verified. */
export async function transmittersOf(
  pool: Pool,
  issuer: string,
  audiences: readonly string[],
): Promise<
  readonly {
    readonly workspaceId: WorkspaceId;
    readonly name: string;
    readonly audience: string;
    readonly jwks: JSONWebKeySet;
    readonly lastsSeconds: number;
  }[]
> {
  const { rows } = await pool.query(
    `SELECT workspace_id AS "workspaceId", name, audience, jwks, lasts_seconds AS "lastsSeconds"
       FROM risk_transmitters WHERE issuer = $1 AND audience = ANY($2)`,
    [issuer, audiences],
  );
  return rows;
}

/** Creates or replaces it. Throws `transmitter_key_invalid`, `transmitter_taken`. */
export async function putTransmitter(
  log: ActionLog,
  who: Administrator,
  name: string,
  wanted: NewTransmitter,
): Promise<TransmitterView> {
  const { workspaceId, actor } = who;
  for (const { kid: _, ...key } of wanted.jwks.keys)
    await importJWK(key, ALGORITHMS.find((each) => fits(key.kty, each)) ?? '').catch(() => {
      throw new Failure(
        422,
        'transmitter_key_invalid',
        'One of the keys cannot be read.',
        'Send public JSON Web Keys.',
      );
    });
  return log.transact(workspaceId, async ({ client, log: record }) => {
    const { rowCount: taken } = await client.query(
      'SELECT FROM risk_transmitters WHERE issuer = $1 AND audience = $2 AND NOT (workspace_id = $3 AND name = $4)',
      [wanted.issuer, wanted.audience, workspaceId, name],
    );
    if (taken !== 0)
      throw new Failure(
        409,
        'transmitter_taken',
        'Another transmitter has this issuer and audience.',
        'Change that one, or have the tokens made for another audience.',
      );
    await client.query(
      `INSERT INTO risk_transmitters (workspace_id, name, issuer, audience, jwks, lasts_seconds, author)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (workspace_id, name) DO UPDATE SET issuer = excluded.issuer, audience = excluded.audience, jwks = excluded.jwks,
         lasts_seconds = excluded.lasts_seconds, author = excluded.author, updated_at = now()`,
      [workspaceId, name, wanted.issuer, wanted.audience, JSON.stringify(wanted.jwks), wanted.lasts_seconds, actor],
    );
    const { issuer, audience, jwks } = wanted;
    const keys = jwks.keys.map(({ kid = null }) => kid);
    record({ kind: 'risk.transmitter', actor, transmitter: name, change: 'configured', issuer, audience, keys });
    return readTransmitter(client, workspaceId, name);
  });
}

/** What it has said so far stands. Throws `transmitter_not_found`. */
export function removeTransmitter(log: ActionLog, who: Administrator, name: string): Promise<TransmitterView> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async ({ client, log: record }) => {
    const transmitter = await readTransmitter(client, workspaceId, name);
    await client.query('DELETE FROM risk_transmitters WHERE workspace_id = $1 AND name = $2', [workspaceId, name]);
    record({ kind: 'risk.transmitter', actor, transmitter: name, change: 'removed', issuer: transmitter.issuer });
    return transmitter;
  });
}

async function readTransmitter(client: ClientBase, workspaceId: WorkspaceId, name: string): Promise<TransmitterView> {
  const { rows } = await client.query<TransmitterView>(`${TRANSMITTERS} WHERE workspace_id = $1 AND name = $2`, [
    workspaceId,
    name,
  ]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'transmitter_not_found',
    `There is no risk transmitter "${name}".`,
    'List them with GET /v1/risk-transmitters.',
  );
}

function fits(kty: string, algorithm: string): boolean {
  if (kty === 'OKP') return algorithm === 'EdDSA';
  return kty === 'EC' ? algorithm === 'ES256' : algorithm === 'RS256';
}
