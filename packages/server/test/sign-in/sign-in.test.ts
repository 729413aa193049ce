import { createPublicKey, createSecretKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { returnPath } from '../../src/sign-in/return-path.ts';
import { addWorkspace } from '../agents/second-workspace.ts';
import { openWorld, type World } from '../agents/world.ts';
import { Browser } from './browser.ts';
import { MalleableProvider, type Saying } from './provider.ts';

let world: World;
let idp: MalleableProvider;
let second: MalleableProvider;
let provider: { readonly id: string };
let other: { readonly id: string };

const registration = (at: MalleableProvider, more: object = {}) => ({
  kind: 'oidc',
  name: 'Acme',
  issuer: at.issuer,
  client_id: at.clientId,
  client_secret: at.clientSecret,
  groups_claim: 'groups',
  ...more,
});

beforeAll(async () => {
  [idp, second] = await Promise.all([MalleableProvider.start(), MalleableProvider.start()]);
  world = await openWorld({ upstream_allow: ['127.0.0.1'] });
  provider = await world.ok('POST', '/v1/identity-providers', registration(idp, { jit_domains: ['acme.example'] }));
  other = await world.ok('POST', '/v1/identity-providers', registration(second, { name: 'Other' }));
});
afterAll(async () => {
  await world.server.close();
  await Promise.all([idp.close(), second.close()]);
});

const newBrowser = () => new Browser(world.call, world.server.url);

async function start(browser: Browser, begin: object = {}, at = provider): Promise<string> {
  const started = await browser.request('POST', `/v1/sign-in/${at.id}/start`, begin);
  expect(started.body).toEqual({ url: expect.any(String) });
  return started.body.url;
}

async function callback(browser: Browser, query: Readonly<Record<string, string>>, at = provider): Promise<string> {
  const answer = await browser.request('GET', `/v1/sign-in/${at.id}/callback?${new URLSearchParams(query)}`);
  expect(answer.status).toBe(303);
  return answer.headers.get('location') ?? '';
}

/** From the sign-in page to wherever the browser is sent in the end. */
async function signIn(browser: Browser, saying: Saying = {}, begin: object = {}): Promise<string> {
  const { code, state } = idp.grant(await start(browser, begin), saying);
  return callback(browser, { code, state, iss: idp.issuer });
}

const as = (name: string, more: object = {}): Saying => ({
  claims: { sub: `${name}-1`, email: `${name}@acme.example`, sid: `sid-${name}`, ...more },
});

/** Signed in, with a session whose CSRF token is sent along. */
async function signedIn(name: string, more: object = {}): Promise<Browser> {
  const browser = newBrowser();
  expect(await signIn(browser, as(name, more))).toBe('/');
  expect((await browser.session()).status).toBe(200);
  return browser;
}

/** The newest record of the kind, once it is one that has all of these. */
const recorded = (kind: string, members: object): Promise<void> =>
  vi.waitFor(async () => {
    const [record] = (await world.ok('GET', `/v1/audit/events?kind=${kind}&limit=1`)).data;
    expect(record).toMatchObject(members);
  }, 10_000);

const refusal = (code: string) => `/sign-in?refused=${code}`;

describe('signing in', () => {
  it('adds a person at the first sign-in, with a session of their own', async () => {
    const browser = newBrowser();
    const saying = as('first', { acr: 'gold', amr: ['pwd', 'mfa'], name: 'First' });
    expect(await signIn(browser, saying, { return_to: '/approvals?x=1' })).toBe('/approvals?x=1');
    const { body } = await browser.session();
    expect(body).toMatchObject({ method: 'oidc', key: null, roles: [], acr: 'gold', amr: ['pwd', 'mfa'] });
    expect(body.person.email).toBe('first@acme.example');
    await recorded('identity.linked', { issuer: idp.issuer, subject: 'first-1', how: 'first_sign_in' });
    await recorded('session.started', { actor: 'person:first@acme.example', method: 'oidc', acr: 'gold' });
    // The secret goes to the provider, with the verifier, and the nonce comes back.
    expect(idp.exchanges.at(-1)?.body.get('code_verifier')).toMatch(/^[\w-]{43}$/);
  });

  it('takes the roles from groups of the provider, now', async () => {
    const viewers = await signedIn('grouped', { groups: ['HiveKey Viewers'] });
    expect((await viewers.request('GET', '/v1/agents')).body.error.code).toBe('role_missing');
    await world.ok('PUT', '/v1/group-roles', { groups: { 'HiveKey Viewers': ['viewer'], boss: ['admin'] } });
    expect((await viewers.request('GET', '/v1/agents')).status).toBe(200);
    expect((await viewers.request('POST', '/v1/agents', {})).body.error.code).toBe('role_missing');
    await world.ok('PUT', '/v1/group-roles', { groups: {} });
    expect((await viewers.request('GET', '/v1/agents')).status).toBe(403);
  });

  it('gives the session a new id each time, and ends the one before', async () => {
    const browser = await signedIn('again');
    const before = browser.cookies.get('hivekey') ?? '';
    await signIn(browser, as('again'));
    expect(browser.cookies.get('hivekey')).not.toBe(before);
    const stolen = newBrowser();
    stolen.cookies.set('hivekey', before);
    expect((await stolen.session()).status).toBe(401);
  });

  it('never keeps a session id that was planted', async () => {
    const browser = newBrowser();
    const planted = 'A'.repeat(43);
    browser.cookies.set('hivekey', planted);
    await signIn(browser, as('again'));
    expect(browser.cookies.get('hivekey')).not.toBe(planted);
  });

  it('ends the session when the provider wants it to', async () => {
    const browser = newBrowser();
    const soon = Math.floor(Date.now() / 1000) + 600;
    await signIn(browser, as('again', { session_expiry: soon }));
    expect((await browser.session()).body.expires_at).toBe(soon);
    expect(await signIn(newBrowser(), as('again', { session_expiry: 1 }))).toBe(refusal('provider_session_over'));
  });

  it('reads what is not in the ID token from the userinfo endpoint', async () => {
    idp.userinfo = { sub: 'thin-1', email: 'thin@acme.example', email_verified: true };
    try {
      expect(await signIn(newBrowser(), as('thin', { email: undefined, email_verified: undefined }))).toBe('/');
      // Of somebody else it is no answer.
      expect(await signIn(newBrowser(), as('fat', { email: undefined }))).toBe(refusal('sign_in_invalid'));
    } finally {
      idp.userinfo = undefined;
    }
  });
});

describe('who a person is', () => {
  it('is never found by e-mail', async () => {
    await world.ok('POST', '/v1/people', { email: 'known@acme.example', roles: undefined });
    expect(await signIn(newBrowser(), as('known'))).toBe(refusal('person_not_linked'));
    await recorded('sign_in.refused', { code: 'person_not_linked', email: 'known@acme.example', subject: 'known-1' });
  });

  it('is added only with a verified e-mail of an admitted domain', async () => {
    for (const more of [
      { email: 'x@evil.example' },
      { email_verified: false },
      { email: undefined },
      { email: 'a@acme.example.evil' },
    ])
      expect(await signIn(newBrowser(), as('nobody', more))).toBe(refusal('email_not_admitted'));
  });

  it('is linked by an invitation, once, for the person alone', async () => {
    await world.ok('POST', '/v1/people', { email: 'invited@acme.example' });
    const { url, id } = await world.ok('POST', '/v1/people/invited@acme.example/invitations', {});
    const invitation = new URLSearchParams(new URL(url).hash.slice(1)).get('invitation') ?? '';
    // Whoever finds the link but is somebody else at the provider gets nothing, and leaves it as it is.
    const claimed = as('thief', { email: 'invited@acme.example', email_verified: false });
    for (const thief of [as('thief'), claimed])
      expect(await signIn(newBrowser(), thief, { invitation })).toBe(refusal('invitation_other_email'));
    expect(await signIn(newBrowser(), as('first'), { invitation })).toBe(refusal('identity_taken'));
    expect(await signIn(newBrowser(), as('invited'), { invitation })).toBe('/');
    const again = await newBrowser().request('POST', `/v1/sign-in/${provider.id}/start`, { invitation });
    expect([again.status, again.body.error.code]).toEqual([403, 'invitation_over']);
    expect(
      (await world.ok('GET', '/v1/invitations')).data.find((each: { id: string }) => each.id === id),
    ).toMatchObject({ status: 'used' });
    const { data } = await world.ok('GET', '/v1/people/invited@acme.example/identities');
    expect(data).toMatchObject([{ subject: 'invited-1', linked_how: 'invitation', linked_by: 'key:first' }]);
  });

  it('is told apart by issuer: the same subject elsewhere is somebody else', async () => {
    const browser = newBrowser();
    const { code, state } = second.grant(await start(browser, {}, other), { claims: { sub: 'first-1' } });
    expect(await callback(browser, { code, state, iss: second.issuer }, other)).toBe(refusal('person_unknown'));
  });

  it('may be linked at a further provider by the person, and unlinked', async () => {
    const browser = await signedIn('both');
    const { body } = await browser.request('POST', '/v1/session/link', { provider: other.id });
    const { code, state } = second.grant(body.url, { claims: { sub: 'both-2' } });
    expect(await callback(browser, { code, state, iss: second.issuer }, other)).toBe('/');
    await browser.session();
    const { data } = await world.ok('GET', '/v1/people/both@acme.example/identities');
    expect(data).toHaveLength(2);
    const call = await world.call('DELETE', `/v1/people/both@acme.example/identities/${data[1].id}`);
    expect(call.status).toBe(204);
    expect((await browser.session()).status).toBe(401);
  });

  it('who was deactivated does not come in', async () => {
    const browser = await signedIn('leaver');
    await world.ok('PATCH', '/v1/people/leaver@acme.example', { active: false });
    expect((await browser.session()).status).toBe(401);
    expect(await signIn(newBrowser(), as('leaver'))).toBe(refusal('person_inactive'));
  });
});

describe('an answer that is not right', () => {
  const { privateKey: foreign } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const hour = 3600;
  const now = () => Math.floor(Date.now() / 1000);
  const cases: readonly (readonly [string, () => Saying])[] = [
    ['signed with another key', () => ({ key: foreign })],
    ['signed with nothing', () => ({ token: (claims) => `${b64({ alg: 'none' })}.${b64(claims)}.` })],
    [
      'signed with the public key as a shared secret',
      () => ({
        header: { alg: 'HS256' },
        key: createSecretKey(
          Buffer.from(
            createPublicKey(idp.key.publicKey.export({ type: 'spki', format: 'pem' })).export({
              type: 'spki',
              format: 'pem',
            }),
          ),
        ),
      }),
    ],
    [
      'signed with the client secret',
      () => ({ header: { alg: 'HS256' }, key: Buffer.from(idp.clientSecret.padEnd(32, '.')) }),
    ],
    ['by an algorithm that is not the one set', () => ({ header: { alg: 'RS512' } })],
    ['for another client', () => ({ claims: { aud: 'another' } })],
    ['for several clients', () => ({ claims: { aud: [idp.clientId, 'another'], azp: idp.clientId } })],
    ['for this client in a list', () => ({ claims: { aud: [idp.clientId] } })],
    ['of another issuer', () => ({ claims: { iss: 'https://evil.example' } })],
    ['with another nonce', () => ({ claims: { nonce: 'x' } })],
    ['without a nonce', () => ({ claims: { nonce: undefined } })],
    ['that is over', () => ({ claims: { iat: now() - hour, exp: now() - hour / 2 } })],
    ['from the future', () => ({ claims: { iat: now() + hour, exp: now() + 2 * hour } })],
    ['without a subject', () => ({ claims: { sub: undefined } })],
    ['with no ID token at all', () => ({ token: () => '' })],
  ];
  it.each(cases)('%s signs nobody in', async (_, saying) => {
    const browser = newBrowser();
    expect(await signIn(browser, saying())).toBe(refusal('sign_in_invalid'));
    expect(browser.cookies.has('hivekey')).toBe(false);
  });

  it('is not taken twice, from another browser, at another provider or with another state', async () => {
    const browser = newBrowser();
    const { code, state } = idp.grant(await start(browser), as('first'));
    const query = { code, state, iss: idp.issuer };
    // Login CSRF: the attacker's answer in the victim's browser, which has begun a sign-in of its own.
    const victim = newBrowser();
    await start(victim);
    expect(await callback(victim, query)).toBe(refusal('sign_in_unknown'));
    expect(await callback(newBrowser(), query)).toBe(refusal('sign_in_unknown'));
    expect(await callback(browser, { ...query, state: 'A'.repeat(43) })).toBe(refusal('sign_in_unknown'));
    // Mix-up: what one provider was asked, answered as another.
    expect(await callback(browser, query, other)).toBe(refusal('sign_in_unknown'));
    expect(await callback(browser, query)).toBe('/');
    expect(await callback(browser, query)).toBe(refusal('sign_in_unknown'));
  });

  it.each([[{ iss: 'https://evil.example' }], [{}]])('with the issuer %j beside it is a mix-up', async (iss) => {
    const browser = newBrowser();
    const { code, state } = idp.grant(await start(browser), as('first'));
    expect(await callback(browser, { code, state, ...iss })).toBe(refusal('sign_in_invalid'));
  });

  it('says that the provider has refused', async () => {
    const browser = newBrowser();
    const { state } = idp.grant(await start(browser));
    expect(await callback(browser, { error: 'access_denied', state, iss: idp.issuer })).toBe(
      refusal('provider_refused'),
    );
  });

  it('made with a key that was rotated away is refused at once, and the new key counts at once', async () => {
    await signedIn('first');
    const old = idp.rotate();
    expect(await signIn(newBrowser(), { ...as('first'), key: old.privateKey, header: { kid: old.kid } })).toBe(
      refusal('sign_in_invalid'),
    );
    await signedIn('first');
  });

  it('of a code of another sign-in is refused: the verifier is that of this browser', async () => {
    const [mine, theirs] = [newBrowser(), newBrowser()];
    const { state } = idp.grant(await start(mine));
    const { code } = idp.grant(await start(theirs), as('first'));
    // The provider of this test does not compare the verifier; the nonce is another all the same.
    expect(await callback(mine, { code, state, iss: idp.issuer })).toBe(refusal('sign_in_invalid'));
  });
});

describe('where a browser goes afterwards', () => {
  it.each([
    ['/approvals/apr_1?x=1#y', '/'],
    ['/approvals/apr_1?x=1', '/approvals/apr_1?x=1'],
    ['//evil.example', '/'],
    ['/\\evil.example', '/'],
    ['https://evil.example/agents', '/'],
    ['/%2f%2fevil.example', '/'],
    ['/.//evil.example', '/'],
    ['/agents/..//evil.example', '/'],
    ['/%2e//evil.example/?x', '/'],
    ['/v1/sign-in/x/initiate', '/'],
    ['/mcp', '/'],
    ['/agents/../v1/session', '/'],
    ['javascript:alert(1)', '/'],
    ['/agents\r\nset-cookie: x', '/'],
    [undefined, '/'],
  ])('%j leads to %s', (wanted, path) => {
    expect(returnPath(wanted)).toBe(path);
  });

  it('is never another origin, whatever is asked for', () => {
    const origin = 'https://hivekey.acme.example';
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((text) => `/${text}`),
        ),
        (wanted) => {
          const path = returnPath(wanted);
          expect(path).toMatch(/^\/(?!\/)/);
          expect(new URL(path, origin).origin).toBe(origin);
          expect(returnPath(path)).toBe(path);
        },
      ),
    );
  });

  it('is asked of a sign-in that the provider begins, too', async () => {
    const initiate = async (query: Record<string, string>) => {
      const browser = newBrowser();
      const answer = await browser.request('GET', `/v1/sign-in/${provider.id}/initiate?${new URLSearchParams(query)}`);
      expect(answer.status).toBe(303);
      const location = answer.headers.get('location') ?? '';
      if (!location.startsWith(idp.issuer)) return location;
      const { code, state } = idp.grant(location, as('first'));
      return callback(browser, { code, state, iss: idp.issuer });
    };
    expect(await initiate({ iss: idp.issuer, target_link_uri: `${world.server.url}/agents` })).toBe('/agents');
    expect(await initiate({ iss: idp.issuer, target_link_uri: 'https://evil.example/agents' })).toBe('/');
    expect(await initiate({ iss: 'https://evil.example' })).toBe(refusal('sign_in_other_issuer'));
  });
});

