/** People sign in in a browser: by a certified OpenID provider, and with passkeys of a virtual authenticator. */
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { verifySignedDecision } from '../../packages/action-log/src/index.ts';
import { openWorld, type World } from '../../packages/server/test/agents/world.ts';
import { Browser as Cookies } from '../../packages/server/test/sign-in/browser.ts';
import { type OpenIdProvider, startOpenIdProvider } from '../setup/openid-provider.ts';
import { launch } from './browser.ts';

let world: World;
let idp: OpenIdProvider;
let browser: Browser;
let providerId: string;

beforeAll(async () => {
  [idp, browser] = await Promise.all([startOpenIdProvider(), launch()]);
  world = await openWorld({ upstream_allow: ['127.0.0.1'] });
  idp.register({
    redirectUri: 'http://127.0.0.1/none',
    backchannelLogoutUri: 'http://127.0.0.1/none',
    signedOutUri: 'http://127.0.0.1/none',
  });
  const made = await world.ok('POST', '/v1/identity-providers', {
    kind: 'oidc',
    name: 'Acme',
    issuer: idp.issuer,
    client_id: idp.clientId,
    client_secret: idp.clientSecret,
    groups_claim: 'groups',
    jit_domains: ['acme.example'],
  });
  providerId = made.id;
  idp.register({
    redirectUri: made.oidc.redirect_uri,
    backchannelLogoutUri: made.oidc.backchannel_logout_uri,
    signedOutUri: `${world.server.url}/sign-in`,
  });
  await world.ok('PUT', '/v1/group-roles', { groups: { 'hivekey-approvers': ['approver', 'operator'] } });
});
afterAll(async () => {
  await browser?.close();
  await world?.server.close();
  await idp?.[Symbol.asyncDispose]();
});

/** Calls with the cookies of the browser's context, as a page of the server would. */
async function api(context: BrowserContext, method: string, path: string, body?: object) {
  const session = await context.request.get(`${world.server.url}/v1/session`);
  const csrf = session.ok() ? (await session.json()).csrf_token : '';
  const answer = await context.request.fetch(`${world.server.url}${path}`, {
    method,
    headers: { origin: world.server.url, 'x-csrf-token': csrf, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { data: body }),
  });
  return { status: answer.status(), body: answer.status() === 204 ? null : await answer.json() };
}

/** At the provider's form, and past its question whether HiveKey may know. */
async function authenticate(page: Page, name: string): Promise<void> {
  await page.getByPlaceholder('Enter any login').fill(name);
  await page.getByPlaceholder('and password').fill('any');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  const back = page.waitForURL((url) => url.origin === world.server.url);
  const asked = page.getByRole('button', { name: 'Continue' });
  await Promise.race([back, asked.click().catch(() => undefined)]);
  await back;
}

async function signIn(context: BrowserContext, name: string): Promise<Page> {
  const page = await context.newPage();
  const { body } = await api(context, 'POST', `/v1/sign-in/${providerId}/start`, { return_to: '/approvals' });
  await page.goto(body.url);
  await authenticate(page, name);
  return page;
}

describe('a certified provider', () => {
  it('signs a person in, steps them up and signs them out behind their back', async () => {
    const context = await browser.newContext();
    const page = await signIn(context, 'dana');
    expect(new URL(page.url()).pathname).toBe('/approvals');
    const { body } = await api(context, 'GET', '/v1/session');
    expect(body).toMatchObject({
      method: 'oidc',
      person: { email: 'dana@acme.example' },
      roles: ['approver', 'operator'],
    });
    // What scripts cannot read.
    expect(await page.evaluate('document.cookie')).not.toContain('hivekey');

    const { body: step } = await api(context, 'POST', '/v1/session/step-up/provider', { return_to: '/approvals' });
    await page.goto(step.url);
    await authenticate(page, 'dana');
    expect((await api(context, 'GET', '/v1/session')).body.stepped_up_at).toEqual(expect.any(Number));

    // Signing out at the provider ends the session here, by its logout token.
    await page.goto(`${idp.issuer}/session/end`);
    await page.getByRole('button', { name: /sign me out/i }).click();
    await vi.waitFor(async () => expect((await api(context, 'GET', '/v1/session')).status).toBe(401), 10_000);
    await context.close();
  });
});

