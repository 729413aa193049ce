/** Registering SAML providers: their metadata, read from the request or from an address, and what is chosen of them. */
import { z } from 'zod';
import type { ApiContext } from '../api/route.ts';
import { rulesFor } from '../delivery/index.ts';
import { Failure } from '../errors.ts';
import {
  checkProviderUrl,
  commonChange,
  commonSettings,
  createGuardedFetch,
  type IdentityProvider,
} from '../sign-in/index.ts';
import { viewCertificate } from './certificates.ts';
import { type ProviderMetadata, readMetadata } from './metadata.ts';
import { type SamlSettings, samlChange, samlInput, storedSamlSettings } from './settings.ts';
import { MAX_XML_BYTES, utf8Of } from './xml.ts';

const metadata = {
  metadata: z
    .string()
    .min(1)
    .max(MAX_XML_BYTES)
    .optional()
    .meta({ description: 'The XML, as the provider publishes it.' }),
  metadata_url: z
    .url({ protocol: /^https?$/ })
    .max(1024)
    .optional()
    .meta({
      description: 'Where the provider publishes it; kept, so that it can be read again. One of the two is needed.',
    }),
} as const;

export const newSamlProviderSchema = z.strictObject({ ...commonSettings, ...samlInput, ...metadata });
type NewSamlProvider = z.output<typeof newSamlProviderSchema>;

/** What is absent stays. The entity id does not change: it says who people are. */
export const samlProviderChangeSchema = z.strictObject({
  ...commonChange,
  ...samlChange,
  ...metadata,
});
type SamlProviderChange = z.output<typeof samlProviderChangeSchema>;

interface Registrar {
  /** Entity id and settings of a new provider. Throws `metadata_invalid`, `metadata_unreachable`, `provider_url_refused`. */
  register(given: NewSamlProvider): Promise<{ readonly issuer: string; readonly settings: SamlSettings }>;
  /** Settings after a change. Throws as `register`, and `metadata_other_entity`. */
  change(provider: IdentityProvider, given: SamlProviderChange): Promise<SamlSettings>;
  /** With what the address of its metadata says now. Throws as `change`, and `metadata_url_missing`. */
  refresh(provider: IdentityProvider): Promise<SamlSettings>;
  /** What will, or does, keep people from signing in. Empty: nothing that could be seen from here. */
  check(provider: IdentityProvider): Promise<readonly Finding[]>;
}

interface Finding {
  readonly code: string;
  readonly message: string;
}

export function createRegistrar({ config, clock }: Pick<ApiContext, 'config' | 'clock'>): Registrar {
  const fetch = createGuardedFetch(config.upstream_allow);
  const rules = rulesFor(config.upstream_allow);

  async function read(given: { readonly metadata?: string | undefined; readonly metadata_url?: string | undefined }) {
    if ((given.metadata === undefined) === (given.metadata_url === undefined))
      throw new Failure(
        400,
        'metadata_missing',
        'The metadata of the identity provider are given either as XML or by their address.',
        'Give metadata, or metadata_url.',
      );
    const text = given.metadata ?? (await download(given.metadata_url ?? ''));
    const found = readMetadata(text, clock());
    // Browsers are sent there, with a request; http and private literals only where the operator allows them.
    for (const address of [found.ssoUrl, found.logoutUrl]) if (address !== null) checkProviderUrl(address, rules);
    return { found, metadataUrl: given.metadata_url ?? null };
  }

  async function download(address: string): Promise<string> {
    checkProviderUrl(address, rules);
    const answer = await fetch(address, {}).catch((error: unknown) => {
      if (error instanceof Failure) throw error;
      return undefined;
    });
    const text = answer?.ok === true ? utf8Of(new Uint8Array(await answer.arrayBuffer())) : undefined;
    if (text !== undefined) return text;
    throw new Failure(
      502,
      'metadata_unreachable',
      `The metadata of the identity provider cannot be read${answer === undefined ? '' : ` (status ${answer.status})`}.`,
      'Check the address; it must answer 200 without a redirect. Or give the XML itself.',
    );
  }

  function withMetadata(before: object, found: ProviderMetadata, metadataUrl: string | null): SamlSettings {
    return storedSamlSettings.parse({
      ...before,
      metadata_url: metadataUrl,
      sso_url: found.ssoUrl,
      logout_url: found.logoutUrl,
      certificates: found.certificates,
    });
  }

  function ofSameEntity({ issuer }: IdentityProvider, found: ProviderMetadata): ProviderMetadata {
    if (found.entityId === issuer) return found;
    throw new Failure(
      409,
      'metadata_other_entity',
      `The metadata are of ${found.entityId}, and the provider is ${issuer}.`,
      'Register another provider for another entity id: people would be others there.',
    );
  }

  async function refresh(provider: IdentityProvider): Promise<SamlSettings> {
    const before = storedSamlSettings.parse(provider.settings);
    if (before.metadata_url === null)
      throw new Failure(
        409,
        'metadata_url_missing',
        'The address of the metadata is not known.',
        'Give the XML, or metadata_url, with PATCH.',
      );
    const { found, metadataUrl } = await read({ metadata_url: before.metadata_url });
    return withMetadata(before, ofSameEntity(provider, found), metadataUrl);
  }

  return {
    refresh,
    register: async (given) => {
      const { found, metadataUrl } = await read(given);
      return { issuer: found.entityId, settings: withMetadata(given, found, metadataUrl) };
    },
    change: async (provider, given) => {
      const before = storedSamlSettings.parse(provider.settings);
      const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      if (given.metadata === undefined && given.metadata_url === undefined)
        return storedSamlSettings.parse({ ...before, ...chosen });
      const { found, metadataUrl } = await read(given);
      return withMetadata({ ...before, ...chosen }, ofSameEntity(provider, found), metadataUrl);
    },
    check: async (provider) => {
      const settings = storedSamlSettings.parse(provider.settings);
      const findings: Finding[] = certificateFindings(settings, clock());
      if (settings.metadata_url === null) return findings;
      try {
        const now = await refresh(provider);
        const differs = (['sso_url', 'logout_url', 'certificates'] as const).filter(
          (each) => JSON.stringify(now[each]) !== JSON.stringify(settings[each]),
        );
        if (differs.length > 0)
          findings.push({
            code: 'metadata_changed',
            message: `The provider publishes other metadata than are used: ${differs.join(', ')}. Refresh them once you have seen why.`,
          });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        findings.push({ code: error.code, message: error.message });
      }
      return findings;
    },
  };
}

function certificateFindings({ certificates }: SamlSettings, nowMs: number): Finding[] {
  return certificates
    .map((der) => viewCertificate(der, nowMs))
    .filter(({ status }) => status !== 'current')
    .map(({ status, sha256, expiresAt }) => ({
      code: `certificate_${status}`,
      message: `The certificate ${sha256.slice(0, 16)}… ${status === 'expired' ? 'ended' : 'ends'} on ${expiresAt.toISOString().slice(0, 10)}. Its key is accepted until other metadata are loaded.`,
    }));
}