describe('back-channel logout', () => {
  const logout = (token: string, at = provider) =>
    world.call('POST', `/v1/sign-in/${at.id}/backchannel-logout`, {
      key: null,
      body: new URLSearchParams({ logout_token: token }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });

  it('ends the session that is named, or all of the person, once', async () => {
    const [one, two, bystander] = [
      await signedIn('out'),
      await signedIn('out', { sid: 'sid-2' }),
      await signedIn('first'),
    ];
    const token = await idp.logoutToken({ sid: 'sid-out' });
    expect((await logout(token)).body).toEqual({ sessions_ended: 1 });
    expect([(await one.session()).status, (await two.session()).status]).toEqual([401, 200]);
    expect((await logout(token)).body.error.code).toBe('logout_token_replayed');
    expect((await logout(await idp.logoutToken({ sub: 'out-1' }))).body).toEqual({ sessions_ended: 1 });
    expect([(await two.session()).status, (await bystander.session()).status]).toEqual([401, 200]);
    await recorded('session.ended', { reason: 'provider_logout', person: 'out@acme.example' });
  });

  it('takes only a token that is right', async () => {
    const browser = await signedIn('stays');
    const right = { sid: 'sid-stays' };
    const now = Math.floor(Date.now() / 1000);
    const tokens = [
      idp.logoutToken({ ...right, nonce: 'n' }),
      idp.logoutToken({ ...right, events: {} }),
      idp.logoutToken({ ...right, events: undefined }),
      idp.logoutToken({ ...right, aud: 'another' }),
      idp.logoutToken({ ...right, aud: [idp.clientId, 'another'] }),
      idp.logoutToken({ ...right, iss: second.issuer }),
      idp.logoutToken({ ...right, iat: now - 3600, exp: undefined }),
      idp.logoutToken({ ...right, exp: now - 60 }),
      idp.logoutToken({ ...right, jti: undefined }),
      idp.logoutToken({}),
      idp.logoutToken(right, { header: { typ: 'JWT' } }),
      idp.logoutToken(right, { key: second.key.privateKey }),
      idp.logoutToken(right, { header: { alg: 'HS256' }, key: Buffer.from(idp.clientSecret.padEnd(32, '.')) }),
      Promise.resolve(''),
    ];
    for (const token of tokens) expect((await logout(await token)).body.error.code).toBe('logout_token_invalid');
    expect((await logout(await idp.logoutToken(right), other)).body.error.code).toBe('logout_token_invalid');
    expect((await browser.session()).status).toBe(200);
  });
});

describe('a provider', () => {
  it('is read through the address guard, when it is added and each time', async () => {
    for (const issuer of ['http://169.254.169.254', 'http://10.0.0.1', 'http://[::1]:1', 'https://10.1.2.3'])
      expect(await world.refused('POST', '/v1/identity-providers', registration(idp, { issuer }))).toMatch(
        /^provider_url_(refused|invalid)$/,
      );
    idp.metadata = { token_endpoint: 'http://169.254.169.254/latest/meta-data' };
    try {
      expect(await signIn(newBrowser(), as('first'))).toBe(refusal('provider_url_refused'));
    } finally {
      idp.metadata = {};
    }
  });

  it('must be who it says it is', async () => {
    second.metadata = { issuer: idp.issuer };
    try {
      // Metadata of a moment ago are not of the provider as it is set now.
      await world.ok('PATCH', `/v1/identity-providers/${other.id}`, { name: 'Another' });
      const answer = await newBrowser().request('POST', `/v1/sign-in/${other.id}/start`, {});
      expect(answer.body.error.code).toBe('provider_unreachable');
    } finally {
      second.metadata = {};
    }
  });

  it.each([
    ['https://login.microsoftonline.com/common/v2.0', {}],
    ['https://accounts.google.com', {}],
  ])('that serves everybody takes a list of who may come: %s', async (issuer, more) => {
    expect(await world.refused('POST', '/v1/identity-providers', registration(idp, { issuer, ...more }))).toBe(
      'provider_tenants_required',
    );
  });

  it('lets in only the tenants that are listed', async () => {
    await world.ok('PATCH', `/v1/identity-providers/${provider.id}`, { tenants: ['t-1'] });
    try {
      expect(await signIn(newBrowser(), as('first', { tid: 't-2' }))).toBe(refusal('tenant_not_admitted'));
      expect(await signIn(newBrowser(), as('first'))).toBe(refusal('tenant_not_admitted'));
      expect(await signIn(newBrowser(), as('first', { tid: 't-1' }))).toBe('/');
    } finally {
      await world.ok('PATCH', `/v1/identity-providers/${provider.id}`, { tenants: [] });
    }
  });

  it('never shows its secret, and may have a key pair instead', async () => {
    const shown = JSON.stringify(await world.ok('GET', '/v1/identity-providers'));
    expect(shown).not.toContain(idp.clientSecret);
    const changed = await world.ok('PATCH', `/v1/identity-providers/${other.id}`, { client_auth: 'private_key_jwt' });
    expect(changed.oidc.jwks_url).toBe(`${world.server.url}/v1/sign-in/${other.id}/jwks`);
    const { body } = await world.call('GET', `/v1/sign-in/${other.id}/jwks`, { key: null });
    expect(body.keys).toMatchObject([{ kty: 'EC', crv: 'P-256', use: 'sig' }]);
    expect(JSON.stringify(body)).not.toContain('"d"');
    const browser = newBrowser();
    const { code, state } = second.grant(await start(browser, {}, other), { claims: { sub: 'x' } });
    await callback(browser, { code, state, iss: second.issuer }, other);
    expect(second.exchanges.at(-1)?.body.get('client_assertion_type')).toBe(
      'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    );
  });

  it('that is disabled lets nobody in and ends the sessions that came by it', async () => {
    const browser = await signedIn('first');
    await world.ok('POST', `/v1/identity-providers/${provider.id}/disable`, {});
    expect((await browser.session()).status).toBe(401);
    expect((await newBrowser().request('POST', `/v1/sign-in/${provider.id}/start`, {})).body.error.code).toBe(
      'provider_disabled',
    );
    await world.ok('POST', `/v1/identity-providers/${provider.id}/enable`, {});
    await signedIn('first');
  });
});

describe('step-up at the provider', () => {
  it('asks for a new authentication, and takes no other', async () => {
    const browser = await signedIn('first');
    const stepUp = async (claims: object) => {
      const { body } = await browser.request('POST', '/v1/session/step-up/provider', { return_to: '/approvals' });
      const query = new URL(body.url).searchParams;
      expect([query.get('prompt'), query.get('max_age')]).toEqual(['login', '0']);
      const { code, state } = idp.grant(body.url, as('first', claims));
      return callback(browser, { code, state, iss: idp.issuer });
    };
    const before = browser.cookies.get('hivekey');
    expect(await stepUp({ auth_time: Math.floor(Date.now() / 1000) - 600 })).toBe(refusal('sign_in_invalid'));
    expect(await stepUp({ auth_time: undefined })).toBe(refusal('sign_in_invalid'));
    expect(await stepUp({ sub: 'again-1' })).toBe(refusal('step_up_other_person'));
    expect((await browser.session()).body.stepped_up_at).toBeNull();
    expect(await stepUp({})).toBe('/approvals');
    expect(browser.cookies.get('hivekey')).not.toBe(before);
    expect((await browser.session()).body.stepped_up_at).toEqual(expect.any(Number));
    await recorded('session.stepped_up', { actor: 'person:first@acme.example', method: 'oidc' });
  });
});

describe('sessions', () => {
  it('are listed and ended by whose they are, and by administrators', async () => {
    const [mine, also, theirs] = [await signedIn('lists'), await signedIn('lists'), await signedIn('first')];
    const { data } = (await mine.request('GET', '/v1/sessions')).body;
    expect(data).toHaveLength(2);
    expect(data.map(({ current }: { current: boolean }) => current)).toEqual([false, true]);
    const theirId = (await theirs.session()).body.id;
    expect((await mine.request('DELETE', `/v1/sessions/${theirId}`)).body.error.code).toBe('session_not_found');
    expect((await mine.request('DELETE', `/v1/sessions/${data[0].id}`)).status).toBe(204);
    expect((await also.session()).status).toBe(401);
    expect((await world.ok('GET', '/v1/sessions?person=first@acme.example')).data.length).toBeGreaterThan(0);
    expect((await world.call('DELETE', `/v1/sessions/${theirId}`)).status).toBe(204);
    expect((await theirs.session()).status).toBe(401);
  });

  it('say where to sign out at the provider as well', async () => {
    const browser = await signedIn('lists');
    const { body } = await browser.request('POST', '/v1/session/end', {});
    const url = new URL(body.provider_url);
    expect(url.origin + url.pathname).toBe(`${idp.issuer}/logout`);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: idp.clientId,
      post_logout_redirect_uri: `${world.server.url}/sign-in`,
    });
    expect((await browser.session()).status).toBe(401);
  });
});

