/** The reference page in a browser: it works with nothing but this server, under the policy it is served with. */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { expect, it } from 'vitest';
import { startTestServer } from '../../../../test/setup/server.ts';

const CHROMIUM = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

it('shows the routes, asks nobody else, and breaks no rule of its policy', async () => {
  const executablePath = CHROMIUM.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) throw new Error('there is no Chromium: set CHROMIUM_PATH');
  const server = await startTestServer();
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url) && !/^(data|blob):/.test(request.url())) problems.push(request.url());
    });
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(`${server.url}/docs`);
    await page.getByText('Sign the console in with an admin key').first().waitFor();
    expect(problems).toEqual([]);
  } finally {
    await browser.close();
    await server.close();
  }
});
