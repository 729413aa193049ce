/** A reviewer's way through the console: what changed, what it can do, a decision that is submitted, and that it has taken effect. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openReviews, type ReviewWorld } from '../../packages/server/test/reviews/world.ts';
import { expectAccessible, launch, openPage, signIn } from './browser.ts';

let world: ReviewWorld;
let browser: Browser;
let review: string;

beforeAll(async () => {
  [world, browser] = await Promise.all([openReviews(), launch()]);
  await world.capability('crm.read', { access: 'read' });
  await world.capability('crm.delete', { access: 'write', destructive: true });
  await world.role('support', ['crm.read']);
  await world.role('cleaner-of-records-that-nobody-has-looked-at-for-long-time', ['crm.delete']);
  await world.agent('desk-bot', {
    roles: ['support', 'cleaner-of-records-that-nobody-has-looked-at-for-long-time'],
  });
  await world.agent('night-bot');
  ({ id: review } = await world.launch({ types: ['assignment'] }));
}, 60_000);
afterAll(async () => {
  await browser.close();
  await world.closeSql();
  await world.server.close();
});

describe('a reviewer', () => {
  it('decides with everything before them, and sees that it has taken effect', async () => {
    const { page, complaints } = await openPage(browser, world.server.url);
    await signIn(page, world.erin.key);
    await page.goto('/reviews');
    const card = page.getByRole('article', { name: 'night-bot wears support' });
    await card.getByText('Never reviewed before.').waitFor();
    await card.getByRole('button', { name: 'Decide' }).click();
    const dialog = page.getByRole('dialog');
    // Nothing is chosen beforehand.
    expect(await dialog.getByRole('radio', { checked: true }).count()).toBe(0);
    expect(await dialog.getByRole('button', { name: 'Decide' }).isEnabled()).toBe(false);
    await dialog.getByRole('radio', { name: 'Take it away' }).check();
    await dialog.getByRole('textbox', { name: 'Reason' }).fill('The night shift is over.');
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Decide' }).click();
    await card.getByText('Revoke · not submitted').waitFor();
    await page.getByRole('button', { name: 'Submit' }).click();
    await card.getByText('Revoke', { exact: true }).waitFor();
    await page.goto(`/reviews/${review}?tab=remediations`);
    await page.getByText('verified', { exact: true }).waitFor();
    await page.getByText('Not decided: 2 of 3 items.').waitFor();
    await expectAccessible(page);
    for (const [path, shown] of [
      [`/reviews/${review}`, 'wears cleaner-of-records'],
      [`/reviews/${review}?tab=recheck`, 'Not drawn yet'],
      [`/reviews/${review}?tab=signatures`, 'Nobody has signed yet'],
      ['/reviews?tab=campaigns', 'by hand: a test'],
      ['/reviews?tab=policy', 'Access is reviewed each quarter.'],
    ] as const) {
      await page.goto(path);
      await page.getByText(shown).first().waitFor();
    }
    expect(complaints).toEqual([]);
  });
});
