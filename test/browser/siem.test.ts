/** From a probe to an incident, and from the log to a receiver: alerts, incidents, detections, pipelines, retention, log. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../packages/server/test/actions/workspace.ts';
import { expectAccessible, launch, openPage, signIn, type Watched } from './browser.ts';
import { furnish, startWorkspace, type Workspace } from './workspace.ts';

const PERSON = 'dana@acme.example';
const OTHER = 'lee@acme.example';

let workspace: Workspace;
let browser: Browser;
let files: string;
let watched: Watched;
let page: Page;
let token: string;

beforeAll(async () => {
  files = await mkdtemp(join(tmpdir(), 'hivekey-sinks-'));
  [workspace, browser] = await Promise.all([startWorkspace({ sink_files: files }), launch()]);
  token = await furnish(workspace);
  await workspace.api('POST', '/v1/people', { email: OTHER });
  const { key } = (await workspace.api('POST', '/v1/keys', { name: 'dana', person: PERSON, roles: ['admin'] })) as {
    key: string;
  };
  watched = await openPage(browser, workspace.server.url);
  page = watched.page;
  await signIn(page, key);
});
afterAll(async () => {
  await browser?.close();
  await workspace?.close();
  await rm(files, { recursive: true, force: true });
});

const button = (name: string | RegExp) => page.getByRole('button', { name });
const dialog = () => page.getByRole('dialog');
const heading = (name: string | RegExp) => page.getByRole('heading', { name, level: 1 });

/** Calls what the agent was not granted, which the gateway answers as if it did not exist. */
async function probe(tools: number): Promise<void> {
  const client = await workspace.connect(token);
  for (let n = 0; n < tools; n += 1)
    await client.callTool({ name: `billing__secret_${n}`, arguments: {} }).catch(() => undefined);
  await client.close();
}

describe('before anything was found', () => {
  it.each([
    ['/alerts', 'No alert waits for anybody'],
    ['/alerts?show=incidents', 'No incident yet'],
    ['/alerts?show=cases', 'No case yet'],
    ['/pipelines', 'The log is not sent anywhere yet'],
    ['/retention?tab=holds', 'Nothing is held'],
    ['/detections?tab=tests', 'Not tested live yet'],
  ])('%s says what will be there', async (path, words) => {
    await page.goto(path);
    await page.getByText(words).waitFor();
    await expectAccessible(page);
  });

  it('the rules are listed, each with a page of its own', async () => {
    await page.goto('/detections');
    await page.getByText('evaluated as it is written').waitFor();
    await page.getByRole('link', { name: /^D02 · / }).click();
    await heading(/^D02 · /).waitFor();
    await page.getByText('As shipped').waitFor();
    await expectAccessible(page);
  });
});

describe('a rule', () => {
  it('is tested live: marked events go the real way to an alert that is in no count', async () => {
    await button('Test it live').click();
    await dialog().getByRole('button', { name: 'Inject' }).click();
    const tests = page.getByRole('table', { name: 'Live tests' });
    await tests.getByRole('link', { name: 'alert' }).waitFor({ timeout: 40_000 });
    await tests.getByText('passed').waitFor({ timeout: 40_000 });
    await page.goto('/alerts');
    await page.getByText('No alert waits for anybody').waitFor();
    await page.goto('/detections?tab=tests');
    await page.getByText(/of 26 to test/).waitFor();
    await expectAccessible(page);
  });
});

