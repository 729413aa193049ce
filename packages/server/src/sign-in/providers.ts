/** Identity providers of either protocol, as they are shown and kept. Each change is one transaction with its record. */
import { z } from 'zod';
import type { Administrator, ApiContext } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkVoucher } from '../identity/index.ts';
import type { SessionId } from '../ids.ts';
import { changesOf, type LoggedTransaction } from '../log/index.ts';
import { samlView, viewOfSaml } from '../saml/index.ts';
import { redirectUri } from './oidc/client.ts';
import { oidcView, storedOidcSettings } from './oidc/settings.ts';
import { type IdentityProvider, PROVIDER_KINDS, readProvider } from './provider.ts';

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
  { log }: Pick<ApiContext, 'log'>,
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
