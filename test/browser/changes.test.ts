/** A change of a role, from whoever drafts it to whoever lets it in, and back; by two people in two browsers. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible, launch, openPage, signIn, type Watched } from './browser.ts';
import { furnish, startWorkspace, type Workspace } from './workspace.ts';

const AUTHOR = 'dana@acme.example';
const REVIEWER = 'lee@acme.example';
const GRANTED = ['billing.list_invoices', 'billing.pay', 'billing.slow_report'];

let workspace: Workspace;
let browser: Browser;
let author: Watched;
let reviewer: Watched;

beforeAll(async () => {
  [workspace, browser] = await Promise.all([startWorkspace(), launch()]);
  await furnish(workspace);
  await workspace.api('PUT', '/v1/capabilities/billing.refund', {
    description: 'Refunds a payment.',
    access: 'write',
    destructive: true,
    impact: { usd: { field: 'amount', currency: 'USD' } },
  });
  await workspace.api('POST', '/v1/people', { email: REVIEWER });
  [author, reviewer] = await Promise.all([as(AUTHOR, ['admin', 'author']), as(REVIEWER, ['reviewer'])]);
});
afterAll(async () => {
  await browser?.close();
  await workspace?.close();
});

async function as(person: string, roles: readonly string[]): Promise<Watched> {
  const name = person.replace(/@.*/, '');
  const { key } = (await workspace.api('POST', '/v1/keys', { name, person, roles })) as { key: string };
  const watched = await openPage(browser, workspace.server.url);
  await signIn(watched.page, key);
  return watched;
}

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const dialog = (page: Page) => page.getByRole('dialog');
const state = (page: Page) => page.getByTestId('state');
const allowed = async (): Promise<readonly string[]> =>
  ((await workspace.api('GET', '/v1/roles/billing')) as { allow: string[] }).allow;

describe('reviews of changes', () => {
  it('have a room that says that nothing is reviewed yet, and are switched on there', async () => {
    const { page } = author;
    await page.goto('/changes');
    await page.getByText('Nothing waits for a review').waitFor();
    await expectAccessible(page);
    await page.getByText('Settings', { exact: true }).click();
    await page.getByText('Reviewed by somebody else').click();
    await expectAccessible(page);
    await button(page, 'Save').click();
    await button(page, 'Propose as a change').waitFor();
  });
});

describe('a change of a role', () => {
  it('is drafted in the editor, which publishes nothing any more and shows the worst case as one types', async () => {
    const { page } = author;
    await page.goto('/roles/billing');
    await page.getByTestId('draft-radius').waitFor();
    await page.getByText('billing.refund', { exact: true }).click();
    await page.getByTestId('draft-radius').getByText(/→/).first().waitFor();
    expect(await button(page, 'Publish…').count()).toBe(0);
    await expectAccessible(page);
    await button(page, 'Propose…').click();
    await dialog(page).getByRole('textbox', { name: 'Reason' }).fill('It refunds from now on');
    await dialog(page).getByRole('button', { name: 'Draft the change' }).click();
    await page.getByRole('heading', { name: /^CHG-\d+ · Change of role billing$/ }).waitFor();
    await state(page).getByText('A draft: nobody else has been asked yet.').waitFor();
    expect(await allowed()).toEqual(GRANTED);
  });

  it('is submitted with its preview, and its author may not approve it', async () => {
    const { page } = author;
    await button(page, 'Submit for review').click();
    await page
      .getByRole('list', { name: 'Differences in words' })
      .getByText(/billing\.refund/)
      .waitFor();
    await page.getByText('You may not approve it: you are an author of it.').waitFor();
    expect(await button(page, 'Approve…').isDisabled()).toBe(true);
    await expectAccessible(page);
  });

  it('is seen by the reviewer, who asks and then approves what was shown', async () => {
    const { page } = reviewer;
    await page.goto('/changes');
    await page.getByRole('link', { name: /^CHG-\d+ · Change of role billing$/ }).click();
    await page.getByText('You may approve it, as it is shown here.').waitFor();
    await page.getByRole('textbox', { name: 'Comment' }).fill('Who else refunds?');
    await button(page, 'Comment').click();
    await page.getByText('Who else refunds?').waitFor();
    await button(page, 'Approve…').click();
    await dialog(page).getByRole('textbox', { name: 'Reason' }).fill('only this one does');
    await dialog(page).getByRole('button', { name: 'Approve' }).click();
    await state(page).getByText('Approved, and not in force yet.').waitFor();
    await page.getByText('only this one does').waitFor();
    expect(await allowed()).toEqual(GRANTED);
    await expectAccessible(page);
  });

  it('takes effect when it is put in force', async () => {
    const { page } = author;
    await button(page, 'Put in force…').click();
    await dialog(page).getByRole('button', { name: 'Put in force' }).click();
    await state(page).getByText(`In force, put there by ${AUTHOR}.`).waitFor();
    expect(await allowed()).toEqual([...GRANTED, 'billing.refund'].sort());
    await expectAccessible(page);
  });

  it('is rolled back by a change of its own', async () => {
    await button(author.page, 'Roll back…').click();
    await dialog(author.page).getByRole('textbox', { name: 'Reason' }).fill('it refunded too much');
    await dialog(author.page).getByRole('button', { name: 'Draft the rollback' }).click();
    await author.page.getByText('rollback', { exact: true }).first().waitFor();
    const { page } = reviewer;
    await page.goto(new URL(author.page.url()).pathname);
    await page.getByText('You may approve it, as it is shown here.').waitFor();
    await button(page, 'Approve…').click();
    await dialog(page).getByRole('button', { name: 'Approve' }).click();
    await state(page).getByText('Approved, and not in force yet.').waitFor();
    await button(page, 'Put in force…').click();
    await dialog(page).getByRole('button', { name: 'Put in force' }).click();
    await state(page).getByText(`In force, put there by ${REVIEWER}.`).waitFor();
    expect(await allowed()).toEqual(GRANTED);
  });
});

