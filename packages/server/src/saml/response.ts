/**
 * Verifies the answer to a sign-in. node-saml verifies the signature over the assertion; everything that it leaves to its
 * user (issuer, recipient, destination, shape, algorithms, age) stands here and in assertion.ts.
 * Nothing is read from the message except under a verified signature, or to refuse it.
 */
import {
  type Assertion,
  assertionsIn,
  CLOCK_SKEW_MS,
  checkIssuer,
  type Expected,
  MAX_ASSERTION_AGE_MS,
  readAssertion,
} from './assertion.ts';
import { pemOf } from './certificates.ts';
import { ASSERTION, PROTOCOL, SUCCESS, XMLDSIG } from './names.ts';
import {
  badSignature,
  encrypted,
  malformed,
  misdirected,
  otherRequest,
  providerRefused,
  unreadable,
  unsolicited,
} from './refusals.ts';
import { isSigned, signatureProblem } from './signatures.ts';
import { childrenNamed, onlyChild, readXml, utf8Of, type XmlElement } from './xml.ts';

/** As long as base64 of the largest message can be. */
const MAX_ENCODED = 400 * 1024;

export interface Trust extends Expected {
  /** Base64 of the DER of each certificate whose key may have signed. */
  readonly certificates: readonly string[];
  /** The response must be signed as well as the assertion. */
  readonly wantResponseSigned: boolean;
}

/** `encoded`: the SAMLResponse of the form. Throws a refusal. */
export async function verifyResponse(encoded: string, trust: Trust): Promise<Assertion> {
  const base64 = encoded.replace(/[\r\n\t ]/g, '');
  if (encoded.length > MAX_ENCODED || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64))
    throw unreadable('it is not base64, or too long');
  const text = utf8Of(Buffer.from(base64, 'base64'));
  const read = text === undefined ? undefined : readXml(text);
  if (read === undefined) throw unreadable('it is not UTF-8');
  if (!read.ok) throw unreadable(read.problem);
  const { assertion, isResponseSigned } = checkResponse(read.root, trust);
  // Not believed yet: whatever is wrong with it is said by name, and what is right is read again from what is signed.
  readAssertion(assertion, trust);
  const verified = readXml(await signedAssertion(base64, trust, isResponseSigned));
  if (!verified.ok) throw unreadable(verified.problem);
  return readAssertion(verified.root, trust);
}

const PARTS: ReadonlySet<string> = new Set([
  `${ASSERTION} Issuer`,
  `${XMLDSIG} Signature`,
  `${PROTOCOL} Status`,
  `${ASSERTION} Assertion`,
]);

/** Of the message around the assertion. None of it is believed when it is not signed; all of it can refuse. */
function checkResponse(
  response: XmlElement,
  trust: Trust,
): { readonly assertion: XmlElement; readonly isResponseSigned: boolean } {
  const { namespace, name, attributes, children } = response;
  if (namespace !== PROTOCOL || name !== 'Response' || attributes.get('Version') !== '2.0')
    throw malformed('it is no SAML 2.0 response');
  checkStatus(response);
  const assertions = assertionsIn(response);
  const [assertion] = assertions;
  if (assertion?.name === 'EncryptedAssertion') throw encrypted();
  if (assertion === undefined || assertions.length > 1 || assertion !== onlyChild(response, ASSERTION, 'Assertion'))
    throw malformed('it does not hold one assertion');
  if (children.some((child) => !PARTS.has(`${child.namespace} ${child.name}`)))
    throw malformed('the response has parts that no answer to a sign-in has');
  const problem = signatureProblem(response, [response, assertion]);
  if (problem !== undefined) throw problem;
  const isResponseSigned = isSigned(response);
  if (!isSigned(assertion) || (trust.wantResponseSigned && !isResponseSigned)) throw badSignature();
  const issuers = childrenNamed(response, ASSERTION, 'Issuer');
  if (issuers.length > 0 || isResponseSigned) checkIssuer(issuers.length > 1 ? undefined : issuers[0], trust.issuer);
  const destination = attributes.get('Destination');
  // Bindings 3.5.5.2: it must be there when the response is signed.
  if (destination === undefined ? isResponseSigned : destination !== trust.recipient) throw misdirected('destination');
  checkRequest(attributes.get('InResponseTo'), trust.requestId);
  return { assertion, isResponseSigned };
}

function checkStatus(response: XmlElement): void {
  const status = onlyChild(response, PROTOCOL, 'Status');
  const code = status && onlyChild(status, PROTOCOL, 'StatusCode');
  const value = code?.attributes.get('Value') ?? '';
  if (value === SUCCESS) return;
  if (code === undefined) throw malformed('it has no status');
  const inner = onlyChild(code, PROTOCOL, 'StatusCode')?.attributes.get('Value') ?? value;
  throw providerRefused(inner.slice(inner.lastIndexOf(':') + 1));
}

function checkRequest(inResponseTo: string | undefined, requestId: string | undefined): void {
  if (inResponseTo === requestId) return;
  throw inResponseTo === undefined ? unsolicited() : otherRequest();
}

/** The bytes that the signature of the assertion covers, in canonical form. */
async function signedAssertion(base64: string, trust: Trust, isResponseSigned: boolean): Promise<string> {
  const { requestId, recipient, audience, certificates, nowMs } = trust;
  // Loaded where somebody signs in by it: most servers never do.
  const { SAML, ValidateInResponseTo } = await import('@node-saml/node-saml');
  const saml = new SAML({
    idpCert: certificates.map(pemOf),
    issuer: audience,
    audience,
    callbackUrl: recipient,
    acceptedClockSkewMs: CLOCK_SKEW_MS,
    maxAssertionAgeMs: MAX_ASSERTION_AGE_MS,
    wantAssertionsSigned: true,
    // A signature that is there must hold, whether or not it was asked for.
    wantAuthnResponseSigned: isResponseSigned,
    validateInResponseTo: requestId === undefined ? ValidateInResponseTo.never : ValidateInResponseTo.always,
    requestIdExpirationPeriodMs: MAX_ASSERTION_AGE_MS,
    // The request has been taken from the database by then, once; here it stands for the one that may be answered.
    cacheProvider: {
      saveAsync: async () => null,
      getAsync: async (id) => (id === requestId ? new Date(nowMs).toISOString() : null),
      removeAsync: async () => null,
    },
  });
  try {
    const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: base64 });
    const xml = profile?.getAssertionXml?.();
    if (xml !== undefined) return xml;
  } catch {
    // Its errors are sentences. Whatever else it checks we have checked before, more strictly: what is left is the signature.
  }
  throw badSignature();
}
