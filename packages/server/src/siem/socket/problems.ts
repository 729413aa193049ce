/** What went wrong with a connection, as the shipper is told. Only codes are shown: texts of libraries may hold anything. */
import { Failure } from '../../errors.ts';
import { AddressRefused } from '../../upstreams/index.ts';
import type { Delivery } from '../transport.ts';

export type Unsettled = Extract<Delivery, { kind: 'retry' | 'hold' }>;

export const STOPPED: Unsettled = { kind: 'retry', code: 'stopped', why: 'the sink was stopped' };

/** What OpenSSL and Node.js say of a certificate that does not prove who the receiver is. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_REJECTED',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_CHAIN_TOO_LONG',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'HOSTNAME_MISMATCH',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** Alerts with which a receiver refuses our certificate, or that there is none (RFC 8446, 6.2): `ERR_SSL_SSL/TLS_ALERT_…`, too. */
const CERTIFICATE_ALERT =
  /^ERR_SSL_[\w/]*ALERT_(?:CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)$/;
/** The two ends do not speak the same protocol: most often TLS meets none. */
const NOT_TLS =
  /^ERR_SSL_(?:WRONG_VERSION_NUMBER|[\w/]*PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|PACKET_LENGTH_TOO_LONG|[\w/]*HANDSHAKE_FAILURE)$/;
/** Certificate or key of ours that cannot be read, or do not belong together. */
const BAD_KEY = /^ERR_(?:OSSL_\w+|SSL_(?:\w*KEY\w*|NO_CERTIFICATE\w*|CA_MD_TOO_WEAK|EE_KEY_TOO_SMALL))$/;

export function connectionProblem(error: unknown): Unsettled {
  if (error instanceof Failure) return { kind: 'hold', code: error.code, why: error.message };
  if (error instanceof AddressRefused)
    return { kind: 'hold', code: 'address_refused', why: `the address is refused: ${error.message}` };
  const code = codeOf(error);
  if (UNTRUSTED.has(code))
    return { kind: 'hold', code: 'certificate_untrusted', why: `the certificate of the receiver is refused (${code})` };
  if (CERTIFICATE_ALERT.test(code))
    return { kind: 'hold', code: 'certificate_refused', why: `the receiver refuses our certificate (${code})` };
  if (NOT_TLS.test(code))
    return { kind: 'hold', code: 'tls_refused', why: `no TLS that both ends accept came about (${code})` };
  if (BAD_KEY.test(code))
    return { kind: 'hold', code: 'tls_settings_invalid', why: `certificate and key cannot be used (${code})` };
  return { kind: 'retry', code: 'receiver_unreachable', why: `the receiver cannot be reached (${code})` };
}

/** A code of Node.js, OpenSSL or a library; of anything else its name. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (!('code' in error) || typeof error.code !== 'string') return error.name;
  return /^[A-Za-z0-9_./-]{1,100}$/.test(error.code) ? error.code : error.name;
}
