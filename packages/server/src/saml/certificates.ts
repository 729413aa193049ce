/**
 * Certificates of identity providers. Trusted is the key, because an administrator loaded it: the issuer and the dates of a
 * certificate say nothing about that (SAML V2.0 Metadata Interoperability Profile, 2.5.1). An end that is near is shown. Pure.
 */
import { X509Certificate } from 'node:crypto';

/** Two during a rotation; more are a federation's, which one connection is not. */
export const MAX_CERTIFICATES = 4;
const WARN_BEFORE_MS = 30 * 24 * 3_600_000;
const SMALLEST_RSA_BITS = 2048;

export interface CertificateView {
  /** SHA-256 over its DER, hexadecimal. */
  readonly sha256: string;
  readonly subject: string;
  readonly expiresAt: Date;
  readonly status: 'current' | 'expires_soon' | 'expired';
}

/** Base64 of the DER without white space, or why the certificate cannot be used, in words. */
export function readCertificate(
  text: string,
): { readonly ok: true; readonly der: string } | { readonly ok: false; readonly problem: string } {
  const base64 = text.replace(/-----(BEGIN|END) CERTIFICATE-----|\s/g, '');
  const certificate = parsed(base64);
  if (certificate === undefined) return { ok: false, problem: 'a certificate cannot be read' };
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  if (asymmetricKeyType !== 'rsa' || (asymmetricKeyDetails?.modulusLength ?? 0) < SMALLEST_RSA_BITS)
    return { ok: false, problem: `a certificate has no RSA key of at least ${SMALLEST_RSA_BITS} bits` };
  return { ok: true, der: certificate.raw.toString('base64') };
}

function parsed(base64: string): X509Certificate | undefined {
  try {
    return new X509Certificate(Buffer.from(base64, 'base64'));
  } catch {
    return undefined;
  }
}

/** As node-saml and node:crypto take it. */
export function pemOf(der: string): string {
  const lines = der.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

export function viewCertificate(der: string, nowMs: number): CertificateView {
  const certificate = new X509Certificate(Buffer.from(der, 'base64'));
  const expiresAt = new Date(certificate.validTo);
  const leftMs = expiresAt.getTime() - nowMs;
  return {
    sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    subject: certificate.subject.replaceAll('\n', ', ').slice(0, 300),
    expiresAt,
    status: leftMs <= 0 ? 'expired' : leftMs <= WARN_BEFORE_MS ? 'expires_soon' : 'current',
  };
}
