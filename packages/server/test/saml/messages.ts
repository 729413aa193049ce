/**
 * SAML messages as an identity provider, or somebody who plays one, writes them. Written in exclusive canonical form from the
 * start, so that signing takes no canonicalization and shares no code with what verifies.
 */
import { createHash, createHmac, createSign } from 'node:crypto';
import { readFileSync } from 'node:fs';

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8');

export interface Signer {
  readonly key: string;
  readonly certificate: string;
}

export const IDP: Signer = { key: fixture('idp.key.pem'), certificate: fixture('idp.cert.pem') };
/** The provider's next key. */
export const NEXT: Signer = { key: fixture('next.key.pem'), certificate: fixture('next.cert.pem') };
/** Of somebody else. */
export const OTHER: Signer = { key: fixture('other.key.pem'), certificate: fixture('other.cert.pem') };
/** RSA with 1,024 bits; P-256. */
export const WEAK_CERTIFICATE = fixture('weak.cert.pem');
export const EC_CERTIFICATE = fixture('ec.cert.pem');

export const der = (certificate: string) => certificate.replace(/-----[A-Z ]+-----|\s/g, '');

const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const ASSERTION = 'urn:oasis:names:tc:SAML:2.0:assertion';
const PROTOCOL = 'urn:oasis:names:tc:SAML:2.0:protocol';
const ENVELOPED = `${DSIG}enveloped-signature`;
export const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';

const METHODS = {
  'rsa-sha256': { uri: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', hash: 'sha256' },
  'rsa-sha512': { uri: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512', hash: 'sha512' },
  'rsa-sha1': { uri: `${DSIG}rsa-sha1`, hash: 'sha1' },
  'hmac-sha1': { uri: `${DSIG}hmac-sha1`, hash: 'sha1' },
} as const;
const DIGESTS = {
  sha256: 'http://www.w3.org/2001/04/xmlenc#sha256',
  sha512: 'http://www.w3.org/2001/04/xmlenc#sha512',
  sha1: `${DSIG}sha1`,
} as const;

export interface SigningOptions {
  readonly signer?: Signer;
  readonly method?: keyof typeof METHODS;
  readonly digest?: keyof typeof DIGESTS;
  /** Transforms, as written. */
  readonly transforms?: readonly string[];
  /** Certificate in KeyInfo; the signer's when absent. */
  readonly keyInfo?: string;
  readonly reference?: string;
  /** XML behind KeyInfo. */
  readonly object?: string;
}

/** The Signature element over `xml`, an element in canonical form that will contain it. */
export function signatureOver(xml: string, id: string, options: SigningOptions = {}): string {
  const { signer = IDP, method = 'rsa-sha256', digest = 'sha256', transforms = [ENVELOPED, EXCLUSIVE] } = options;
  const value = createHash(digest).update(xml).digest('base64');
  const inner = [
    `<ds:CanonicalizationMethod Algorithm="${EXCLUSIVE}"></ds:CanonicalizationMethod>`,
    `<ds:SignatureMethod Algorithm="${METHODS[method].uri}"></ds:SignatureMethod>`,
    `<ds:Reference URI="${options.reference ?? `#${id}`}"><ds:Transforms>`,
    ...transforms.map((each) => `<ds:Transform Algorithm="${each}"></ds:Transform>`),
    `</ds:Transforms><ds:DigestMethod Algorithm="${DIGESTS[digest]}"></ds:DigestMethod>`,
    `<ds:DigestValue>${value}</ds:DigestValue></ds:Reference>`,
  ].join('');
  const canonical = `<ds:SignedInfo xmlns:ds="${DSIG}">${inner}</ds:SignedInfo>`;
  const { hash } = METHODS[method];
  const signature =
    method === 'hmac-sha1'
      ? createHmac(hash, signer.certificate).update(canonical).digest('base64')
      : createSign(hash).update(canonical).sign(signer.key, 'base64');
  const certificate = der(options.keyInfo ?? signer.certificate);
  return [
    `<ds:Signature xmlns:ds="${DSIG}"><ds:SignedInfo>${inner}</ds:SignedInfo>`,
    `<ds:SignatureValue>${signature}</ds:SignatureValue>`,
    `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`,
    `${options.object ?? ''}</ds:Signature>`,
  ].join('');
}

/** Puts the signature behind the Issuer, where the schema wants it. */
export function signed(xml: string, options?: SigningOptions): string {
  const id = /\sID="([^"]*)"/.exec(xml)?.[1] ?? '';
  return afterIssuer(xml, signatureOver(xml, id, options));
}

