/** How agents come about, who answers for them, and what they prove themselves with, as the people of a company meet it. In order. */
import { generateKeyPairSync } from 'node:crypto';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../setup/server.ts';
import { expectAccessible, launch, openPage, signIn, type Watched } from './browser.ts';

let server: TestServer;
let browser: Browser;
/** By the first word of their e-mail; each with an admin key of their own. */
const people: Record<string, Watched> = {};

const PEOPLE = { dana: ['admin', 'operator'], lee: ['reviewer'], sam: ['author'], kim: ['viewer'], ola: ['operator'] };

beforeAll(async () => {
  [server, browser] = await Promise.all([startTestServer(), launch()]);
  // Seen at the end: it is written down within seconds.
  await fetch(new URL('/mcp', server.url), {
    method: 'POST',
    headers: { authorization: 'Bearer left-over-token', 'content-type': 'application/json' },
    body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  });
  for (const name of ['billing.list_invoices', 'billing.pay'])
    await call('PUT', `/v1/capabilities/${name}`, { description: name, access: 'write' });
  await call('PUT', '/v1/roles/billing', {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Role',
    metadata: { name: 'billing', description: 'Pays invoices' },
    scope: { allow: ['billing.list_invoices', 'billing.pay'] },
    guards: [{ id: 'approval', action: 'billing.pay', when: { field: 'amount', gt: 200 }, effect: 'review' }],
  });
  for (const [name, roles] of Object.entries(PEOPLE)) {
    const email = `${name}@acme.example`;
    await call('POST', '/v1/people', { email });
    await call('PATCH', `/v1/people/${email}`, { roles });
    if (name === 'ola') continue;
    const { key } = await call('POST', '/v1/keys', { name: `${name}-laptop`, person: email });
    people[name] = await openPage(browser, server.url);
    await signIn(pageOf(name), key);
  }
  for (const name of ['triage-1', 'triage-2'])
    await call('POST', '/v1/agents', { name, roles: ['billing'], owner: 'ola@acme.example' });
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

async function call(method: string, path: string, body?: object) {
  const response = await fetch(new URL(path, server.url), {
    method,
    headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}

function pageOf(name: string): Page {
  const watched = people[name];
  if (watched === undefined) throw new Error(`${name} has no browser`);
  return watched.page;
}

const button = (page: Page, name: string | RegExp) =>
  page.getByRole('button', { name, exact: typeof name === 'string' });
const dialog = (page: Page) => page.getByRole('dialog');
const table = (page: Page, name: string) => page.getByRole('table', { name });
const said = (where: Page | Locator, words: string | RegExp) => where.getByText(words).first().waitFor();

/** Off, with the reason for those who cannot see why. */
async function expectOff(what: Locator, reason: RegExp): Promise<void> {
  await what.waitFor();
  expect(await what.getAttribute('aria-disabled')).toBe('true');
  expect(await what.getAttribute('aria-description')).toMatch(reason);
}

async function choose(page: Page, field: string, option: string): Promise<void> {
  await dialog(page).getByRole('combobox', { name: field }).click();
  await page.getByRole('option', { name: option }).click();
}

describe('requests', () => {
  it('are made by whoever may not create, and not answered by the same', async () => {
    const page = pageOf('sam');
    await button(page, 'Ask for an agent').click();
    await dialog(page).getByRole('textbox', { name: 'Name' }).fill('refund-bot');
    await dialog(page).getByRole('textbox', { name: 'What it is for' }).fill('Refunds what support promises');
    await dialog(page).getByRole('combobox', { name: 'Owner' }).fill('kim@acme.example');
    await dialog(page).getByRole('combobox', { name: 'Roles' }).click();
    await page.getByRole('option', { name: 'billing' }).click();
    await page.keyboard.press('Tab');
    await dialog(page).getByText('What it is made of').click();
    await dialog(page).getByRole('textbox', { name: 'Model' }).fill('claude-sonnet-4-5');
    await expectAccessible(page);
    await button(page, 'Ask for it').click();
    await page.getByRole('heading', { name: 'refund-bot', level: 1 }).waitFor();
    await said(page, /You may not let it in\./);
    await expectOff(button(page, 'Approve…'), /takes the role admin or reviewer/);
    await expectOff(button(page, 'Deny…'), /takes the role/);
  });

  it('are refused to whom the agent is to belong, and to a key of nobody, who see why', async () => {
    await call('PATCH', '/v1/people/kim@acme.example', { roles: ['reviewer'] });
    const page = pageOf('kim');
    await page.goto('/agents?tab=requests');
    await page.getByRole('tab', { name: 'Requests 1 waiting' }).waitFor();
    await table(page, 'Requests for agents').getByRole('link', { name: 'refund-bot' }).click();
    await said(page, 'an owner lets no agent of their own in');
    await expectOff(button(page, 'Approve…'), /is to be yours/);
    await call('PATCH', '/v1/people/kim@acme.example', { roles: ['viewer'] });
    const nobody = await openPage(browser, server.url);
    await signIn(nobody.page, server.adminKey);
    await nobody.page.goto(new URL(page.url()).pathname);
    await said(nobody.page, 'the admin key of this session belongs to none');
    await nobody.context.close();
  });

  it('say all that is asked for, and are approved by somebody else', async () => {
    const page = pageOf('lee');
    await page.goto('/agents?tab=requests');
    await table(page, 'Requests for agents').getByRole('link', { name: 'refund-bot' }).click();
    await said(page, 'billing.pay: when amount is more than 200, a person must approve.');
    await said(page, 'claude-sonnet-4-5');
    await expectAccessible(page);
    await button(page, 'Approve…').click();
    await dialog(page).getByRole('textbox', { name: 'Reason' }).fill('Fine for a quarter');
    await button(page, 'Approve').click();
    await said(page, 'refund-bot is let in. It needs a credential to act.');
    await page.getByRole('link', { name: 'refund-bot' }).click();
    await said(page, 'no credential');
  });

  it('are the only way in, where that is set', async () => {
    const page = pageOf('dana');
    await page.goto('/agents?tab=requests');
    await button(page, 'New agent').waitFor();
    await button(page, 'Change how agents come about').click();
    await dialog(page).getByRole('radio', { name: 'Reviewed' }).check();
    await dialog(page).getByRole('button', { name: 'Save' }).click();
    await button(page, 'Ask for an agent').waitFor();
    await said(page, 'No request waits for an answer');
  });
});

describe('ownership', () => {
  it('is offered, and changes hands when the other accepts', async () => {
    const page = pageOf('dana');
    await page.goto('/agents/triage-2?tab=ownership');
    await button(page, 'Offer to another owner…').click();
    await choose(page, 'New owner', 'kim@acme.example');
    await dialog(page).getByRole('textbox', { name: 'Reason' }).fill('Moves to support');
    await dialog(page).getByRole('button', { name: 'Offer' }).click();
    await said(page, 'Offered to kim@acme.example');
    const kim = pageOf('kim');
    await kim.goto('/agents');
    const banner = kim.getByRole('region', { name: 'Offered to you' });
    await said(banner, 'Moves to support');
    await expectAccessible(kim);
    await button(kim, 'Accept triage-2').click();
    await dialog(kim).getByRole('button', { name: 'Accept' }).click();
    await banner.waitFor({ state: 'detached' });
    await kim.goto('/agents/triage-2?tab=ownership');
    await said(table(kim, 'Owners so far').getByRole('row').nth(1), 'after ola@acme.example');
  });

  it('has deputies, whom the owner names and a stranger does not', async () => {
    const page = pageOf('kim');
    await button(page, 'Change deputies').click();
    await dialog(page).getByRole('combobox', { name: 'Deputies' }).fill('sam@acme.example');
    await page.keyboard.press('Enter');
    await dialog(page).getByRole('combobox', { name: 'Deputies' }).fill('support-leads');
    await page.keyboard.press('Enter');
    await dialog(page).getByRole('button', { name: 'Save' }).click();
    await said(page, 'nobody is in it');
    const sam = pageOf('sam');
    await sam.goto('/agents/triage-2?tab=ownership');
    await expectOff(button(sam, 'Change deputies'), /or the owner of the agent/);
  });

  it('of what a leaver leaves behind is offered from a task with the receipt of the stop', async () => {
    await call('PATCH', '/v1/people/ola@acme.example', { active: false });
    const page = pageOf('dana');
    await page.goto('/agents?tab=transfers');
    await said(table(page, 'Orphans'), 'its owner has left');
    await expectAccessible(page);
    await table(page, 'Transfer tasks').getByRole('link', { name: 'ola@acme.example' }).click();
    await said(page, 'ms after the order');
    await said(table(page, 'Nodes'), /node_/);
    await button(page, 'Offer agents…').click();
    await choose(page, 'New owner', 'kim@acme.example');
    await dialog(page).getByRole('button', { name: 'Offer' }).click();
    await said(table(page, 'Agents left behind'), /to kim@acme\.example, who answers until/);
    await expectAccessible(page);
  });
});

describe('the page of an agent', () => {
  it('says who gave it what, and what is not known, as at any instant', async () => {
    const page = pageOf('lee');
    await page.goto('/agents/refund-bot?tab=authority');
    const life = page.getByRole('list', { name: 'Its life' }).getByRole('listitem');
    await said(life.nth(0), 'by sam-laptop');
    await said(life.nth(1), 'Fine for a quarter');
    await said(life.nth(3), 'not yet');
    await said(page.getByRole('region', { name: 'What is not known' }), 'No record that its owner accepted it.');
    await said(table(page, 'Roles it wore'), 'revision 1, written by first');
    await expectAccessible(page);
    await page.getByLabel('As at').fill('2026-01-01T00:00:00');
    await said(page, 'refund-bot did not exist yet.');
    await button(page, 'Now').click();
    await said(life.nth(0), 'by sam-laptop');
  });

  it('keeps versions of what the agent is made of, with their difference', async () => {
    const page = pageOf('dana');
    await page.goto('/agents/refund-bot?tab=versions');
    await button(page, 'Declare a version').click();
    await dialog(page).getByRole('textbox', { name: 'Model' }).fill('claude-opus-4-5');
    await dialog(page).getByRole('button', { name: 'Declare' }).click();
    const change = page.getByRole('region', { name: 'What version 2 changed' });
    await said(change, 'model: claude-sonnet-4-5');
    await said(change, 'model: claude-opus-4-5');
    await expectAccessible(page);
  });

  it('takes an end, from which on it does nothing', async () => {
    const page = pageOf('dana');
    await button(page, 'Change').click();
    await page.getByLabel('Ends').fill('2099-01-01T00:00');
    await button(page, 'Save').click();
    await said(page, /^in [\d,]+ d$/);
    await page.goto('/agents?attention=no_credential');
    await table(page, 'Agents').getByRole('link', { name: 'refund-bot' }).waitFor();
    await page.goto('/agents?attention=dormant');
    await said(page, 'No agent fits these filters');
  });
});

describe('credentials of an agent', () => {
  it('are keys of which only the public half is taken', async () => {
    const page = pageOf('dana');
    const pair = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    await page.goto('/agents/refund-bot?tab=credentials');
    await said(page, 'No credential');
    await button(page, 'Without a secret').click();
    await page.getByRole('menuitem', { name: 'Register a public key' }).click();
    const field = dialog(page).getByRole('textbox', { name: 'Public key' });
    await field.fill(pair.privateKey);
    await said(dialog(page), 'That is a private key');
    expect(await dialog(page).getByRole('button', { name: 'Register' }).isDisabled()).toBe(true);
    await field.fill(pair.publicKey);
    await dialog(page).getByRole('textbox', { name: 'Name' }).fill('production');
    await expectAccessible(page);
    await dialog(page).getByRole('button', { name: 'Register' }).click();
    await said(table(page, 'Credentials'), 'ES256');
    await button(page, /^Revoke production/).click();
    await dialog(page).getByRole('button', { name: 'Revoke' }).click();
    await said(table(page, 'Credentials'), 'revoked');
  });

  it('are workloads for which an issuer vouches', async () => {
    const page = pageOf('dana');
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await page.goto('/agents?tab=issuers');
    await said(page, 'Nobody vouches for workloads');
    await button(page, 'Add an issuer').click();
    await dialog(page).getByRole('textbox', { name: 'Name' }).fill('github');
    const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }] };
    await dialog(page).getByRole('textbox', { name: 'Keys' }).fill(JSON.stringify(keys));
    await dialog(page).getByRole('button', { name: 'Add issuer' }).click();
    await said(table(page, 'Workload issuers'), 'GitHub Actions');
    await page.goto('/agents/refund-bot?tab=credentials');
    await button(page, 'Without a secret').click();
    await page.getByRole('menuitem', { name: 'Trust a workload' }).click();
    await choose(page, 'Issuer', 'github, GitHub Actions');
    await dialog(page).getByRole('textbox', { name: 'Number of the repository' }).fill('1234');
    await dialog(page).getByRole('textbox', { name: 'Number of its owner' }).fill('567');
    await dialog(page).getByRole('textbox', { name: 'Environment' }).fill('production');
    await expectAccessible(page);
    await dialog(page).getByRole('button', { name: 'Trust it' }).click();
    await said(table(page, 'Credentials'), /repository_id = 1234/);
    await expectAccessible(page);
    await page.goto('/agents?tab=issuers');
    await button(page, 'Remove github').click();
    await dialog(page).getByRole('textbox').fill('github');
    await dialog(page).getByRole('button', { name: 'Remove' }).click();
    await said(table(page, 'Workload issuers'), 'removed');
  });
});

describe('what is not registered', () => {
  it('is shown once it has tried, and dismissed with a reason', async () => {
    const page = pageOf('dana');
    await page.goto('/agents?tab=unregistered');
    await said(table(page, 'Unregistered identities'), 'a credential that nobody was given');
    await expectAccessible(page);
    await button(page, /^Dismiss/).click();
    await dialog(page).getByRole('textbox', { name: 'Reason' }).fill('A test of ours');
    await dialog(page).getByRole('button', { name: 'Dismiss' }).click();
    await said(page, 'Nobody acts unregistered');
  });
});

describe('credentials towards upstreams', () => {
  it('are stored, staged, tested, promoted and erased, and never shown', async () => {
    const page = pageOf('dana');
    await page.goto('/servers');
    await said(page, 'No credential is stored');
    await button(page, 'Store a credential').click();
    await dialog(page).getByRole('textbox', { name: 'Name' }).fill('crm-token');
    await dialog(page).getByLabel('Value').fill('first-value-of-all-1111');
    await dialog(page).getByRole('button', { name: 'Store', exact: true }).click();
    await table(page, 'Credentials towards upstreams').getByRole('link', { name: 'crm-token' }).click();
    await button(page, 'New version').click();
    await dialog(page).getByLabel('Value').fill('second-value-of-all-2222');
    await dialog(page).getByRole('checkbox', { name: 'Only stage it' }).check();
    await dialog(page).getByRole('button', { name: 'Store', exact: true }).click();
    await button(page, 'Test version 2, staged').click();
    await said(page, 'opened');
    await expectAccessible(page);
    await button(page, 'Promote version 2').click();
    await dialog(page).getByRole('button', { name: 'Use it' }).click();
    await said(table(page, 'Versions'), 'previous');
    expect(await page.content()).not.toContain('value-of-all');
    await button(page, 'Erase…').first().click();
    await dialog(page).getByRole('textbox').fill('crm-token');
    await dialog(page).getByRole('button', { name: 'Erase', exact: true }).click();
    await said(page, 'No credential is stored');
    await expectAccessible(page);
  });
});

describe('the browser', () => {
  it('shows each of these on a narrow screen', async () => {
    const page = pageOf('dana');
    await page.setViewportSize({ width: 420, height: 900 });
    for (const path of [
      '/agents',
      '/agents?tab=transfers',
      '/agents/refund-bot?tab=authority',
      '/agents/refund-bot?tab=credentials',
    ]) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForLoadState('networkidle');
      expect([path, await page.evaluate('document.documentElement.scrollWidth <= innerWidth')]).toEqual([path, true]);
    }
  });

  it('had no error on all these ways', () => {
    expect(Object.values(people).flatMap(({ complaints }) => complaints)).toEqual([]);
  });
});