describe('roles', () => {
  it('are given by somebody else, and an administrator stays', async () => {
    const boss = await signedIn('boss');
    await world.ok('PATCH', '/v1/people/boss@acme.example', { roles: ['admin'] });
    for (const change of [{ roles: ['admin', 'approver'] }, { groups: ['finance'] }, { authority: [] }])
      expect((await boss.request('PATCH', '/v1/people/boss@acme.example', change)).body.error.code).toBe('own_roles');
    expect((await boss.request('PUT', '/v1/group-roles', { groups: { finance: ['viewer'] } })).status).toBe(200);
    await world.ok('PATCH', '/v1/people/boss@acme.example', { groups: ['finance'] });
    expect((await boss.request('PUT', '/v1/group-roles', { groups: { finance: ['approver'] } })).body.error.code).toBe(
      'own_roles',
    );
    expect(await world.refused('PATCH', '/v1/people/boss@acme.example', { roles: [] })).toBe('last_admin');
    await recorded('management.refused', { code: 'last_admin', route: 'PATCH /v1/people/:person' });
    await world.ok('PATCH', '/v1/people/first@acme.example', { roles: ['admin'] });
    await world.ok('PATCH', '/v1/people/boss@acme.example', { roles: ['auditor'] });
    expect((await boss.session()).body.roles).toEqual(['auditor']);
    expect((await boss.request('POST', '/v1/people', { email: 'x@acme.example' })).body.error.code).toBe(
      'role_missing',
    );
    expect(await world.refused('PATCH', '/v1/people/boss@acme.example', { roles: ['auditor', 'admin'] })).toBe(
      'request_invalid',
    );
  });
});