describe('a probe', () => {
  it('becomes an alert with its evidence, which somebody takes and judges', async () => {
    await probe(8);
    await page.goto('/alerts');
    const alert = page.getByRole('table', { name: 'Alerts' }).getByRole('link').first();
    await alert.waitFor();
    await expectAccessible(page);
    await alert.click();
    await page.getByRole('link', { name: /^evt_/ }).first().waitFor();
    await expectAccessible(page);
    await button('Acknowledge').click();
    await dialog().getByRole('textbox', { name: 'Reason' }).fill('Looking at it');
    await dialog().getByRole('button', { name: 'Acknowledge' }).click();
    await button('Say what it was').waitFor();
    await page.getByText(PERSON).first().waitFor();
  });

  it('becomes an incident, with a timeline from the log and a follow-up', async () => {
    await button('Incident').click();
    await dialog().getByRole('textbox', { name: 'Reason' }).fill('It looks for tools');
    await dialog().getByRole('button', { name: 'Open' }).click();
    await page.getByRole('heading', { name: 'Timeline' }).waitFor();
    await page.getByRole('link', { name: 'on the log' }).first().waitFor();
    await button('Write it: the decision').click();
    await dialog()
      .getByRole('textbox', { name: /^What it is/ })
      .fill('A prompt asked for tools that it lacks.');
    await dialog().getByRole('textbox', { name: 'Reason' }).fill('As the transcript shows');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await page.getByText('A prompt asked for tools that it lacks.').first().waitFor();
    await button('Write a note').click();
    await dialog().getByRole('textbox', { name: 'Note' }).fill('Its owner was told.');
    await dialog().getByRole('button', { name: 'Write' }).click();
    await page.getByText('Its owner was told.').first().waitFor();
    await expectAccessible(page);
  });

  it('is counted on the log, over time and by agent', async () => {
    await page.goto('/log');
    await page.getByRole('img', { name: /events over time/ }).waitFor();
    await button('Most frequent').click();
    await page.getByRole('button', { name: /^billing-bot/ }).waitFor();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await button('Queries').click();
    await page.getByRole('menuitem', { name: 'Everything this agent did…' }).click();
    await dialog().getByRole('combobox', { name: 'Agent' }).fill('billing');
    await page.getByRole('option', { name: 'billing-bot' }).click();
    await dialog().getByRole('button', { name: 'Show' }).click();
    await page.getByText('Decisions without a gap').waitFor();
    await expectAccessible(page);
    await button('Queries').click();
    await page.getByRole('menuitem', { name: 'Keep this one…' }).click();
    await dialog().getByRole('textbox', { name: 'Name' }).fill('The billing bot');
    await dialog().getByRole('button', { name: 'Keep it' }).click();
    await page.getByText('The billing bot is kept').waitFor();
  });
});

describe('a sink', () => {
  it('is tried, then streams, with every entry of the log in the file', async () => {
    await page.goto('/pipelines?create=1');
    await dialog().getByRole('combobox', { name: 'Receiver' }).click();
    await page.getByRole('option', { name: 'File', exact: true }).click();
    await dialog().getByRole('textbox', { name: 'Name' }).fill('archive');
    await dialog().getByRole('textbox', { name: 'path' }).fill('siem/log.ndjson');
    await dialog().getByText('A number', { exact: true }).click();
    await expectAccessible(page);
    await button('Send a test event').click();
    await dialog().getByText('stored', { exact: true }).waitFor();
    await button('Start streaming').click();
    await heading('archive').waitFor();
    await page.getByText('healthy').waitFor();
    await eventually(async () => {
      const lines = (await readFile(join(files, 'siem/log.ndjson'), 'utf8').catch(() => ''))
        .split('\n')
        .filter(Boolean);
      return lines.some((line) => line.includes('"seq":1,')) ? true : undefined;
    });
    await expectAccessible(page);
  });

  it('has a ledger that the log confirms, and is paused with a reason', async () => {
    await page.getByText('Ledger', { exact: true }).click();
    await page.getByText('produced = accepted').first().waitFor();
    await button('Count in the log').click();
    await page
      .getByText(/all settled|some open/)
      .first()
      .waitFor();
    await expectAccessible(page);
    await page.getByText('Settings', { exact: true }).click();
    await button('Save').waitFor();
    await expectAccessible(page);
    await button('Pause').click();
    await dialog().getByRole('textbox', { name: 'Reason' }).fill('The disk is moved');
    await dialog().getByRole('button', { name: 'Pause' }).click();
    await page.getByText('paused', { exact: true }).waitFor();
    await button('Resume').waitFor();
  });
});

describe('retention', () => {
  it('holds records for a matter, and says that nothing is due', async () => {
    await page.goto('/retention');
    await page.getByText('Kept now').waitFor();
    await expectAccessible(page);
    await page.getByText('Holds', { exact: true }).click();
    await button('Place a hold').click();
    await dialog().getByRole('textbox', { name: 'Matter' }).fill('Case 2026-11');
    await dialog().getByRole('combobox', { name: 'Agent' }).fill('billing');
    await page.getByRole('option', { name: 'billing-bot' }).click();
    await dialog().getByRole('textbox', { name: 'Reason' }).fill('Counsel asked for it');
    await expectAccessible(page);
    await dialog().getByRole('button', { name: 'Place it' }).click();
    await page.getByText('Case 2026-11').waitFor();
    await expectAccessible(page);
  });

  it('left nothing to complain of in the browser', () => {
    expect(watched.complaints).toEqual([]);
  });
});
