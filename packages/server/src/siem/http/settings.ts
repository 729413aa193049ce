/** What the settings of all HTTP receivers have in common. */
import { z } from 'zod';
import { parseTarget } from '../../delivery/index.ts';
import { Failure } from '../../errors.ts';
import type { AddressRules } from '../../upstreams/index.ts';
import { credentialRef } from '../sink-type.ts';

const PURPOSE = { code: 'sink', words: 'address of the sink', example: 'https://siem.acme.example:8088' } as const;

/** One certificate or more. */
export const pem = z
  .string()
  .max(65_536)
  .regex(/^\s*-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\s*$/, 'is not a PEM certificate');

export const tlsSettings = z
  .strictObject({
    ca: pem.nullable().default(null).meta({ description: 'Trusted in place of the public authorities; PEM.' }),
    certificate: pem.nullable().default(null).meta({ description: 'Of the client, with its chain; PEM.' }),
    key_ref: credentialRef.nullable().default(null),
  })
  .refine(({ certificate, key_ref }) => (certificate === null) === (key_ref === null), {
    error: 'certificate and key_ref belong together',
  })
  .prefault({});

export type TlsSettings = z.output<typeof tlsSettings>;

export const receiverUrl = z
  .string()
  .max(2048)
  .refine(
    (text) => {
      const url = URL.parse(text);
      return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
    },
    { error: 'is not an https address without user name and password' },
  );

/** Throws `sink_url_invalid`, `sink_url_refused`. */
export function sinkTarget(url: string, rules: AddressRules): ReturnType<typeof parseTarget> {
  return parseTarget(url, rules, PURPOSE);
}

/** Origin and path: a query may hold a token. */
export function destinationOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return pathname === '/' ? origin : origin + pathname;
}

/** `path` below the path of `base`: a receiver may stand behind a prefix. */
export function below(base: URL, path: string): string {
  return base.pathname.replace(/\/+$/, '') + path;
}

/**
 * Throws `sink_credentials_missing` unless the operator allows the receiver by name: who makes a sink is not to send what
 * the machine itself may do to where they like.
 */
export function machineCredentials(url: string, { allow }: AddressRules): void {
  const { hostname, port, protocol } = new URL(url);
  const wanted = Number(port === '' ? (protocol === 'https:' ? 443 : 80) : port);
  if (allow.hosts.some((each) => each.host === hostname && (each.port ?? wanted) === wanted)) return;
  throw new Failure(
    400,
    'sink_credentials_missing',
    `The credentials of the machine itself are for receivers that the operator allows by name, and ${hostname} is none.`,
    `Give credentials, or have an operator add ${hostname} to HIVEKEY_UPSTREAM_ALLOW.`,
  );
}
