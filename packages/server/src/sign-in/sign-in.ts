/** What signing in is made of; made once, in server.ts. */
import type { ApiContext } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { findSession } from '../identity/index.ts';
import type { SessionId } from '../ids.ts';
import type { Protocols } from './begin.ts';
import { createGuardedFetch } from './guarded-fetch.ts';
import { createOidc, type Oidc } from './oidc/client.ts';
import { type BackchannelLogout, createBackchannelLogout } from './oidc/logout.ts';
import type { Protocol } from './protocol.ts';

export interface SignInParts {
  readonly protocols: Protocols;
  readonly oidc: Oidc;
  readonly logout: BackchannelLogout;
  /** The live session that a browser shows; undefined when there is none. */
  sessionIdOfCookie(cookie: string): Promise<SessionId | undefined>;
}

/** A kind of provider that cannot be registered cannot be begun with either. */
const UNAVAILABLE: Protocol = {
  begin: async () => {
    throw new Failure(404, 'provider_not_found', 'There is no such identity provider.', 'Start at the sign-in page.');
  },
};

export function createSignIn({
  pool,
  secrets,
  keys,
  url,
  logger,
  log,
  config,
  saml = UNAVAILABLE,
}: Pick<ApiContext, 'pool' | 'secrets' | 'keys' | 'url' | 'logger' | 'log' | 'config'> & {
  readonly saml?: Protocol;
}): SignInParts {
  const fetch = createGuardedFetch(config.upstream_allow);
  const oidc = createOidc({ secrets, fetch, stateKey: keys.state, url, logger });
  return {
    protocols: { oidc, saml },
    oidc,
    logout: createBackchannelLogout({ log, oidc, fetch }),
    sessionIdOfCookie: async (cookie) => (await findSession(pool, keys.pepper, cookie))?.id,
  };
}
