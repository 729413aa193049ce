/**
 * What an assertion says, judged by the rules of the Web Browser SSO profile (SAML Profiles 4.1.4.3) and of the core for
 * conditions (2.5.1). Takes the assertion as the signature covers it, and nothing else of the message. Pure.
 */
import { Failure } from '../errors.ts';
import { ASSERTION, BEARER, EMAIL, ENTITY, TRANSIENT } from './names.ts';
import { malformed, misdirected, otherRequest, outOfTime, subjectUnusable } from './refusals.ts';
import { childrenNamed, onlyChild, walk, type XmlElement } from './xml.ts';

/** Clocks of both sides may differ by this much. */
export const CLOCK_SKEW_MS = 60_000;
/** How long after its issue an assertion is accepted, whatever it says itself: a browser carries it over at once. */
export const MAX_ASSERTION_AGE_MS = 300_000;
const MAX_SUBJECT_LENGTH = 512;
const MAX_VALUE_LENGTH = 1_024;
const MAX_VALUES = 500;

export interface Expected {
  /** Entity id of the provider. */
  readonly issuer: string;
  /** Entity id of ours. */
  readonly audience: string;
  /** Address of the assertion consumer service. */
  readonly recipient: string;
  /** Id of the request that it answers; undefined: it answers none. */
  readonly requestId: string | undefined;
  readonly nowMs: number;
  /** Attribute that names the person instead of NameID. */
  readonly subjectAttribute: string | null;
  /** Attributes that are read; of the others nothing is. */
  readonly attributes: readonly string[];
}

export interface Assertion {
  readonly id: string;
  readonly subject: string;
  /** NameID, where its format is that of an e-mail. */
  readonly emailName: string | undefined;
  readonly authenticatedAt: Date;
  readonly contextClass: string | undefined;
  readonly sessionIndex: string | undefined;
  /** SessionNotOnOrAfter. */
  readonly sessionEndsAt: Date | undefined;
  /** Values of the attributes that are read, by name. */
  readonly attributes: ReadonlyMap<string, readonly string[]>;
  /** From then on it is refused for its age alone. */
  readonly refusedFrom: Date;
}

/** Throws a refusal. */
export function readAssertion(assertion: XmlElement, expected: Expected): Assertion {
  if (
    assertion.namespace !== ASSERTION ||
    assertion.name !== 'Assertion' ||
    assertion.attributes.get('Version') !== '2.0'
  )
    throw malformed('it has no SAML 2.0 assertion');
  const id = assertion.attributes.get('ID') ?? '';
  if (id === '') throw malformed('the assertion has no id');
  checkIssuer(onlyChild(assertion, ASSERTION, 'Issuer'), expected.issuer);
  const issuedAtMs = instantOf(assertion, 'IssueInstant');
  if (issuedAtMs > expected.nowMs + CLOCK_SKEW_MS) throw outOfTime('it is issued in the future');
  if (expected.nowMs >= issuedAtMs + MAX_ASSERTION_AGE_MS + CLOCK_SKEW_MS) throw outOfTime('it is too old');
  const subject = one(assertion, 'Subject');
  const confirmedUntilMs = checkConfirmations(subject, expected);
  checkConditions(one(assertion, 'Conditions'), expected);
  const attributes = attributesOf(assertion, expected);
  return {
    id,
    subject: expected.subjectAttribute === null ? nameOf(subject) : idOf(attributes, expected.subjectAttribute),
    emailName: emailOf(subject),
    ...statementOf(assertion, expected.nowMs),
    attributes,
    refusedFrom: new Date(Math.min(confirmedUntilMs, issuedAtMs + MAX_ASSERTION_AGE_MS) + CLOCK_SKEW_MS),
  };
}

/** Of the assertion, where it must be, and of the response, where it may be absent. */
export function checkIssuer(issuer: XmlElement | undefined, expected: string): void {
  const format = issuer?.attributes.get('Format') ?? ENTITY;
  if (issuer === undefined || issuer.text !== expected || format !== ENTITY || issuer.children.length > 0)
    throw misdirected('issuer');
}

function one(parent: XmlElement, name: string): XmlElement {
  const found = onlyChild(parent, ASSERTION, name);
  if (found === undefined) throw malformed(`the assertion does not have one ${name}`);
  return found;
}

/** xs:dateTime in UTC, as SAML core 1.3.3 has it. Epoch milliseconds. */
function instantOf({ attributes }: XmlElement, name: string): number {
  const text = attributes.get(name) ?? '';
  const isUtc = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/.test(text);
  const ms = isUtc ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw malformed(`${name} is not a time in UTC`);
  return ms;
}

/** At least one bearer confirmation must hold in all its parts. Gives until when it does, epoch milliseconds. */
function checkConfirmations(subject: XmlElement, expected: Expected): number {
  const bearers = childrenNamed(subject, ASSERTION, 'SubjectConfirmation').filter(
    ({ attributes }) => attributes.get('Method') === BEARER,
  );
  const judged = bearers.map((bearer) => confirmation(bearer, expected));
  const held = judged.find((each) => typeof each === 'number');
  if (held !== undefined) return held;
  throw judged.find((each) => each instanceof Failure) ?? malformed('the assertion has no bearer confirmation');
}

