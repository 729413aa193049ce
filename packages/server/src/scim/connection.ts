/** SCIM connections: which directory may provision what, and by which tokens. */
import type { KeyObject } from 'node:crypto';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkVoucher, newCredential } from '../identity/index.ts';
import { newId, type PersonId, type WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { readPerson } from '../people/index.ts';
import type { Secret } from '../secret.ts';
import { LIVE, SCOPES } from './provisioner.ts';
import { TRAFFIC_HOURS } from './traffic.ts';

const DEFAULT_TOKEN_SECONDS = 365 * 86_400;
const MAX_TOKEN_SECONDS = 366 * 86_400;
const DEFAULT_OVERLAP_SECONDS = 86_400;
const MAX_OVERLAP_SECONDS = 30 * 86_400;

const scopesSchema = z
  .array(z.enum(SCOPES))
  .min(1)
  .transform((scopes) => SCOPES.filter((scope) => scopes.includes(scope)));
const lifetime = z.int().min(60).max(MAX_TOKEN_SECONDS);
const agentOwner = z.string().min(1).max(254).nullable().meta({
  description: 'Id or e-mail of the person accountable for agents whose owner the directory does not name.',
});

export const newConnectionSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'is not 1 to 64 letters, digits, dots, hyphens and underscores'),
  scopes: scopesSchema.default(['users', 'groups']),
  agent_owner: agentOwner.default(null),
  expires_in_seconds: lifetime.default(DEFAULT_TOKEN_SECONDS),
});
export const connectionChangeSchema = z.strictObject({
  scopes: scopesSchema.optional(),
  agent_owner: agentOwner.optional(),
});
export const rotationSchema = z
  .strictObject({
    overlap_seconds: z.int().min(0).max(MAX_OVERLAP_SECONDS).default(DEFAULT_OVERLAP_SECONDS),
    expires_in_seconds: lifetime.default(DEFAULT_TOKEN_SECONDS),
  })
  .prefault({});

const traffic = z.object({ reads: z.int(), writes: z.int(), refused: z.int() });

export const connectionSchema = z
  .object({
    id: z.string(),
    object: z.literal('scim_connection'),
    name: z.string(),
    base_url: z.string().meta({ description: 'What the directory is given as its tenant or base URL.' }),
    status: z.enum(['live', 'expired', 'revoked']).meta({ description: '`expired`: none of its tokens lives.' }),
    scopes: z.array(z.enum(SCOPES)),
    agent_owner: z.string().nullable(),
    tokens: z
      .array(
        z.object({
          id: z.string(),
          last4: z.string(),
          created: z.int(),
          created_by: z.string(),
          expires_at: z.int(),
          last_used_at: z.int().nullable(),
        }),
      )
      .meta({ description: 'Those that live, the newest first; at most two.' }),
    people: z.int().meta({ description: 'People it wrote last, without those it deleted.' }),
    groups: z.int(),
    last_seen_at: z.int().nullable(),
    last_error: z
      .object({
        status: z.int(),
        scim_type: z.string().nullable(),
        detail: z.string(),
        request: z.string(),
        at: z.int(),
      })
      .nullable()
      .meta({ description: 'The last request that was refused.' }),
    last_day: z.object({ users: traffic, groups: traffic, agents: traffic, other: traffic }),
    created: z.int(),
    created_by: z.string(),
    revoked_at: z.int().nullable(),
  })
  .meta({ id: 'ScimConnection' });
export const shownConnectionSchema = connectionSchema
  .extend({ token: z.string() })
  .meta({ id: 'NewScimConnection', description: 'The only answer that shows the token.' });

export type ConnectionView = z.output<typeof connectionSchema>;

const epoch = (column: string): string => `floor(extract(epoch FROM ${column}))::bigint`;

