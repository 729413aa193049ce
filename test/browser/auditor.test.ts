/** An audit firm is let in, walks the walkthrough, asks, is answered, and is out: a real server, passkeys, both sides. In order. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Answer, clientOf } from '../../packages/server/test/api/client.ts';
import { startTestServer, type TestServer } from '../setup/server.ts';
import { expectAccessible, launch, openPage, signIn, type Watched } from './browser.ts';

const LONG = 'An agent that pays, and whose approvals are looked at one by one. '.repeat(12);

let server: TestServer;
let browser: Browser;
let admin: Watched;
let ada: Watched;
let entry: string;

beforeAll(async () => {
  [server, browser] = await Promise.all([startTestServer({ host: 'localhost' }), launch()]);
  await call('PUT', '/v1/capabilities/mail.send', { access: 'write' });
  await call('PUT', '/v1/capabilities/crm.read', { access: 'read' });
  await call('POST', '/v1/roles', {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Role',
    metadata: { name: 'support' },
    scope: { allow: ['mail.send'] },
  });
  await call('POST', '/v1/agents', { name: 'mailer', role: 'support', owner: 'dana@acme.example' });
  const { token } = await call('POST', '/v1/tokens', { agent: 'mailer' });
  const action = { action: 'mail.send', arguments: { to: 'lee@acme.example' } };
  await call('POST', '/v1/actions', action, token);
  entry = await vi.waitFor(async () => (await call('GET', '/v1/audit/events?kind=tool.call')).data[0].event_id, {
    timeout: 10_000,
    interval: 20,
  });
  admin = await openPage(browser, server.url);
  ada = await openWithAuthenticator();
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

async function call(method: string, path: string, body?: object, key = server.adminKey): Promise<Answer['body']> {
  const answer = await clientOf(server)(method, path, {
    key,
    headers: { 'content-type': 'application/json', prefer: 'respond-async' },
    ...(body === undefined ? {} : { body }),
  });
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

async function openWithAuthenticator(): Promise<Watched> {
  const watched = await openPage(browser, server.url);
  const devtools = await watched.context.newCDPSession(watched.page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
    },
  });
  return watched;
}

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const dialog = (page: Page) => page.getByRole('dialog');
const tab = (page: Page, name: string | RegExp) => page.getByRole('tab', { name }).click();
const step = (title: string) => ada.page.getByRole('article', { name: title });
const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

describe('the customer', () => {
  it('lets a firm in, for a period and a time', async () => {
    const { page } = admin;
    await signIn(page, server.adminKey);
    await page.goto('/engagements');
    await page.getByText('No firm was ever let in').waitFor();
    await button(page, 'Let a firm in').click();
    await dialog(page).getByRole('textbox', { name: 'Firm' }).fill('Ledger & Partners');
    await dialog(page).getByRole('textbox', { name: 'Domain of its work e-mails' }).fill('acme.example');
    await dialog(page).getByRole('textbox', { name: 'Scope' }).fill(LONG);
    await dialog(page).getByLabel('From (UTC)').fill(day(-30));
    await dialog(page).getByLabel('To, exclusive').fill(day(30));
    await button(page, 'Open the engagement').click();
    await dialog(page).getByText('whoever audits it is of another company').waitFor();
    await dialog(page).getByRole('textbox', { name: 'Domain of its work e-mails' }).fill('ledger.example');
    await button(page, 'Open the engagement').click();
    await page.getByRole('heading', { name: 'Ledger & Partners', level: 1 }).waitFor();
    await button(page, 'Let a person in').click();
    await dialog(page).getByRole('textbox', { name: 'Work e-mail' }).fill('ada@ledger.example');
    await button(page, 'Make the link').click();
    await dialog(page).getByText('Copy the link now').waitFor();
    const [link = ''] = await dialog(page).locator('pre').allTextContents();
    await ada.page.goto(link);
    await dialog(page).getByRole('button', { name: 'Done' }).click();
    await page.getByText('has not registered a passkey yet').waitFor();
    await expectAccessible(page);
  });
});

describe('the auditor', () => {
  it('comes in with a passkey, and begins at what they are let in to see', async () => {
    const { page } = ada;
    await page.getByRole('textbox', { name: 'Name' }).fill('Laptop');
    await button(page, 'Register the passkey').click();
    await page.getByRole('link', { name: 'sign in' }).click();
    await button(page, 'Auditor, with a passkey').click();
    await page.getByRole('heading', { name: 'Engagement', level: 1 }).waitFor();
    await page.getByText('Not an auditor').first().waitFor();
    const rooms = page.getByRole('navigation', { name: 'Rooms' }).getByRole('link');
    expect(await rooms.allTextContents()).toEqual(['Engagement', 'Evidence']);
  });

  it('walks the walkthrough', async () => {
    const { page } = ada;
    await tab(page, 'Walkthrough');
    const choose = async (title: string, field: string, option: string) => {
      await step(title).getByRole('combobox', { name: field }).click();
      await page.getByRole('option', { name: option, exact: true }).click();
    };
    const shows = async (title: string, press: string, words: string | RegExp) => {
      await step(title).getByRole('button', { name: press }).click();
      const status = step(title).getByRole('status');
      await status.getByText(words).waitFor();
      await status.getByText('shown', { exact: true }).waitFor();
    };
    await shows('Where the boundary is', 'Count what is inside', 'Agents: 1. Capabilities: 2');
    await choose('A call that is denied', 'Agent', 'mailer');
    await shows('A call that is denied', 'Make a call that must be denied', 'crm.read was denied');
    await step('A decision, made again').getByRole('textbox', { name: 'Entry' }).fill(entry);
    await shows('A decision, made again', 'Decide it again', 'Decided again it is allow');
    await choose('Revoking, as a rehearsal', 'Agent', 'mailer');
    await shows(
      'Revoking, as a rehearsal',
      'Press the kill switch on a shadow',
      'All entrances (4) and tools (1) refused',
    );
    await choose('A population, counted while you watch', 'Report', 'Agent inventory');
    await shows('A population, counted while you watch', 'Count it twice', 'Counted again it is the same');
    await shows('An attempt to change the log', 'Try to change the log', 'The database refused all 12 statements');
    await shows('The log against its copy outside', 'Compare with the copy', 'are those that the copy was signed over');
    await expectAccessible(page);
  });

  it('decides entries again, and sees a hidden value for a reason', async () => {
    const { page } = ada;
    await tab(page, 'Re-performance');
    await page.getByRole('textbox', { name: 'Event ids' }).fill(`${entry}\nevt_absent`);
    await button(page, 'Decide again').click();
    const results = page.getByRole('table', { name: 'Decided again' });
    await results.getByText('match').waitFor();
    await results.getByText('not found').waitFor();
    await tab(page, 'Entries');
    await button(page, `Open ${entry}`).click();
    await dialog(page).getByText('[hidden]').first().waitFor();
    await dialog(page).getByRole('textbox').fill('compare with the mail provider');
    await dialog(page).getByRole('button', { name: 'Show /args/to' }).click();
    await dialog(page).getByText('"lee@acme.example"').waitFor();
    await dialog(page).getByRole('button', { name: 'Close' }).click();
  });

  it('says of a report what they make of it, and notes what is nobody else’s', async () => {
    const { page } = ada;
    await tab(page, 'Evidence');
    await button(page, 'Return agents').click();
    await dialog(page).getByRole('textbox', { name: 'Reason' }).fill('the shadow of July is missing');
    await dialog(page).getByRole('button', { name: 'Return' }).click();
    await page.getByRole('table', { name: 'Reports' }).getByText('returned').waitFor();
    await tab(page, 'Notes');
    await page.getByRole('textbox', { name: 'Note' }).fill('ask about the second approver');
    await button(page, 'Keep the note').click();
    await page.getByRole('article').getByText('ask about the second approver').waitFor();
  });

  it('asks, is answered, and accepts', async () => {
    const { page } = ada;
    await tab(page, 'Requests');
    await button(page, 'Ask for something').click();
    await dialog(page).getByRole('textbox', { name: 'What' }).fill('Bank file of August');
    await dialog(page).getByRole('button', { name: 'Ask', exact: true }).click();
    await tab(admin.page, /Requests/);
    await button(admin.page, 'Provide: request 1').click();
    await dialog(admin.page).getByRole('textbox', { name: 'Words' }).fill(LONG);
    await dialog(admin.page).getByRole('button', { name: 'Provide' }).click();
    await admin.page.getByText('Waits for the auditor.').waitFor();
    await button(page, 'Accept: request 1').click();
    await dialog(page).getByRole('button', { name: 'Accept' }).click();
    await page.getByText('Waits for nobody.').waitFor();
    await expectAccessible(page);
  });
});

describe('the end', () => {
  it('comes when the customer, who has seen all but the notes, says so', async () => {
    const { page } = admin;
    await tab(page, 'Access');
    const access = page.getByRole('table', { name: 'Access' });
    await access.getByText('walkthrough: denied_call').waitFor();
    await access.getByText(/compare with the mail provider/).waitFor();
    expect(await access.getByText('approver').count()).toBe(0);
    expect(await page.getByRole('tab', { name: 'Notes' }).count()).toBe(0);
    await button(page, 'End it').click();
    await dialog(page).getByRole('textbox', { name: 'Reason' }).fill('the report is out');
    await dialog(page).getByRole('button', { name: 'End' }).click();
    await page.getByText('ended').first().waitFor();
    await ada.page.reload();
    await button(ada.page, 'Sign in').waitFor();
    expect(admin.complaints.filter((text) => !text.includes('422'))).toEqual([]);
    expect(ada.complaints.filter((text) => !text.includes('401'))).toEqual([]);
  });
});
