/** The room of readiness: from five counts to the record that deviates, the register, and what is empty. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../setup/server.ts';
import { expectAccessible, launch, openPage, signIn, type Watched } from './browser.ts';

let server: TestServer;
let browser: Browser;
let watched: Watched;

beforeAll(async () => {
  [server, browser] = await Promise.all([startTestServer(), launch()]);
  watched = await openPage(browser, server.url);
  await signIn(watched.page, server.adminKey);
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

async function call(method: string, path: string, body?: object): Promise<void> {
  const response = await fetch(new URL(path, server.url), {
    method,
    headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
}

test('a fresh install has zero passes, and says whose word it is', async () => {
  const { page } = watched;
  await page.getByRole('link', { name: 'Readiness' }).click();
  await page.getByText("Management's self-assessment. Not an auditor's opinion.").waitFor();
  await page.getByText('No run was stored yet').waitFor();
  expect(await page.getByRole('table', { name: 'Controls' }).getByText('Pass', { exact: true }).count()).toBe(0);
  await expectAccessible(page);
  await page.getByText('Deficiencies', { exact: true }).click();
  await page.getByRole('heading', { name: 'No deficiency' }).waitFor();
});

test('a state is one click from its records', async () => {
  const { page, complaints } = watched;
  await call('PUT', '/v1/roles/Reader', {
    ...{
      apiVersion: 'policy.hivekey.ai/v1',
      kind: 'Role',
      metadata: { name: 'Reader' },
      scope: { allow: ['crm.read'] },
    },
  });
  await call('POST', '/v1/agents', { name: 'helpdesk-bot', role: 'Reader', owner: 'dana@acme.example' });
  const day = 86_400_000;
  const [from, to] = [new Date(Date.now() - 2 * day), new Date(Date.now() + day)];
  await call('POST', '/v1/readiness/runs', { from: from.toISOString(), to: to.toISOString() });
  await page.goto('/readiness');
  await page.getByRole('link', { name: /^AG-02/ }).click();
  await page.getByRole('heading', { name: /^AG-02/ }).waitFor();
  await page.getByText('helpdesk-bot was created by').waitFor();
  await page.getByText('What would make it pass').waitFor();
  await expectAccessible(page);
  await page.getByRole('table', { name: 'What deviates' }).getByRole('link').first().click();
  await page.getByRole('heading', { name: 'helpdesk-bot', level: 1 }).waitFor();
  await page.goto('/readiness?tab=deficiencies');
  await page
    .getByRole('table', { name: 'Deficiencies' })
    .getByRole('link', { name: /^AG-02/ })
    .waitFor();
  await expectAccessible(page);
  expect(complaints).toEqual([]);
});
