/** A sign-in that has passed every check of its protocol, in the words that both protocols share. */
import type { IdentityProvider } from './provider.ts';

export interface VerifiedSignIn {
  readonly provider: IdentityProvider;
  /** As the token, or assertion, names it. */
  readonly issuer: string;
  readonly subject: string;
  readonly email?: string | undefined;
  /** False: the provider says that it is not. */
  readonly emailVerified?: boolean | undefined;
  readonly name?: string | undefined;
  readonly groups?: readonly string[];
  /** When the person authenticated; where the provider does not say, when it answered. */
  readonly authenticatedAt: Date;
  readonly acr?: string | undefined;
  readonly amr?: readonly string[];
  /** The provider's name of its session. */
  readonly providerSession?: string | undefined;
  /** The provider wants our session to end by then. */
  readonly endsAt?: Date | undefined;
  /** What is compared with the externalId of SCIM. */
  readonly directoryId?: string | undefined;
}
