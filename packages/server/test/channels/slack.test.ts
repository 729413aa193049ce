/** Held calls in Slack: what is shown, who may click, and each way of getting round it. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type TestAgent } from '../actions/workspace.ts';
import { type Decider, type Office, openOffice } from '../approvals/office.ts';
import {
  argumentsOf,
  buttonOf,
  buttonsOf,
  type Posted,
  type Slack,
  sequencesOf,
  sign,
  startSlack,
  textsOf,
} from './slack.ts';

const APPROVE = 'hivekey_approve';
const DENY = 'hivekey_deny';
const OPEN = 'hivekey_open';
const COMMON = 'C0COMMON';
const FINANCE = 'C0FINANCE';
const TOKEN = 'CHANNELS_TEST_TOKEN';
const SIGNING = 'CHANNELS_TEST_SIGNING';

let slack: Slack;
let office: Office;
let bot: TestAgent;
let erin: Decider;
let dana: Decider;
let owner: pg.Client;
let payments = 0;

const ERIN = { id: 'U0ERIN' };
const SAM = { id: 'U0SAM' };
const DANA = { id: 'U0DANA' };

beforeAll(async () => {
  slack = await startSlack();
  office = await openOffice({ upstream_allow: ['127.0.0.0/8'], upstream_env: [TOKEN, SIGNING] });
  owner = new pg.Client({ connectionString: office.server.ownerUrl });
  await owner.connect();
  await office.capability('payments.pay', {
    impact: { usd: { field: 'amount', currency: 'USD' } },
    input_schema: {
      type: 'object',
      properties: {
        to: { type: 'string' },
        amount: { type: 'number' },
        note: { type: 'string' },
        pin: { type: 'string', writeOnly: true },
      },
    },
  });
  await office.capability('notes.write', {});
  await office.role(
    'billing',
    ['payments.pay', 'notes.write'],
    [
      { id: 'notes', action: 'notes.write', when: { field: 'action', eq: 'notes.write' }, effect: 'review' },
      { id: 'review', action: 'payments.pay', when: { field: 'amount', gte: 200 }, effect: 'review' },
      {
        id: 'large',
        action: 'payments.pay',
        when: { field: 'amount', gte: 1000 },
        effect: 'review',
        approval: { people: 2, groups: ['finance', 'security'] },
      },
    ],
  );
  bot = await office.agent('billing-bot', 'billing');
  dana = await office.person('dana', { slack: { team: slack.team, user: DANA.id } });
  erin = await office.person('erin', { groups: ['finance'], slack: { team: slack.team, user: ERIN.id } });
  await office.person('sam', { groups: ['security'], slack: { team: slack.team, user: SAM.id } });
  for (const [name, value] of [
    ['slack-token', slack.token],
    ['slack-signing', slack.signingSecret],
  ])
    await office.done('PUT', `/v1/secrets/${name}`, { value });
  await office.done('PUT', '/v1/channels/slack', settings());
});
afterAll(async () => {
  await owner.end();
  await office.close();
  await slack.close();
});
afterEach(() => {
  slack.answer = () => undefined;
});

const settings = () => ({
  bot_token_ref: 'vault://slack-token',
  signing_secret_ref: 'vault://slack-signing',
  channel: COMMON,
  group_channels: { finance: FINANCE },
  api_url: slack.apiUrl,
});

async function held(args: object = {}, action = 'payments.pay'): Promise<string> {
  payments += 1;
  const payment = { to: `vendor-${payments}@acme.example`, amount: 300, pin: '1234', ...args };
  const { body } = await office.act(bot.token, action, action === 'payments.pay' ? payment : args, {
    prefer: 'respond-async',
  });
  return body.approval.id;
}

const cardsOf = (id: string): Posted[] =>
  slack.messages.filter((each) => buttonOf(each, OPEN)?.url?.endsWith(`/approvals/${id}`) && each.thread === undefined);
const card = (id: string): Promise<Posted> => eventually(async () => cardsOf(id)[0]);
const read = async (id: string) => (await office.call('GET', `/v1/approvals/${id}`)).body;
const shows = (posted: Posted, words: string): Promise<true> =>
  eventually(async () => (textsOf(posted).some((text) => text.includes(words)) ? true : undefined));
const recordsOf = async (id: string) => {
  const { body } = await office.call('GET', '/v1/audit/events?limit=200');
  return body.data.filter((each: { approval_id?: string }) => each.approval_id === id);
};
const refusals = (id: string, count = 1): Promise<{ code: string; person?: string; channel: string }[]> =>
  eventually(async () => {
    const found = (await recordsOf(id)).filter(({ kind }: { kind: string }) => kind === 'approval.refused');
    return found.length >= count ? found : undefined;
  });
/** What is to be tried again is due now. */
const hasten = () =>
  owner.query("UPDATE channel_messages SET due_at = now() WHERE status = 'waiting' AND failures > 0");
