/**
 * Credentials that HiveKey hands out: `hk_live_…` (admin key), `hk_agt_…` (agent token) and `hk_scim_…` (directory);
 * `hka_…` is an access token of five minutes, `hkr_…` what a client gets the next one for.
 * 32 random bytes in base62 and a 6-character checksum, so that a secret scanner (and a typing error)
 * can be told from a real one. Only a keyed hash is stored; the key lives outside the database.
 */
import { createHmac, type KeyObject, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Secret } from '../secret.ts';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BODY_LENGTH = 43;
const CHECK_LENGTH = 6;
const SHAPE = /^(hk_live|hk_agt|hk_scim|hka|hkr)_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;
const KINDS: Readonly<Record<string, CredentialKind>> = {
  hk_live: 'live',
  hk_agt: 'agt',
  hk_scim: 'scim',
  hka: 'access',
  hkr: 'refresh',
};

export type CredentialKind = 'live' | 'agt' | 'scim' | 'access' | 'refresh';

const PREFIXES: Readonly<Record<CredentialKind, string>> = {
  live: 'hk_live',
  agt: 'hk_agt',
  scim: 'hk_scim',
  access: 'hka',
  refresh: 'hkr',
};

export interface NewCredential {
  readonly text: Secret;
  readonly lookupHmac: Buffer;
  readonly last4: string;
}

function base62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest /= 62n) text = BASE62[Number(rest % 62n)] + text;
  return text;
}

function checksum(prefixAndBody: string): string {
  return base62(BigInt(crc32(prefixAndBody)), CHECK_LENGTH);
}

/** Makes a credential; `pepper` is an HMAC key made with createSecretKey. */
export function newCredential(kind: CredentialKind, pepper: KeyObject): NewCredential {
  const body = base62(BigInt(`0x${randomBytes(32).toString('hex')}`), BODY_LENGTH);
  const start = `${PREFIXES[kind]}_${body}`;
  const text = start + checksum(start);
  return { text: new Secret(text), lookupHmac: lookupHmac(text, pepper), last4: text.slice(-4) };
}

/** Kind of a well-formed credential with a right checksum, else undefined. Says nothing about its validity. */
export function credentialKind(text: string): CredentialKind | undefined {
  const match = SHAPE.exec(text);
  if (match === null || checksum(text.slice(0, -CHECK_LENGTH)) !== match[3]) return undefined;
  return KINDS[match[1] ?? ''];
}

/** HMAC-SHA-256(pepper, credential): the key under which the credential is found. */
export function lookupHmac(text: string, pepper: KeyObject): Buffer {
  return createHmac('sha256', pepper).update(text).digest();
}