const CONNECTIONS = `
SELECT c.id, 'scim_connection' AS object, c.name, c.scopes,
       (SELECT p.email FROM people p WHERE p.workspace_id = c.workspace_id AND p.id = c.agent_owner) AS agent_owner,
       CASE WHEN c.revoked_at IS NOT NULL THEN 'revoked'
            WHEN EXISTS (SELECT FROM scim_tokens t WHERE t.workspace_id = c.workspace_id AND t.connection_id = c.id AND ${LIVE}) THEN 'live'
            ELSE 'expired' END AS status,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'last4', t.last4, 'created', ${epoch('t.created_at')},
                 'created_by', t.created_by, 'expires_at', ${epoch('t.expires_at')}, 'last_used_at', ${epoch('t.last_used_at')})
                 ORDER BY t.created_at DESC, t.id), '[]')
          FROM scim_tokens t WHERE t.workspace_id = c.workspace_id AND t.connection_id = c.id AND ${LIVE}) AS tokens,
       (SELECT count(*)::int FROM people p WHERE p.workspace_id = c.workspace_id AND p.directory = c.id AND p.deleted_at IS NULL) AS people,
       (SELECT count(*)::int FROM directory_groups g WHERE g.workspace_id = c.workspace_id AND g.directory = c.id) AS groups,
       ${epoch('c.last_seen_at')} AS last_seen_at,
       c.last_error || jsonb_build_object('at', ${epoch('c.last_error_at')}) AS last_error,
       (SELECT coalesce(jsonb_object_agg(d.resource, jsonb_build_object('reads', d.reads, 'writes', d.writes, 'refused', d.refused)), '{}')
          FROM (SELECT resource, sum(reads)::int AS reads, sum(writes)::int AS writes, sum(refused)::int AS refused FROM scim_traffic d
                 WHERE d.workspace_id = c.workspace_id AND d.connection_id = c.id
                   AND d.hour > clock_timestamp() - ${TRAFFIC_HOURS} * interval '1 hour' GROUP BY resource) d) AS last_day,
       ${epoch('c.created_at')} AS created, c.created_by, ${epoch('c.revoked_at')} AS revoked_at
  FROM scim_connections c WHERE c.workspace_id = $1`;

type Row = Omit<ConnectionView, 'base_url' | 'last_day'> & { last_day: Partial<ConnectionView['last_day']> };

const QUIET = { reads: 0, writes: 0, refused: 0 } as const;

function viewOf(baseUrl: string, row: Row): ConnectionView {
  const { users = QUIET, groups = QUIET, agents = QUIET, other = QUIET } = row.last_day;
  return { ...row, base_url: baseUrl, last_day: { users, groups, agents, other } };
}

export async function listConnections(
  pool: Pool,
  workspaceId: WorkspaceId,
  baseUrl: string,
): Promise<ConnectionView[]> {
  const { rows } = await pool.query<Row>(`${CONNECTIONS} ORDER BY c.created_at, c.id`, [workspaceId]);
  return rows.map((row) => viewOf(baseUrl, row));
}

/** By id or name. Throws `scim_connection_not_found`. */
export async function readConnection(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  connection: string,
  baseUrl: string,
): Promise<ConnectionView> {
  const { rows } = await client.query<Row>(`${CONNECTIONS} AND (c.id = $2 OR lower(c.name) = lower($2))`, [
    workspaceId,
    connection,
  ]);
  if (rows[0] !== undefined) return viewOf(baseUrl, rows[0]);
  throw new Failure(
    404,
    'scim_connection_not_found',
    `There is no SCIM connection "${connection}".`,
    'List them with GET /v1/scim-connections.',
  );
}

export interface ShownConnection {
  readonly connection: ConnectionView;
  readonly token: Secret;
}

export interface ConnectionContext {
  readonly log: ActionLog;
  readonly pepper: KeyObject;
  readonly baseUrl: string;
}