describe('a workspace in which people decide by their own sign-in', () => {
  it('lets no key decide for a person, and nobody else make a key of theirs', async () => {
    await world.ok('PATCH', '/v1/people/first@acme.example', { roles: ['admin', 'approver', 'operator'] });
    const key = await world.ok('POST', '/v1/keys', { name: 'of-first', person: 'first@acme.example' });
    expect(await world.refused('PUT', '/v1/sign-in-settings', { people_decide: 'sessions' })).toBe(
      'own_session_required',
    );
    const first = await signedIn('first');
    expect((await first.request('PUT', '/v1/sign-in-settings', { people_decide: 'sessions' })).body).toMatchObject({
      people_decide: 'sessions',
    });
    expect(await world.refused('POST', '/v1/keys', { name: 'forged', person: 'first@acme.example' })).toBe(
      'own_session_required',
    );
    expect(await world.refused('POST', `/v1/keys/${key.id}/rotate`, {})).toBe('own_session_required');
    expect((await first.request('POST', '/v1/keys', { name: 'own', person: 'first@acme.example' })).status).toBe(201);
    // Nor with the session of such a key.
    const byKey = newBrowser();
    byKey.csrf = (await byKey.request('POST', '/v1/session', { key: key.key })).body.csrf_token;
    expect((await byKey.request('PUT', '/v1/sign-in-settings', { people_decide: 'keys' })).body.error.code).toBe(
      'own_session_required',
    );

    expect((await first.request('PUT', '/v1/sign-in-settings', { people_decide: 'keys' })).status).toBe(200);
  });
});

