/** Registering OpenID providers, and changing what is set of them. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { exportJWK } from 'jose';
import { z } from 'zod';
import type { Administrator, ApiContext } from '../../api/route.ts';
import { rulesFor } from '../../delivery/index.ts';
import { Failure } from '../../errors.ts';
import { newId, type ProviderId } from '../../ids.ts';
import { checkProviderUrl } from '../guarded-fetch.ts';
import { commonChange, commonSettings, type IdentityProvider, readProvider } from '../provider.ts';
import { changedCommon, commonOf, insertProvider, updateProvider } from '../providers.ts';
import type { Oidc } from './client.ts';
import { checkTenancy, type OidcSettings, oidcChange, oidcInput, storedOidcSettings } from './settings.ts';

type Context = Pick<ApiContext, 'log' | 'pool' | 'secrets' | 'config' | 'url'>;

export const newProviderSchema = z.strictObject({ kind: z.literal('oidc'), ...commonSettings, ...oidcInput });
type NewProvider = z.output<typeof newProviderSchema>;

/** What is absent stays. The issuer does not change: it says who people are. */
export const providerChangeSchema = z.strictObject({ ...commonChange, ...oidcChange });
type ProviderChange = z.output<typeof providerChangeSchema>;

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