/** A browser whose authenticator is virtual, on a page of the server's, and calls as from there. */
class Device {
  readonly page: Page;
  readonly cookies: Cookies;
  readonly #cdp: CDPSession;

  private constructor(page: Page, cdp: CDPSession) {
    this.page = page;
    this.#cdp = cdp;
    this.cookies = new Cookies(world.call, world.server.url);
  }

  static async open(): Promise<Device> {
    const context = await browser.newContext({ bypassCSP: true });
    const page = await context.newPage();
    const cdp = await context.newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    const device = new Device(page, cdp);
    await page.goto(`${world.server.url.replace('127.0.0.1', 'localhost')}/healthz`);
    return device;
  }

  create(options: object): Promise<Record<string, unknown>> {
    return this.page.evaluate(
      `navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(${JSON.stringify(options)}) }).then((made) => made.toJSON())`,
    );
  }

  sign(options: object): Promise<{ id: string; rawId: string; response: Record<string, string> }> {
    return this.page.evaluate(
      `navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(${JSON.stringify(options)}) }).then((made) => made.toJSON())`,
    );
  }

  async close(): Promise<void> {
    await this.#cdp.detach();
    await this.page.context().close();
  }
}

describe('passkeys', () => {
  it('step a person up, and sign exactly one decision', async () => {
    const device = await Device.open();
    const { cookies } = device;
    await world.ok('POST', '/v1/people', { email: 'lee@acme.example' });
    const { key } = await world.ok('POST', '/v1/keys', { name: 'lee', person: 'lee@acme.example' });
    cookies.csrf = (await cookies.request('POST', '/v1/session', { key })).body.csrf_token;

    const begun = await cookies.request('POST', '/v1/passkeys/options', {});
    const response = await device.create(begun.body.options);
    const passkey = await cookies.request('POST', '/v1/passkeys', { name: 'laptop', response });
    expect(passkey.body).toMatchObject({
      object: 'passkey',
      person: 'lee@acme.example',
      name: 'laptop',
      registered_by: 'key',
    });
    expect((await cookies.request('POST', '/v1/passkeys', { name: 'again', response })).body.error.code).toBe(
      'passkey_challenge_unknown',
    );
    // One more takes proof with the one there is.
    expect((await cookies.request('POST', '/v1/passkeys/options', {})).body.error.code).toBe('step_up_required');

    const before = cookies.cookies.get('hivekey');
    const ask = async () => (await cookies.request('POST', '/v1/session/step-up/options', {})).body.options;
    const proof = await device.sign(await ask());
    const stepped = await cookies.request('POST', '/v1/session/step-up', { response: proof });
    expect(stepped.body.stepped_up_at).toEqual(expect.any(Number));
    expect(cookies.cookies.get('hivekey')).not.toBe(before);
    cookies.csrf = stepped.body.csrf_token;
    expect((await cookies.request('POST', '/v1/session/step-up', { response: proof })).body.error.code).toBe(
      'passkey_challenge_unknown',
    );
    const forged = await device.sign(await ask());
    forged.response.signature = proof.response.signature ?? '';
    expect((await cookies.request('POST', '/v1/session/step-up', { response: forged })).body.error.code).toBe(
      'passkey_invalid',
    );

    await world.capability('crm.delete');
    await world.role(
      'support',
      ['crm.delete'],
      [{ id: 'ask', action: 'crm.delete', when: { field: 'id', gte: 0 }, effect: 'review' }],
    );
    await world.agent('bot', { owner: 'owner@acme.example' });
    const token = await world.token('bot');
    const held = await world.call('POST', '/v1/actions', {
      key: token,
      body: { action: 'crm.delete', arguments: { id: 1 } },
      headers: { prefer: 'respond-async' },
    });
    const { id } = held.body.approval;
    const { hash } = await world.ok('GET', `/v1/approvals/${id}`);
    const challenge = async (body: object) =>
      (await cookies.request('POST', `/v1/approvals/${id}/challenge`, body)).body;
    const decide = (body: object) =>
      cookies.request('POST', `/v1/approvals/${id}/decide`, { decision: 'approve', hash, ...body });
    // What was signed is this decision and no other.
    const denial = await device.sign((await challenge({ decision: 'deny' })).options);
    expect((await decide({ signature: denial })).body.error.code).toBe('signature_other_decision');
    const asked = await challenge({ decision: 'approve', reason: 'looked at it' });
    expect(JSON.parse(asked.decision)).toMatchObject({
      kind: 'approval',
      id,
      hash,
      decision: 'approve',
      approver: 'lee@acme.example',
    });
    const signature = await device.sign(asked.options);
    expect((await decide({ signature, reason: 'another reason' })).body.error.code).toBe('signature_other_decision');
    expect((await decide({ signature, reason: 'looked at it' })).body).toMatchObject({ status: 'approved' });
    const { data } = await world.ok('GET', `/v1/approvals/${id}/signatures`);
    expect(data).toHaveLength(1);
    const [decided] = await world.events('kind=approval.decided', 1);
    expect(decided).toMatchObject({ signature: { id: data[0].id, digest: expect.stringMatching(/^sha256:/) } });

    // An outsider checks it with what was given out, and finds every change.
    expect(verifySignedDecision(data[0])).toEqual({ ok: true, decision: JSON.parse(asked.decision) });
    for (const [member, value] of Object.entries({
      decision: asked.decision.replace('approve', 'deny'),
      nonce: 'AAAA',
      origin: 'https://evil.example',
      rp_id: 'evil.example',
      signature: denial.response.signature,
      client_data: denial.response.clientDataJSON,
    }))
      expect([member, verifySignedDecision({ ...data[0], [member]: value }).ok]).toEqual([member, false]);
    const revoked = await cookies.request('POST', `/v1/passkeys/${passkey.body.id}/revoke`, {});
    expect(revoked.body.revoked_at).toEqual(expect.any(Number));
    expect((await cookies.request('POST', '/v1/session/step-up/options', {})).body.error.code).toBe('passkey_missing');
    await device.close();
  });

  it('open the accounts for emergencies, each use with an alert, and enough of them stay', async () => {
    const enrol = async (email: string): Promise<Device> => {
      const device = await Device.open();
      const { url } = await world.ok('POST', '/v1/break-glass', { email });
      const invitation = new URLSearchParams(new URL(url).hash.slice(1)).get('enrolment') ?? '';
      const { body } = await device.cookies.request('POST', '/v1/sign-in/enrolment/options', { invitation });
      const response = await device.create(body.options);
      const made = await device.cookies.request('POST', '/v1/sign-in/enrolment', {
        invitation,
        name: 'safe',
        response,
      });
      expect(made.status).toBe(201);
      const again = await device.cookies.request('POST', '/v1/sign-in/enrolment/options', { invitation });
      expect(again.body.error.code).toBe('invitation_over');
      return device;
    };
    const [one, two] = [await enrol('emergency-1@acme.example'), await enrol('emergency-2@acme.example')];
    expect(await world.ok('GET', '/v1/break-glass')).toMatchObject({ usable: 2, minimum: 2 });
    expect(await world.refused('DELETE', '/v1/break-glass/emergency-1@acme.example')).toBe('break_glass_minimum');
    const { data } = await world.ok('GET', '/v1/passkeys?person=emergency-2@acme.example');
    expect(await world.refused('POST', `/v1/passkeys/${data[0].id}/revoke`, {})).toBe('break_glass_minimum');

    const { body } = await one.cookies.request('POST', '/v1/sign-in/passkey/options', {});
    const response = await one.sign(body.options);
    const session = await one.cookies.request('POST', '/v1/sign-in/passkey', { response });
    expect(session.body).toMatchObject({
      method: 'passkey',
      roles: ['admin'],
      person: { email: 'emergency-1@acme.example' },
    });
    const [alert] = await world.events('kind=break_glass.used', 1);
    expect(alert).toMatchObject({ severity: 'critical', person: 'emergency-1@acme.example' });
    const replay = await two.cookies.request('POST', '/v1/sign-in/passkey', { response });
    expect(replay.body.error.code).toBe('passkey_challenge_unknown');
    // No provider signs anybody in to it, whatever it says.
    expect(await world.refused('POST', '/v1/people/emergency-1@acme.example/invitations', {})).toBe('break_glass_only');
    await Promise.all([one.close(), two.close()]);
  });
});