describe('decisions that take a person', () => {
  const act = async (token: string) => {
    const answer = await world.call('POST', '/v1/actions', {
      key: token,
      body: { action: 'crm.delete', arguments: { id: Math.random() } },
      headers: { prefer: 'respond-async' },
    });
    const { data } = await world.ok('GET', '/v1/approvals?status=pending&limit=1');
    expect(answer.status).toBe(202);
    return data[0];
  };
  let token: string;
  let key: string;
  let first: Browser;

  beforeAll(async () => {
    await world.capability('crm.delete');
    const guards = [{ id: 'ask', action: 'crm.delete', when: { field: 'id', gte: 0 }, effect: 'review' }];
    await world.role('support', ['crm.delete'], guards);
    await world.agent('bot', { owner: 'owner@acme.example' });
    token = await world.token('bot');
    await world.ok('PATCH', '/v1/people/first@acme.example', { roles: ['admin', 'approver', 'operator', 'reviewer'] });
    key = (await world.ok('POST', '/v1/keys', { name: 'decider', person: 'first@acme.example' })).key;
    first = await signedIn('first');
  });
  const settings = (change: object) => first.request('PUT', '/v1/sign-in-settings', change);

  it('are made by their own sign-in where the workspace says so', async () => {
    await settings({ people_decide: 'sessions' });
    const { id, hash } = await act(token);
    const approve = { decision: 'approve', hash };
    expect(await world.refused('POST', `/v1/approvals/${id}/decide`, approve, { key })).toBe('sign_in_required');
    expect(await world.refused('POST', `/v1/approvals/${id}/decide`, { decision: 'deny' }, { key })).toBe(
      'sign_in_required',
    );
    await recorded('approval.refused', { code: 'sign_in_required', approval_id: id });
    expect((await first.request('POST', `/v1/approvals/${id}/decide`, approve)).body).toMatchObject({
      status: 'approved',
    });
    const until = Math.floor(Date.now() / 1000) + 600;
    const delegation = { to: 'again@acme.example', ends_at: until, reason: 'away' };
    expect(await world.refused('POST', '/v1/delegations', delegation, { key })).toBe('sign_in_required');
    expect((await first.request('POST', '/v1/delegations', delegation)).status).toBe(201);
    await world.ok('PUT', '/v1/freezes/peak', {
      apiVersion: 'policy.hivekey.ai/v1',
      kind: 'Freeze',
      metadata: { name: 'peak' },
      time_zone: 'UTC',
      starts: '2090-01-01T00:00:00',
      ends: '2090-01-02T00:00:00',
      scope: { classes: ['destructive'] },
    });
    const override = { reason: 'fire', minutes: 10 };
    expect(await world.refused('POST', '/v1/freezes/peak/overrides', override, { key })).toBe('sign_in_required');
    expect((await first.request('POST', '/v1/freezes/peak/overrides', override)).status).toBe(201);
    // Two people sign in by a provider, so two can be asked for; a key of one of them proposes nothing.
    await world.ok('PUT', '/v1/containment-settings', { two_people: { kill: ['role'] } });
    const stop = { scope: 'role', target: 'support', reason: 'test' };
    expect(await world.refused('POST', '/v1/containments', stop, { key })).toBe('sign_in_required');
    const proposal = await first.request('POST', '/v1/containments', stop);
    expect(proposal.status).toBe(202);
    expect((await first.request('POST', `/v1/containment-proposals/${proposal.body.id}/withdraw`, {})).status).toBe(
      200,
    );
    await settings({ people_decide: 'keys' });
  });

  it('take a step-up where the workspace says so: at the provider, not long ago', async () => {
    await settings({ step_up: { approve: 'recent', lift: 'recent', override: 'recent' } });
    const { id, hash } = await act(token);
    const approve = { decision: 'approve', hash };
    expect((await first.request('POST', `/v1/approvals/${id}/decide`, approve)).body.error.code).toBe(
      'step_up_required',
    );
    expect(await world.refused('POST', `/v1/approvals/${id}/decide`, approve, { key })).toBe('step_up_required');
    await world.ok('POST', '/v1/agents/bot/suspend', {});
    const restore = () => first.request('POST', '/v1/agents/bot/restore', {});
    expect((await restore()).body.error.code).toBe('step_up_required');
    expect(await world.refused('POST', '/v1/agents/bot/restore', {})).toBe('step_up_required');
    await recorded('management.refused', { code: 'step_up_required', route: 'POST /v1/agents/:agent/restore' });
    const { body } = await first.request('POST', '/v1/session/step-up/provider', {});
    const granted = idp.grant(body.url, as('first'));
    await callback(first, { code: granted.code, state: granted.state, iss: idp.issuer });
    await first.session();
    expect((await restore()).status).toBe(200);
    expect((await first.request('POST', `/v1/approvals/${id}/decide`, approve)).status).toBe(200);
    const stale = await act(token);
    await settings({ step_up: { approve: 'signed' } });
    const unsigned = await first.request('POST', `/v1/approvals/${stale.id}/decide`, {
      decision: 'approve',
      hash: stale.hash,
    });
    expect(unsigned.body.error).toMatchObject({
      code: 'step_up_required',
      cause: expect.stringContaining('signature'),
    });
    // To deny is never held up.
    expect((await first.request('POST', `/v1/approvals/${stale.id}/decide`, { decision: 'deny' })).status).toBe(200);
    await settings({ step_up: { approve: 'none', lift: 'none', override: 'none' } });
  });
});

