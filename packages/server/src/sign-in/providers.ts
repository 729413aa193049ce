/** Changing identity providers. Each change is one transaction with its record. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { exportJWK } from 'jose';
import { z } from 'zod';
import type { Administrator, ApiContext } from '../api/route.ts';
import { rulesFor } from '../delivery/index.ts';
import { Failure } from '../errors.ts';
import { checkVoucher } from '../identity/index.ts';
import { newId, type ProviderId, type SessionId } from '../ids.ts';
import { changesOf, type LoggedTransaction } from '../log/index.ts';
import { samlView, viewOfSaml } from '../saml/index.ts';
import { checkProviderUrl } from './guarded-fetch.ts';
import { type Oidc, redirectUri } from './oidc/client.ts';
import { checkTenancy, type OidcSettings, oidcInput, oidcView, storedOidcSettings } from './oidc/settings.ts';
import { commonSettings, type IdentityProvider, PROVIDER_KINDS, readProvider } from './provider.ts';

type Context = Pick<ApiContext, 'log' | 'pool' | 'secrets' | 'config' | 'url'>;

export const newProviderSchema = z.strictObject({ kind: z.literal('oidc'), ...commonSettings, ...oidcInput });
type NewProvider = z.output<typeof newProviderSchema>;

const { name, jit_domains, groups_claim, sync_groups, scim_connection } = commonSettings;
const {
  client_id,
  client_auth,
  client_secret,
  id_token_alg,
  scopes,
  tenants,
  hosted_domains,
  directory_claim,
  step_up_acr,
} = oidcInput;

/** What is absent stays. The issuer does not change: it says who people are. */
export const providerChangeSchema = z.strictObject({
  name: name.optional(),
  jit_domains: jit_domains.unwrap().optional(),
  groups_claim: groups_claim.unwrap().optional(),
  sync_groups: sync_groups.unwrap().optional(),
  scim_connection: scim_connection.unwrap().optional(),
  client_id: client_id.optional(),
  client_auth: client_auth.unwrap().optional(),
  client_secret,
  id_token_alg: id_token_alg.unwrap().optional(),
  scopes: scopes.unwrap().optional(),
  tenants: tenants.unwrap().optional(),
  hosted_domains: hosted_domains.unwrap().optional(),
  directory_claim: directory_claim.unwrap().optional(),
  step_up_acr: step_up_acr.unwrap().optional(),
});
type ProviderChange = z.output<typeof providerChangeSchema>;

export const providerSchema = z
  .object({
    id: z.string(),
    object: z.literal('identity_provider'),
    kind: z.enum(PROVIDER_KINDS),
    name: z.string(),
    issuer: z.string(),
    active: z.boolean(),
    jit_domains: z.array(z.string()).nullable(),
    groups_claim: z.string().nullable(),
    sync_groups: z.boolean(),
    scim_connection: z.string().nullable(),
    oidc: oidcView.nullable(),
    saml: samlView.nullable(),
    created: z.int(),
    created_by: z.string(),
    updated_at: z.int(),
    last_sign_in_at: z.int().nullable(),
  })
  .meta({ id: 'IdentityProvider' });

const seconds = (at: Date) => Math.floor(at.getTime() / 1000);

export function viewOf(url: string, provider: IdentityProvider): z.output<typeof providerSchema> {
  return {
    id: provider.id,
    object: 'identity_provider',
    kind: provider.kind,
    name: provider.name,
    issuer: provider.issuer,
    active: provider.active,
    jit_domains: provider.jitDomains === null ? null : [...provider.jitDomains],
    groups_claim: provider.groupsClaim,
    sync_groups: provider.syncGroups,
    scim_connection: provider.scimConnection,
    oidc: provider.kind === 'oidc' ? oidcViewOf(url, provider) : null,
    saml: provider.kind === 'saml' ? viewOfSaml(url, provider, Date.now()) : null,
    created: seconds(provider.createdAt),
    created_by: provider.createdBy,
    updated_at: seconds(provider.updatedAt),
    last_sign_in_at: provider.lastSignInAt instanceof Date ? seconds(provider.lastSignInAt) : null,
  };
}

function oidcViewOf(url: string, { id, settings }: IdentityProvider): z.output<typeof oidcView> {
  const { secret_name: _, public_key, ...shown } = storedOidcSettings.parse(settings);
  const base = `${url}/v1/sign-in/${id}`;
  return {
    ...shown,
    jwks_url: public_key === null ? null : `${base}/jwks`,
    redirect_uri: redirectUri(url, id),
    backchannel_logout_uri: `${base}/backchannel-logout`,
    initiate_login_uri: `${base}/initiate`,
  };
}

/** A secret for the store, and what of it is public. */
interface ClientCredential {
  readonly value: string;
  readonly publicKey: OidcSettings['public_key'];
}

