/**
 * Single logout, as far as the provider asks for it: a LogoutRequest by the redirect binding. The signature over the query is
 * verified here: node-saml 5.1 takes a redirected request without one, and looks for the signed parts by a pattern that
 * other parameters match as well. Pure.
 */
import { verify, X509Certificate } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { CLOCK_SKEW_MS, checkIssuer, MAX_ASSERTION_AGE_MS } from './assertion.ts';
import { ASSERTION, PROTOCOL, SUCCESS } from './names.ts';
import { badSignature, malformed, misdirected, outOfTime, unreadable, weakAlgorithm } from './refusals.ts';
import { childrenNamed, escapeXml, MAX_XML_BYTES, onlyChild, readXml, utf8Of, type XmlElement } from './xml.ts';

const ALGORITHMS: Readonly<Record<string, string>> = {
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256': 'sha256',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512': 'sha512',
};

export interface LogoutRequest {
  readonly id: string;
  /** NameID. */
  readonly subject: string;
  /** Empty: all sessions of the person. */
  readonly sessionIndexes: readonly string[];
  /** Goes back with the answer. */
  readonly relayState: string | undefined;
  /** From then on it is refused for its age alone. */
  readonly refusedFrom: Date;
}

export interface LogoutTrust {
  /** Entity id of the provider. */
  readonly issuer: string;
  /** Address that requests are sent to. */
  readonly destination: string;
  /** Base64 of the DER of each. */
  readonly certificates: readonly string[];
  readonly nowMs: number;
}

/** `query`: as it stands in the request line, without the question mark. Throws a refusal. */
export function readLogoutRequest(query: string, trust: LogoutTrust): LogoutRequest {
  const parameters = parametersOf(query);
  checkSignature(parameters, trust.certificates);
  const request = inflated(decoded(parameters, 'SAMLRequest') ?? '');
  const { namespace, name, attributes } = request;
  if (namespace !== PROTOCOL || name !== 'LogoutRequest' || attributes.get('Version') !== '2.0')
    throw malformed('it is no SAML 2.0 request to log out');
  checkIssuer(onlyChild(request, ASSERTION, 'Issuer'), trust.issuer);
  if (attributes.get('Destination') !== trust.destination) throw misdirected('destination');
  const issuedAtMs = Date.parse(attributes.get('IssueInstant') ?? '');
  const endsAtMs = Date.parse(attributes.get('NotOnOrAfter') ?? attributes.get('IssueInstant') ?? '');
  const id = attributes.get('ID') ?? '';
  if (Number.isNaN(issuedAtMs) || Number.isNaN(endsAtMs) || id === '' || id.length > 256)
    throw malformed('it has no id or no time');
  const refusedFromMs = issuedAtMs + MAX_ASSERTION_AGE_MS + CLOCK_SKEW_MS;
  const isOver = attributes.has('NotOnOrAfter') && trust.nowMs >= endsAtMs + CLOCK_SKEW_MS;
  if (issuedAtMs > trust.nowMs + CLOCK_SKEW_MS || trust.nowMs >= refusedFromMs || isOver)
    throw outOfTime('the request to log out is too old, or of the future');
  const subject = onlyChild(request, ASSERTION, 'NameID');
  if (subject === undefined) throw malformed('it names nobody');
  return {
    id,
    subject: subject.text,
    sessionIndexes: childrenNamed(request, PROTOCOL, 'SessionIndex').map(({ text }) => text),
    relayState: decoded(parameters, 'RelayState'),
    refusedFrom: new Date(refusedFromMs),
  };
}

/** As they were sent, each of ours once: the signature is over these bytes (Bindings 3.4.4.1). */
function parametersOf(query: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=');
    const name = at < 0 ? pair : pair.slice(0, at);
    if (found.has(name)) throw malformed('a parameter is there twice');
    found.set(name, at < 0 ? '' : pair.slice(at + 1));
  }
  // Written otherwise, some reader would find another parameter than the one that is signed.
  for (const name of found.keys())
    if (!['SAMLRequest', 'RelayState', 'SigAlg', 'Signature'].includes(name))
      throw malformed('it has other parameters');
  return found;
}

function decoded(parameters: ReadonlyMap<string, string>, name: string): string | undefined {
  const raw = parameters.get(name);
  if (raw === undefined) return undefined;
  try {
    return decodeURIComponent(raw.replaceAll('+', ' '));
  } catch {
    throw malformed('a parameter is not encoded as it should be');
  }
}

function checkSignature(parameters: ReadonlyMap<string, string>, certificates: readonly string[]): void {
  const name = decoded(parameters, 'SigAlg');
  const signature = decoded(parameters, 'Signature');
  if (name === undefined || signature === undefined) throw badSignature();
  const algorithm = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined;
  if (algorithm === undefined) throw weakAlgorithm(name);
  const signed = ['SAMLRequest', 'RelayState', 'SigAlg']
    .filter((each) => parameters.has(each))
    .map((each) => `${each}=${parameters.get(each)}`)
    .join('&');
  const isSigned = certificates.some((der) =>
    verify(
      algorithm,
      Buffer.from(signed),
      new X509Certificate(Buffer.from(der, 'base64')).publicKey,
      Buffer.from(signature, 'base64'),
    ),
  );
  if (!isSigned) throw badSignature();
}

function inflated(encoded: string): XmlElement {
  const text = utf8Of(inflatedBytes(encoded));
  const read = text === undefined ? undefined : readXml(text);
  if (read === undefined) throw unreadable('it is not UTF-8');
  if (!read.ok) throw unreadable(read.problem);
  return read.root;
}

function inflatedBytes(encoded: string): Buffer {
  try {
    return inflateRawSync(Buffer.from(encoded, 'base64'), { maxOutputLength: MAX_XML_BYTES });
  } catch {
    throw unreadable('it is not deflated, or larger than 256 KB');
  }
}

/** Where the browser goes with our answer. Like our requests it is not signed. */
export function logoutAnswer(
  target: string,
  {
    id,
    issuer,
    inResponseTo,
    relayState,
    now,
  }: {
    readonly id: string;
    /** Entity id of ours. */
    readonly issuer: string;
    readonly inResponseTo: string;
    readonly relayState: string | undefined;
    readonly now: Date;
  },
): string {
  const response = [
    `<samlp:LogoutResponse xmlns:samlp="${PROTOCOL}" xmlns:saml="${ASSERTION}" ID="${id}" Version="2.0"`,
    ` IssueInstant="${now.toISOString()}" Destination="${escapeXml(target)}" InResponseTo="${escapeXml(inResponseTo)}">`,
    `<saml:Issuer>${escapeXml(issuer)}</saml:Issuer>`,
    `<samlp:Status><samlp:StatusCode Value="${SUCCESS}"/></samlp:Status></samlp:LogoutResponse>`,
  ].join('');
  const url = new URL(target);
  url.searchParams.set('SAMLResponse', deflateRawSync(response).toString('base64'));
  if (relayState !== undefined) url.searchParams.set('RelayState', relayState);
  return url.href;
}
