/**
 * The shape that signatures of a SAML message must have, before anybody verifies them: SAML core 5.4, and no more than it
 * allows. Signature wrapping lives on elements at places where no sender puts them; here they are refused, wherever the
 * verifier would have looked. Pure.
 */
import type { Failure } from '../errors.ts';
import { XMLDSIG } from './names.ts';
import { malformed, weakAlgorithm } from './refusals.ts';
import { childrenNamed, onlyChild, walk, type XmlElement } from './xml.ts';

// RSA alone: what node-saml verifies. No HMAC, for which the provider's public key would be the secret.
const SIGNATURE_METHODS: ReadonlySet<string> = new Set([
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
]);
const DIGEST_METHODS: ReadonlySet<string> = new Set([
  'http://www.w3.org/2001/04/xmlenc#sha256',
  'http://www.w3.org/2001/04/xmlenc#sha512',
]);
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const ENVELOPED = `${XMLDSIG}enveloped-signature`;

/** Undefined when every signature in the message is enveloped in one of `signed`, at most one in each, and well-made. */
export function signatureProblem(message: XmlElement, signed: readonly XmlElement[]): Failure | undefined {
  const places = new Map<XmlElement, XmlElement>();
  for (const element of signed) {
    const own = childrenNamed(element, XMLDSIG, 'Signature');
    if (own.length > 1) return malformed('one element has several signatures');
    for (const signature of own) places.set(signature, element);
  }
  for (const element of walk(message)) {
    // By any namespace: what looks like a signature to somebody is one.
    if (element.name === 'Signature' && !places.has(element)) return malformed('a signature stands at a wrong place');
  }
  for (const [signature, element] of places) {
    const problem = methodProblem(signature, element.attributes.get('ID') ?? '');
    if (problem !== undefined) return problem;
  }
  return idProblem(message);
}

export function isSigned(element: XmlElement): boolean {
  return childrenNamed(element, XMLDSIG, 'Signature').length === 1;
}

function methodProblem(signature: XmlElement, id: string): Failure | undefined {
  const info = only(signature, 'SignedInfo', ['SignedInfo', 'SignatureValue', 'KeyInfo']);
  const reference = info && only(info, 'Reference', ['CanonicalizationMethod', 'SignatureMethod', 'Reference']);
  const transforms = reference && only(reference, 'Transforms', ['Transforms', 'DigestMethod', 'DigestValue']);
  if (info === undefined || reference === undefined || transforms === undefined)
    return malformed('a signature has other parts than it takes');
  if (id === '' || reference.attributes.get('URI') !== `#${id}`)
    return malformed('a signature is not of the element that it stands in');
  const applied = transforms.children.map(({ name, attributes }) => `${name} ${attributes.get('Algorithm')}`);
  if (
    applied.join() !== `Transform ${ENVELOPED},Transform ${EXCLUSIVE}` ||
    algorithm(info, 'CanonicalizationMethod') !== EXCLUSIVE
  )
    return malformed(
      'a signature is made with other transforms than enveloped signature and exclusive canonicalization',
    );
  const method = algorithm(info, 'SignatureMethod');
  if (!SIGNATURE_METHODS.has(method)) return weakAlgorithm(method);
  const digest = algorithm(reference, 'DigestMethod');
  return DIGEST_METHODS.has(digest) ? undefined : weakAlgorithm(digest);
}

function algorithm(parent: XmlElement, name: string): string {
  return onlyChild(parent, XMLDSIG, name)?.attributes.get('Algorithm') ?? '';
}

/** The child of that name, when the element has no other children than those, in that order; KeyInfo may be absent. */
function only(parent: XmlElement, name: string, order: readonly string[]): XmlElement | undefined {
  const names = parent.children.map((child) => (child.namespace === XMLDSIG ? child.name : '?'));
  const wanted = order.filter((each) => each !== 'KeyInfo' || names.includes(each));
  return names.join() === wanted.join() ? onlyChild(parent, XMLDSIG, name) : undefined;
}

/** An id names one element, in whatever case the attribute is written: verifiers differ in which of them they look at. */
function idProblem(message: XmlElement): Failure | undefined {
  const seen = new Set<string>();
  for (const { attributes } of walk(message)) {
    for (const [name, value] of attributes) {
      if (name.toLowerCase() !== 'id') continue;
      if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,255}$/.test(value)) return malformed('an id is not written like one');
      if (seen.has(value)) return malformed('an id is there twice');
      seen.add(value);
    }
  }
  return undefined;
}
