/** What browsers make of an authenticator's answer (WebAuthn 3, RegistrationResponseJSON and AuthenticationResponseJSON). */
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { z } from 'zod';

const base64url = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[A-Za-z0-9_-]+$/);
const credentialId = base64url(1400);

export const assertionSchema = z.object({
  id: credentialId,
  rawId: credentialId,
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON: base64url(4096),
    authenticatorData: base64url(4096),
    signature: base64url(4096),
  }),
});
export type Assertion = z.output<typeof assertionSchema>;

export const registrationSchema = z.object({
  id: credentialId,
  rawId: credentialId,
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON: base64url(4096),
    attestationObject: base64url(65_536),
    transports: z.array(z.string().max(32)).max(10).optional(),
  }),
});
export type Registration = z.output<typeof registrationSchema>;

const clientData = z.looseObject({ challenge: base64url(128) });

/** The challenge that was signed, as the client says; whether that is true, the signature says. Undefined when unreadable. */
export function challengeOf({ response }: Assertion | Registration): string | undefined {
  try {
    const parsed = clientData.safeParse(JSON.parse(Buffer.from(response.clientDataJSON, 'base64url').toString('utf8')));
    return parsed.data?.challenge;
  } catch {
    return undefined;
  }
}

export function authenticationJson(given: Assertion): AuthenticationResponseJSON {
  return { ...given, clientExtensionResults: {} };
}

export function registrationJson({ id, rawId, type, response }: Registration): RegistrationResponseJSON {
  const { clientDataJSON, attestationObject } = response;
  return { id, rawId, type, response: { clientDataJSON, attestationObject }, clientExtensionResults: {} };
}
