/** What a client is given for its code, and for each refresh token after it: one transaction with the records. */
import type { KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import { credentialKind, lookupHmac, newCredential } from '../../identity/index.ts';
import { type AgentId, type CredentialId, newId, type WorkspaceId } from '../../ids.ts';
import type { ActionLog, LoggedTransaction } from '../../log/index.ts';
import type { Issued } from '../issue.ts';
import { OAuthRefusal, type RefusedAgent } from '../refusal.ts';
import { acceptOnce, type Once } from '../replays.ts';
import { covers, ENTRANCES, readWanted, scopeText } from '../wanted.ts';
import { isClientOf } from './clients.ts';
import { endConnections } from './end.ts';
import { clientHost, letsIn, readBrowserSettings } from './settings.ts';

const ACCESS_SECONDS = 300;
const CONNECTION_DAYS = 90;
/** A client that does not come back for that long signs in again. */
const REFRESH_DAYS = 30;
/** Requests of a client that find out at a time that their access token is over. */
const TOGETHER_SECONDS = 10;
const MAX_SIBLINGS = 20;

export interface Redeemed extends Issued {
  readonly refresh_token: string;
}

export interface Redemption {
  readonly pool: Pool;
  readonly log: ActionLog;
  readonly pepper: KeyObject;
  readonly url: string;
}

/** A proof of possession that was verified, and not yet kept as used. */
export interface Proven {
  readonly jkt: string;
  readonly once: Once;
}

interface Connection {
  readonly workspaceId: WorkspaceId;
  readonly agentId: AgentId;
  readonly agent: string;
  readonly owner: string;
  readonly clientId: string;
  readonly resource: string;
  readonly entrances: readonly string[];
  readonly role: string | null;
}

/** The agent may act, it still is that person's, and nothing has stopped it since. `g`: consent or credential. */
const MAY = (g: string) => `
  JOIN agents a ON a.workspace_id = ${g}.workspace_id AND a.id = ${g}.agent_id
  JOIN agent_state s ON s.workspace_id = ${g}.workspace_id AND s.agent_id = ${g}.agent_id
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
  JOIN workspace_state ws ON ws.workspace_id = ${g}.workspace_id`;
const MAY_NOW = (g: string) => `s.status = 'active' AND p.active AND ws.status = 'active' AND p.id = ${g}.person_id
  AND s.authz_epoch = ${g}.authz_epoch AND coalesce(a.valid_until > clock_timestamp(), true)`;
const COLUMNS = (
  g: string,
) => `${g}.workspace_id AS "workspaceId", ${g}.agent_id AS "agentId", a.handle AS agent, p.email AS owner,
  ${g}.client_id AS "clientId", ${g}.resource, ${g}.entrances, ${g}.role`;

/** The code was found right, and is spent. Throws OAuthRefusal `invalid_grant`. */
export async function redeemConsent(
  { pool, log, pepper }: Redemption,
  consentId: string,
  clientId: string,
  proven: Proven | undefined,
): Promise<Redeemed> {
  const { rows } = await pool.query<Connection>(
    `SELECT ${COLUMNS('g')} FROM oauth_consents g ${MAY('g')} WHERE g.id = $1 AND g.client_id = $2`,
    [consentId, clientId],
  );
  const [known] = rows;
  if (known === undefined) throw new OAuthRefusal('invalid_grant', 'nobody has said yes to this');
  const { workspaceId } = known;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const id = newId<CredentialId>('crd');
    await checkClient(transaction, known);
    const { rowCount: taken } = await client.query(
      'UPDATE oauth_consents SET credential_id = $3 WHERE workspace_id = $1 AND id = $2 AND credential_id IS NULL',
      [workspaceId, consentId, id],
    );
    if (taken === 0) throw new OAuthRefusal('invalid_grant', 'the code was used before', refusedOf(known));
    const { rows: made } = await client.query<{ expires_at: Date; name: string }>(
      `INSERT INTO agent_credentials (workspace_id, id, agent_id, kind, name, role, dpop, authz_epoch, created_by, created_at, not_after,
              client_id, client_name, person_id, resource, entrances)
       SELECT g.workspace_id, $3, g.agent_id, 'connection', g.client_name, g.role, $4, g.authz_epoch, g.actor, n.now,
              n.now + make_interval(days => ${CONNECTION_DAYS}), g.client_id, g.client_name, g.person_id, g.resource, g.entrances
         FROM oauth_consents g ${MAY('g')}, (SELECT clock_timestamp() AS now) n
        WHERE g.workspace_id = $1 AND g.id = $2 AND g.expires_at > n.now AND ${MAY_NOW('g')}
       RETURNING not_after AS expires_at, name`,
      [workspaceId, consentId, id, proven !== undefined],
    );
    const [connection] = made;
    if (connection === undefined)
      throw new OAuthRefusal('invalid_grant', 'the agent was stopped, or has another owner', refusedOf(known));
    const { agent, agentId, owner, resource, entrances, role } = known;
    transaction.log({
      kind: 'credential.added',
      actor: `agent:${agent}`,
      ...{ agent, agent_id: agentId, owner },
      credential_id: id,
      credential_kind: 'connection',
      credential: connection.name,
      client_id: clientId,
      consent_id: consentId,
      ...{ resource, role: role ?? undefined },
      scope: entrances.join(' '),
      expires_at: connection.expires_at.toISOString(),
    });
    return issue(transaction, pepper, { ...known, credentialId: id }, known, proven, 'authorization_code', null);
  });
}