/** What was answered to whoever clicked, once there is one more than there were. */
const told = (before: number): Promise<string> =>
  eventually(async () => {
    const later = slack.responses.slice(before).find(({ response_type }) => response_type === 'ephemeral');
    return later === undefined ? undefined : textsOf(later).join('\n');
  });

describe('a held call', () => {
  it('is shown with all arguments, who must decide and what binds it', async () => {
    const id = await held({ note: 'invoice 118' });
    const posted = await card(id);
    const { view, hash, expires_at } = await read(id);
    expect(posted.channel).toBe(COMMON);
    expect(argumentsOf(posted)).toEqual(view.arguments);
    expect(argumentsOf(posted)).toMatchObject({ note: 'invoice 118', pin: '***' });
    const shown = textsOf(posted).join('\n');
    for (const words of [
      'billing-bot',
      'dana@acme.example',
      'payments.pay',
      '30000 usd',
      hash,
      '1 more of 1',
      `<!date^${expires_at}^`,
    ])
      expect(shown).toContain(words);
    expect(buttonsOf(posted).map(({ action_id }) => action_id)).toEqual([APPROVE, DENY, OPEN]);
    expect(buttonOf(posted, APPROVE)?.confirm).toBeDefined();
  });

  it('is approved by a click, as by any other decision, and loses its buttons', async () => {
    const id = await held();
    const posted = await card(id);
    const before = Math.floor(Date.now() / 1000);
    const timestamp = before - 7;
    const answer = await slack.click(office.server.url, posted, APPROVE, ERIN, { timestamp });
    expect(answer).toMatchObject({ status: 200, body: undefined });
    expect(answer.ms).toBeLessThan(3000);
    const approval = await read(id);
    expect(approval).toMatchObject({
      status: 'approved',
      decisions: [
        {
          person: erin.email,
          decision: 'approve',
          channel: 'slack',
          key_id: `${slack.team}/${ERIN.id}`,
          authenticated_at: timestamp,
        },
      ],
    });
    await shows(posted, 'Approved by `erin@acme.example`');
    expect(buttonsOf(posted).map(({ action_id }) => action_id)).toEqual([OPEN]);
    const decided = (await recordsOf(id)).find(({ kind }: { kind: string }) => kind === 'approval.decided');
    expect(decided).toMatchObject({ actor: 'slack:erin@acme.example', channel: 'slack' });
  });

  it('is denied with a reason that is asked for', async () => {
    const id = await held();
    const posted = await card(id);
    const views = slack.views.length;
    expect((await slack.click(office.server.url, posted, DENY, ERIN)).status).toBe(200);
    const opened = await eventually(async () => slack.views[views]);
    expect((await read(id)).status).toBe('pending');
    const answer = await slack.submit(office.server.url, opened, ' unknown payee ', ERIN);
    expect(answer).toMatchObject({ status: 200, body: undefined });
    expect(await read(id)).toMatchObject({
      status: 'denied',
      decisions: [{ reason: 'unknown payee', channel: 'slack' }],
    });
    await shows(posted, 'unknown payee');
    expect(buttonOf(posted, APPROVE)).toBeUndefined();
  });

  it('goes to the places of the groups that must be spoken for, and is changed in all of them', async () => {
    const id = await held({ amount: 1500 });
    // security has no place of its own
    const posted = await eventually(async () => (cardsOf(id).length === 2 ? cardsOf(id) : undefined));
    expect(posted.map(({ channel }) => channel).sort()).toEqual([COMMON, FINANCE]);
    const [first, second] = posted;
    if (first === undefined || second === undefined) throw new Error('there are two');
    await slack.click(office.server.url, first, APPROVE, ERIN);
    for (const each of posted) await shows(each, 'Approved by `erin@acme.example`');
    expect(buttonOf(second, APPROVE)).toBeDefined();
    await slack.click(office.server.url, second, APPROVE, SAM);
    for (const each of posted) await eventually(async () => (buttonOf(each, APPROVE) === undefined ? true : undefined));
    expect((await read(id)).status).toBe('approved');
  });

  it.each([
    ['cancelled', async (id: string) => office.done('POST', `/v1/approvals/${id}/cancel`, { reason: 'not needed' })],
    [
      'expired',
      async (id: string) => {
        await owner.query('ALTER TABLE approvals DISABLE TRIGGER approval_moves');
        await owner.query("UPDATE approvals SET expires_at = now() - interval '1 second' WHERE id = $1", [id]);
        await owner.query('ALTER TABLE approvals ENABLE TRIGGER approval_moves');
      },
    ],
  ])('that was %s cannot be clicked any more', async (word, end) => {
    const id = await held();
    const posted = await card(id);
    await end(id);
    await eventually(async () => (buttonOf(posted, APPROVE) === undefined ? true : undefined));
    expect(posted.text.toLowerCase()).toContain(word);
  });

  it('that does not fit has no button to approve it: what is approved is what was read', async () => {
    const id = await held({ note: 'x'.repeat(3000) });
    const posted = await card(id);
    expect(buttonsOf(posted).map(({ action_id }) => action_id)).toEqual([OPEN]);
    expect(argumentsOf(posted)).toBeUndefined();
    // The longest that fits, and one line more, are among the pure tests.
    const long = await held(
      { lines: Array.from({ length: 100 }, (_, i) => `line ${i} ${'y'.repeat(40)}`) },
      'notes.write',
    );
    expect(argumentsOf(await card(long))).toEqual((await read(long)).view.arguments);
  });

  it('cannot mention, link, format or hide', async () => {
    const note =
      '<!channel> <@U0ERIN> <https://evil.example|here> ```\n*approved* & `x` \u202edetrever\u202c \u200b\u3164 \u05d0 :tada:     end \\u003c';
    const id = await held({ note, '<!here>': '```' }, 'notes.write');
    const posted = await card(id);
    expect(argumentsOf(posted)).toEqual((await read(id)).view.arguments);
    expect(sequencesOf(posted).filter((each) => !each.startsWith('<!date^'))).toEqual([]);
    const shown = textsOf(posted).join('\n');
    expect(shown.match(/```/g)).toHaveLength(4);
    expect(shown).not.toMatch(/[\u202a-\u202e\u200b\u3164\u05d0]/);
    expect(shown).toContain('\\u003c!channel\\u003e');
    expect(shown).toContain('\\\\u003c"');
  });
});

describe('what a person is told and decides for others', () => {
  it('a reminder names the people in the thread of the message, an escalation also goes to the group that is named', async () => {
    await owner.query(
      `INSERT INTO approval_reminders (workspace_id, capability, remind_after_seconds, escalate_after_seconds, escalate_to)
       SELECT workspace_id, 'notes.write', 1, 1, '{finance}' FROM channels`,
    );
    const id = await held({ n: 1 }, 'notes.write');
    const posted = await card(id);
    const notes = await eventually(async () => {
      const found = slack.messages.filter(
        (each) => buttonOf(each, OPEN)?.url?.endsWith(`/approvals/${id}`) && /waiting|Escalated/.test(each.text),
      );
      return found.length >= 3 ? found : undefined;
    });
    await owner.query('DELETE FROM approval_reminders');
    expect(notes.map(({ channel, text }) => `${channel} ${text.split(':')[0]}`).sort()).toEqual([
      `${COMMON} Escalated`,
      `${COMMON} Still waiting`,
      `${FINANCE} Escalated`,
    ]);
    const reminder = notes.find(({ text }) => text.startsWith('Still'));
    expect(reminder?.thread).toBe(posted.ts);
    expect(sequencesOf(reminder ?? posted).filter((each) => each.startsWith('<@'))).toEqual(
      expect.arrayContaining([`<@${ERIN.id}>`, `<@${SAM.id}>`]),
    );
    // The request itself has come to the place of the group, and is decided there.
    const there = await eventually(async () => cardsOf(id).find(({ channel }) => channel === FINANCE));
    await slack.click(office.server.url, there, APPROVE, ERIN);
    for (const each of cardsOf(id)) await shows(each, 'Approved by `erin@acme.example`');
  });

  it('a delegation is told to both, and a click counts for whoever handed their say over', async () => {
    const kim = { id: 'U0KIM' };
    const { email } = await office.person('kim', { slack: { team: slack.team, user: kim.id } });
    const ends_at = Math.floor(Date.now() / 1000) + 600;
    const made = await erin.call('POST', '/v1/delegations', { body: { to: email, ends_at, reason: '<!here> away' } });
    expect(made.status).toBe(201);
    const told = await eventually(async () => {
      const found = slack.messages.filter(({ text }) => text === 'Approvals are delegated.');
      return found.length >= 2 ? found : undefined;
    });
    expect(told.map(({ channel }) => channel).sort()).toEqual([ERIN.id, kim.id]);
    expect(told.flatMap(sequencesOf)).toEqual([]);
    // Of neither group that is asked, kim speaks for the one of erin.
    const id = await held({ amount: 1500 });
    await slack.click(office.server.url, await card(id), APPROVE, kim);
    expect(await read(id)).toMatchObject({
      missing: { people: 1, groups: ['security'] },
      decisions: [{ person: email, on_behalf_of: erin.email, channel: 'slack' }],
    });
    await office.done('POST', `/v1/delegations/${made.body.id}/end`, {});
  });
});

describe('attacks are refused, and what concerns an approval is recorded', () => {
  it.each([
    ['forged', () => ({ secret: 'another secret of another app' }), 'slack_signature_invalid'],
    ['late', () => ({ timestamp: Math.floor(Date.now() / 1000) - 302 }), 'slack_request_stale'],
    ['early', () => ({ timestamp: Math.floor(Date.now() / 1000) + 310 }), 'slack_request_stale'],
    ['of a team that is not known', () => ({ team: 'T0OTHER1' }), 'slack_signature_invalid'],
    ['unsigned', () => ({ headers: { 'x-slack-signature': '' } }), 'slack_request_unsigned'],
    [
      'signed in an older version',
      () => ({ headers: { 'x-slack-signature': `v1=${'0'.repeat(64)}` } }),
      'slack_request_unsigned',
    ],
    ['without a time', () => ({ headers: { 'x-slack-request-timestamp': 'now' } }), 'slack_request_unsigned'],
  ])('a request that is %s', async (_, sent, code) => {
    const id = await held();
    const answer = await slack.click(office.server.url, await card(id), APPROVE, ERIN, sent());
    expect(answer).toMatchObject({ status: 401, body: { error: { code } } });
    expect((await read(id)).status).toBe('pending');
  });

  it('a request that is sent again, or with other bytes', async () => {
    const id = await held({ amount: 1500 });
    const posted = await card(id);
    const timestamp = Math.floor(Date.now() / 1000);
    let body = '';
    const payload = {
      type: 'block_actions',
      team: { id: slack.team },
      user: { id: ERIN.id, team_id: slack.team },
      trigger_id: '1.2.3',
      response_url: `http://${slack.host}/respond/x`,
      actions: [{ type: 'button', action_id: APPROVE, value: buttonOf(posted, APPROVE)?.value }],
    };
    body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
    const send = (bytes: string) =>
      office.call('POST', '/v1/slack/interactions', {
        key: null,
        body: bytes,
        headers: {
          'x-slack-request-timestamp': String(timestamp),
          'x-slack-signature': sign(slack.signingSecret, timestamp, body),
        },
      });
    expect((await send(body.replace(ERIN.id, SAM.id))).body.error.code).toBe('slack_signature_invalid');
    expect((await send(`${body}&payload=%7B%7D`)).body.error.code).toBe('slack_signature_invalid');
    expect((await send(body)).status).toBe(200);
    expect((await send(body)).body.error.code).toBe('slack_request_replayed');
    expect((await read(id)).decisions).toHaveLength(1);
  });

  it.each([
    ['nothing', {}],
    [
      'a click on what we never made',
      { type: 'block_actions', actions: [{ type: 'button', action_id: APPROVE, value: 'yes' }] },
    ],
    ['two clicks at once', { type: 'block_actions', actions: [{ type: 'button' }, { type: 'button' }] }],
    ['an answer to another dialog', { type: 'view_submission', view: {} }],
  ])('a signed request that holds %s', async (_, part) => {
    const payload = { team: { id: slack.team }, user: { id: ERIN.id }, trigger_id: 't', response_url: 'u', ...part };
    expect(await slack.send(office.server.url, payload)).toMatchObject({
      status: 400,
      body: { error: { code: 'slack_request_invalid' } },
    });
  });

  it('what we do not answer is taken and does nothing', async () => {
    const payload = { type: 'shortcut', team: { id: slack.team }, user: { id: ERIN.id } };
    expect(await slack.send(office.server.url, payload)).toMatchObject({ status: 200, body: undefined });
    const id = await held();
    expect((await slack.click(office.server.url, await card(id), OPEN, ERIN)).status).toBe(200);
  });

  it.each([
    ['nobody here', { id: 'U0NOBODY' }, 'slack_user_unknown'],
    ['of another Slack team, with the same user id', { id: ERIN.id, team: 'T0EVIL01' }, 'slack_user_unknown'],
    ['the owner of the agent', DANA, 'approver_is_owner'],
  ])('a click of somebody who is %s', async (_, user, code) => {
    const id = await held();
    const posted = await card(id);
    const before = slack.responses.length;
    expect((await slack.click(office.server.url, posted, APPROVE, user)).status).toBe(200);
    const words = await told(before);
    expect(words).toContain(code);
    expect(await refusals(id)).toMatchObject([{ code, channel: 'slack', decision: 'approve' }]);
    expect((await read(id)).status).toBe('pending');
    expect(buttonOf(posted, APPROVE)).toBeDefined();
  });

  it('clicks of somebody who is nobody here are answered all, and recorded a few times a minute', async () => {
    const id = await held();
    const posted = await card(id);
    const before = slack.responses.length;
    for (let n = 0; n < 12; n += 1) await slack.click(office.server.url, posted, APPROVE, { id: 'U0MANY' });
    const answers = await eventually(async () =>
      slack.responses.length >= before + 12 ? slack.responses.slice(before) : undefined,
    );
    expect(new Set(answers.map((each) => textsOf(each).join('\n'))).size).toBe(1);
    expect(textsOf(answers[0] ?? { blocks: [], text: '' }).join()).toContain('slack_user_unknown');
    // A minute may end in between.
    const recorded = (await refusals(id, 5)).length;
    expect([5, 6, 7, 8, 9, 10]).toContain(recorded);
    await slack.click(office.server.url, posted, APPROVE, { id: 'U0OTHER' });
    expect(await refusals(id, recorded + 1)).toHaveLength(recorded + 1);
  });

  it('a hash that was not shown', async () => {
    const id = await held();
    const before = slack.responses.length;
    const value = `${id} sha256:${'0'.repeat(64)}`;
    await slack.click(office.server.url, await card(id), APPROVE, ERIN, { value });
    expect(await told(before)).toContain('approval_hash_differs');
    expect(await refusals(id)).toMatchObject([{ code: 'approval_hash_differs', person: erin.email }]);
  });

  it('a double click, and another person at the same time', async () => {
    const id = await held();
    const posted = await card(id);
    const value = buttonOf(posted, APPROVE)?.value ?? '';
    const before = slack.responses.length;
    const clicks = [ERIN, ERIN, SAM].map((user) => slack.click(office.server.url, posted, APPROVE, user, { value }));
    expect((await Promise.all(clicks)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await read(id)).decisions).toHaveLength(1);
    expect((await refusals(id, 2)).length).toBe(2);
    await told(before);
  });

  it('a message that is out of date is put right by whoever clicks it', async () => {
    const id = await held();
    const posted = await card(id);
    const value = buttonOf(posted, APPROVE)?.value ?? '';
    await erin.deny(id, 'no');
    await eventually(async () => (buttonOf(posted, APPROVE) === undefined ? true : undefined));
    const before = slack.responses.length;
    // As from a copy that was posted and lost before it was kept.
    const stale = {
      ...posted,
      blocks: [
        ...posted.blocks,
        {
          type: 'actions' as const,
          elements: [
            {
              type: 'button' as const,
              action_id: APPROVE,
              text: { type: 'plain_text' as const, text: 'Approve' },
              value,
            },
          ],
        },
      ],
    };
    await slack.click(office.server.url, stale, APPROVE, SAM);
    const [only, replaced] = await eventually(async () =>
      slack.responses.length >= before + 2 ? slack.responses.slice(before) : undefined,
    );
    expect(textsOf(only ?? { text: '', blocks: [] }).join()).toContain('approval_denied');
    expect(replaced).toMatchObject({ replace_original: true });
    expect(buttonOf(replaced ?? { blocks: [] }, APPROVE)).toBeUndefined();
  });

  it('a denial that does not count keeps its dialog and says why', async () => {
    const id = await held();
    const posted = await card(id);
    const views = slack.views.length;
    await slack.click(office.server.url, posted, DENY, { id: 'U0NOBODY' });
    const opened = await eventually(async () => slack.views[views]);
    const answer = await slack.submit(office.server.url, opened, null, { id: 'U0NOBODY' });
    expect(answer).toMatchObject({
      status: 200,
      body: { response_action: 'errors', errors: { reason: expect.stringContaining('slack_user_unknown') } },
    });
    expect((await read(id)).status).toBe('pending');
  });

  it('a click of another workspace, with its own app or with the same', async () => {
    const other = await startSlack('T0OTHER2');
    const workspaceId = 'wsp_second000000';
    const ofSecond = (which: Slack): Promise<unknown> => {
      process.env[TOKEN] = which.token;
      process.env[SIGNING] = which.signingSecret;
      const set = {
        ...settings(),
        api_url: which.apiUrl,
        bot_token_ref: `env://${TOKEN}`,
        signing_secret_ref: `env://${SIGNING}`,
      };
      return owner.query(
        `INSERT INTO channels (workspace_id, kind, settings, team_id, updated_at, updated_by, cursor_seq)
         VALUES ($1, 'slack', $2, $3, now(), 'test', 0)`,
        [workspaceId, JSON.stringify(set), which.team],
      );
    };
    const stranger = { id: 'U0STRANGER' };
    try {
      await owner.query(`INSERT INTO workspaces (id, name) VALUES ($1, 'second')`, [workspaceId]);
      await owner.query('INSERT INTO workspace_state (workspace_id) VALUES ($1)', [workspaceId]);
      await owner.query(
        `INSERT INTO people (workspace_id, id, email, display_name, slack_team, slack_user)
         VALUES ($1, 'per_one', 'one@other.example', '', $2, $4), ($1, 'per_two', 'two@other.example', '', $3, $4)`,
        [workspaceId, other.team, slack.team, stranger.id],
      );
      const id = await held();
      const posted = await card(id);
      await ofSecond(other);
      const sent = { secret: other.signingSecret, team: other.team };
      expect((await slack.click(office.server.url, posted, APPROVE, stranger, sent)).status).toBe(200);
      // Told through the channel that signed, which has no approval of that id; its response_url is none of that Slack's.
      await eventually(async () => (other.calls.length > 0 || slack.responses.length > 0 ? true : undefined));
      expect(await read(id)).toMatchObject({ status: 'pending', decisions: [] });

      await owner.query('DELETE FROM channels WHERE workspace_id = $1', [workspaceId]);
      await ofSecond(slack);
      const before = slack.responses.length;
      await slack.click(office.server.url, posted, APPROVE, stranger);
      expect(await told(before)).toContain('slack_user_unknown');
      expect(await refusals(id)).toMatchObject([{ code: 'slack_user_unknown' }]);
      expect(await read(id)).toMatchObject({ status: 'pending', decisions: [] });
    } finally {
      await owner.query('DELETE FROM channels WHERE workspace_id = $1', [workspaceId]);
      await other.close();
    }
  });
});

describe('Slack itself', () => {
  it('is left alone for as long as it asks', async () => {
    let refusing = 1;
    slack.answer = (method) => {
      if (method !== 'chat.postMessage' || refusing === 0) return undefined;
      refusing -= 1;
      return { status: 429, headers: { 'retry-after': '2' } };
    };
    const id = await held();
    const calls = slack.calls.length;
    await card(id);
    const tries = slack.calls.slice(calls).filter(({ method }) => method === 'chat.postMessage');
    expect(tries.length).toBeGreaterThanOrEqual(2);
    expect((tries[1]?.at ?? 0) - (tries[0]?.at ?? 0)).toBeGreaterThanOrEqual(1900);
  });

  it('that fails is tried again, and nothing waits for it', async () => {
    let failures = 2;
    slack.answer = (method) => {
      if (method !== 'chat.postMessage' || failures === 0) return undefined;
      failures -= 1;
      return failures === 1 ? { status: 500 } : { error: 'service_unavailable' };
    };
    const id = await held();
    const tries = () => office.call('GET', `/v1/channel-messages?approval=${id}`);
    for (const failed of [1, 2]) {
      await eventually(async () => ((await tries()).body.data[0]?.failures === failed ? true : undefined));
      await hasten();
    }
    await card(id);
    const { body } = await tries();
    expect(body.data).toMatchObject([{ purpose: 'request', destination: COMMON }]);
    expect(cardsOf(id)).toHaveLength(1);
  });

  it('is asked with the token that is kept now', async () => {
    await office.done('PUT', '/v1/secrets/slack-token', { value: 'xoxb-another-token-of-nobody' });
    const id = await held();
    await eventually(async () => {
      const { body } = await office.call('GET', `/v1/channel-messages?approval=${id}`);
      return body.data[0]?.last_error === 'Slack refused it: invalid_auth' ? true : undefined;
    });
    await office.done('PUT', '/v1/secrets/slack-token', { value: slack.token });
    await hasten();
    await card(id);
  });

  it('that refuses for good has its message shown as failed, and it can be sent again', async () => {
    slack.answer = (method) => (method === 'chat.postMessage' ? { error: 'channel_not_found' } : undefined);
    const id = await held();
    const failed = await eventually(async () => {
      const { body } = await office.call('GET', `/v1/channel-messages?status=failed&approval=${id}`);
      return body.data[0];
    });
    expect(failed).toMatchObject({ channel: 'slack', last_error: 'Slack refused it: channel_not_found', failures: 1 });
    const { body: channels } = await office.call('GET', '/v1/channels');
    expect(channels.data[0]).toMatchObject({ channel: 'slack', failed: expect.any(Number), team: slack.team });
    expect(channels.data[0].failed).toBeGreaterThan(0);
    slack.answer = () => undefined;
    await office.done('POST', `/v1/channel-messages/${failed.id}/retry`, {});
    await card(id);
    expect((await office.call('POST', `/v1/channel-messages/${failed.id}/retry`, { body: {} })).status).toBe(404);
  });

  it('is asked whose token it is, and its settings are checked', async () => {
    const put = async (change: object) => {
      const { status, body } = await office.call('PUT', '/v1/channels/slack', { body: { ...settings(), ...change } });
      return [status, body.error?.code];
    };
    expect(await put({ bot_token_ref: 'vault://slack-signing' })).toEqual([400, 'slack_token_refused']);
    expect(await put({ bot_token_ref: 'vault://nothing' })).toEqual([400, 'credential_unavailable']);
    expect(await put({ bot_token_ref: 'xoxb-1' })).toEqual([400, 'credential_ref_invalid']);
    expect(await put({ api_url: 'https://169.254.169.254/api/' })).toEqual([400, 'slack_url_refused']);
    expect(await put({ api_url: 'http://slack.example/api/' })).toEqual([400, 'slack_url_invalid']);
    expect((await put({ channel: '#general' }))[0]).toBe(400);
    const { body } = await office.call('GET', '/v1/channels');
    expect(JSON.stringify(body)).not.toContain(slack.token);
    expect(await put({})).toEqual([200, undefined]);
  });

  it('gets a test message', async () => {
    const before = slack.messages.length;
    const { body } = await office.done('POST', '/v1/channels/slack/test', {});
    expect(body).toMatchObject({ delivered: true, error: null });
    expect(slack.messages[before]).toMatchObject({ channel: COMMON });
    slack.answer = () => ({ error: 'not_in_channel' });
    const refused = await office.done('POST', '/v1/channels/slack/test', {});
    expect(refused.body).toMatchObject({ delivered: false, error: 'Slack refused it: not_in_channel' });
  });
});

describe('an account in Slack', () => {
  it('is that of one person', async () => {
    const change = { slack: { team: slack.team, user: ERIN.id } };
    const { status, body } = await office.call('PATCH', `/v1/people/${dana.email}`, { body: change });
    expect([status, body.error.code]).toEqual([409, 'slack_account_taken']);
    const wrong = { slack: { team: 'acme', user: 'erin' } };
    expect((await office.call('PATCH', `/v1/people/${dana.email}`, { body: wrong })).status).toBe(400);
    expect((await office.call('GET', `/v1/people/${erin.email}`)).body.slack).toEqual({
      team: slack.team,
      user: ERIN.id,
    });
  });
});
