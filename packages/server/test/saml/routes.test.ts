/** SAML over HTTP: registration, sign-in, step-up, logout, against a server, with a provider whose every word is chosen. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { newId } from '../../src/ids.ts';
import { addWorkspace } from '../agents/second-workspace.ts';
import { openWorld, type World } from '../agents/world.ts';
import { Browser } from '../sign-in/browser.ts';
import { type AssertionParts, assertionXml, encoded, instant, NEXT, OTHER, responseXml, signed } from './messages.ts';
import { type MetadataParts, metadataXml } from './metadata.ts';
import { logoutXml, messageIn, signedQuery } from './redirect.ts';

const ISSUER = 'https://idp.acme.example/saml';
const MAIL = 'urn:oid:0.9.2342.19200300.100.1.3';

let world: World;
/** Serves `published` as metadata. */
let publisher: Server;
let published: MetadataParts | undefined;
let metadataUrl: string;
let id: string;
let own: { entity_id: string; acs_url: string; logout_url: string };

beforeAll(async () => {
  publisher = createServer((_, response) => {
    response.statusCode = published === undefined ? 302 : 200;
    if (published === undefined) response.setHeader('location', 'http://169.254.169.254/');
    response.end(published === undefined ? '' : metadataXml(published));
  });
  publisher.listen(0, '127.0.0.1');
  await once(publisher, 'listening');
  const address = publisher.address();
  metadataUrl = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}/metadata`;
  world = await openWorld({ upstream_allow: ['127.0.0.1'] });
  const provider = await world.ok('POST', '/v1/identity-providers/saml', {
    name: 'Acme',
    metadata: metadataXml({ logout: 'https://idp.acme.example/slo?tenant=7' }),
    email_attribute: MAIL,
    name_attribute: 'displayName',
    groups_claim: 'groups',
    jit_domains: ['acme.example'],
  });
  ({ id } = provider);
  ({ own } = provider.saml);
});
afterAll(async () => {
  await world?.server.close();
  publisher?.close();
});

/** The newest record of the kind, once it is this one: what is durable is listed a moment later. */
function newest(kind: string, expected: object): Promise<unknown> {
  return vi.waitFor(async () => {
    const [record] = (await world.ok('GET', `/v1/audit/events?kind=${kind}&limit=1`)).data;
    expect(record).toMatchObject(expected);
    return record;
  }, 5_000);
}

/** What the provider says in answer to a request, unless told otherwise. */
function answer(requestId: string | undefined, change: Partial<AssertionParts> = {}, to = own): string {
  const nowMs = Date.now();
  const assertion = assertionXml({
    id: `_${newId('req')}`,
    issuer: ISSUER,
    audience: to.entity_id,
    recipient: to.acs_url,
    requestId,
    nowMs,
    attributes: { [MAIL]: ['dana@acme.example'], displayName: ['Dana'], groups: ['ops'] },
    ...change,
  });
  return encoded(responseXml(signed(assertion), { issuer: ISSUER, destination: to.acs_url, requestId, nowMs }));
}

const newBrowser = () => new Browser(world.call, world.server.url);

interface Begun {
  readonly requestId: string;
  readonly relayState: string;
  readonly request: string;
}

async function begin(browser: Browser, wish: object = {}, path = `/v1/sign-in/${id}/start`): Promise<Begun> {
  const { status, body } = await browser.request('POST', path, wish);
  expect(status).toBe(200);
  const request = messageIn(body.url, 'SAMLRequest');
  const requestId = /\sID="([^"]+)"/.exec(request)?.[1] ?? '';
  return { requestId, relayState: new URL(body.url).searchParams.get('RelayState') ?? '', request };
}

/** Where the browser is sent after the answer. */
async function post(
  browser: Browser,
  response: string,
  relayState: string | undefined,
  provider = id,
): Promise<string> {
  const form = new URLSearchParams({
    SAMLResponse: response,
    ...(relayState === undefined ? {} : { RelayState: relayState }),
  });
  const { status, headers } = await browser.request('POST', `/v1/sign-in/${provider}/acs`, form.toString());
  expect(status).toBe(303);
  return headers.get('location') ?? '';
}

async function signIn(browser: Browser, change: Partial<AssertionParts> = {}, wish: object = {}): Promise<string> {
  const { requestId, relayState } = await begin(browser, wish);
  return post(browser, answer(requestId, change), relayState);
}

describe('registration', () => {
  it('takes everything from the metadata, and shows what the provider is to be told', async () => {
    const provider = await world.ok('GET', `/v1/identity-providers/${id}`);
    expect(provider).toMatchObject({ kind: 'saml', issuer: ISSUER, oidc: null });
    expect(provider.saml).toMatchObject({
      sso_url: 'https://idp.acme.example/sso',
      logout_url: 'https://idp.acme.example/slo?tenant=7',
      certificates: [{ status: 'current', subject: 'CN=idp.acme.example' }],
      idp_initiated: false,
      own: { entity_id: `${world.server.url}/v1/sign-in/${id}/metadata` },
    });
    const metadata = await world.call('GET', new URL(own.entity_id).pathname, { key: null });
    expect(metadata.headers.get('content-type')).toBe('application/samlmetadata+xml');
    expect(metadata.body).toContain(`entityID="${own.entity_id}"`);
    expect(metadata.body).toContain(`Location="${own.acs_url}"`);
  });

  it.each([
    ['the same entity again', { metadata: metadataXml({}) }, 'provider_exists'],
    ['no metadata', {}, 'metadata_missing'],
    ['metadata twice', { metadata: metadataXml({}), metadata_url: 'https://idp.acme.example/' }, 'metadata_missing'],
    ['what is no metadata', { metadata: '<a/>' }, 'metadata_invalid'],
    ['metadata of the cloud', { metadata_url: 'http://169.254.169.254/latest/' }, 'provider_url_refused'],
    ['a private address', { metadata_url: 'https://10.0.0.1/metadata' }, 'provider_url_refused'],
    ['an address inside by number', { metadata_url: 'https://0x0a000001/metadata' }, 'provider_url_refused'],
    [
      'a sign-in address inside',
      { metadata: metadataXml({ entityId: 'urn:x', sso: 'http://10.0.0.1/' }) },
      'provider_url_refused',
    ],
    [
      'a sign-in address without TLS',
      { metadata: metadataXml({ entityId: 'urn:x', sso: 'http://idp.acme.example/' }) },
      'provider_url_invalid',
    ],
    ['what is not set of SAML', { metadata: metadataXml({}), client_id: 'x' }, 'request_invalid'],
  ])('refuses %s', async (_, given, code) => {
    expect(await world.refused('POST', '/v1/identity-providers/saml', { name: 'Other', ...given })).toBe(code);
  });

  it('reads metadata from their address, follows no redirect, and sees when they change', async () => {
    published = undefined;
    const given = { name: 'Published', metadata_url: metadataUrl };
    expect(await world.refused('POST', '/v1/identity-providers/saml', given)).toBe('metadata_unreachable');
    published = { entityId: 'urn:published' };
    const { id: other } = await world.ok('POST', '/v1/identity-providers/saml', given);
    const path = `/v1/identity-providers/saml/${other}`;
    expect(await world.ok('POST', `${path}/check`)).toEqual({ object: 'saml_check', ok: true, findings: [] });
    published = { entityId: 'urn:published', certificates: [NEXT.certificate] };
    expect((await world.ok('POST', `${path}/check`)).findings).toMatchObject([{ code: 'metadata_changed' }]);
    const { saml } = await world.ok('POST', `${path}/refresh`);
    expect(saml.certificates).toMatchObject([{ subject: 'CN=next.acme.example' }]);
    published = { entityId: 'urn:another' };
    expect(await world.refused('POST', `${path}/refresh`)).toBe('metadata_other_entity');
    expect((await world.ok('POST', `${path}/check`)).findings).toMatchObject([{ code: 'metadata_other_entity' }]);
    // Somebody could be somebody else by another attribute.
    expect((await world.call('PATCH', path, { body: { subject_attribute: 'mail' } })).status).toBe(400);
    const changed = await world.ok('PATCH', path, { want_response_signed: true, jit_domains: [] });
    expect([changed.saml.want_response_signed, changed.jit_domains, changed.name]).toEqual([true, [], 'Published']);
    await newest('provider.changed', { change: 'changed', changes: { want_response_signed: [false, true] } });
    expect(await world.refused('POST', `/v1/identity-providers/saml/${id}/refresh`)).toBe('metadata_url_missing');
  });

  it('is no business of another workspace, nor of those who do not administer', async () => {
    const key = await addWorkspace(world.server);
    const at = `/v1/identity-providers/saml/${id}`;
    expect(await world.refused('PATCH', at, { name: 'Mine' }, { key })).toBe('provider_not_found');
    expect(await world.refused('POST', `${at}/refresh`, {}, { key })).toBe('provider_not_found');
    expect(await world.refused('POST', `${at}/check`, {}, { key })).toBe('provider_not_found');
    const { key: reader } = await world.ok('POST', '/v1/keys', { name: 'reader', roles: ['auditor'] });
    expect(await world.refused('PATCH', at, { name: 'Mine' }, { key: reader })).toBe('role_missing');
    expect(await world.refused('POST', '/v1/identity-providers/saml', { name: 'x' }, { key: reader })).toBe(
      'role_missing',
    );
    expect(await world.refused('PATCH', `/v1/identity-providers/${id}`, { scopes: [] })).toBe('provider_other_kind');
  });
});

describe('signing in', () => {
  it('makes a session of the person, with what the provider said of the authentication', async () => {
    const browser = newBrowser();
    expect(await signIn(browser, {}, { return_to: '/approvals?x=1' })).toBe('/approvals?x=1');
    const { body } = await browser.session();
    expect(body).toMatchObject({
      method: 'saml',
      person: { email: 'dana@acme.example' },
      acr: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
    });
    expect(await world.ok('GET', '/v1/people/dana@acme.example')).toMatchObject({ display_name: 'Dana' });
    await newest('identity.linked', { issuer: ISSUER, subject: 'dana-7', how: 'first_sign_in' });
  });

  it('goes to no other site, whatever was wished', async () => {
    expect(await signIn(newBrowser(), {}, { return_to: 'https://evil.example/' })).toBe('/');
    expect(await signIn(newBrowser(), {}, { return_to: '//evil.example' })).toBe('/');
    const browser = newBrowser();
    const { requestId } = await begin(browser);
    expect(await post(browser, answer(requestId), 'https://evil.example/')).toBe('/sign-in?refused=sign_in_unknown');
  });

  it('finds people by their NameID, never by e-mail', async () => {
    expect(await signIn(newBrowser(), { name: 'somebody-else' })).toBe('/sign-in?refused=person_not_linked');
  });

  it('takes an answer once, from the browser that asked, at the provider that was asked', async () => {
    const browser = newBrowser();
    const { requestId, relayState } = await begin(browser);
    const response = answer(requestId);
    expect(await post(newBrowser(), response, relayState)).toBe('/sign-in?refused=sign_in_unknown');
    expect(await post(browser, response, relayState, 'idp_000000000000')).toBe('/sign-in?refused=provider_not_found');
    expect(await post(browser, response, relayState)).toBe('/');
    expect(await post(browser, response, relayState)).toBe('/sign-in?refused=sign_in_unknown');
    const again = await begin(browser);
    expect(await post(browser, response, again.relayState)).toBe('/sign-in?refused=saml_request_other');
    // The request is gone with the answer that was refused.
    expect(await post(browser, answer(again.requestId), again.relayState)).toBe('/sign-in?refused=sign_in_unknown');
  });

  it('records what was refused, and why', async () => {
    const browser = newBrowser();
    const { requestId, relayState } = await begin(browser);
    const nowMs = Date.now();
    const forged = assertionXml({
      id: '_x',
      issuer: ISSUER,
      audience: own.entity_id,
      recipient: own.acs_url,
      requestId,
      nowMs,
    });
    const xml = responseXml(signed(forged, { signer: OTHER }), { requestId, nowMs });
    expect(await post(browser, encoded(xml), relayState)).toBe('/sign-in?refused=saml_signature_invalid');
    const record = await newest('sign_in.refused', {
      code: 'saml_signature_invalid',
      provider_id: id,
      purpose: 'sign_in',
    });
    expect(JSON.stringify(record)).not.toContain(relayState);
  });

  it('refuses forms that can be read in two ways', async () => {
    const browser = newBrowser();
    const { requestId, relayState } = await begin(browser);
    const twice = `SAMLResponse=${encodeURIComponent(answer(requestId))}&SAMLResponse=x&RelayState=${relayState}`;
    const { headers } = await browser.request('POST', `/v1/sign-in/${id}/acs`, twice);
    expect(headers.get('location')).toBe('/sign-in?refused=saml_malformed');
    expect(await post(browser, answer(undefined), undefined)).toBe('/sign-in?refused=saml_unsolicited');
    expect((await browser.request('POST', `/v1/sign-in/${id}/acs`, 'x'.repeat(600_000))).status).toBe(413);
  });

  it('ends when the provider ends it, and with the provider', async () => {
    const endsAt = Date.now() + 600_000;
    const statement = (index: string) =>
      `<saml:AuthnStatement AuthnInstant="${instant(Date.now())}" SessionIndex="${index}" SessionNotOnOrAfter="${instant(endsAt)}"><saml:AuthnContext></saml:AuthnContext></saml:AuthnStatement>`;
    const browser = newBrowser();
    expect(await signIn(browser, { statement: statement('short') })).toBe('/');
    expect((await browser.session()).body.expires_at).toBe(Math.floor(endsAt / 1000));
    await world.ok('POST', `/v1/identity-providers/${id}/disable`, {});
    expect((await browser.session()).status).toBe(401);
    expect(await post(browser, answer('_x'), 'x')).toBe('/sign-in?refused=provider_disabled');
    await world.ok('POST', `/v1/identity-providers/${id}/enable`, {});
  });
});

describe('a sign-in that begins at the provider', () => {
  beforeEach(() => world.ok('PATCH', `/v1/identity-providers/saml/${id}`, { idp_initiated: true }));

  it('is taken where that is allowed, once, however many try', async () => {
    const response = answer(undefined);
    const places = await Promise.all([1, 2, 3, 4].map(() => post(newBrowser(), response, 'https://evil.example/')));
    expect(places.sort()).toEqual(['/', ...new Array(3).fill('/sign-in?refused=saml_replayed')]);
    expect(await post(newBrowser(), answer('_stolen'), undefined)).toBe('/sign-in?refused=saml_request_other');
    await world.ok('PATCH', `/v1/identity-providers/saml/${id}`, { idp_initiated: false });
    expect(await post(newBrowser(), answer(undefined), undefined)).toBe('/sign-in?refused=saml_unsolicited');
  });

  it('leaves no record of what anybody may post', async () => {
    const recordedRefusal = async (email: string) => {
      const response = answer(undefined, { attributes: { [MAIL]: [email] } });
      expect(await post(newBrowser(), response, undefined)).toBe('/');
      expect(await post(newBrowser(), response, undefined)).toBe('/sign-in?refused=saml_replayed');
    };
    await recordedRefusal('before@acme.example');
    expect(await post(newBrowser(), answer(undefined).slice(0, -40), undefined)).toMatch(/refused=saml_/);
    await recordedRefusal('after@acme.example');
    await newest('sign_in.refused', { email: 'after@acme.example' });
    const { data } = await world.ok('GET', '/v1/audit/events?kind=sign_in.refused&limit=2');
    expect(data).toMatchObject([{ email: 'after@acme.example' }, { email: 'before@acme.example' }]);
    await world.ok('PATCH', `/v1/identity-providers/saml/${id}`, { idp_initiated: false });
  });
});

describe('a step-up', () => {
  it('has the person authenticate anew, and takes nothing older', async () => {
    await world.ok('PATCH', `/v1/identity-providers/saml/${id}`, { step_up_context: 'urn:acme:mfa' });
    const browser = newBrowser();
    await signIn(browser);
    await browser.session();
    const stepUp = async (authenticatedAtMs: number, context: string) => {
      const { requestId, relayState, request } = await begin(browser, {}, '/v1/session/step-up/provider');
      expect(request).toContain('ForceAuthn="true"');
      expect(request).toContain('urn:acme:mfa');
      const statement = `<saml:AuthnStatement AuthnInstant="${instant(authenticatedAtMs)}"><saml:AuthnContext><saml:AuthnContextClassRef>${context}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`;
      const place = await post(browser, answer(requestId, { statement }), relayState);
      await browser.session();
      return place;
    };
    expect(await stepUp(Date.now() - 3_600_000, 'urn:acme:mfa')).toBe('/sign-in?refused=step_up_too_weak');
    expect(await stepUp(Date.now(), 'urn:acme:password')).toBe('/sign-in?refused=step_up_too_weak');
    expect(await stepUp(Date.now(), 'urn:acme:mfa')).toBe('/');
    expect((await browser.session()).body.stepped_up_at).toEqual(expect.any(Number));
    await world.ok('PATCH', `/v1/identity-providers/saml/${id}`, { step_up_context: null });
  });
});

describe('single logout', () => {
  const request = (change: object = {}) =>
    logoutXml({ issuer: ISSUER, destination: own.logout_url, nowMs: Date.now(), id: `_${newId('req')}`, ...change });
  const ask = (query: string) => world.call('GET', `${new URL(own.logout_url).pathname}?${query}`, { key: null });
  const signedIn = async (index: string) => {
    const browser = newBrowser();
    const statement = `<saml:AuthnStatement AuthnInstant="${instant(Date.now())}" SessionIndex="${index}"><saml:AuthnContext></saml:AuthnContext></saml:AuthnStatement>`;
    expect(await signIn(browser, { statement })).toBe('/');
    return async () => (await browser.session()).status;
  };

  it('ends the sessions that the provider names, and answers it', async () => {
    const [first, second] = [await signedIn('s1'), await signedIn('s2')];
    const xml = request({ sessionIndexes: ['s1'] });
    const { status, headers } = await ask(signedQuery(xml));
    expect(status).toBe(303);
    const place = new URL(headers.get('location') ?? '');
    expect(place.href).toMatch(/^https:\/\/idp\.acme\.example\/slo\?tenant=7&/);
    expect(place.searchParams.get('RelayState')).toBe('back');
    expect(messageIn(place.href, 'SAMLResponse')).toContain(`InResponseTo="${/ID="([^"]+)"/.exec(xml)?.[1]}"`);
    expect([await first(), await second()]).toEqual([401, 200]);
    await newest('session.ended', { reason: 'provider_logout', provider_id: id, person: 'dana@acme.example' });
    expect((await ask(signedQuery(request()))).status).toBe(303);
    expect(await second()).toBe(401);
  });

  it('ends nothing for anybody else', async () => {
    const session = await signedIn('s3');
    const xml = request({ sessionIndexes: ['s3'], name: 'somebody-else' });
    expect((await ask(signedQuery(xml))).status).toBe(303);
    expect((await ask(signedQuery(xml))).body.error.code).toBe('saml_replayed');
    expect((await ask(signedQuery(request(), { signer: OTHER }))).body.error.code).toBe('saml_signature_invalid');
    expect((await ask(signedQuery(request()).replace(/&Signature=.*/, ''))).body.error.code).toBe(
      'saml_signature_invalid',
    );
    expect(await session()).toBe(200);
  });
});
