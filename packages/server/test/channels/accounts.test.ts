/** One account in Slack is one voice, whoever it is said to belong to. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type TestAgent } from '../actions/workspace.ts';
import { type Office, openOffice } from '../approvals/office.ts';
import { buttonOf, type Posted, type Slack, startSlack } from './slack.ts';

const APPROVE = 'hivekey_approve';

let slack: Slack;
let office: Office;
let bot: TestAgent;
const ACCOUNT = { id: 'U0ERIN' };

beforeAll(async () => {
  slack = await startSlack('T0ACME09');
  office = await openOffice({ upstream_allow: ['127.0.0.0/8'] });
  await office.capability('notes.write', {});
  await office.role(
    'writer',
    ['notes.write'],
    [
      {
        id: 'notes',
        action: 'notes.write',
        when: { field: 'action', eq: 'notes.write' },
        effect: 'review',
        approval: { people: 2 },
      },
    ],
  );
  bot = await office.agent('writer-bot', 'writer');
  await office.person('erin', { slack: { team: slack.team, user: ACCOUNT.id } });
  await office.person('fay');
  for (const [name, value] of [
    ['slack-token', slack.token],
    ['slack-signing', slack.signingSecret],
  ])
    await office.done('PUT', `/v1/secrets/${name}`, { value });
  await office.done('PUT', '/v1/channels/slack', {
    bot_token_ref: 'vault://slack-token',
    signing_secret_ref: 'vault://slack-signing',
    channel: 'C0COMMON',
    api_url: slack.apiUrl,
  });
});
afterAll(async () => {
  await office.close();
  await slack.close();
});

const read = async (id: string) => (await office.call('GET', `/v1/approvals/${id}`)).body;

describe('an account in Slack', () => {
  it('counts once on an approval, though it is written down of somebody else between two clicks', async () => {
    const { body } = await office.act(bot.token, 'notes.write', { text: 'hello' }, { prefer: 'respond-async' });
    const id: string = body.approval.id;
    const posted: Posted = await eventually(async () =>
      slack.messages.find((each) => buttonOf(each, APPROVE)?.value?.startsWith(`${id} `)),
    );
    await slack.click(office.server.url, posted, APPROVE, ACCOUNT);
    expect((await read(id)).decisions).toHaveLength(1);

    await office.done('PATCH', '/v1/people/erin@acme.example', { slack: null });
    await office.done('PATCH', '/v1/people/fay@acme.example', { slack: { team: slack.team, user: ACCOUNT.id } });
    await slack.click(office.server.url, posted, APPROVE, ACCOUNT);
    const after = await read(id);
    expect(after).toMatchObject({ status: 'pending', decisions: [{ person: 'erin@acme.example' }] });
    const refusal = await eventually(async () =>
      slack.responses.find(({ text }) => text.includes('approver_decided_before')),
    );
    expect(refusal.response_type).toBe('ephemeral');
  });
});