function confirmation(bearer: XmlElement, expected: Expected): number | Failure {
  const data = onlyChild(bearer, ASSERTION, 'SubjectConfirmationData');
  if (data === undefined) return malformed('a bearer confirmation has no data');
  const { attributes } = data;
  if (attributes.get('Recipient') !== expected.recipient) return misdirected('recipient');
  // The profile demands the end and forbids a beginning.
  if (attributes.has('NotBefore')) return malformed('a bearer confirmation has NotBefore');
  const untilMs = instantOf(data, 'NotOnOrAfter');
  if (expected.nowMs >= untilMs + CLOCK_SKEW_MS) return outOfTime('its confirmation has expired');
  if (attributes.get('InResponseTo') !== expected.requestId) return otherRequest();
  return untilMs;
}

const CONDITIONS: ReadonlySet<string> = new Set(['AudienceRestriction', 'OneTimeUse', 'ProxyRestriction']);

function checkConditions(conditions: XmlElement, { nowMs, audience }: Expected): void {
  const { attributes, children } = conditions;
  if (attributes.has('NotBefore') && instantOf(conditions, 'NotBefore') > nowMs + CLOCK_SKEW_MS)
    throw outOfTime('it is not valid yet');
  if (attributes.has('NotOnOrAfter') && nowMs >= instantOf(conditions, 'NotOnOrAfter') + CLOCK_SKEW_MS)
    throw outOfTime('it has expired');
  // A condition that is not understood makes the assertion's validity indeterminate.
  if (children.some(({ namespace, name }) => namespace !== ASSERTION || !CONDITIONS.has(name)))
    throw malformed('the assertion has a condition that is not known');
  const restrictions = childrenNamed(conditions, ASSERTION, 'AudienceRestriction');
  const admits = (restriction: XmlElement) =>
    childrenNamed(restriction, ASSERTION, 'Audience').some(({ text }) => text === audience);
  if (restrictions.length === 0 || !restrictions.every(admits)) throw misdirected('audience');
}

function statementOf(
  assertion: XmlElement,
  nowMs: number,
): Pick<Assertion, 'authenticatedAt' | 'contextClass' | 'sessionIndex' | 'sessionEndsAt'> {
  const [statement] = childrenNamed(assertion, ASSERTION, 'AuthnStatement');
  if (statement === undefined) throw malformed('the assertion does not say that the person authenticated');
  const authenticatedAtMs = instantOf(statement, 'AuthnInstant');
  if (authenticatedAtMs > nowMs + CLOCK_SKEW_MS) throw outOfTime('the person authenticates in the future');
  const context = onlyChild(statement, ASSERTION, 'AuthnContext');
  const contextClass = context && onlyChild(context, ASSERTION, 'AuthnContextClassRef');
  return {
    authenticatedAt: new Date(authenticatedAtMs),
    contextClass: textOf(contextClass),
    sessionIndex: shortText(statement.attributes.get('SessionIndex')),
    sessionEndsAt: statement.attributes.has('SessionNotOnOrAfter')
      ? new Date(instantOf(statement, 'SessionNotOnOrAfter'))
      : undefined,
  };
}

function nameOf(subject: XmlElement): string {
  const name = onlyChild(subject, ASSERTION, 'NameID');
  if (name === undefined) throw subjectUnusable('it has no NameID');
  if (name.attributes.get('Format') === TRANSIENT) throw subjectUnusable('its NameID is another one each time');
  return subjectText(name.text);
}

function emailOf(subject: XmlElement): string | undefined {
  const name = onlyChild(subject, ASSERTION, 'NameID');
  return name?.attributes.get('Format') === EMAIL ? textOf(name) : undefined;
}

function idOf(attributes: Assertion['attributes'], name: string): string {
  const [value, ...others] = attributes.get(name) ?? [];
  if (value === undefined || others.length > 0) throw subjectUnusable(`it does not have one value of ${name}`);
  return subjectText(value);
}

/** As it is written: nothing is trimmed, or two people could be one. */
function subjectText(text: string): string {
  if (text === '' || text.trim() !== text || text.length > MAX_SUBJECT_LENGTH || /\p{C}/u.test(text))
    throw subjectUnusable('it is empty, too long, or has blanks or control characters around it');
  return text;
}

/** Names are the sender's choice: only those that were asked for become keys. */
function attributesOf(assertion: XmlElement, { attributes, subjectAttribute }: Expected): Assertion['attributes'] {
  const wanted = new Set(subjectAttribute === null ? attributes : [...attributes, subjectAttribute]);
  const found = new Map<string, string[]>();
  for (const statement of childrenNamed(assertion, ASSERTION, 'AttributeStatement')) {
    for (const attribute of childrenNamed(statement, ASSERTION, 'Attribute')) {
      const name = attribute.attributes.get('Name') ?? '';
      if (!wanted.has(name)) continue;
      const values = childrenNamed(attribute, ASSERTION, 'AttributeValue').map(textOf);
      found.set(
        name,
        [...(found.get(name) ?? []), ...values.filter((value) => value !== undefined)].slice(0, MAX_VALUES),
      );
    }
  }
  return found;
}

/** Undefined for what is not text alone. */
function textOf(element: XmlElement | undefined): string | undefined {
  return element === undefined || element.children.length > 0 ? undefined : shortText(element.text.trim());
}

function shortText(text: string | undefined): string | undefined {
  return text === undefined || text === '' || text.length > MAX_VALUE_LENGTH ? undefined : text;
}

/** Elements that call themselves an assertion, of whatever namespace. */
export function assertionsIn(message: XmlElement): readonly XmlElement[] {
  return [...walk(message)].filter(({ name }) => name === 'Assertion' || name === 'EncryptedAssertion');
}