/** Throws `client_secret_missing`. */
async function credentialFor(auth: OidcSettings['client_auth'], secret: string | undefined): Promise<ClientCredential> {
  if (auth !== 'private_key_jwt') {
    if (secret !== undefined) return { value: secret, publicKey: null };
    throw new Failure(
      400,
      'client_secret_missing',
      `${auth} takes a client_secret.`,
      'Give the secret that the provider has issued, or use private_key_jwt.',
    );
  }
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = randomBytes(8).toString('hex');
  return {
    value: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' },
  };
}

function ownSecretName(): string {
  return `idp:${randomBytes(8).toString('hex')}`;
}

/** Reads the provider's metadata before anything is kept. Throws `provider_exists`, `provider_tenants_required`, `provider_unreachable`, and more. */
export async function createProvider(
  context: Context,
  oidc: Oidc,
  who: Administrator,
  draft: NewProvider,
): Promise<IdentityProvider> {
  const { workspaceId } = who;
  const { issuer: asked, client_secret: secret, kind, ...given } = draft;
  checkProviderUrl(asked, rulesFor(context.config.upstream_allow));
  checkTenancy(draft);
  const credential = await credentialFor(given.client_auth, secret);
  const settings = storedOidcSettings.parse({
    ...given,
    secret_name: ownSecretName(),
    public_key: credential.publicKey,
  });
  const { issuer: stated } = await oidc.check(asked);
  // As it stands in tokens, to the slash; that of many tenants is a pattern.
  const issuer = stated.includes('{') ? asked : stated;
  const id = newId<ProviderId>('idp');
  const provider = await context.log.transact(workspaceId, async (transaction) => {
    await context.secrets.putSecretIn(transaction, workspaceId, settings.secret_name, credential.value, who.actor);
    return insertProvider(transaction, who, { id, kind, issuer, settings, ...commonOf(given) });
  });
  context.secrets.changed(workspaceId, settings.secret_name);
  return provider;
}

type Common = Pick<IdentityProvider, 'name' | 'jitDomains' | 'groupsClaim' | 'syncGroups' | 'scimConnection'>;

/** Of what is given in a request. */
export function commonOf(given: {
  readonly name: string;
  readonly jit_domains: readonly string[] | null;
  readonly groups_claim: string | null;
  readonly sync_groups: boolean;
  readonly scim_connection: string | null;
}): Common {
  return {
    name: given.name,
    jitDomains: given.jit_domains,
    groupsClaim: given.groups_claim,
    syncGroups: given.sync_groups,
    scimConnection: given.scim_connection,
  };
}

/** After a change of a provider, in which what is absent stays. */
export function changedCommon(
  before: Common,
  given: {
    readonly name?: string | undefined;
    readonly jit_domains?: readonly string[] | null | undefined;
    readonly groups_claim?: string | null | undefined;
    readonly sync_groups?: boolean | undefined;
    readonly scim_connection?: string | null | undefined;
  },
): Common {
  return {
    name: given.name ?? before.name,
    jitDomains: given.jit_domains === undefined ? before.jitDomains : given.jit_domains,
    groupsClaim: given.groups_claim === undefined ? before.groupsClaim : given.groups_claim,
    syncGroups: given.sync_groups ?? before.syncGroups,
    scimConnection: given.scim_connection === undefined ? before.scimConnection : given.scim_connection,
  };
}

/** Throws `own_session_required`, `provider_exists`, `provider_groups_claim_missing`. */
export async function insertProvider(
  { client, log }: LoggedTransaction,
  who: Pick<Administrator, 'workspaceId' | 'actor' | 'session' | 'credentialId'>,
  provider: Common & Pick<IdentityProvider, 'id' | 'kind' | 'issuer' | 'settings'>,
): Promise<IdentityProvider> {
  const { workspaceId, actor } = who;
  await checkVoucher(client, who);
  checkGroupsClaim(provider);
  const { rowCount } = await client.query(
    `INSERT INTO identity_providers (workspace_id, id, kind, name, issuer, settings, jit_domains, groups_claim, sync_groups, scim_connection, created_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (workspace_id, issuer) DO NOTHING`,
    [
      workspaceId,
      provider.id,
      provider.kind,
      provider.name,
      provider.issuer,
      JSON.stringify(provider.settings),
      provider.jitDomains,
      provider.groupsClaim,
      provider.syncGroups,
      provider.scimConnection,
      actor,
    ],
  );
  if (rowCount === 0)
    throw new Failure(
      409,
      'provider_exists',
      `There is an identity provider for ${provider.issuer} already.`,
      'Change that one: PATCH /v1/identity-providers/:id.',
    );
  log({
    kind: 'provider.changed',
    actor,
    change: 'created',
    provider_id: provider.id,
    provider: provider.name,
    protocol: provider.kind,
    issuer: provider.issuer,
    jit_domains: provider.jitDomains,
    scim_connection: provider.scimConnection ?? undefined,
  });
  return readProvider(client, provider.id, workspaceId);
}

function checkGroupsClaim({ groupsClaim, syncGroups }: Common): void {
  if (!syncGroups || groupsClaim !== null) return;
  throw new Failure(
    400,
    'provider_groups_claim_missing',
    'Groups cannot be taken over without the claim that names them.',
    'Set groups_claim, e.g. to groups.',
  );
}

