/** For which site passkeys are. */
import { isIP } from 'node:net';

export interface RelyingParty {
  /** A domain: authenticators know no addresses. */
  readonly id: string;
  readonly origin: string;
}

/** `url`: origin that people use. On a loopback address passkeys are those of `localhost`, where the console must be opened then. */
export function relyingParty(url: string): RelyingParty {
  const { hostname, origin, protocol, port } = new URL(url);
  if (isIP(hostname) === 0) return { id: hostname, origin };
  return { id: 'localhost', origin: `${protocol}//localhost${port === '' ? '' : `:${port}`}` };
}
