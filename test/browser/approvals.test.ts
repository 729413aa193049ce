/** A held call, from the agent that waits to the people who decide, against a real server and a real MCP server. */
import type { Client } from '@modelcontextprotocol/client';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
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

/** Held calls of the last tests, $401 to $403. */
const ids: string[] = [];

function nextHeld(): Promise<string> {
  return vi.waitFor(
    async () => {
      const { data } = (await workspace.api('GET', '/v1/approvals?status=pending')) as { data: { id: string }[] };
      const next = data.find(({ id }) => !ids.includes(id));
      if (next === undefined) throw new Error('nothing new is held');
      return next.id;
    },
    { timeout: 20_000, interval: 20 },
  );
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

describe('calls of one agent', () => {
  const waiting = (page: Page) => page.getByRole('table', { name: 'Waiting calls' }).getByRole('row');
  const choice = (page: Page, id = '') =>
    page.getByRole('checkbox', { name: `Choose billing.pay by billing-bot, ${id}` });

  it('are chosen, read and approved together; another agent’s are not among them', async () => {
    const { page } = colleague;
    await workspace.api('POST', '/v1/agents', { name: 'other-bot', roles: ['billing'], owner: OWNER });
    const { token } = (await workspace.api('POST', '/v1/tokens', { agent: 'other-bot' })) as { token: string };
    const other = await workspace.connect(token);
    const before = workspace.billing.payments.length;
    for (const amount of [401, 402, 403]) {
      pay(amount);
      ids.push(await nextHeld());
    }
    const theirs = other.callTool({ name: 'billing__pay', arguments: { to: 'vendor@acme.example', amount: 404 } });
    theirs.catch(() => undefined);
    await page.goto('/approvals');
    await expect.poll(() => waiting(page).count()).toBe(5);
    await choice(page, ids[0]).check();
    expect(await button(page, 'Approve together…').isDisabled()).toBe(true);
    const barred = page.getByRole('checkbox', { name: /by other-bot, .* cannot be chosen: it is of another agent/ });
    expect(await barred.isDisabled()).toBe(true);
    await page.getByText('1 is of another agent or capability').waitFor();
    await choice(page, ids[1]).check();
    await expectAccessible(page);
    await button(page, 'Approve together…').click();
    const dialog = page.getByRole('dialog', { name: 'Approve 2 calls: billing.pay by billing-bot' });
    await dialog
      .getByRole('region', { name: /^arguments of apr_/ })
      .nth(1)
      .waitFor();
    const shown = await dialog.getByRole('region', { name: /^arguments of apr_/ }).allTextContents();
    expect(shown.map((text) => JSON.parse(text).amount).sort()).toEqual([401, 402]);
    await dialog.getByRole('textbox', { name: 'Reason' }).fill('both invoices checked');
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Approve 2 calls' }).click();
    await dialog.getByText('2 of 2 calls approved.').waitFor();
    await dialog.getByRole('button', { name: 'Done' }).click();
    expect(await Promise.all(answers.slice(3, 5).map(async (each) => JSON.stringify(await each)))).toEqual([
      expect.stringContaining('paid $401'),
      expect.stringContaining('paid $402'),
    ]);
    expect(workspace.billing.payments.length).toBe(before + 2);
    await expect.poll(() => waiting(page).count()).toBe(3);
  });

  it('say what the payee got before, and what is left to the agent', async () => {
    const { page } = colleague;
    await page.goto(`/approvals/${ids[2]}`);
    await page.getByRole('region', { name: 'vendor@acme.example before' }).getByRole('row').nth(3).waitFor();
    const left = page.getByRole('region', { name: 'What it can still do now' });
    await left.getByText('unbounded: no cap or rate bounds them').waitFor();
  });
});

describe('somebody who is away', () => {
  it('hands the say to somebody else, who decides for them, recorded with both', async () => {
    await workspace.api('POST', '/v1/people', { email: 'erin@acme.example' });
    const erin = await as('erin@acme.example');
    await erin.page.goto('/approvals?show=delegations');
    await erin.page.getByText('Everybody decides for themselves').waitFor();
    await button(erin.page, 'Delegate…').click();
    const dialog = erin.page.getByRole('dialog', { name: 'Have somebody decide for me' });
    await dialog.getByRole('combobox', { name: 'Person' }).click();
    await erin.page.getByRole('option', { name: COLLEAGUE }).click();
    await dialog.getByRole('textbox', { name: 'Reason' }).fill('on leave');
    await expectAccessible(erin.page);
    await dialog.getByRole('button', { name: 'Hand it over' }).click();
    await erin.page.getByText(`${COLLEAGUE} for erin@acme.example`).waitFor();

    const { page } = colleague;
    await page.goto('/approvals?show=delegations');
    await page.getByText('You decide for erin@acme.example.').waitFor();
    await page.goto(`/approvals/${ids[2]}`);
    await page.getByRole('combobox', { name: 'Decide' }).click();
    await page.getByRole('option', { name: 'for erin@acme.example' }).click();
    await page.getByText(`${COLLEAGUE} for erin@acme.example, you may decide.`).waitFor();
    await expectAccessible(page);
    await button(page, 'Approve…').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    // the repeat collects what its first caller may not have waited for
    pay(403);
    expect(JSON.stringify(await answers.at(-1))).toContain('paid $403');
    await page.getByRole('region', { name: 'Decisions' }).getByText(`${COLLEAGUE} for erin@acme.example`).waitFor();

    await button(erin.page, `End: ${COLLEAGUE} for erin@acme.example`).click();
    await erin.page.getByRole('dialog').getByRole('button', { name: 'End it' }).click();
    await erin.page.getByText('Everybody decides for themselves').waitFor();
    expect(erin.complaints).toEqual([]);
  });
});

describe('people and their keys', () => {
  it('have groups, an authority and an account in Slack', async () => {
    const { page } = colleague;
    await page.goto(`/people/${OWNER}`);
    await button(page, `Change ${OWNER}`).click();
    const form = page.getByRole('region', { name: 'Person', exact: true });
    await form.getByRole('combobox', { name: 'Groups' }).fill('finance');
    await form.getByRole('combobox', { name: 'Groups' }).press('Enter');
    await form.getByRole('combobox', { name: 'May approve' }).click();
    await page.getByRole('option', { name: 'Only what is listed' }).click();
    const authority = form.getByRole('textbox', { name: 'Authority' });
    await authority.fill('billing.* usd=lots');
    await form.getByText('is not a unit and a whole number').waitFor();
    expect(await form.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
    await authority.fill('billing.* usd=500000');
    await form.getByRole('textbox', { name: 'Slack team' }).fill('T012AB3CD');
    await form.getByRole('textbox', { name: 'Slack member' }).fill('U045EF6GH');
    await expectAccessible(page);
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('billing.* up to $5,000.00').waitFor();
    expect(await form.textContent()).toMatch(/finance.*U045EF6GH.*T012AB3CD/);
  });

  it('are made for a person', async () => {
    const { page } = colleague;
    await page.goto('/system?tab=keys');
    await button(page, 'New admin key').click();
    const dialog = page.getByRole('dialog', { name: 'New admin key' });
    await dialog.getByRole('textbox', { name: 'Name' }).fill('dana-phone');
    await dialog.getByRole('combobox', { name: 'Person' }).click();
    await page.getByRole('option', { name: OWNER }).click();
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Create key' }).click();
    await dialog.getByText('Copy the key now.').waitFor();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('row').filter({ hasText: 'dana-phone' }).getByText(OWNER).waitFor();
    expect(colleague.complaints).toEqual([]);
  });
});
