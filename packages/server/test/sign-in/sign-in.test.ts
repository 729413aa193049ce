import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from '../agents/world.ts';
import { Browser } from './browser.ts';
import { MalleableProvider, type Saying } from './provider.ts';

let world: World;
let idp: MalleableProvider;
let provider: { readonly id: string };

beforeAll(async () => {
  idp = await MalleableProvider.start();
  world = await openWorld({ upstream_allow: ['127.0.0.1'] });
  provider = await world.ok('POST', '/v1/identity-providers', {
    kind: 'oidc',
    name: 'Acme',
    issuer: idp.issuer,
    client_id: idp.clientId,
    client_secret: idp.clientSecret,
    groups_claim: 'groups',
    jit_domains: ['acme.example'],
  });
});
afterAll(async () => {
  await world.server.close();
  await idp.close();
});

function newBrowser(): Browser {
  return new Browser(world.call, world.server.url);
}

/** From the sign-in page to wherever the browser is sent in the end. */
async function signIn(browser: Browser, saying: Saying = {}, begin: object = {}): Promise<string> {
  const started = await browser.request('POST', `/v1/sign-in/${provider.id}/start`, begin);
  expect(started.status).toBe(200);
  const { code, state } = idp.grant(started.body.url, saying);
  return callback(browser, { code, state, iss: idp.issuer });
}

async function callback(browser: Browser, query: Record<string, string>): Promise<string> {
  const answer = await browser.request('GET', `/v1/sign-in/${provider.id}/callback?${new URLSearchParams(query)}`);
  expect(answer.status).toBe(303);
  return answer.headers.get('location') ?? '';
}

describe('signing in by an OpenID provider', () => {
  it('adds a person at the first sign-in, with a session of their own', async () => {
    const browser = newBrowser();
    expect(
      await signIn(browser, { claims: { acr: 'gold', amr: ['pwd', 'mfa'] } }, { return_to: '/approvals?x=1' }),
    ).toBe('/approvals?x=1');
    const { body } = await browser.session();
    expect(body).toMatchObject({
      method: 'oidc',
      person: { email: 'dana@acme.example' },
      key: null,
      roles: [],
      acr: 'gold',
      amr: ['pwd', 'mfa'],
    });
  });
});
