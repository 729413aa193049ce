/** Metadata, certificates, requests to log out: pure. */
import { describe, expect, it, test } from 'vitest';
import { Failure } from '../../src/errors.ts';
import { readCertificate, viewCertificate } from '../../src/saml/certificates.ts';
import { readLogoutRequest } from '../../src/saml/logout.ts';
import { ownAddresses, ownMetadata, readMetadata } from '../../src/saml/metadata.ts';
import { readXml } from '../../src/saml/xml.ts';
import { der, EC_CERTIFICATE, IDP, instant, NEXT, OTHER, WEAK_CERTIFICATE } from './messages.ts';
import { metadataXml } from './metadata.ts';
import { type LogoutParts, logoutXml, signedQuery } from './redirect.ts';

const nowMs = Date.now();

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'ok';
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
}

describe('metadata', () => {
  it('give entity, address and every signing key', () => {
    const xml = metadataXml({
      certificates: [IDP.certificate, NEXT.certificate],
      logout: 'https://idp.acme.example/slo',
    });
    expect(readMetadata(xml, nowMs)).toEqual({
      entityId: 'https://idp.acme.example/saml',
      ssoUrl: 'https://idp.acme.example/sso',
      logoutUrl: 'https://idp.acme.example/slo',
      certificates: [der(IDP.certificate), der(NEXT.certificate)],
    });
  });

  const good = metadataXml({});
  test.each([
    ['a document type', `<!DOCTYPE x [<!ENTITY a SYSTEM "http://169.254.169.254/">]>${good}`],
    ['no certificate', metadataXml({ certificates: [] })],
    ['a certificate for encryption alone', good.replace('use="signing"', 'use="encryption"')],
    ['a weak key', metadataXml({ certificates: [WEAK_CERTIFICATE] })],
    ['a key that is not RSA', metadataXml({ certificates: [EC_CERTIFICATE] })],
    ['what is no certificate', metadataXml({ certificates: ['AAAA'] })],
    ['no end of it', good.replace('</IDPSSODescriptor>', '')],
    [
      'two providers',
      `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">${good}${good}</EntitiesDescriptor>`,
    ],
    ['a service provider', good.replaceAll('IDPSSODescriptor', 'SPSSODescriptor')],
    ['SAML 1.1', good.replace('urn:oasis:names:tc:SAML:2.0:protocol', 'urn:oasis:names:tc:SAML:1.1:protocol')],
    ['sign-in by POST alone', good.replace('HTTP-Redirect', 'HTTP-POST')],
    ['an address that is script', metadataXml({ sso: 'javascript:alert(1)' })],
    ['signed requests alone', good.replace('<IDPSSODescriptor', '<IDPSSODescriptor WantAuthnRequestsSigned="true"')],
    ['that are over', good.replace('entityID=', `validUntil="${instant(nowMs - 1000)}" entityID=`)],
    ['that end at no time', good.replace('entityID=', 'validUntil="never" entityID=')],
    ['no entity id', good.replace(/entityID="[^"]*"/, '')],
    ['a web page', '<html><body>Sign in</body></html>'],
  ])('are refused with %s', (_, xml) => {
    expect(codeOf(() => readMetadata(xml, nowMs))).toBe('metadata_invalid');
  });

  it('of our own are XML, with what a provider is to send answers to', () => {
    const read = readXml(ownMetadata(ownAddresses('https://hivekey.acme.example', 'idp_1')));
    expect(read.ok && read.root.attributes.get('entityID')).toBe(
      'https://hivekey.acme.example/v1/sign-in/idp_1/metadata',
    );
  });
});

describe('certificates', () => {
  it('are shown with the time that they have left', () => {
    const { expiresAt } = viewCertificate(der(IDP.certificate), nowMs);
    const at = (days: number) => viewCertificate(der(IDP.certificate), expiresAt.getTime() + days * 86_400_000).status;
    expect([at(-31), at(-30), at(-1), at(0), at(1)]).toEqual([
      'current',
      'expires_soon',
      'expires_soon',
      'expired',
      'expired',
    ]);
  });

  it('are kept as DER, however they are written', () => {
    expect(readCertificate(IDP.certificate)).toEqual({ ok: true, der: der(IDP.certificate) });
    expect(readCertificate(`\n ${der(IDP.certificate).replace(/(.{20})/g, '$1\n\t')}`)).toEqual({
      ok: true,
      der: der(IDP.certificate),
    });
  });
});

describe('a request to log out', () => {
  const destination = 'https://hivekey.acme.example/v1/sign-in/idp_1/logout';
  const issuer = 'https://idp.acme.example/saml';
  const parts: LogoutParts = { issuer, destination, nowMs, sessionIndexes: ['a', 'b'] };
  const trust = { issuer, destination, certificates: [der(IDP.certificate), der(NEXT.certificate)], nowMs };
  const query = signedQuery(logoutXml(parts));
  const of = (change: Partial<LogoutParts>) => signedQuery(logoutXml({ ...parts, ...change }));

  it('is read under its signature', () => {
    expect(readLogoutRequest(query, trust)).toEqual({
      id: '_logout',
      subject: 'dana-7',
      sessionIndexes: ['a', 'b'],
      relayState: 'back',
      refusedFrom: new Date(Math.floor(nowMs) + 360_000),
    });
    expect(codeOf(() => readLogoutRequest(signedQuery(logoutXml(parts), { signer: NEXT }), trust))).toBe('ok');
  });

  const sha1 = { algorithm: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1', hash: 'sha1' };
  test.each([
    ['no signature', query.replace(/&Signature=.*/, ''), 'saml_signature_invalid'],
    ['the signature of another', signedQuery(logoutXml(parts), { signer: OTHER }), 'saml_signature_invalid'],
    [
      'another relay state than was signed',
      query.replace('RelayState=back', 'RelayState=https%3A%2F%2Fevil.example'),
      'saml_signature_invalid',
    ],
    ['SHA-1', signedQuery(logoutXml(parts), sha1), 'saml_algorithm_refused'],
    [
      'an algorithm that is a method of objects',
      query.replace(/SigAlg=[^&]*/, 'SigAlg=constructor'),
      'saml_algorithm_refused',
    ],
    ['a second request', `${query}&SAMLRequest=x`, 'saml_malformed'],
    ['a second request under a name that some would take for it', `xSAMLRequest=x&${query}`, 'saml_malformed'],
    ['a name that is encoded', query.replace('SigAlg', 'Sig%41lg'), 'saml_malformed'],
    ['another issuer', of({ issuer: 'https://evil.example' }), 'saml_issuer_other'],
    ['another destination', of({ destination: 'https://evil.example/logout' }), 'saml_destination_other'],
    ['one that is old', of({ nowMs: nowMs - 400_000 }), 'saml_out_of_time'],
    ['one of the future', of({ nowMs: nowMs + 100_000 }), 'saml_out_of_time'],
    ['an answer to a sign-in', signedQuery(logoutXml(parts).replaceAll('LogoutRequest', 'Response')), 'saml_malformed'],
    ['a document type', signedQuery(`<!DOCTYPE x>${logoutXml(parts)}`), 'saml_unreadable'],
    [
      'a megabyte that deflates well',
      signedQuery(logoutXml({ ...parts, name: 'x'.repeat(1_000_000) })),
      'saml_unreadable',
    ],
    ['an id without end', of({ id: `_${'x'.repeat(300)}` }), 'saml_malformed'],
    ['nobody', signedQuery(logoutXml(parts).replace(/<saml:NameID>.*<\/saml:NameID>/, '')), 'saml_malformed'],
  ])('is refused with %s', (_, wrong, code) => {
    expect(codeOf(() => readLogoutRequest(wrong, trust))).toBe(code);
  });
});
