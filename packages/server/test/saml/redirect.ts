/** The redirect binding from the provider's side: what it sends, and what it reads. */
import { sign } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { IDP, instant, type Signer } from './messages.ts';

const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';

export interface LogoutParts {
  readonly issuer: string;
  readonly destination: string;
  readonly nowMs: number;
  readonly id?: string;
  readonly name?: string;
  readonly sessionIndexes?: readonly string[];
}

export function logoutXml({ issuer, destination, nowMs, ...rest }: LogoutParts): string {
  const { id = '_logout', name = 'dana-7', sessionIndexes = [] } = rest;
  const indexes = sessionIndexes.map((each) => `<samlp:SessionIndex>${each}</samlp:SessionIndex>`).join('');
  return `<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${id}" Version="2.0" IssueInstant="${instant(nowMs)}" Destination="${destination}"><saml:Issuer>${issuer}</saml:Issuer><saml:NameID>${name}</saml:NameID>${indexes}</samlp:LogoutRequest>`;
}

/** The signed query, without its question mark. */
export function signedQuery(
  xml: string,
  {
    signer = IDP,
    algorithm = RSA_SHA256,
    hash = 'sha256',
    relayState = 'back',
  }: {
    readonly signer?: Signer;
    readonly algorithm?: string;
    readonly hash?: string;
    readonly relayState?: string;
  } = {},
): string {
  const query = [
    `SAMLRequest=${encodeURIComponent(deflateRawSync(xml).toString('base64'))}`,
    `RelayState=${encodeURIComponent(relayState)}`,
    `SigAlg=${encodeURIComponent(algorithm)}`,
  ].join('&');
  return `${query}&Signature=${encodeURIComponent(sign(hash, Buffer.from(query), signer.key).toString('base64'))}`;
}

/** XML of a message in the query of an address. */
export function messageIn(url: string, name: 'SAMLRequest' | 'SAMLResponse'): string {
  const encoded = new URL(url).searchParams.get(name) ?? '';
  return inflateRawSync(Buffer.from(encoded, 'base64')).toString();
}
