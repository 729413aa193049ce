/** Answers that a provider sends, and those that somebody made of one: each refusal beside what it differs from. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../src/errors.ts';
import { type Trust, verifyResponse } from '../../src/saml/response.ts';
import {
  type AssertionParts,
  afterIssuer,
  assertionXml,
  audiences,
  bearer,
  der,
  EXCLUSIVE,
  encoded,
  IDP,
  instant,
  NEXT,
  OTHER,
  type ResponseParts,
  responseXml,
  type SigningOptions,
  signatureOver,
  signed,
} from './messages.ts';

const nowMs = Date.now();
const trust: Trust = {
  issuer: 'https://idp.acme.example/saml',
  audience: 'https://hivekey.acme.example/v1/sign-in/idp_1/metadata',
  recipient: 'https://hivekey.acme.example/v1/sign-in/idp_1/acs',
  requestId: '_request1',
  nowMs,
  subjectAttribute: null,
  attributes: ['mail', 'groups'],
  certificates: [der(IDP.certificate)],
  wantResponseSigned: false,
};
const { issuer, audience, recipient, requestId } = trust;
const parts: AssertionParts = { issuer, audience, recipient, requestId, nowMs, id: '_assertion' };
const around: ResponseParts = { issuer, destination: recipient, requestId, nowMs };

const assertion = (change: Partial<AssertionParts> = {}) => assertionXml({ ...parts, ...change });
const good = signed(assertion());
const respond = (content: string, change: Partial<ResponseParts> = {}) =>
  responseXml(content, { ...around, ...change });

/** `ok`, or the code of the refusal. */
async function outcome(xml: string, change: Partial<Trust> = {}): Promise<string> {
  try {
    await verifyResponse(encoded(xml), { ...trust, ...change });
    return 'ok';
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
}

describe('what is accepted', () => {
  test('a signed assertion, read as it was signed', async () => {
    const attributes = {
      mail: ['dana@acme.example'],
      groups: ['ops', 'security'],
      isAdmin: ['true'],
      __proto__x: ['1'],
    };
    const verified = await verifyResponse(encoded(respond(signed(assertion({ attributes })))), trust);
    expect(verified).toEqual({
      id: '_assertion',
      subject: 'dana-7',
      emailName: undefined,
      authenticatedAt: new Date(nowMs),
      contextClass: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
      sessionIndex: 'session-1',
      sessionEndsAt: undefined,
      attributes: new Map([
        ['mail', ['dana@acme.example']],
        ['groups', ['ops', 'security']],
      ]),
      refusedFrom: new Date(nowMs + 180_000),
    });
  });

  test.each<[string, string, Partial<Trust>?]>([
    ['assertion and response signed', signed(respond(good))],
    ['where both are wanted', signed(respond(good)), { wantResponseSigned: true }],
    ['SHA-512', respond(signed(assertion(), { method: 'rsa-sha512', digest: 'sha512' }))],
    [
      'the next certificate during a rotation',
      respond(signed(assertion(), { signer: NEXT })),
      { certificates: [der(IDP.certificate), der(NEXT.certificate)] },
    ],
    [
      'without issuer and destination on a response that is not signed',
      respond(good, { issuer: undefined, destination: undefined }),
    ],
    [
      'one of two confirmations',
      respond(
        signed(
          assertion({
            confirmations: `${bearer({ InResponseTo: '_request1', NotOnOrAfter: instant(nowMs + 60_000), Recipient: 'https://other.example/acs' })}${bearer({ InResponseTo: '_request1', NotOnOrAfter: instant(nowMs + 60_000), Recipient: trust.recipient })}`,
          }),
        ),
      ),
    ],
    [
      'nobody asked, and the provider may begin',
      respond(signed(assertion({ requestId: undefined })), { requestId: undefined }),
      { requestId: undefined },
    ],
    ['an XML declaration', `<?xml version="1.0" encoding="UTF-8"?>\n${respond(good)}`],
  ])('%s', async (_, xml, change) => {
    expect(await outcome(xml, change)).toBe('ok');
  });
});

const evil = assertion({ id: '_evil', name: 'admin' });
const evilSigned = (id: string) => signed(assertion({ id, name: 'admin' }), { signer: OTHER });
const bare = assertion();
const signatureOf = (options?: SigningOptions) => signatureOver(bare, '_assertion', options);
const wrapped = (xml: string) => `<samlp:Extensions>${xml}</samlp:Extensions>`;
const object = (xml: string) => ({ object: `<ds:Object>${xml}</ds:Object>` });

describe('signature wrapping', () => {
  // The eight of Somorovsky et al., "On Breaking SAML: Be Whoever You Want to Be" (2012), as SAML Raider numbers them.
  const whole = signed(respond(good));
  const original = respond(good);
  const responseSignature = signatureOver(original, '_response');
  test.each([
    [
      'XSW1: the signature holds the response that it is of',
      afterIssuer(
        respond(evil).replace('ID="_response"', 'ID="_evilResponse"'),
        responseSignature.replace('</ds:Signature>', `<ds:Object>${original}</ds:Object></ds:Signature>`),
      ),
    ],
    [
      'XSW2: the response that is signed stands before its detached signature',
      afterIssuer(respond(evil).replace('ID="_response"', 'ID="_evilResponse"'), `${original}${responseSignature}`),
    ],
    ['XSW3: another assertion before the signed one', respond(`${evil}${good}`)],
    ['XSW3: with a signature of its own', respond(`${evilSigned('_evil')}${good}`)],
    [
      'XSW4: another assertion around the signed one',
      respond(evil.replace('</saml:Assertion>', `${good}</saml:Assertion>`)),
    ],
    [
      'XSW5: another assertion with the signature, the signed one behind',
      respond(`${afterIssuer(evil, signatureOf())}${bare}`),
    ],
    [
      'XSW6: another assertion with the signature, which holds the signed one',
      respond(afterIssuer(evil, signatureOf(object(bare)))),
    ],
    [
      'XSW7: another assertion among the extensions',
      respond(good).replace('<samlp:Status>', `${wrapped(evil)}<samlp:Status>`),
    ],
    ['XSW8: the signed one in an object of its signature', respond(afterIssuer(evil, signatureOf(object(bare))))],
    ['the same id twice', respond(`${afterIssuer(assertion({ name: 'admin' }), signatureOf())}${bare}`)],
    ['an id in another case', respond(good.replace('<saml:Subject>', '<saml:Subject Id="_assertion">'))],
    ['a signature in the subject', respond(evil.replace('<saml:Subject>', `<saml:Subject>${signatureOf()}`))],
    ['two signatures in one assertion', respond(afterIssuer(good, signatureOf()))],
    ['two assertions, both signed', respond(`${good}${signed(assertion({ id: '_second', name: 'admin' }))}`)],
    ['the whole document as reference', respond(afterIssuer(bare, signatureOf({ reference: '' })))],
    ['an empty reference', respond(afterIssuer(bare, signatureOf({ reference: '#' })))],
    [
      'a SignatureMethod before SignedInfo',
      respond(
        good.replace(
          '<ds:SignedInfo>',
          '<ds:KeyInfo><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod></ds:KeyInfo><ds:SignedInfo>',
        ),
      ),
    ],
    ['two SignedInfo', respond(good.replace(/(<ds:SignedInfo>.*<\/ds:SignedInfo>)/, '$1$1'))],
    [
      'two DigestValue (CVE-2025-29775)',
      respond(good.replace(/(<ds:DigestValue>)/, '<ds:DigestValue>AAAA</ds:DigestValue>$1')),
    ],
    ['other transforms', respond(afterIssuer(bare, signatureOf({ transforms: [`${EXCLUSIVE}WithComments`] })))],
    ['an assertion of another namespace', respond(`${good}<x:Assertion xmlns:x="urn:x"></x:Assertion>`)],
    ['no response around it', good],
  ])('%s', async (_, xml) => {
    expect(await outcome(xml)).toBe('saml_malformed');
    expect(await outcome(whole)).toBe('ok');
  });
});

describe('signatures', () => {
  test.each<[string, string, string, Partial<Trust>?]>([
    ['none at all', respond(bare), 'saml_signature_invalid'],
    ['of the response alone', signed(respond(bare)), 'saml_signature_invalid'],
    [
      'of the assertion alone, where both are wanted',
      respond(good),
      'saml_signature_invalid',
      { wantResponseSigned: true },
    ],
    ['of the response with another key', signed(respond(good), { signer: OTHER }), 'saml_signature_invalid'],
    ['of another provider', respond(signed(assertion(), { signer: OTHER })), 'saml_signature_invalid'],
    [
      'of a key that KeyInfo brings along',
      respond(signed(assertion(), { signer: OTHER, keyInfo: OTHER.certificate })),
      'saml_signature_invalid',
    ],
    [
      'of another key, under the certificate of the provider',
      respond(signed(assertion(), { signer: OTHER, keyInfo: IDP.certificate })),
      'saml_signature_invalid',
    ],
    [
      'of a certificate that was taken out',
      respond(good),
      'saml_signature_invalid',
      { certificates: [der(NEXT.certificate)] },
    ],
    ['after which a name was changed', respond(good.replace('dana-7', 'admin')), 'saml_signature_invalid'],
    [
      'after which an attribute was added',
      respond(
        good.replace('</saml:Assertion>', '<saml:AttributeStatement></saml:AttributeStatement></saml:Assertion>'),
      ),
      'saml_signature_invalid',
    ],
    ['RSA with SHA-1', respond(signed(assertion(), { method: 'rsa-sha1' })), 'saml_algorithm_refused'],
    ['a SHA-1 digest', respond(signed(assertion(), { digest: 'sha1' })), 'saml_algorithm_refused'],
    [
      'HMAC with the certificate as its key',
      respond(signed(assertion(), { method: 'hmac-sha1' })),
      'saml_algorithm_refused',
    ],
    [
      'encrypted, and what is inside unknown',
      respond('<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"></saml:EncryptedAssertion>'),
      'saml_encrypted',
    ],
  ])('%s', async (_, xml, code, change) => {
    expect(await outcome(xml, change)).toBe(code);
  });
});

describe('XML', () => {
  const lol =
    '<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">';
  test.each([
    ['a document type', `<!DOCTYPE samlp:Response>${respond(good)}`],
    [
      'an external entity',
      `<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>${respond(signed(assertion({ name: '&x;' })))}`,
    ],
    ['a billion laughs', `<!DOCTYPE r [${lol}]>${respond(signed(assertion({ name: '&c;' })))}`],
    ['an entity that nobody declared', respond(signed(assertion({ name: '&nbsp;' })))],
    [
      'a comment that cuts the name',
      respond(
        signed(assertion({ name: 'admin@acme.example.evil.example' })).replace(
          'acme.example.evil',
          'acme.example<!---->.evil',
        ),
      ),
    ],
    ['CDATA', respond(signed(assertion({ name: '<![CDATA[dana-7]]>' })))],
    ['a processing instruction', respond(signed(assertion({ name: 'dana-7<?x y?>' })))],
    ['a NUL by number', respond(signed(assertion({ name: 'admin&#0;dana' })))],
    ['elements in the name', `${respond(good)}<x/>`],
    ['text behind it', `${respond(good)}x`],
    ['too large', respond(good).replace('dana-7', 'x'.repeat(300 * 1024))],
    [
      'too deep',
      respond(signed(assertion({ statement: `${'<saml:Advice>'.repeat(40)}${'</saml:Advice>'.repeat(40)}` }))),
    ],
    ['too many elements', `<a>${'<b/>'.repeat(6_000)}</a>`],
    ['too many attributes', `<a ${Array.from({ length: 41 }, (_, at) => `a${at}=""`).join(' ')}/>`],
    ['far too many attributes', `<a ${Array.from({ length: 13_000 }, (_, at) => `a${at}=''`).join(' ')}/>`],
    ['no XML', 'SAMLResponse'],
  ])('%s', async (_, xml) => {
    expect(await outcome(xml)).toBe('saml_unreadable');
  });

  test('what is no base64', async () => {
    await expect(verifyResponse('<samlp:Response/>', trust)).rejects.toMatchObject({ code: 'saml_unreadable' });
  });

  test('no change of one character of a signed answer signs in as somebody else', async () => {
    const xml = signed(respond(good));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(xml.length - 1),
        fc.constantFrom('<', '>', '"', ' ', 'x', '\n', '&', '\0', '/'),
        async (at, character) => {
          const changed = xml.slice(0, at) + character + xml.slice(at + 1);
          try {
            const { subject, id } = await verifyResponse(encoded(changed), trust);
            expect({ subject, id }).toEqual({ subject: 'dana-7', id: '_assertion' });
          } catch (error) {
            expect(error).toBeInstanceOf(Failure);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

const confirmed = (data: Readonly<Record<string, string | undefined>>) =>
  respond(
    signed(
      assertion({
        confirmations: bearer({
          InResponseTo: '_request1',
          NotOnOrAfter: instant(nowMs + 60_000),
          Recipient: trust.recipient,
          ...data,
        }),
      }),
    ),
  );
const under = (conditions: string, times = '') =>
  respond(signed(assertion({ conditions: `<saml:Conditions${times}>${conditions}</saml:Conditions>` })));
const authenticated = (attributes: string, context = '') =>
  respond(
    signed(
      assertion({
        statement: `<saml:AuthnStatement${attributes}><saml:AuthnContext>${context}</saml:AuthnContext></saml:AuthnStatement>`,
      }),
    ),
  );
const anonymous = respond(good, { issuer: undefined });
const MINUTE = 60_000;

describe('for whom, by whom, when', () => {
  test.each<[string, string, string, Partial<Trust>?]>([
    ['issuer of the assertion', respond(signed(assertion({ issuer: 'https://evil.example' }))), 'saml_issuer_other'],
    ['issuer of the response', respond(good, { issuer: 'https://evil.example' }), 'saml_issuer_other'],
    [
      'no issuer on a signed response',
      anonymous.replace('<samlp:Status>', `${signatureOver(anonymous, '_response')}<samlp:Status>`),
      'saml_issuer_other',
    ],
    ['audience', under(audiences('https://other.example')), 'saml_audience_other'],
    ['no audience', under(''), 'saml_audience_other'],
    [
      'one of two restrictions',
      under(`${audiences(trust.audience)}${audiences('https://other.example')}`),
      'saml_audience_other',
    ],
    ['one of several audiences', under(audiences('https://other.example', trust.audience)), 'ok'],
    [
      'a condition that nobody knows',
      under(`${audiences(trust.audience)}<saml:Condition></saml:Condition>`),
      'saml_malformed',
    ],
    ['used once, and no further', under(`${audiences(trust.audience)}<saml:OneTimeUse></saml:OneTimeUse>`), 'ok'],
    [
      'recipient',
      confirmed({ Recipient: 'https://hivekey.acme.example/v1/sign-in/idp_2/acs' }),
      'saml_recipient_other',
    ],
    ['recipient with another ending', confirmed({ Recipient: `${trust.recipient}/` }), 'saml_recipient_other'],
    ['no recipient', confirmed({ Recipient: undefined }), 'saml_recipient_other'],
    ['destination', respond(good, { destination: 'https://evil.example/acs' }), 'saml_destination_other'],
    [
      'no destination on a signed response',
      signed(respond(good, { destination: undefined })),
      'saml_destination_other',
    ],
    [
      'another method of confirmation',
      respond(
        signed(
          assertion({
            confirmations: bearer({
              InResponseTo: '_request1',
              NotOnOrAfter: instant(nowMs + 1e5),
              Recipient: trust.recipient,
            }).replace('cm:bearer', 'cm:sender-vouches'),
          }),
        ),
      ),
      'saml_malformed',
    ],
    ['a confirmation with a beginning', confirmed({ NotBefore: instant(nowMs - MINUTE) }), 'saml_malformed'],
    ['a confirmation without end', confirmed({ NotOnOrAfter: undefined }), 'saml_malformed'],
    ['a confirmation that has expired', confirmed({ NotOnOrAfter: instant(nowMs - 2 * MINUTE) }), 'saml_out_of_time'],
    [
      'an assertion that has expired',
      under(audiences(trust.audience), ` NotOnOrAfter="${instant(nowMs - 2 * MINUTE)}"`),
      'saml_out_of_time',
    ],
    [
      'an assertion of the future',
      under(audiences(trust.audience), ` NotBefore="${instant(nowMs + 2 * MINUTE)}"`),
      'saml_out_of_time',
    ],
    ['issued in the future', respond(signed(assertion({ issuedAtMs: nowMs + 2 * MINUTE }))), 'saml_out_of_time'],
    [
      'valid for a year, and made before',
      respond(signed(assertion({ issuedAtMs: nowMs - 7 * MINUTE, untilMs: nowMs + 3e10 }))),
      'saml_out_of_time',
    ],
    ['valid for a year, and made now', respond(signed(assertion({ untilMs: nowMs + 3e10 }))), 'ok'],
    [
      'a time that is none',
      respond(signed(assertion().replace(/IssueInstant="[^"]*"/, 'IssueInstant="today"'))),
      'saml_malformed',
    ],
    [
      'a time with an offset',
      respond(signed(assertion().replace(/IssueInstant="[^"]*"/, 'IssueInstant="2026-11-26T12:00:00+01:00"'))),
      'saml_malformed',
    ],
    ['another request in the response', respond(good, { requestId: '_request2' }), 'saml_request_other'],
    ['no request in the response', respond(good, { requestId: undefined }), 'saml_unsolicited'],
    ['another request in the confirmation', confirmed({ InResponseTo: '_request2' }), 'saml_request_other'],
    ['no request in the confirmation', confirmed({ InResponseTo: undefined }), 'saml_request_other'],
    ['an answer, where nobody asked', respond(good), 'saml_request_other', { requestId: undefined }],
    ['no authentication', respond(signed(assertion({ statement: '' }))), 'saml_malformed'],
    [
      'an authentication of the future',
      authenticated(` AuthnInstant="${instant(nowMs + 2 * MINUTE)}"`),
      'saml_out_of_time',
    ],
    ['an authentication at no time', authenticated(''), 'saml_malformed'],
    [
      'a transient name',
      respond(signed(assertion({ nameFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient' }))),
      'saml_subject_unusable',
    ],
    ['an empty name', respond(signed(assertion({ name: '' }))), 'saml_subject_unusable'],
    ['a name with a blank behind it', respond(signed(assertion({ name: 'dana-7 ' }))), 'saml_subject_unusable'],
    [
      'a name with a character that is not seen',
      respond(signed(assertion({ name: 'dana\u200b-7' }))),
      'saml_subject_unusable',
    ],
    ['named by an attribute that is not there', respond(good), 'saml_subject_unusable', { subjectAttribute: 'oid' }],
    [
      'named by an attribute with two values',
      respond(signed(assertion({ attributes: { oid: ['1', '2'] } }))),
      'saml_subject_unusable',
      { subjectAttribute: 'oid' },
    ],
    [
      'named by an attribute',
      respond(signed(assertion({ attributes: { oid: ['1'] } }))),
      'ok',
      { subjectAttribute: 'oid' },
    ],
    [
      'a provider that refuses',
      respond('', {
        status:
          '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"></samlp:StatusCode></samlp:StatusCode>',
      }),
      'provider_refused',
    ],
    [
      'success among failures',
      respond(good, {
        status: '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"></samlp:StatusCode>',
      }),
      'provider_refused',
    ],
  ])('%s', async (_, xml, code, change) => {
    expect(await outcome(xml, change)).toBe(code);
  });
});
