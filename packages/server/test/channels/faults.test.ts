/** Messages outlive nodes: nothing is lost, several nodes send once, and nothing waits for a channel that hangs. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newDatabase } from '../../../../test/setup/database.ts';
import { administer, eventually, startSecondNode, type TestAgent } from '../actions/workspace.ts';
import { type Decider, type Office, openOffice } from '../approvals/office.ts';
import { startProcess } from '../start/process.ts';
import { buttonOf, type Posted, type Slack, startSlack, textsOf } from './slack.ts';

const APPROVE = 'hivekey_approve';
const OPEN = 'hivekey_open';
const SLACK_USER = { id: 'U0ERIN' };
const ASYNC = { prefer: 'respond-async' };

let slack: Slack;
let office: Office;
let bot: TestAgent;
let erin: Decider;
let calls = 0;

async function prepare(
  { done, capability, role }: Pick<Office, 'done' | 'capability' | 'role'>,
  { token, signingSecret, apiUrl }: Slack,
): Promise<void> {
  await capability('deploy', {});
  await role(
    'ops',
    ['deploy'],
    [{ id: 'all', action: 'deploy', when: { field: 'action', eq: 'deploy' }, effect: 'review' }],
  );
  await done('PUT', '/v1/secrets/slack-token', { value: token });
  await done('PUT', '/v1/secrets/slack-signing', { value: signingSecret });
  await done('PUT', '/v1/channels/slack', {
    bot_token_ref: 'vault://slack-token',
    signing_secret_ref: 'vault://slack-signing',
    channel: 'C0COMMON',
    api_url: apiUrl,
  });
}

beforeAll(async () => {
  slack = await startSlack();
  office = await openOffice({ upstream_allow: ['127.0.0.0/8'] });
  await prepare(office, slack);
  bot = await office.agent('ops-bot', 'ops');
  erin = await office.person('erin', { slack: { team: slack.team, user: SLACK_USER.id } });
});
afterAll(async () => {
  await office.close();
  await slack.close();
});
afterEach(() => {
  slack.answer = () => undefined;
});

async function held(): Promise<string> {
  calls += 1;
  return (await office.act(bot.token, 'deploy', { n: calls }, ASYNC)).body.approval.id;
}

const cardsOf = (id: string): Posted[] =>
  slack.messages.filter((each) => buttonOf(each, OPEN)?.url?.endsWith(`/approvals/${id}`));
const card = (id: string): Promise<Posted> => eventually(async () => cardsOf(id)[0]);
const delivered = (id: string): Promise<true> =>
  eventually(async () => {
    const { body } = await office.call('GET', `/v1/channel-messages?approval=${id}`);
    return body.data[0]?.status === 'delivered' ? true : undefined;
  });

describe('two nodes', () => {
  it('post each request once and change it once, and either takes the click', async () => {
    const second = await startSecondNode(office);
    try {
      const ids: string[] = [];
      for (let n = 0; n < 10; n += 1) ids.push(await held());
      for (const id of ids) await delivered(id);
      for (const id of ids) expect(cardsOf(id)).toHaveLength(1);
      const posted = await Promise.all(ids.map(card));
      const clicks = posted.map((each, n) =>
        slack.click(n % 2 === 0 ? office.server.url : second.server.url, each, APPROVE, SLACK_USER),
      );
      expect((await Promise.all(clicks)).map(({ status }) => status)).toEqual(ids.map(() => 200));
      for (const each of posted)
        await eventually(async () => (buttonOf(each, APPROVE) === undefined ? true : undefined));
      for (const id of ids) expect(cardsOf(id)).toHaveLength(1);
    } finally {
      await second.close();
    }
  });

  it('take one signed request once between them', async () => {
    const second = await startSecondNode(office);
    try {
      const posted = await card(await held());
      const timestamp = Math.floor(Date.now() / 1000);
      const payload = {
        type: 'block_actions',
        team: { id: slack.team },
        user: { id: SLACK_USER.id, team_id: slack.team },
        trigger_id: '1.2',
        response_url: `http://${slack.host}/respond/x`,
        actions: [{ type: 'button', action_id: APPROVE, value: buttonOf(posted, APPROVE)?.value }],
      };
      const answers = await Promise.all(
        [office.server.url, second.server.url, office.server.url].map((url) => slack.send(url, payload, { timestamp })),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
    } finally {
      await second.close();
    }
  });
});

describe('a channel that hangs', () => {
  it('holds up neither calls nor decisions', async () => {
    const { promise: never, resolve: release } = Promise.withResolvers<undefined>();
    slack.answer = () => never;
    const started = performance.now();
    const ids = [await held(), await held()];
    for (const id of ids) expect((await erin.approve(id)).body.status).toBe('approved');
    expect(performance.now() - started).toBeLessThan(3000);
    slack.answer = () => undefined;
    release(undefined);
    // The first was on its way while it waited, and is put right; the second has nothing to ask any more.
    await eventually(async () => {
      const { body } = await office.call('GET', `/v1/channel-messages?approval=${ids[1]}`);
      return body.data[0]?.status === 'dropped' ? true : undefined;
    });
    for (const each of cardsOf(ids[0] ?? ''))
      await eventually(async () => (buttonOf(each, APPROVE) === undefined ? true : undefined));
  });
});

describe('an agent that has many calls held', () => {
  it('keeps the messages of another from nobody: they take turns', async () => {
    const other = await office.agent('other-bot', 'ops');
    const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>();
    const { promise: answered, resolve: release } = Promise.withResolvers<undefined>();
    slack.answer = () => {
      asked();
      return answered;
    };
    const flood = [await held()];
    await isAsked;
    while (flood.length < 8) flood.push(await held());
    const own: string[] = [];
    for (const n of [1, 2]) own.push((await office.act(other.token, 'deploy', { own: n }, ASYNC)).body.approval.id);
    await eventually(async () => {
      const { body } = await office.call('GET', `/v1/channel-messages?approval=${own[1]}`);
      return body.data.length > 0 ? true : undefined;
    });
    const before = slack.messages.length;
    slack.answer = () => undefined;
    release(undefined);
    for (const id of [...flood, ...own]) await delivered(id);
    const order = slack.messages
      .slice(before)
      .map((each) => [...flood, ...own].find((id) => cardsOf(id).includes(each)));
    // the first was on its way before the other asked
    expect(own.map((id) => order.indexOf(id)).every((place) => place >= 0 && place <= 4)).toBe(true);
    expect(order.filter((id) => own.includes(id ?? ''))).toEqual(own);
    expect(order.filter((id) => flood.includes(id ?? ''))).toEqual(flood);
  });
});

describe('a database that is slow', () => {
  it('does not keep Slack waiting, and the click counts all the same', async () => {
    const id = await held();
    const posted = await card(id);
    await delivered(id);
    const owner = new pg.Client({ connectionString: office.server.ownerUrl });
    await owner.connect();
    await owner.query('BEGIN');
    await owner.query('LOCK TABLE approval_decisions IN ACCESS EXCLUSIVE MODE');
    const answer = await slack.click(office.server.url, posted, APPROVE, SLACK_USER);
    await owner.query('COMMIT');
    await owner.end();
    expect(answer.status).toBe(200);
    expect(answer.ms).toBeLessThan(3000);
    await eventually(async () =>
      (await office.call('GET', `/v1/approvals/${id}`)).body.status === 'approved' ? true : undefined,
    );
  });
});

describe('a node that is stopped', () => {
  it('goes on where it was, and sends nothing twice', async () => {
    const before = await held();
    await delivered(before);
    slack.answer = () => ({ error: 'service_unavailable' });
    const waiting = await held();
    await eventually(async () => {
      const { body } = await office.call('GET', `/v1/channel-messages?approval=${waiting}`);
      return body.data[0]?.failures > 0 ? true : undefined;
    });
    const restarted = await office.restart();
    slack.answer = () => undefined;
    office = { ...office, ...restarted, act: actOn(restarted) };
    const after = await held();
    for (const id of [before, waiting, after]) {
      await delivered(id);
      expect(cardsOf(id)).toHaveLength(1);
    }
  });
});

function actOn({ call }: Pick<Office, 'call'>): Office['act'] {
  return (token, action, args, headers = {}) =>
    call('POST', '/v1/actions', { key: token, body: { action, arguments: args }, headers });
}

describe('a node that is killed while it sends', () => {
  it('sends it after its next start', async () => {
    const database = newDatabase();
    const folder = await mkdtemp(join(tmpdir(), 'hivekey-killed-'));
    const own = await startSlack('T0KILLED');
    const set = { HIVEKEY_DATABASE_URL: database.url, HIVEKEY_UPSTREAM_ALLOW: '127.0.0.0/8' };
    const owner = new pg.Client({ connectionString: database.url });
    try {
      const first = await startProcess(folder, set);
      const administration = administer({ url: first.url, adminKey: first.adminKey ?? '' });
      const { call, agent } = administration;
      await prepare(administration, own);
      const ops = await agent('ops-bot', 'ops');
      const { promise: never } = Promise.withResolvers<undefined>();
      const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>();
      own.answer = (method) => {
        if (method !== 'chat.postMessage') return undefined;
        asked();
        return never;
      };
      const body = { action: 'deploy', arguments: { n: 1 } };
      const { body: answer } = await call('POST', '/v1/actions', { key: ops.token, body, headers: ASYNC });
      await isAsked;
      await first.end('SIGKILL');
      own.answer = () => undefined;
      // What was on its way when it died is tried again a minute later; that minute passes here at once.
      await owner.connect();
      await owner.query('UPDATE channel_messages SET due_at = now()');
      const second = await startProcess(folder, set);
      const posted = await eventually(async () => own.messages[0]);
      expect(textsOf(posted).join()).toContain(answer.approval.id);
      await second.end('SIGTERM');
      expect(own.messages).toHaveLength(1);
    } finally {
      await owner.end();
      await own.close();
      await rm(folder, { recursive: true, force: true });
      await database.drop();
    }
  });
});
