/** The console's session cookie. */
import type { FastifyRequest } from 'fastify';

// A browser keeps a __Host- cookie only when it is Secure, which plain HTTP on loopback cannot be everywhere.
const SECURE_NAME = '__Host-hivekey';
const PLAIN_NAME = 'hivekey';
const ID = /^[A-Za-z0-9_-]{43}$/;

/** Whether people reach this server by HTTPS. */
export function isHttps({ url }: { readonly url: string }): boolean {
  return url.startsWith('https:');
}

/** Value of Set-Cookie that keeps the session id for `seconds`; with 0 the browser forgets it. */
export function sessionCookie(id: string, seconds: number, secure: boolean): string {
  const name = secure ? SECURE_NAME : PLAIN_NAME;
  return `${name}=${id}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}

/** The session id the browser sent, if it looks like one of ours. Under HTTPS a plain cookie counts for nothing: another port could have set it. */
export function sessionIdOf({ headers }: Pick<FastifyRequest, 'headers'>, secure: boolean): string | undefined {
  for (const pair of (headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, at).trim();
    const value = pair.slice(at + 1).trim();
    if (name === (secure ? SECURE_NAME : PLAIN_NAME) && ID.test(value)) return value;
  }
  return undefined;
}
