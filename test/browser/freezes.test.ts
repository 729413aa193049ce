/** A change freeze, from writing it to two people lifting it, against a real server and a real MCP server. */
import type { Client } from '@modelcontextprotocol/client';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible, launch, openPage, signIn, type Watched } from './browser.ts';
import { furnish, startWorkspace, type Workspace } from './workspace.ts';

let workspace: Workspace;
let browser: Browser;
let client: Client;
/** Two people, each with a key of their own. */
let first: Watched;
let second: Watched;

beforeAll(async () => {
  [workspace, browser] = await Promise.all([startWorkspace(), launch()]);
  client = await workspace.connect(await furnish(workspace));
  await workspace.api('POST', '/v1/people', { email: 'lee@acme.example' });
  [first, second] = [await as('dana'), await as('lee')];
});
afterAll(async () => {
  await browser?.close();
  await workspace?.close();
});

async function as(name: string): Promise<Watched> {
  const person = `${name}@acme.example`;
  const { key } = (await workspace.api('POST', '/v1/keys', { name, person })) as { key: string };
  const watched = await openPage(browser, workspace.server.url);
  await signIn(watched.page, key);
  return watched;
}

const read = async () => JSON.stringify(await client.callTool({ name: 'billing__list_invoices', arguments: {} }));

describe('a freeze', () => {
  it('is written in the room, and denies what is in its scope on the next call', async () => {
    const { page } = first;
    expect(await read()).toContain('INV-1');
    await page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: 'Freezes' }).click();
    await page.getByText('No freeze is planned').waitFor();
    await page.getByRole('button', { name: 'New freeze' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('textbox', { name: 'Name' }).fill('every-day');
    await dialog.getByLabel('Starts').fill('2026-01-01T00:00');
    await dialog.getByLabel('Ends').fill('2026-01-02T00:00');
    await dialog.getByRole('combobox', { name: 'Repeats' }).click();
    await page.getByRole('option', { name: 'Every day' }).click();
    await dialog.getByRole('checkbox', { name: 'Reads' }).check();
    await dialog.getByRole('button', { name: 'Write freeze' }).click();
    await dialog.getByText('in force', { exact: true }).waitFor();
    await expectAccessible(page);
    expect(await read()).not.toContain('INV-1');
  });

  it('is lifted by two people, not by the one who asks', async () => {
    const { page } = first;
    await page.getByRole('button', { name: 'Ask for one…' }).click();
    const asking = page.getByRole('dialog', { name: 'Ask to lift every-day' });
    await asking.getByRole('textbox', { name: 'Reason' }).fill('the books must be read');
    await asking.getByRole('button', { name: 'Ask', exact: true }).click();
    await page.getByText('You asked: another person has to agree.').waitFor();
    expect(await page.getByRole('button', { name: 'Agree…' }).isDisabled()).toBe(true);
    expect(await read()).not.toContain('INV-1');

    await second.page.goto('/freezes?freeze=every-day');
    await second.page.getByText('the books must be read').waitFor();
    await second.page.getByRole('button', { name: 'Agree…' }).click();
    await second.page
      .getByRole('dialog', { name: 'Lift every-day' })
      .getByRole('button', { name: 'Agree', exact: true })
      .click();
    await second.page.getByText('The freeze binds again in').waitFor();
    await expectAccessible(second.page);
    expect(await read()).toContain('INV-1');
  });

  it('binds again at once when the override is ended', async () => {
    const { page } = second;
    await page.getByRole('button', { name: 'End now…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End now', exact: true }).click();
    await page.getByText('ended by key:lee').waitFor();
    expect(await read()).not.toContain('INV-1');
  });

  it('stands in the calendar, month by month', async () => {
    const { page } = first;
    await page.goto('/freezes?month=2026-01');
    await page.getByRole('heading', { name: 'January 2026' }).waitFor();
    await page.getByRole('link', { name: 'every-day' }).first().waitFor();
    await page.getByRole('button', { name: 'Month before' }).click();
    await page.getByRole('heading', { name: 'December 2025' }).waitFor();
    await page.getByRole('button', { name: 'Month after' }).click();
    await expectAccessible(page);
    const region = page.getByRole('region', { name: 'January 2026' });
    await region.getByRole('link', { name: 'every-day' }).last().click();
    await page.getByRole('dialog', { name: 'every-day' }).waitFor();
  });

  it('left no error in the browsers', () => {
    expect([...first.complaints, ...second.complaints]).toEqual([]);
  });
});