describe('an administrator of another workspace', () => {
  it('meets nothing of this one', async () => {
    const key = await addWorkspace(world.server);
    const person = '/v1/people/first@acme.example';
    const { data: identities } = await world.ok('GET', `${person}/identities`);
    const { id: invitation } = await world.ok('POST', `${person}/invitations`, {});
    await world.ok('POST', '/v1/break-glass', { email: 'emergency@acme.example' });
    const demote = { roles: ['viewer'] };
    expect(await world.refused('PATCH', '/v1/people/emergency@acme.example', demote)).toBe('break_glass_only');
    await signedIn('first');
    const [session] = (await world.ok('GET', '/v1/sessions?person=first@acme.example')).data;
    const lists = ['identity-providers', 'invitations', 'sessions', 'break-glass', 'group-roles', 'sign-in-settings'];
    for (const list of lists) {
      const text = JSON.stringify(await world.ok('GET', `/v1/${list}`, undefined, { key }));
      for (const mark of ['acme.example', provider.id, invitation, session.id]) expect(text).not.toContain(mark);
    }
    const refused: readonly (readonly [string, string, object | undefined, string])[] = [
      ['GET', `/v1/identity-providers/${provider.id}`, undefined, 'provider_not_found'],
      ['PATCH', `/v1/identity-providers/${provider.id}`, { name: 'taken' }, 'provider_not_found'],
      ['POST', `/v1/identity-providers/${provider.id}/disable`, {}, 'provider_not_found'],
      ['POST', `/v1/identity-providers/${provider.id}/enable`, {}, 'provider_not_found'],
      ['POST', `/v1/identity-providers/${provider.id}/test`, {}, 'provider_not_found'],
      ['GET', `${person}/identities`, undefined, 'person_not_found'],
      ['DELETE', `${person}/identities/${identities[0].id}`, undefined, 'person_not_found'],
      ['DELETE', `/v1/people/stranger@second.example/identities/${identities[0].id}`, undefined, 'identity_not_found'],
      ['POST', `${person}/invitations`, {}, 'person_not_found'],
      ['POST', `/v1/invitations/${invitation}/revoke`, {}, 'invitation_not_found'],
      ['DELETE', `/v1/sessions/${session.id}`, undefined, 'session_not_found'],
      ['GET', '/v1/passkeys?person=first@acme.example', undefined, 'person_not_found'],
      ['POST', '/v1/passkeys/psk_none/revoke', {}, 'passkey_not_found'],
      ['PATCH', '/v1/passkeys/psk_none', { name: 'taken' }, 'passkey_not_found'],
      ['POST', '/v1/break-glass/emergency@acme.example/invitations', {}, 'break_glass_not_found'],
      ['DELETE', '/v1/break-glass/emergency@acme.example', undefined, 'break_glass_not_found'],
    ];
    for (const [method, path, body, code] of refused)
      expect([path, await world.refused(method, path, body, { key })]).toEqual([path, code]);
  });
});
