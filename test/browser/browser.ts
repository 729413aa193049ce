/** Chromium and what every page of the console is held to: no error in its console, no breach of its policy, no serious fault of accessibility. */
import { existsSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export async function launch(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM_PATH ?? CHROMIUM.find((path) => existsSync(path));
  if (executablePath === undefined) throw new Error('there is no Chromium: install it, or set CHROMIUM_PATH');
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

export interface Watched {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the browser complained of so far; a test that provokes something takes it out. */
  readonly complaints: string[];
}

/** For one thing to appear, on a machine that does much else. */
const TIMEOUT_MS = 20_000;

/** Asking whether there is a session is answered 401 where there is none; the browser prints that by itself. */
const EXPECTED = /status of 401 .*\/v1\/session$/;

export async function openPage(browser: Browser, origin: string): Promise<Watched> {
  const context = await browser.newContext({
    baseURL: origin,
    viewport: { width: 1360, height: 850 },
    // Colours on the way from one to another are nobody's choice, and waiting for them is waiting.
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const complaints: string[] = [];
  page.on('console', (message) => {
    const text = `${message.text()} ${message.location().url}`;
    if ((message.type() === 'error' || message.type() === 'warning') && !EXPECTED.test(text)) complaints.push(text);
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('blob:'))
      complaints.push(`a request left for ${request.url()}`);
  });
  return { context, page, complaints };
}

export async function signIn(page: Page, adminKey: string): Promise<void> {
  await page.goto('/');
  await page.getByRole('textbox', { name: 'Admin key' }).fill(adminKey);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Agents', level: 1 }).waitFor();
}

/** WCAG 2.2 A and AA as far as a machine can see, in both colour schemes; nothing serious or critical may be found. */
export async function expectAccessible(page: Page): Promise<void> {
  await inColours(page, 'light');
  expect(await serious(new AxeBuilder({ page }).withTags(TAGS))).toEqual([]);
  // The same document: only its colours are others.
  await inColours(page, 'dark');
  expect(await serious(new AxeBuilder({ page }).withRules(['color-contrast']))).toEqual([]);
}

async function inColours(page: Page, colorScheme: 'light' | 'dark'): Promise<void> {
  await page.emulateMedia({ colorScheme });
  await page.locator(`html[data-mantine-color-scheme="${colorScheme}"]`).waitFor({ state: 'attached' });
  await page.evaluate(SETTLED);
}

/** What moves and will end has ended, and no colour has changed for some frames: a scheme takes effect in more than one. */
const SETTLED = `(async () => {
  const ending = document.getAnimations().filter((each) => each.effect?.getComputedTiming().iterations !== Infinity);
  await Promise.allSettled(ending.map((each) => each.finished));
  const colours = () =>
    Array.from(document.querySelectorAll('body, body *'), (each) => {
      const { color, backgroundColor, borderColor } = getComputedStyle(each);
      return color + backgroundColor + borderColor;
    }).join();
  for (let last = '', same = 0; same < 3; ) {
    await new Promise(requestAnimationFrame);
    const now = colours();
    same = now === last ? same + 1 : 0;
    last = now;
  }
})()`;

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

async function serious(axe: AxeBuilder): Promise<string[]> {
  // In the page itself: the other way opens a window for each result, for the sake of frames, of which there are none.
  const { violations } = await axe
    .setLegacyMode(true)
    .options({ resultTypes: ['violations'] })
    .analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(' | ')}`,
    );
}
