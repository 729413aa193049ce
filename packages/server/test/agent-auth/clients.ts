/** What agents do to prove themselves: sign, ask, show. */
import { randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { Agent, fetch } from 'undici';
import type { World } from '../agents/world.ts';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

export interface Key {
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  readonly jwk: JWK;
  readonly privateJwk: JWK;
  readonly alg: string;
}

export async function newKey(alg = 'ES256', kid?: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), alg, ...(kid === undefined ? {} : { kid }) };
  return { privateKey, jwk, privateJwk: { ...(await exportJWK(privateKey)), alg }, alg };
}

export const thumbprintOf = (key: Key): Promise<string> => calculateJwkThumbprint(key.jwk);

export type Claims = Readonly<Record<string, unknown>>;

/** Claims of `undefined` are left out. */
export function sign(key: Key, claims: Claims, header: object = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const all = { iat: now, exp: now + 120, jti: randomUUID(), ...claims };
  const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new SignJWT(kept).setProtectedHeader({ alg: key.alg, ...header }).sign(key.privateKey);
}

export interface Answered {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  // biome-ignore lint/suspicious/noExplicitAny: answers are compared, not computed with
  readonly body: any;
}

/** Each from an address of its own: what is refused counts against the address. */
const agents = Array.from({ length: 50 }, (_, i) => new Agent({ connect: { localAddress: `127.0.1.${i + 1}` } }));
let posted = 0;

export async function post(
  world: World,
  path: string,
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
) {
  posted += 1;
  const dispatcher = agents[posted % agents.length];
  const answer = await fetch(world.server.url + path, {
    ...(dispatcher === undefined ? {} : { dispatcher }),
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: text === '' ? undefined : JSON.parse(text),
  } as Answered;
}

/** The parameters with which the agent authenticates. */
export async function assertion(world: World, agentId: string, key: Key, claims: Claims = {}, header: object = {}) {
  return {
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: await sign(key, { iss: agentId, sub: agentId, aud: world.server.url, ...claims }, header),
  };
}

export async function login(
  world: World,
  agentId: string,
  key: Key,
  more: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<Answered> {
  const form = { grant_type: 'client_credentials', ...(await assertion(world, agentId, key)), ...more };
  return post(world, '/oauth/token', form, headers);
}

export async function tokenOf(answer: Promise<Answered>): Promise<string> {
  const { status, body } = await answer;
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body.access_token;
}
