/** Channels as whoever runs HiveKey sees them: what is set, a test message, and what did not arrive. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../packages/server/test/actions/workspace.ts';
import { type Office, openOffice } from '../../packages/server/test/approvals/office.ts';
import { type Slack, startSlack } from '../../packages/server/test/channels/slack.ts';
import { expectAccessible, launch, openPage, signIn, type Watched } from './browser.ts';

let slack: Slack;
let office: Office;
let browser: Browser;
let watched: Watched;

beforeAll(async () => {
  slack = await startSlack();
  [office, browser] = await Promise.all([openOffice({ upstream_allow: ['127.0.0.0/8'] }), launch()]);
  await office.capability('deploy', {});
  await office.role(
    'ops',
    ['deploy'],
    [{ id: 'all', action: 'deploy', when: { field: 'action', eq: 'deploy' }, effect: 'review' }],
  );
  await office.done('PUT', '/v1/secrets/slack-token', { value: slack.token });
  await office.done('PUT', '/v1/secrets/slack-signing', { value: slack.signingSecret });
  await office.done('PUT', '/v1/channels/slack', {
    bot_token_ref: 'vault://slack-token',
    signing_secret_ref: 'vault://slack-signing',
    channel: 'C0COMMON',
    group_channels: { finance: 'C0FINANCE' },
    api_url: slack.apiUrl,
  });
  watched = await openPage(browser, office.server.url);
  await signIn(watched.page, office.server.adminKey);
});
afterAll(async () => {
  await browser?.close();
  await office?.close();
  await slack?.close();
});

describe('the channels', () => {
  it('are shown with their settings, and none of their credentials', async () => {
    const { page } = watched;
    await page.goto('/system?tab=channels');
    const panel = page.getByRole('region', { name: 'Slack' });
    for (const text of [slack.team, 'C0COMMON', 'C0FINANCE', 'vault://slack-token', '/v1/slack/interactions'])
      await panel.getByText(text).first().waitFor();
    expect(await page.content()).not.toContain(slack.token);
    await page.getByRole('region', { name: 'E-mail' }).getByText('Not set').waitFor();
  });

  it('are tried with a test message', async () => {
    const { page } = watched;
    const panel = page.getByRole('region', { name: 'Slack' });
    await panel.getByRole('button', { name: 'Send a test message' }).click();
    await panel.getByText('sent', { exact: true }).waitFor();
    expect(slack.messages.at(-1)).toMatchObject({ channel: 'C0COMMON' });
    slack.answer = () => ({ error: 'not_in_channel' });
    await panel.getByRole('button', { name: 'Send a test message' }).click();
    await panel.getByText('Slack refused it: not_in_channel').waitFor();
  });

  it('show what was given up, and send it again', async () => {
    const { page, complaints } = watched;
    slack.answer = (method) => (method === 'chat.postMessage' ? { error: 'channel_not_found' } : undefined);
    const bot = await office.agent('ops-bot', 'ops');
    const { body } = await office.act(bot.token, 'deploy', { n: 1 }, { prefer: 'respond-async' });
    await eventually(async () => {
      const { body: failed } = await office.call('GET', '/v1/channel-messages?status=failed');
      return failed.data.length > 0 ? true : undefined;
    });
    await page.reload();
    const table = page.getByRole('table', { name: 'Messages that were given up' });
    await table.getByText('Slack refused it: channel_not_found').waitFor();
    await expectAccessible(page);
    slack.answer = () => undefined;
    const before = slack.messages.length;
    await table.getByRole('button', { name: 'Send again to C0COMMON' }).click();
    await page.getByRole('region', { name: 'Messages that were given up' }).getByText('None.').waitFor();
    await eventually(async () => (slack.messages.length > before ? true : undefined));
    expect(JSON.stringify(slack.messages.at(-1))).toContain(body.approval.id);
    expect(complaints).toEqual([]);
  });
});