interface Found extends Connection {
  readonly tokenId: string;
  readonly credentialId: CredentialId;
  readonly jkt: string | null;
  readonly isLive: boolean;
}

const FOUND = `
SELECT r.id AS "tokenId", r.credential_id AS "credentialId", r.jkt, ${COLUMNS('c')},
       r.expires_at > clock_timestamp() AND c.revoked_at IS NULL AND c.not_after > clock_timestamp() AND ${MAY_NOW('c')} AS "isLive"
  FROM refresh_tokens r JOIN agent_credentials c ON c.workspace_id = r.workspace_id AND c.id = r.credential_id ${MAY('c')}`;

/** Undefined for what is no refresh token that was ever given. */
export async function findRefresh(pool: Pool, pepper: KeyObject, token: string): Promise<Found | undefined> {
  if (credentialKind(token) !== 'refresh') return undefined;
  const { rows } = await pool.query<Found>(`${FOUND} WHERE r.lookup_hmac = $1`, [lookupHmac(token, pepper)]);
  return rows[0];
}

/**
 * A refresh token becomes the next one. Who shows one that was used before is either a thief or was robbed: the connection
 * ends, also for the other one. Throws OAuthRefusal `invalid_grant`, `invalid_target`, `invalid_scope`, `invalid_dpop_proof`.
 */
export async function refresh(
  { pool, log, pepper, url }: Redemption,
  form: ReadonlyMap<string, string>,
  token: string,
  clientId: string,
  proven: Proven | undefined,
): Promise<Redeemed> {
  const known = await findRefresh(pool, pepper, token);
  if (known === undefined) throw new OAuthRefusal('invalid_grant', 'this is no refresh token of this server');
  const of = refusedOf(known);
  if (known.clientId !== clientId)
    throw new OAuthRefusal('invalid_grant', 'the refresh token was given to another client', of);
  if (known.jkt !== null && proven?.jkt !== known.jkt)
    throw new OAuthRefusal('invalid_dpop_proof', 'DPoP: the refresh token is bound to another key', of);
  const wanted = wantedOf(form, url, known);
  const { workspaceId, credentialId, tokenId } = known;
  const outcome = await log.transact(workspaceId, async (transaction) => {
    if (!(await spend(transaction, known))) {
      const why = { actor: 'system', reason: 'a refresh token was used twice' };
      await endConnections(transaction, workspaceId, { id: credentialId }, why);
      return undefined;
    }
    await checkClient(transaction, known);
    const { rows } = await transaction.client.query<Found>(`${FOUND} WHERE r.workspace_id = $1 AND r.id = $2`, [
      workspaceId,
      tokenId,
    ]);
    if (rows[0]?.isLive !== true)
      throw new OAuthRefusal(
        'invalid_grant',
        'the connection has ended, or the agent was stopped or has another owner',
        of,
      );
    return issue(transaction, pepper, known, wanted, proven, 'refresh_token', tokenId);
  });
  if (outcome === undefined)
    throw new OAuthRefusal('invalid_grant', 'the refresh token was used before: the connection has ended', of);
  return outcome;
}

/**
 * Whether the token may still be used. Clients refresh from several requests at a time: each that comes within a moment gets
 * a token of its own, and of those siblings one goes on. Who shows another then is found out like who comes late.
 */
async function spend({ client }: LoggedTransaction, { workspaceId, credentialId, tokenId }: Found): Promise<boolean> {
  // One at a time for each connection, on whichever node.
  await client.query('SELECT FROM agent_credentials WHERE workspace_id = $1 AND id = $2 FOR UPDATE', [
    workspaceId,
    credentialId,
  ]);
  const { rowCount } = await client.query(
    `UPDATE refresh_tokens t SET used_at = coalesce(t.used_at, clock_timestamp())
      WHERE t.workspace_id = $1 AND t.id = $2
        AND (t.used_at IS NULL OR t.used_at > clock_timestamp() - make_interval(secs => ${TOGETHER_SECONDS}))
        AND NOT EXISTS (SELECT FROM refresh_tokens s
                         WHERE s.workspace_id = $1 AND s.parent_id = t.parent_id AND s.id <> t.id AND s.used_at IS NOT NULL)
        AND NOT EXISTS (SELECT FROM refresh_tokens n WHERE n.workspace_id = $1 AND n.parent_id = t.id AND n.used_at IS NOT NULL)
        AND (SELECT count(*) FROM refresh_tokens n WHERE n.workspace_id = $1 AND n.parent_id = t.id) < ${MAX_SIBLINGS}`,
    [workspaceId, tokenId],
  );
  return rowCount === 1;
}

