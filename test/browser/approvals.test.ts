/** A held call, from the agent that waits to the people who decide, against a real server and a real MCP server. */
import type { Client } from '@modelcontextprotocol/client';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible, launch, openPage, signIn, type Watched } from './browser.ts';
import { furnish, startWorkspace, type Workspace } from './workspace.ts';

const OWNER = 'dana@acme.example';
const COLLEAGUE = 'lee@acme.example';

let workspace: Workspace;
let browser: Browser;
let client: Client;
/** Signed in with a key of the owner of the agent, and with one of a colleague. */
let owner: Watched;
let colleague: Watched;
/** Answers of the calls that wait, in the order in which they were made. */
const answers: Promise<unknown>[] = [];

beforeAll(async () => {
  [workspace, browser] = await Promise.all([startWorkspace(), launch()]);
  client = await workspace.connect(await furnish(workspace));
  await workspace.api('POST', '/v1/people', { email: COLLEAGUE });
  [owner, colleague] = [await as(OWNER), await as(COLLEAGUE)];
});
afterAll(async () => {
  await browser?.close();
  await workspace?.close();
});

/** A page that is signed in with a new key of this person. */
async function as(person: string): Promise<Watched> {
  const name = person.replace(/@.*/, '');
  const { key } = (await workspace.api('POST', '/v1/keys', { name, person })) as { key: string };
  const watched = await openPage(browser, workspace.server.url);
  await signIn(watched.page, key);
  return watched;
}

function pay(amount: number): void {
  const answer = client.callTool({ name: 'billing__pay', arguments: { to: 'vendor@acme.example', amount } });
  // A call that nobody came to decide ends with the client; the test that waits for it fails by itself.
  answer.catch(() => undefined);
  answers.push(answer);
}

async function open({ page }: Watched): Promise<void> {
  await page
    .getByRole('navigation', { name: 'Rooms' })
    .getByRole('link', { name: /^Approvals/ })
    .click();
  await page.getByRole('table', { name: 'Waiting calls' }).getByRole('link', { name: 'billing.pay' }).click();
  await page.getByRole('heading', { name: 'billing.pay', level: 1 }).waitFor();
  await page.getByText('Computed in this browser').waitFor();
}

const button = (page: Page, name: string) => page.getByRole('button', { name });
const outcome = (page: Page) => page.getByTestId('outcome');

describe('a held call', () => {
  it('has a room that says how a call comes there, while there is none', async () => {
    await owner.page.goto('/approvals');
    await owner.page.getByText('Nothing waits for a decision').waitFor();
    await expectAccessible(owner.page);
  });

  it('appears without a reload, and is counted in the navigation', async () => {
    pay(250);
    const row = owner.page.getByRole('row').filter({ hasText: 'billing.pay' });
    await row.waitFor();
    expect(await row.textContent()).toMatch(/billing-bot.*0 of 1.*\d+ min \d\d s/);
    await owner.page.getByRole('link', { name: 'Approvals 1 waiting' }).waitFor();
    expect(workspace.billing.payments).toEqual([]);
  });

  it('tells the owner, alone, why he may not approve it', async () => {
    const { page } = owner;
    await open(owner);
    await page.getByText(`You may not approve it: ${OWNER} owns the agent`).waitFor();
    expect(await button(page, 'Approve…').isDisabled()).toBe(true);
    expect(await button(page, 'Deny…').isDisabled()).toBe(false);
    await expectAccessible(page);
  });

  it('shows a colleague the arguments, and what binds, and who may', async () => {
    const { page } = colleague;
    await open(colleague);
    const shown = await page.getByRole('region', { name: 'arguments', exact: true }).textContent();
    expect(JSON.parse(shown ?? '')).toEqual({ to: 'vendor@acme.example', amount: 250 });
    const deciders = page.getByRole('region', { name: 'Who may approve' });
    await deciders.getByText(COLLEAGUE).waitFor();
    await deciders.getByText('owns the agent').waitFor();
    await page
      .getByRole('region', { name: 'What binds' })
      .getByRole('link', { name: /^revision \d+$/ })
      .waitFor();
  });

  it('runs once when he approves, and only then', async () => {
    const { page } = colleague;
    expect(workspace.billing.payments).toEqual([]);
    await button(page, 'Approve…').click();
    await page.getByRole('textbox', { name: 'Reason' }).fill('invoice 118 checked');
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    expect(JSON.stringify(await answers[0])).toContain('paid $250');
    await outcome(page).filter({ hasText: 'It ran once: success.' }).waitFor();
    await page.getByText('invoice 118 checked').waitFor();
    await page.getByText(/key lee · by console/).waitFor();
    pay(250);
    expect(JSON.stringify(await answers[1])).toContain('paid $250');
    expect(workspace.billing.payments).toEqual([{ to: 'vendor@acme.example', amount: 250 }]);
    await expectAccessible(page);
  });

  it('never runs when the owner denies it, which anybody may', async () => {
    const { page } = owner;
    pay(300);
    await open(owner);
    await button(page, 'Deny…').click();
    await page.getByRole('textbox', { name: 'Reason' }).fill('unknown payee');
    await page.getByRole('dialog').getByRole('button', { name: 'Deny' }).click();
    expect(JSON.stringify(await answers[2])).toContain('unknown payee');
    await outcome(page).filter({ hasText: 'Denied (unknown payee). It never ran.' }).waitFor();
    expect(workspace.billing.payments.length).toBe(1);
  });

  it('stays, with what became of it', async () => {
    const { page } = colleague;
    await page.goto('/approvals?show=decided');
    const rows = page.getByRole('table', { name: 'Decided calls' }).getByRole('row').filter({ hasText: 'billing.pay' });
    await rows.filter({ hasText: `approved by ${COLLEAGUE}` }).waitFor();
    await rows.filter({ hasText: `denied by ${OWNER}` }).waitFor();
    await page.getByText('Mine', { exact: true }).click();
    const mine = page.getByRole('table', { name: 'My calls' }).getByRole('row').filter({ hasText: 'billing.pay' });
    await mine.waitFor();
    expect(await mine.count()).toBe(1);
  });

  it('left no error in the browsers', () => {
    expect([...owner.complaints, ...colleague.complaints]).toEqual([]);
  });
});
