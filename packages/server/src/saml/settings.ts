/** What is set of a SAML identity provider. */
import { z } from 'zod';
import type { IdentityProvider } from '../sign-in/index.ts';
import { viewCertificate } from './certificates.ts';
import { ownAddresses } from './metadata.ts';

const attribute = z.string().min(1).max(256);

/** What an administrator chooses; the rest is the provider's metadata. */
const chosen = {
  subject_attribute: attribute.nullable().meta({
    description:
      'Attribute that names a person for good, e.g. http://schemas.microsoft.com/identity/claims/objectidentifier; null: NameID, which must not be transient.',
  }),
  email_attribute: attribute.nullable().meta({
    description: 'Attribute with the e-mail; null: NameID, where its format is emailAddress.',
  }),
  name_attribute: attribute.nullable().meta({ description: 'Attribute with the name to show.' }),
  directory_attribute: attribute.nullable().meta({
    description: 'Attribute that SCIM knows as externalId; null: whatever names the person.',
  }),
  name_id_format: z.enum(['persistent', 'emailAddress', 'unspecified']).nullable().meta({
    description: 'Format of NameID that is asked for; null: the provider chooses.',
  }),
  want_response_signed: z.boolean().meta({
    description: 'The response must be signed as well; the assertion must be in any case.',
  }),
  idp_initiated: z.boolean().meta({
    description:
      'Accept sign-ins that begin at the provider. Whoever has an account there can then sign others in as themselves.',
  }),
  step_up_context: z.string().min(1).max(256).nullable().meta({
    description: 'AuthnContextClassRef that a step-up asks for and must bring.',
  }),
} as const;

export const samlInput = {
  subject_attribute: chosen.subject_attribute.default(null),
  email_attribute: chosen.email_attribute.default(null),
  name_attribute: chosen.name_attribute.default(null),
  directory_attribute: chosen.directory_attribute.default(null),
  name_id_format: chosen.name_id_format.default(null),
  want_response_signed: chosen.want_response_signed.default(false),
  idp_initiated: chosen.idp_initiated.default(false),
  step_up_context: chosen.step_up_context.default(null),
} as const;

/** What is absent stays. What says who people are is chosen once: by another attribute somebody could be somebody else. */
export const samlChange = z.object(chosen).omit({ subject_attribute: true }).partial().shape;

export const storedSamlSettings = z.object({
  ...chosen,
  metadata_url: z.string().nullable(),
  sso_url: z.string(),
  logout_url: z.string().nullable(),
  /** Base64 of the DER of each. */
  certificates: z.array(z.string()).min(1),
});
export type SamlSettings = z.output<typeof storedSamlSettings>;

export const samlView = z.object({
  ...chosen,
  metadata_url: z.string().nullable(),
  sso_url: z.string(),
  logout_url: z.string().nullable(),
  certificates: z.array(
    z.object({
      sha256: z.string(),
      subject: z.string(),
      expires_at: z.int(),
      status: z.enum(['current', 'expires_soon', 'expired']),
    }),
  ),
  own: z
    .object({ entity_id: z.string(), acs_url: z.string(), logout_url: z.string() })
    .meta({ description: 'What the provider is told; entity_id is also where the metadata stand.' }),
});

/** `url`: origin that people use. */
export function viewOfSaml(
  url: string,
  { id, settings }: Pick<IdentityProvider, 'id' | 'settings'>,
  nowMs: number,
): z.output<typeof samlView> {
  const { certificates, ...shown } = storedSamlSettings.parse(settings);
  const { entityId, acsUrl, logoutUrl } = ownAddresses(url, id);
  return {
    ...shown,
    certificates: certificates.map((der) => {
      const { sha256, subject, expiresAt, status } = viewCertificate(der, nowMs);
      return { sha256, subject, expires_at: Math.floor(expiresAt.getTime() / 1000), status };
    }),
    own: { entity_id: entityId, acs_url: acsUrl, logout_url: logoutUrl },
  };
}
