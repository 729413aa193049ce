/** Where we may post to by ourselves: public addresses by https; others only as far as the operator allows them by name. */
import { isIP } from 'node:net';
import { Failure } from '../errors.ts';
import { type AddressRules, type AllowList, literalProblem, parseAllowList } from '../upstreams/index.ts';

export interface Target {
  readonly url: URL;
  readonly host: string;
  readonly port: number;
}

/** What the address is of: the beginning of its codes, and how it is spoken of. */
export interface Purpose {
  readonly code: string;
  readonly words: string;
  readonly example: string;
}

export function rulesFor(allowed: readonly string[]): AddressRules {
  return { allow: parseAllowList(allowed), allowPrivate: false };
}

/** Throws `<code>_url_invalid`, `<code>_url_refused`. What a name resolves to is checked at each connection. */
export function parseTarget(text: string, rules: AddressRules, purpose: Purpose): Target {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw invalid(purpose, 'it is not an https address');
  if (url.username !== '' || url.password !== '') throw invalid(purpose, 'it contains a user name or password');
  if (url.hash !== '') throw invalid(purpose, 'it contains a fragment');
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname.replace(/\.$/, '');
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  const problem = literalProblem({ host, port }, rules);
  if (problem !== undefined)
    throw new Failure(
      400,
      `${purpose.code}_url_refused`,
      `The ${purpose.words} cannot be used: ${problem}.`,
      'Use a public address, or have an operator add the host to HIVEKEY_UPSTREAM_ALLOW.',
    );
  if (url.protocol === 'http:' && !isAllowedByName(rules.allow, host, port))
    throw invalid(purpose, 'it is not https, and the operator does not allow the host by name');
  return { url, host, port };
}

/** What may be spoken to in the clear. */
export function isAllowedByName({ hosts, ranges }: AllowList, host: string, port: number): boolean {
  const family = isIP(host);
  if (family !== 0 && ranges.check(host, family === 6 ? 'ipv6' : 'ipv4')) return true;
  return hosts.some((each) => each.host === host && (each.port ?? port) === port);
}

function invalid({ code, words, example }: Purpose, why: string): Failure {
  return new Failure(
    400,
    `${code}_url_invalid`,
    `The ${words} cannot be used: ${why}.`,
    `Give an address such as ${example}.`,
  );
}
