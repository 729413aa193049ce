/** Registering keys and federation rules of agents, and ending them. Each is one transaction with its record. */
import type { JsonObject } from '@hivekey/policy';
import { type Agent, readAgent, settleStatus } from '../agents/index.ts';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkStillThere } from '../identity/index.ts';
import { type CredentialId, newId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { conditionsProblem } from './claims.ts';
import { type CredentialView, type NewCredential, readCredential } from './credential.ts';
import { readIssuer } from './issuers.ts';
import { KeyProblem, type PublicKey, readPublicKey } from './keys.ts';

const MAX_LIVE = 20;

interface Proof {
  readonly key?: PublicKey;
  readonly issuerId?: string;
  readonly claims?: JsonObject;
}

/**
 * Throws `agent_not_found`, `agent_suspended`, `agent_revoked`, `agent_expired`, `role_not_worn`, `key_invalid`, `key_known`,
 * `issuer_not_found`, `claims_invalid`, `credentials_too_many`.
 */
export async function addCredential(
  log: ActionLog,
  who: Administrator,
  agentOrId: string,
  wanted: NewCredential,
): Promise<CredentialView> {
  const { workspaceId, actor } = who;
  const key = wanted.kind === 'key' ? await readKey(wanted.jwk) : undefined;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    await checkStillThere(client, who);
    const agent = await readAgent(client, workspaceId, agentOrId);
    refuseStopped(agent);
    refuseRole(agent, wanted.role);
    const proof = wanted.kind === 'key' ? { ...(key && { key }) } : await readRule(transaction, workspaceId, wanted);
    await refuseMany(transaction, workspaceId, agent);
    const id = newId<CredentialId>('crd');
    const { rowCount } = await client.query(
      `INSERT INTO agent_credentials (workspace_id, id, agent_id, kind, name, role, dpop, jwk, thumbprint, issuer_id, claims,
              authz_epoch, created_by, created_at, not_after)
       SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, s.authz_epoch, $12, n.now, n.now + make_interval(secs => $13)
         FROM agent_state s, (SELECT clock_timestamp() AS now) n WHERE s.workspace_id = $1 AND s.agent_id = $3
       ON CONFLICT (thumbprint) DO NOTHING`,
      [
        ...[workspaceId, id, agent.id, wanted.kind, wanted.name, wanted.role ?? null, wanted.dpop === 'required'],
        ...[proof.key === undefined ? null : JSON.stringify(proof.key.jwk), proof.key?.thumbprint ?? null],
        ...[proof.issuerId ?? null, proof.claims === undefined ? null : JSON.stringify(proof.claims)],
        ...[actor, wanted.expires_in_seconds],
      ],
    );
    if (rowCount === 0)
      throw new Failure(
        409,
        'key_known',
        'This key was registered before.',
        'Make a new key pair: a key belongs to one agent, once.',
      );
    const made = await readCredential(client, workspaceId, agent.id, id);
    transaction.log({ kind: 'credential.added', actor, ...factsOf(agent, made) });
    return made;
  });
}

async function readKey(jwk: unknown): Promise<PublicKey> {
  try {
    return await readPublicKey(jwk);
  } catch (error) {
    if (!(error instanceof KeyProblem)) throw error;
    throw new Failure(
      400,
      'key_invalid',
      `The key cannot be used: ${error.message}.`,
      'Register the public JWK of an Ed25519, P-256, P-384, P-521 or RSA key (2048 to 4096 bits).',
    );
  }
}

export function refuseStopped({ name, status, attention }: Agent): void {
  const isExpired = attention.includes('expired');
  if (status === 'active' && !isExpired) return;
  const code = isExpired ? 'expired' : status;
  throw new Failure(
    409,
    `agent_${code}`,
    `The agent "${name}" is ${code}: it gets no credential.`,
    isExpired
      ? 'Somebody other than its owner sets a later valid_until with PATCH /v1/agents/:agent first.'
      : 'Restore it with POST /v1/agents/:agent/restore first.',
  );
}

export function refuseRole({ name, roles }: Agent, role: string | undefined): void {
  if (role === undefined || roles.includes(role)) return;
  throw new Failure(
    409,
    'role_not_worn',
    `The agent "${name}" does not have the role "${role}".`,
    'Narrow the credential to one of the agent’s roles, or leave the role out.',
  );
}

async function readRule(
  { client }: LoggedTransaction,
  workspaceId: Administrator['workspaceId'],
  { issuer: name, claims }: Extract<NewCredential, { kind: 'federation' }>,
): Promise<Proof> {
  const issuer = await readIssuer(client, workspaceId, name);
  const problem = conditionsProblem(issuer.kind, issuer.issuer, claims);
  if (problem === undefined) return { issuerId: issuer.id, claims };
  throw new Failure(
    400,
    'claims_invalid',
    `The claims do not tell one workload from others: ${problem}.`,
    'See docs/reference/agent-auth.md for what a rule of this kind of issuer must name.',
  );
}

export async function refuseMany(
  { client }: LoggedTransaction,
  workspaceId: string,
  { id, name }: Agent,
): Promise<void> {
  const { rows } = await client.query<{ live: number }>(
    `SELECT count(*)::int AS live FROM agent_credentials c JOIN agent_state s ON s.workspace_id = c.workspace_id AND s.agent_id = c.agent_id
      WHERE c.workspace_id = $1 AND c.agent_id = $2 AND c.revoked_at IS NULL AND c.authz_epoch = s.authz_epoch AND c.not_after > now()`,
    [workspaceId, id],
  );
  if ((rows[0]?.live ?? 0) < MAX_LIVE) return;
  throw new Failure(
    409,
    'credentials_too_many',
    `The agent "${name}" has ${MAX_LIVE} live credentials.`,
    'Revoke those that are not used any more.',
  );
}

function factsOf({ owner }: { readonly owner: string }, made: CredentialView) {
  return {
    agent: made.agent,
    agent_id: made.agent_id,
    owner,
    credential_id: made.id,
    credential_kind: made.kind,
    credential: made.name,
    role: made.role ?? undefined,
    dpop: made.dpop ?? undefined,
    thumbprint: made.key?.thumbprint,
    issuer: made.federation?.issuer,
    claims: made.federation?.claims,
    client_id: made.connection?.client_id,
    expires_at: new Date(made.expires_at * 1000).toISOString(),
  };
}

/** Ends it at once, with the access tokens that were given for it. Revoking twice changes nothing. */
export function revokeCredential(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  agentOrId: string,
  id: string,
): Promise<CredentialView> {
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const agent = await readAgent(client, workspaceId, agentOrId);
    const before = await readCredential(client, workspaceId, agent.id, id);
    const { rowCount } = await client.query(
      `UPDATE agent_credentials SET revoked_at = clock_timestamp(), revoked_by = $3
        WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL`,
      [workspaceId, id, actor],
    );
    if (rowCount === 0) return before;
    await settleStatus(transaction, workspaceId, [agent.id]);
    transaction.log({ kind: 'credential.revoked', actor, ...factsOf(agent, before) });
    return readCredential(client, workspaceId, agent.id, id);
  });
}
