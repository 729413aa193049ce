/** What it means for a batch that no answer came. The words name a code, never an address or a header. */
import { Failure } from '../../errors.ts';
import { AddressRefused } from '../../upstreams/index.ts';
import type { Delivery } from '../transport.ts';

export const STOPPED: Delivery = { kind: 'retry', code: 'stopped', why: 'the sink was stopped' };

export const ADDRESS_REFUSED: Delivery = {
  kind: 'hold',
  code: 'address_refused',
  why: 'the address of the receiver may not be reached',
};

export const NO_MACHINE_CREDENTIALS: Delivery = {
  kind: 'hold',
  code: 'credential_unavailable',
  why: 'the machine has no credentials that are good for the receiver',
};

/** Codes of OpenSSL and Node.js: what is wrong with a certificate stays wrong until somebody replaces it. */
const CERTIFICATE =
  /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_CERT|HOSTNAME_MISMATCH|INVALID_CA|ERR_TLS_CERT|ERR_OSSL_|ERR_SSL_)/;
const TIMED_OUT = new Set(['TimeoutError', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

/** `stopped`: the caller gave up. */
export function failureOf(error: unknown, stopped: boolean): Delivery {
  if (stopped) return STOPPED;
  for (const each of causesOf(error)) {
    if (each instanceof AddressRefused) return ADDRESS_REFUSED;
    if (each instanceof Failure) return { kind: 'hold', code: each.code, why: 'a credential cannot be had' };
    const code = codeOf(each);
    if (CERTIFICATE.test(code))
      return { kind: 'hold', code: 'certificate_refused', why: `the TLS connection was refused (${code})` };
    if (TIMED_OUT.has(code))
      return { kind: 'retry', code: 'receiver_timeout', why: 'the receiver did not answer in time' };
  }
  const code = causesOf(error).map(codeOf).at(-1) ?? 'unknown';
  return { kind: 'retry', code: 'receiver_unreachable', why: `the receiver cannot be reached (${code})` };
}

/** The error, and what it was wrapped around, outermost first. */
function causesOf(error: unknown): readonly Error[] {
  const causes: Error[] = [];
  for (let each = error; each instanceof Error && causes.length < 5; each = each.cause) causes.push(each);
  return causes;
}

function codeOf(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return /^[A-Za-z0-9_]{1,64}$/.test(code) ? code : 'unknown';
}