/** Throws `provider_not_found`, `client_secret_missing`, `provider_tenants_required`. */
export async function changeProvider(
  context: Context,
  who: Administrator,
  id: string,
  change: ProviderChange,
): Promise<IdentityProvider> {
  const { workspaceId, actor } = who;
  const found = await readProvider(context.pool, id, workspaceId);
  checkOidc(found);
  const before = storedOidcSettings.parse(found.settings);
  const { client_secret: secret, name: _, ...given } = change;
  const next = storedOidcSettings.parse({ ...before, ...defined(given) });
  checkTenancy({ ...next, issuer: found.issuer });
  const needsCredential = secret !== undefined || next.client_auth !== before.client_auth;
  const credential =
    needsCredential && !(isSecret(before.client_auth) && isSecret(next.client_auth) && secret === undefined)
      ? await credentialFor(next.client_auth, secret)
      : undefined;
  const settings =
    credential === undefined ? next : { ...next, secret_name: ownSecretName(), public_key: credential.publicKey };
  const common = changedCommon(found, change);
  return context.log.transact(workspaceId, async (transaction) => {
    if (credential !== undefined)
      await context.secrets.putSecretIn(transaction, workspaceId, settings.secret_name, credential.value, actor);
    return updateProvider(transaction, who, found, common, settings);
  });
}

/** Throws `provider_other_kind`. */
export function checkOidc({ kind, name }: IdentityProvider): void {
  if (kind === 'oidc') return;
  throw new Failure(
    409,
    'provider_other_kind',
    `${name} is a provider of kind ${kind}.`,
    'Use PATCH /v1/identity-providers/saml/:id, and POST …/check.',
  );
}

function isSecret(auth: OidcSettings['client_auth']): boolean {
  return auth !== 'private_key_jwt';
}

function defined(given: object): object {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Writes what has changed, with its record. Throws `own_session_required`. */
export async function updateProvider(
  { client, now, log }: LoggedTransaction,
  who: Pick<Administrator, 'workspaceId' | 'actor' | 'session' | 'credentialId'>,
  before: IdentityProvider,
  common: Common,
  settings: object,
): Promise<IdentityProvider> {
  const { workspaceId, actor } = who;
  await checkVoucher(client, who);
  checkGroupsClaim(common);
  await client.query(
    `UPDATE identity_providers SET name = $3, jit_domains = $4, groups_claim = $5, sync_groups = $6, scim_connection = $7,
            settings = $8, updated_at = $9 WHERE workspace_id = $1 AND id = $2`,
    [
      workspaceId,
      before.id,
      common.name,
      common.jitDomains,
      common.groupsClaim,
      common.syncGroups,
      common.scimConnection,
      JSON.stringify(settings),
      now,
    ],
  );
  const after = await readProvider(client, before.id, workspaceId);
  const changes = changesOf(facts(before), facts(after));
  if (Object.keys(changes).length > 0)
    log({ kind: 'provider.changed', actor, change: 'changed', provider_id: before.id, provider: after.name, changes });
  return after;
}

/** Credentials stand in the settings by name alone. */
function facts({
  name,
  jitDomains,
  groupsClaim,
  syncGroups,
  scimConnection,
  settings,
}: IdentityProvider): Record<string, unknown> {
  return {
    name,
    jit_domains: jitDomains,
    groups_claim: groupsClaim,
    sync_groups: syncGroups,
    scim_connection: scimConnection,
    ...(typeof settings === 'object' ? settings : {}),
  };
}

/** A provider that is switched off ends the sessions that came by it; on it lets people in. Throws `own_session_required`. */
export function switchProvider(
  { log }: Pick<Context, 'log'>,
  who: Administrator,
  id: string,
  active: boolean,
): Promise<IdentityProvider> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    const before = await readProvider(client, id, workspaceId);
    if (before.active === active) return before;
    if (active) await checkVoucher(client, who);
    await client.query(
      'UPDATE identity_providers SET active = $3, updated_at = $4 WHERE workspace_id = $1 AND id = $2',
      [workspaceId, id, active, now],
    );
    const { rows } = active
      ? { rows: [] }
      : await client.query<{ id: SessionId; person: string }>(
          `DELETE FROM console_sessions s USING people p
            WHERE s.workspace_id = $1 AND s.provider_id = $2 AND p.workspace_id = s.workspace_id AND p.id = s.person_id
           RETURNING s.id, p.email AS person`,
          [workspaceId, id],
        );
    const change = active ? 'enabled' : 'disabled';
    record({
      kind: 'provider.changed',
      actor,
      change,
      provider_id: id,
      provider: before.name,
      sessions_ended: rows.length,
    });
    for (const { id: session, person } of rows)
      record({ kind: 'session.ended', actor, session, person, reason: 'provider_disabled' });
    return readProvider(client, id, workspaceId);
  });
}
