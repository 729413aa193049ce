/** People sign in by SAML in a browser: a real provider on another site, HiveKey behind TLS. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { clientOf } from '../../packages/server/test/api/client.ts';
import { startTestServer, type TestServer } from '../setup/server.ts';
import { launch } from './browser.ts';
import { EMAIL, GROUPS, NAME, type SamlIdp, startSamlIdp } from './saml-idp.ts';
import { hasSimpleSamlPhp, startSimpleSamlPhp } from './simplesamlphp.ts';

let idp: SamlIdp;
let proxy: Server;
let server: TestServer;
let browser: Browser;
/** As people reach it. */
let origin: string;
let providerId: string;

beforeAll(async () => {
  const fixture = (name: string) =>
    readFileSync(new URL(`../../packages/server/test/saml/fixtures/${name}`, import.meta.url));
  proxy = createServer({ key: fixture('other.key.pem'), cert: fixture('other.cert.pem') }, (incoming, response) => {
    const { method, url, headers } = incoming;
    const onward = request(new URL(url ?? '/', server.url), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(onward);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  origin = `https://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
  [idp, browser] = await Promise.all([startSamlIdp(), launch()]);
  server = await startTestServer({ public_url: origin, upstream_allow: ['localhost'] });
  const call = clientOf(server);
  const { status, body } = await call('POST', '/v1/identity-providers/saml', {
    body: {
      name: 'Acme',
      metadata_url: idp.metadataUrl,
      email_attribute: EMAIL,
      name_attribute: NAME,
      groups_claim: GROUPS,
      sync_groups: true,
      jit_domains: ['acme.example'],
      want_response_signed: true,
    },
  });
  expect({ status, body }).toMatchObject({ status: 201 });
  providerId = body.id;
  idp.acsUrl = body.saml.own.acs_url;
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  proxy?.closeAllConnections();
  proxy?.close();
  await idp?.close();
});

async function open(): Promise<Page> {
  const context = await browser.newContext({ baseURL: origin, ignoreHTTPSErrors: true });
  return context.newPage();
}

/** From the page of the console to the provider's. */
async function begin(page: Page, returnTo: string, provider = providerId, invitation?: string): Promise<void> {
  const wish = JSON.stringify({ return_to: returnTo, ...(invitation === undefined ? {} : { invitation }) });
  await page.goto('/sign-in');
  const url = await page.evaluate<string>(
    `fetch('/v1/sign-in/${provider}/start', { method: 'POST', body: ${JSON.stringify(wish)} })
       .then((answer) => answer.json()).then(({ url }) => url)`,
  );
  await page.goto(url);
  await page.getByRole('textbox', { name: 'User' }).first().waitFor();
}

it('signs in at the provider and comes back as a person, to where one wanted to go', async () => {
  const page = await open();
  await begin(page, '/approvals');
  const [bound] = await page.context().cookies(origin);
  expect(bound).toMatchObject({ name: '__Host-hivekey-sign-in', httpOnly: true, secure: true, sameSite: 'None' });
  await page.getByRole('textbox', { name: 'User' }).fill('dana');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL(`${origin}/approvals`);
  const session = await page.evaluate(`fetch('/v1/session').then((answer) => answer.json())`);
  expect(session).toMatchObject({
    method: 'saml',
    person: { email: 'dana@acme.example' },
    acr: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
  });
  const cookie = (await page.context().cookies(origin)).find(({ name }) => name === '__Host-hivekey');
  expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Strict' });
  const { body } = await clientOf(server)('GET', '/v1/people/dana@acme.example');
  expect(body).toMatchObject({ display_name: 'dana', groups: ['ops', 'security'] });
});

it('signs nobody in with an answer that another browser asked for', async () => {
  const [victim, attacker] = [await open(), await open()];
  await begin(attacker, '/');
  // The attacker signs in as themselves, and keeps the answer back.
  const [form] = await Promise.all([
    attacker.waitForRequest((each) => each.url() === idp.acsUrl),
    attacker.route(idp.acsUrl, (route) => route.abort()),
    attacker.getByRole('textbox', { name: 'User' }).fill('mallory'),
    attacker.getByRole('button', { name: 'Continue' }).click(),
  ]);
  const fields = [...new URLSearchParams(form.postData() ?? '')];
  await begin(victim, '/');
  await victim.evaluate(
    `(() => {
      const form = Object.assign(document.createElement('form'), { method: 'post', action: ${JSON.stringify(idp.acsUrl)} });
      for (const [name, value] of ${JSON.stringify(fields)}) form.append(Object.assign(document.createElement('input'), { name, value }));
      document.body.append(form);
      form.submit();
    })()`,
  );
  await victim.waitForURL(`${origin}/sign-in?refused=sign_in_unknown`);
  expect(await victim.evaluate(`fetch('/v1/session').then((answer) => answer.status)`)).toBe(401);
});

it.skipIf(!hasSimpleSamlPhp)('understands SimpleSAMLphp: metadata, sign-in, and logout from there', async () => {
  const other = await startSimpleSamlPhp();
  try {
    const { status, body } = await clientOf(server)('POST', '/v1/identity-providers/saml', {
      body: {
        name: 'Other',
        metadata_url: other.metadataUrl,
        want_response_signed: true,
        email_attribute: 'mail',
        name_id_format: 'persistent',
        jit_domains: [],
      },
    });
    expect({ status, body }).toMatchObject({ status: 201, body: { issuer: 'urn:simplesamlphp' } });
    await other.know(body.saml.own);
    await clientOf(server)('POST', '/v1/people', { body: { email: 'lee@acme.example' } });
    const { body: invited } = await clientOf(server)('POST', '/v1/people/lee@acme.example/invitations', { body: {} });
    const page = await open();
    await begin(page, '/agents', body.id, new URL(invited.url).hash.split('=')[1]);
    await page.getByRole('textbox', { name: 'Username' }).fill('lee');
    await page.getByLabel('Password').fill('pw');
    await page.getByRole('button', { name: 'Login' }).click();
    await page.waitForURL(`${origin}/agents`);
    const session = () => page.evaluate(`fetch('/v1/session').then((answer) => answer.json())`);
    expect(await session()).toMatchObject({ method: 'saml', person: { email: 'lee@acme.example' } });
    await page.goto(
      `${other.origin}/saml2/idp/SingleLogoutService.php?ReturnTo=${encodeURIComponent(`${origin}/sign-in`)}`,
    );
    await page.waitForURL(`${origin}/sign-in`);
    expect(await session()).toMatchObject({ error: { code: expect.any(String) } });
  } finally {
    await other.close();
  }
});
