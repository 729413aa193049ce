/** What signing in is made of; made once, in server.ts. */
import type { ApiContext } from '../api/route.ts';
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

export function createSignIn({
  pool,
  secrets,
  keys,
  url,
  logger,
  log,
  config,
  saml,
}: Pick<ApiContext, 'pool' | 'secrets' | 'keys' | 'url' | 'logger' | 'log' | 'config'> & {
  readonly saml: Protocol;
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
