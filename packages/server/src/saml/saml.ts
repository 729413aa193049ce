/** SAML 2.0, Web Browser SSO profile: the request goes by redirect, the answer comes by POST. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type {
  Beginning,
  Departure,
  IdentityProvider,
  PendingSignIn,
  Protocol,
  VerifiedSignIn,
} from '../sign-in/index.ts';
import { CLOCK_SKEW_MS } from './assertion.ts';
import { pemOf } from './certificates.ts';
import { ownAddresses } from './metadata.ts';
import { stepUpTooWeak } from './refusals.ts';
import { verifyResponse } from './response.ts';
import { storedSamlSettings } from './settings.ts';

const NAME_ID_FORMATS = {
  persistent: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  emailAddress: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  unspecified: 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
} as const;

interface VerifiedSaml extends VerifiedSignIn {
  /** Of the assertion, which counts once. */
  readonly assertionId: string;
  /** From then on the assertion is refused for its age alone. */
  readonly refusedFrom: Date;
}

interface Saml extends Protocol {
  /** Verifies an answer; `pending` undefined: one that nobody asked for. Throws a refusal. */
  finish(
    provider: IdentityProvider,
    response: string,
    pending: Pick<PendingSignIn, 'purpose' | 'expected' | 'createdAt'> | undefined,
    nowMs: number,
  ): Promise<VerifiedSaml>;
}

/** Kept with what was begun. */
const expectedSchema = z.object({ requestId: z.string() });

/** `url`: origin that people use. */
export function createSaml(url: string): Saml {
  async function begin({ provider, state, purpose }: Beginning): Promise<Departure> {
    const settings = storedSamlSettings.parse(provider.settings);
    const { entityId, acsUrl } = ownAddresses(url, provider.id);
    // An id may not begin with a digit.
    const requestId = `_${randomBytes(20).toString('hex')}`;
    const isStepUp = purpose === 'step_up';
    const context = isStepUp ? settings.step_up_context : null;
    const { SAML } = await import('@node-saml/node-saml');
    const saml = new SAML({
      idpCert: settings.certificates.map(pemOf),
      issuer: entityId,
      callbackUrl: acsUrl,
      entryPoint: settings.sso_url,
      generateUniqueId: () => requestId,
      identifierFormat: settings.name_id_format === null ? null : NAME_ID_FORMATS[settings.name_id_format],
      forceAuthn: isStepUp,
      // Some providers refuse a context that they do not know, whatever they have instead.
      disableRequestedAuthnContext: context === null,
      ...(context === null ? {} : { authnContext: [context], racComparison: 'exact' }),
    });
    const target = await saml.getAuthorizeUrlAsync(state, undefined, {});
    return { url: target, expected: { requestId } satisfies z.output<typeof expectedSchema>, crossSite: true };
  }

  async function finish(
    provider: IdentityProvider,
    response: string,
    pending: Pick<PendingSignIn, 'purpose' | 'expected' | 'createdAt'> | undefined,
    nowMs: number,
  ): Promise<VerifiedSaml> {
    const settings = storedSamlSettings.parse(provider.settings);
    const { email_attribute, name_attribute, directory_attribute, subject_attribute } = settings;
    const { entityId, acsUrl } = ownAddresses(url, provider.id);
    const assertion = await verifyResponse(response, {
      issuer: provider.issuer,
      audience: entityId,
      recipient: acsUrl,
      requestId: pending === undefined ? undefined : expectedSchema.parse(pending.expected).requestId,
      nowMs,
      subjectAttribute: subject_attribute,
      attributes: [email_attribute, name_attribute, directory_attribute, provider.groupsClaim].filter(
        (each) => each !== null,
      ),
      certificates: settings.certificates,
      wantResponseSigned: settings.want_response_signed,
    });
    const isFresh =
      pending !== undefined && assertion.authenticatedAt.getTime() + CLOCK_SKEW_MS >= pending.createdAt.getTime();
    const isStrong = settings.step_up_context === null || assertion.contextClass === settings.step_up_context;
    if (pending?.purpose === 'step_up' && !(isFresh && isStrong)) throw stepUpTooWeak();
    /** Of the only value: two are as good as none. */
    const value = (name: string | null): string | undefined => {
      const values = name === null ? [] : (assertion.attributes.get(name) ?? []);
      return values.length === 1 ? values[0] : undefined;
    };
    return {
      provider,
      issuer: provider.issuer,
      subject: assertion.subject,
      email: email_attribute === null ? assertion.emailName : value(email_attribute),
      name: value(name_attribute),
      groups: provider.groupsClaim === null ? [] : (assertion.attributes.get(provider.groupsClaim) ?? []),
      authenticatedAt: assertion.authenticatedAt,
      acr: assertion.contextClass,
      providerSession: assertion.sessionIndex,
      endsAt: assertion.sessionEndsAt,
      directoryId: directory_attribute === null ? assertion.subject : value(directory_attribute),
      assertionId: assertion.id,
      refusedFrom: assertion.refusedFrom,
    };
  }

  return { begin, finish };
}