describe('what is in force', () => {
  it('is shown as it was at any revision, with the change that brought each part', async () => {
    const { page } = author;
    await page.goto('/policy/current');
    await page.getByRole('slider', { name: 'Revision' }).press('ArrowLeft');
    await page.getByText('past', { exact: true }).waitFor();
    const parts = page.getByRole('table', { name: 'Objects and the changes that brought them' });
    await parts
      .getByRole('row')
      .filter({ hasText: 'role billing' })
      .getByRole('link', { name: 'see the change' })
      .waitFor();
    await expectAccessible(page);
  });

  it('is compared with what was approved, and with Git', async () => {
    const { page } = author;
    await page.goto('/changes?show=live');
    await page.getByText('no difference').waitFor();
    await page.getByText('Nothing was applied from files yet').waitFor();
    await expectAccessible(page);
  });
});

describe('the worst case', () => {
  it('stands beside every agent, with what binds it, and is accepted by a person', async () => {
    const { page } = reviewer;
    await page.goto('/blast-radius');
    await page
      .getByRole('table', { name: 'Blast radius of each agent' })
      .getByRole('link', { name: 'billing-bot' })
      .click();
    await page.getByRole('region', { name: 'What binds, in 24 h' }).waitFor();
    await page.getByText('nobody has accepted it').waitFor();
    await expectAccessible(page);
    await button(page, 'Accept these numbers…').click();
    await dialog(page).getByRole('textbox', { name: 'Reason' }).fill('known, until caps are in');
    await dialog(page).getByRole('button', { name: 'Accept' }).click();
    await page.getByText(`by ${REVIEWER} on`).waitFor();
  });

  it('says of what use could take away that there is not enough data', async () => {
    const { page } = author;
    await page.goto('/blast-radius?tab=proposals');
    await page.getByText('Not enough data').waitFor();
    await expectAccessible(page);
    await page.goto('/blast-radius?tab=workspace');
    await page.getByRole('region', { name: 'What these numbers do not hold' }).waitFor();
    await expectAccessible(page);
  });

  it.each([
    ['/changes?show=all', 'Change of role billing'],
    ['/changes/CHG-1', 'Places that differ'],
    ['/changes?show=settings', 'Who approves'],
    ['/changes?show=live', 'no difference'],
    ['/blast-radius', 'They do not add up'],
    ['/agents/billing-bot?tab=blast-radius', 'What binds, in 24 h'],
    ['/policy/current', 'What it is made of'],
  ])('%s has room on a narrow screen', async (path, shown) => {
    const { page } = reviewer;
    await page.setViewportSize({ width: 420, height: 800 });
    await page.goto(path);
    await page.getByText(shown).first().waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  });

  it('left no error in either browser', () => {
    expect([...author.complaints, ...reviewer.complaints]).toEqual([]);
  });
});