/** The same, or less. */
function wantedOf(form: ReadonlyMap<string, string>, url: string, { resource, entrances }: Found) {
  const bounds = { entrances: ENTRANCES.filter((each) => entrances.includes(each)), roles: [] };
  const asked = form.has('resource') ? form : new Map([...form, ['resource', `${url}${resource}`]]);
  const wanted = readWanted(asked, url, bounds);
  if (covers(resource, wanted.resource)) return wanted;
  throw new OAuthRefusal('invalid_target', 'the connection is not good for this resource');
}

async function checkClient({ client }: LoggedTransaction, { workspaceId, clientId, ...of }: Connection): Promise<void> {
  const settings = await readBrowserSettings(client, workspaceId);
  const isKnown = clientHost(clientId) !== undefined || (await isClientOf(client, workspaceId, clientId));
  if (isKnown && letsIn(settings, clientId)) return;
  throw new OAuthRefusal(
    'invalid_grant',
    'the workspace does not let this client in',
    refusedOf({ workspaceId, clientId, ...of }),
  );
}

function refusedOf({
  workspaceId,
  agentId,
  agent,
  owner,
  ...rest
}: Connection & { readonly credentialId?: string }): RefusedAgent {
  const { credentialId } = rest;
  return { workspaceId, agentId, agent, owner, ...(credentialId === undefined ? {} : { credentialId }) };
}

/** Stamped with the agent's epoch, as every access token: a stop that is committed later kills it. */
async function issue(
  transaction: LoggedTransaction,
  pepper: KeyObject,
  { workspaceId, agentId, agent, owner, credentialId, clientId }: Connection & { readonly credentialId: CredentialId },
  { resource, entrances }: { readonly resource: string; readonly entrances: readonly string[] },
  proven: Proven | undefined,
  grant: 'authorization_code' | 'refresh_token',
  parentId: string | null,
): Promise<Redeemed> {
  const { client } = transaction;
  if (proven !== undefined && !(await acceptOnce(client, workspaceId, proven.once)))
    throw new OAuthRefusal('invalid_dpop_proof', 'the proof was used before');
  const jkt = proven?.jkt;
  const access = newCredential('access', pepper);
  const next = newCredential('refresh', pepper);
  const id = newId('act');
  const { rows } = await client.query<{ expires_at: Date; seconds: number }>(
    `INSERT INTO access_tokens (workspace_id, id, lookup_hmac, agent_id, credential_id, authz_epoch, resource, entrances, jkt, issued_at, expires_at)
     SELECT c.workspace_id, $3, $4, c.agent_id, c.id, c.authz_epoch, $5, $6, $7, n.now,
            least(n.now + make_interval(secs => ${ACCESS_SECONDS}), c.not_after)
       FROM agent_credentials c, (SELECT clock_timestamp() AS now) n WHERE c.workspace_id = $1 AND c.id = $2
     RETURNING expires_at, floor(extract(epoch FROM expires_at - issued_at))::int AS seconds`,
    [workspaceId, credentialId, id, access.lookupHmac, resource, entrances, jkt ?? null],
  );
  await client.query(
    `INSERT INTO refresh_tokens (workspace_id, id, lookup_hmac, credential_id, jkt, parent_id, issued_at, expires_at)
     SELECT c.workspace_id, $3, $4, c.id, $5, $6, n.now, least(n.now + make_interval(days => ${REFRESH_DAYS}), c.not_after)
       FROM agent_credentials c, (SELECT clock_timestamp() AS now) n WHERE c.workspace_id = $1 AND c.id = $2`,
    [workspaceId, credentialId, newId('rft'), next.lookupHmac, jkt ?? null, parentId],
  );
  const [made] = rows;
  if (made === undefined) throw new Error('an access token was not kept');
  const scope = scopeText(entrances, undefined);
  transaction.log({
    kind: 'token.issued',
    actor: `agent:${agent}`,
    agent,
    agent_id: agentId,
    owner,
    access_token_id: id,
    token_id: credentialId,
    client_id: clientId,
    ...{ grant, resource, scope, jkt },
    expires_at: made.expires_at.toISOString(),
  });
  return {
    access_token: access.text.reveal(),
    token_type: jkt === undefined ? 'Bearer' : 'DPoP',
    expires_in: Math.max(1, made.seconds),
    scope,
    refresh_token: next.text.reveal(),
  };
}