/** Throws `own_session_required`, `scim_name_taken`, `person_not_found`, `owner_inactive`. */
export function createConnection(
  { log, pepper, baseUrl }: ConnectionContext,
  who: Administrator,
  draft: z.output<typeof newConnectionSchema>,
): Promise<ShownConnection> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    await checkVoucher(client, who);
    const id = newId<string>('scim');
    const { rowCount } = await client.query(
      `INSERT INTO scim_connections (workspace_id, id, name, scopes, agent_owner, created_by)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
      [workspaceId, id, draft.name, draft.scopes, await ownerOf(transaction, workspaceId, draft.agent_owner), actor],
    );
    if (rowCount === 0)
      throw new Failure(
        409,
        'scim_name_taken',
        `There is, or was, a SCIM connection ${draft.name}.`,
        'Names stand in the log as the actor and are not used twice: choose another.',
      );
    const token = await addToken(transaction, pepper, who, id, draft.expires_in_seconds);
    record(transaction, actor, { id, name: draft.name }, 'created', {
      scopes: draft.scopes,
      agent_owner: draft.agent_owner ?? undefined,
      token_id: token.id,
      expires_at: token.expiresAt.toISOString(),
    });
    return { connection: await readConnection(client, workspaceId, id, baseUrl), token: token.text };
  });
}

export function changeConnection(
  { log, baseUrl }: ConnectionContext,
  who: Administrator,
  connection: string,
  change: z.output<typeof connectionChangeSchema>,
): Promise<ConnectionView> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    await checkVoucher(client, who);
    const before = await readLive(client, workspaceId, connection, baseUrl);
    await client.query('UPDATE scim_connections SET scopes = $3 WHERE workspace_id = $1 AND id = $2', [
      workspaceId,
      before.id,
      change.scopes ?? before.scopes,
    ]);
    if (change.agent_owner !== undefined)
      await client.query('UPDATE scim_connections SET agent_owner = $3 WHERE workspace_id = $1 AND id = $2', [
        workspaceId,
        before.id,
        await ownerOf(transaction, workspaceId, change.agent_owner),
      ]);
    const after = await readConnection(client, workspaceId, before.id, baseUrl);
    const changes = {
      ...(before.scopes.join() === after.scopes.join() ? {} : { scopes: [before.scopes, after.scopes] }),
      ...(before.agent_owner === after.agent_owner ? {} : { agent_owner: [before.agent_owner, after.agent_owner] }),
    };
    if (Object.keys(changes).length > 0) record(transaction, actor, after, 'changed', { changes });
    return after;
  });
}

/** A new token; the newest of the others lives on for the overlap, and any older one ends. */
export function rotateToken(
  { log, pepper, baseUrl }: ConnectionContext,
  who: Administrator,
  connection: string,
  { overlap_seconds, expires_in_seconds }: z.output<typeof rotationSchema>,
): Promise<ShownConnection> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client, now } = transaction;
    await checkVoucher(client, who);
    const { id, name, tokens } = await readLive(client, workspaceId, connection, baseUrl);
    const [newest] = tokens;
    await client.query(
      `UPDATE scim_tokens t SET expires_at = CASE WHEN t.id = $3 THEN least(t.expires_at, $4::timestamptz + $5 * interval '1 second')
                                                  ELSE $4 END
        WHERE t.workspace_id = $1 AND t.connection_id = $2 AND ${LIVE}`,
      [workspaceId, id, newest?.id ?? null, now, overlap_seconds],
    );
    const token = await addToken(transaction, pepper, who, id, expires_in_seconds);
    record(transaction, actor, { id, name }, 'rotated', {
      token_id: token.id,
      replaces: newest?.id,
      overlap_seconds,
      expires_at: token.expiresAt.toISOString(),
    });
    return { connection: await readConnection(client, workspaceId, id, baseUrl), token: token.text };
  });
}

/** Its tokens end now. What it has provided stays as it is. */
export function revokeConnection(
  { log, baseUrl }: ConnectionContext,
  { workspaceId, actor }: Administrator,
  connection: string,
): Promise<ConnectionView> {
  return log.transact(workspaceId, async (transaction) => {
    const { client, now } = transaction;
    const before = await readConnection(client, workspaceId, connection, baseUrl);
    if (before.status === 'revoked') return before;
    await client.query('UPDATE scim_connections SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2', [
      workspaceId,
      before.id,
      now,
    ]);
    await client.query(
      `UPDATE scim_tokens t SET expires_at = $3 WHERE t.workspace_id = $1 AND t.connection_id = $2 AND ${LIVE}`,
      [workspaceId, before.id, now],
    );
    record(transaction, actor, before, 'revoked', { tokens_ended: before.tokens.length });
    return readConnection(client, workspaceId, before.id, baseUrl);
  });
}

async function readLive(client: ClientBase, workspaceId: WorkspaceId, connection: string, baseUrl: string) {
  const view = await readConnection(client, workspaceId, connection, baseUrl);
  if (view.status !== 'revoked') return view;
  throw new Failure(409, 'scim_connection_revoked', `${view.name} is revoked.`, 'Make another connection.');
}

async function ownerOf(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  person: string | null,
): Promise<PersonId | null> {
  if (person === null) return null;
  const { id, email, active } = await readPerson(client, workspaceId, person);
  if (active) return id;
  throw new Failure(409, 'owner_inactive', `${email} is not active.`, 'Name an active person.');
}

async function addToken(
  { client, now }: LoggedTransaction,
  pepper: KeyObject,
  { workspaceId, actor }: Administrator,
  connectionId: string,
  seconds: number,
): Promise<{ readonly id: string; readonly text: Secret; readonly expiresAt: Date }> {
  const { text, lookupHmac: hmac, last4 } = newCredential('scim', pepper);
  const id = newId<string>('sct');
  const expiresAt = new Date(now.getTime() + seconds * 1000);
  await client.query(
    `INSERT INTO scim_tokens (workspace_id, id, connection_id, lookup_hmac, last4, created_by, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [workspaceId, id, connectionId, hmac, last4, actor, now, expiresAt],
  );
  return { id, text, expiresAt };
}

function record(
  { log }: LoggedTransaction,
  actor: string,
  { id, name }: { readonly id: string; readonly name: string },
  change: 'created' | 'changed' | 'rotated' | 'revoked',
  more: Readonly<Record<string, unknown>>,
): void {
  log({ kind: 'scim.connection', actor, connection_id: id, connection: name, change, ...more });
}
