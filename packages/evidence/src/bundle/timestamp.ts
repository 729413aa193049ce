/**
 * RFC 3161: what is asked of a time-stamp authority, and whether its answer is one. The answer is kept as it came, so that
 * `openssl ts -verify` reads it.
 */
import { hash, X509Certificate } from 'node:crypto';
import { Integer, Null, OctetString } from 'asn1js';
import {
  AlgorithmIdentifier,
  Certificate,
  ExtKeyUsage,
  MessageImprint,
  SignedData,
  TimeStampReq,
  TimeStampResp,
  TSTInfo,
} from 'pkijs';

const SHA256 = '2.16.840.1.101.3.4.2.1';
const SIGNED_DATA = '1.2.840.113549.1.7.2';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
/** Section 2.4.2: granted, and granted with modifications. */
const GRANTED = [0, 1];

/** `nonce`: random, and asked back. The authority's certificate is asked for, as nothing else brings it to whoever verifies. */
export function timestampRequest(message: Uint8Array, nonce: bigint): Uint8Array {
  const request = new TimeStampReq({
    version: 1,
    messageImprint: new MessageImprint({
      hashAlgorithm: new AlgorithmIdentifier({ algorithmId: SHA256, algorithmParams: new Null() }),
      hashedMessage: new OctetString({ valueHex: hash('sha256', message, 'buffer') }),
    }),
    nonce: Integer.fromBigInt(nonce),
    certReq: true,
  });
  return new Uint8Array(request.toSchema().toBER());
}

/**
 * When the authority says the message existed, ISO 8601; or in words why the answer is no time-stamp of it. `nonce`: of the request;
 * whoever checks later does not know it. `authorities`: PEM certificates that are trusted.
 */
export async function checkTimestamp(
  answer: Uint8Array,
  message: Uint8Array,
  nonce: bigint | undefined,
  authorities: string,
): Promise<{ readonly at: string } | string> {
  try {
    return await check(answer, message, nonce, certificatesOf(authorities));
  } catch (error) {
    // Parsers of foreign bytes throw what they like; none of it is a time-stamp.
    return `it cannot be read (${error instanceof Error ? error.message : 'no reason'})`;
  }
}

async function check(
  answer: Uint8Array,
  message: Uint8Array,
  nonce: bigint | undefined,
  trustedCerts: Certificate[],
): Promise<{ readonly at: string } | string> {
  const { status, timeStampToken } = TimeStampResp.fromBER(Uint8Array.from(answer));
  if (!GRANTED.includes(status.status) || timeStampToken === undefined)
    return `the authority did not grant it (status ${status.status})`;
  if (timeStampToken.contentType !== SIGNED_DATA) return 'its token is not signed';
  const signed = new SignedData({ schema: timeStampToken.content });
  const content = signed.encapContentInfo.eContent;
  if (content === undefined || signed.signerInfos.length !== 1) return 'its token is not signed by one signer';
  const info = TSTInfo.fromBER(content.getValue());
  const imprint = Buffer.from(info.messageImprint.hashedMessage.valueBlock.valueHexView);
  if (info.messageImprint.hashAlgorithm.algorithmId !== SHA256 || !imprint.equals(hash('sha256', message, 'buffer')))
    return 'it is of another message';
  if (nonce !== undefined && info.nonce?.toBigInt() !== nonce) return 'it is an answer to another request';
  const verified = await signed.verify({
    signer: 0,
    data: Uint8Array.from(message).buffer,
    trustedCerts,
    checkChain: true,
    checkDate: info.genTime,
    extendedMode: true,
  });
  if (verified.signatureVerified !== true) return 'its signature does not hold';
  if (verified.signerCertificateVerified !== true) return 'its signer is not vouched for by the configured authority';
  if (!mayTimestamp(verified.signerCertificate ?? undefined)) return 'its signer is not there for time-stamps';
  return { at: info.genTime.toISOString() };
}

/** Section 2.3: the key is for time-stamps and nothing else, and says so critically. */
function mayTimestamp(certificate: Certificate | undefined): boolean {
  const extension = certificate?.extensions?.find(({ extnID }) => extnID === EXTENDED_KEY_USAGE);
  const usage = extension?.parsedValue;
  return extension?.critical === true && usage instanceof ExtKeyUsage && usage.keyPurposes.join() === TIME_STAMPING;
}

/** Throws where a part of the text is no certificate. */
function certificatesOf(pem: string): Certificate[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return found.map((each) => Certificate.fromBER(Uint8Array.from(new X509Certificate(each).raw)));
}
