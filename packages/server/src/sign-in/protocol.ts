/** What a protocol of signing in does for the rest: it sends the browser to the provider. What comes back has routes of its own. */

import type { SignInPurpose } from './pending.ts';
import type { IdentityProvider } from './provider.ts';

export interface Beginning {
  readonly provider: IdentityProvider;
  /** Goes with the browser to the provider and back. */
  readonly state: string;
  /** `step_up`: the provider is to authenticate the person anew, whatever session it has. */
  readonly purpose: SignInPurpose;
  /** Whom somebody else thinks it to be. */
  readonly loginHint?: string | undefined;
}

export interface Departure {
  /** Where the browser goes. */
  readonly url: string;
  /** What the answer is compared with; JSON. */
  readonly expected: object;
  /** The answer comes as a POST of the provider's page. */
  readonly crossSite: boolean;
}

export interface Protocol {
  /** Throws a Failure when the provider cannot be reached or used. */
  begin(beginning: Beginning): Promise<Departure>;
}