export function afterIssuer(xml: string, inserted: string): string {
  return xml.replace('</saml:Issuer>', `</saml:Issuer>${inserted}`);
}

export const instant = (ms: number) => new Date(ms).toISOString();

export interface AssertionParts {
  readonly id: string;
  readonly issuer: string;
  readonly audience: string;
  readonly recipient: string;
  readonly requestId: string | undefined;
  readonly nowMs: number;
  /** As written into NameID. */
  readonly name?: string;
  readonly nameFormat?: string;
  readonly issuedAtMs?: number;
  readonly untilMs?: number;
  /** Attributes of SubjectConfirmationData, beside those above, in canonical order. */
  readonly confirmations?: string;
  readonly conditions?: string;
  readonly statement?: string;
  readonly attributes?: Readonly<Record<string, readonly string[]>>;
}

/** SubjectConfirmation of method bearer. */
export function bearer(data: Readonly<Record<string, string | undefined>>): string {
  const written = Object.entries(data)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ` ${name}="${value}"`)
    .join('');
  return `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData${written}></saml:SubjectConfirmationData></saml:SubjectConfirmation>`;
}

export const audiences = (...names: readonly string[]) =>
  `<saml:AudienceRestriction>${names.map((name) => `<saml:Audience>${name}</saml:Audience>`).join('')}</saml:AudienceRestriction>`;

/** An assertion as good as the profile has it, unless told otherwise. */
export function assertionXml(parts: AssertionParts): string {
  const { nowMs, issuedAtMs = nowMs, untilMs = nowMs + 120_000, attributes = {} } = parts;
  const format = parts.nameFormat ?? 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
  const confirmations =
    parts.confirmations ??
    bearer({ InResponseTo: parts.requestId, NotOnOrAfter: instant(untilMs), Recipient: parts.recipient });
  const conditions =
    parts.conditions ??
    `<saml:Conditions NotBefore="${instant(issuedAtMs - 1000)}" NotOnOrAfter="${instant(untilMs)}">${audiences(parts.audience)}</saml:Conditions>`;
  const statement =
    parts.statement ??
    `<saml:AuthnStatement AuthnInstant="${instant(issuedAtMs)}" SessionIndex="session-1"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`;
  const values = Object.entries(attributes)
    .map(
      ([name, each]) =>
        `<saml:Attribute Name="${name}">${each.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join('')}</saml:Attribute>`,
    )
    .join('');
  return [
    `<saml:Assertion xmlns:saml="${ASSERTION}" ID="${parts.id}" IssueInstant="${instant(issuedAtMs)}" Version="2.0">`,
    `<saml:Issuer>${parts.issuer}</saml:Issuer>`,
    `<saml:Subject><saml:NameID Format="${format}">${parts.name ?? 'dana-7'}</saml:NameID>${confirmations}</saml:Subject>`,
    conditions,
    statement,
    values === '' ? '' : `<saml:AttributeStatement>${values}</saml:AttributeStatement>`,
    '</saml:Assertion>',
  ].join('');
}

export interface ResponseParts {
  readonly issuer?: string | undefined;
  readonly destination?: string | undefined;
  readonly requestId: string | undefined;
  readonly nowMs: number;
  readonly status?: string;
}

export function responseXml(content: string, { issuer, destination, requestId, nowMs, status }: ResponseParts): string {
  const code = status ?? '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"></samlp:StatusCode>';
  const at = destination === undefined ? '' : ` Destination="${destination}"`;
  const to = requestId === undefined ? '' : ` InResponseTo="${requestId}"`;
  return [
    `<samlp:Response xmlns:samlp="${PROTOCOL}"${at} ID="_response"${to} IssueInstant="${instant(nowMs)}" Version="2.0">`,
    issuer === undefined ? '' : `<saml:Issuer xmlns:saml="${ASSERTION}">${issuer}</saml:Issuer>`,
    `<samlp:Status>${code}</samlp:Status>${content}</samlp:Response>`,
  ].join('');
}

export const encoded = (xml: string) => Buffer.from(xml).toString('base64');
