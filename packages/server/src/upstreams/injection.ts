/**
 * How a credential reaches its upstream: in an HTTP header, in the query, as the password of basic authentication, as
 * what an access token is obtained with, or in a variable of a stdio server's environment.
 */
import type { JsonObject } from '@hivekey/policy';
import { z } from 'zod';
import type { Secret } from '../secret.ts';
import { Scrubber } from './scrub.ts';

export interface HeaderInjection {
  readonly header: string;
  /** Holds `{secret}` once. */
  readonly format: string;
}

/** Name of the parameter. */
interface QueryInjection {
  readonly query: string;
}

/** RFC 7617. Without a user name the credential is `user:password`. */
interface BasicInjection {
  readonly basic: { readonly username?: string | undefined };
}

/** OAuth 2.0 client credentials (RFC 6749, 4.4); the credential is the client secret, or the client's private key. */
interface OAuthInjection {
  readonly oauth: OAuthClient;
}

export interface OAuthClient {
  /** Tokens are asked for here and nowhere else. */
  readonly token_url: string;
  readonly client_id: string;
  readonly method: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt';
  readonly scope?: string | undefined;
  readonly audience?: string | undefined;
  /** RFC 8707. */
  readonly resource?: string | undefined;
  /** `kid` of the private key. */
  readonly key_id?: string | undefined;
}

export type HttpInjection = HeaderInjection | QueryInjection | BasicInjection | OAuthInjection;
export type Injection = HttpInjection | { readonly env: string };

export const DEFAULT_HEADER_INJECTION: HeaderInjection = { header: 'Authorization', format: 'Bearer {secret}' };

const text = z.string().min(1).max(4096);
const short = z.string().min(1).max(512);

const oauthSchema = z.strictObject({
  token_url: text.meta({ description: 'Fixed: no answer of the upstream changes where tokens come from.' }),
  client_id: short,
  method: z.enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt']).default('client_secret_basic'),
  scope: short.optional(),
  audience: text.optional(),
  resource: text.optional(),
  key_id: short.optional(),
});

/** What operators send. */
export const httpInjectionSchema = z.union([
  z.strictObject({ header: text, format: text.optional() }),
  z.strictObject({ query: text }),
  z.strictObject({ basic: z.strictObject({ username: short.optional() }) }),
  z.strictObject({ oauth: oauthSchema }),
]);
export const injectionSchema = z.union([...httpInjectionSchema.options, z.strictObject({ env: text })]);
export type GivenHttpInjection = z.input<typeof httpInjectionSchema>;
export type GivenInjection = z.input<typeof injectionSchema>;

const PLACE = '{secret}';
/** RFC 9110 token. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
const PARAMETER = /^[A-Za-z0-9._~-]{1,64}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** Headers that carry the message itself; a credential in them would change what is sent. */
const RESERVED =
  /^(host|connection|content-.*|transfer-encoding|te|trailer|upgrade|expect|keep-alive|accept.*|mcp-.*|traceparent|tracestate|last-event-id|user-agent)$/i;
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** What was given, with what it leaves out. */
export function completeInjection<Given extends GivenInjection>(
  given: Given,
): Given extends GivenHttpInjection ? HttpInjection : Injection;
export function completeInjection(given: GivenInjection): Injection {
  if ('header' in given) return { header: given.header, format: given.format ?? defaultFormat(given.header) };
  if ('oauth' in given) return { oauth: { ...given.oauth, method: given.oauth.method ?? 'client_secret_basic' } };
  return given;
}

function defaultFormat(header: string): string {
  return header.toLowerCase() === 'authorization' ? DEFAULT_HEADER_INJECTION.format : PLACE;
}

/** Why this injection cannot be used, in words; undefined when it can. `allowPrivate`: of the server it is for. */
export function injectionProblem(
  injection: Injection,
  transport: 'http' | 'stdio',
  allowPrivate = false,
): string | undefined {
  if ('env' in injection) {
    if (transport !== 'stdio') return 'env is for stdio servers; an HTTP server takes header, query, basic or oauth';
    return VARIABLE.test(injection.env) ? undefined : 'env is not the name of a variable';
  }
  if (transport !== 'http') return 'a stdio server takes its credential as env';
  if ('query' in injection) return PARAMETER.test(injection.query) ? undefined : 'query is not the name of a parameter';
  if ('basic' in injection) {
    const { username = '' } = injection.basic;
    return /^[^\p{Cc}:]*$/u.test(username) ? undefined : 'the user name has a colon or a control character';
  }
  return 'oauth' in injection ? oauthProblem(injection.oauth, allowPrivate) : headerProblem(injection);
}

function headerProblem({ header, format }: HeaderInjection): string | undefined {
  if (!HEADER_NAME.test(header)) return 'header is not the name of a header';
  if (RESERVED.test(header)) return `the header ${header} is not free to use`;
  if (format.split(PLACE).length !== 2) return `format must contain ${PLACE} once`;
  return isHeaderValue(format) ? undefined : 'format has characters that no header value may have';
}

function oauthProblem({ token_url, resource }: OAuthClient, allowPrivate: boolean): string | undefined {
  const url = URL.parse(token_url);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || url.hash !== '')
    return 'token_url is not an http or https address without credentials and fragment';
  if (url.protocol === 'http:' && !allowPrivate && !LOOPBACK.has(url.hostname))
    return 'token_url without TLS is for loopback, or for servers with allow_private';
  if (resource !== undefined && (URL.parse(resource) === null || resource.includes('#')))
    return 'resource is not an absolute URI without a fragment';
  return undefined;
}

function isHeaderValue(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

/** The header's value, or undefined when the credential has characters that would break out of a header. */
export function headerValue(format: string, secret: Secret): string | undefined {
  const value = format.replace(PLACE, () => secret.reveal());
  return isHeaderValue(value) ? value : undefined;
}

const scrubbers = new WeakMap<Secret, Scrubber>();

/** Made once for each resolved credential. */
export function scrubberFor(secret: Secret): Scrubber {
  const known = scrubbers.get(secret);
  if (known !== undefined) return known;
  const scrubber = new Scrubber(secret.reveal());
  scrubbers.set(secret, scrubber);
  return scrubber;
}

export function injectionJson(injection: Injection): JsonObject {
  if ('oauth' in injection) return { oauth: given({ ...injection.oauth }) };
  if ('basic' in injection) return { basic: given(injection.basic) };
  return { ...injection };
}

function given(members: Readonly<Record<string, string | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
