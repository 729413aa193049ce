/** Many at once: the same key, the same permit, the same token, a policy that changes, and floods that must hurt nobody else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../packages/server/test/actions/workspace.ts';
import { bearer, initialize, legacy, modern, open, send } from '../../packages/server/test/gateway-mcp/wire-client.ts';
import { anyTool, type Recorder, reply, startRecorder } from './recorder.ts';
import { openWorld, type World } from './world.ts';

/** Of one agent in a minute; a sixth of it at once. */
const RATE = 1_200;
const BURST = RATE / 6;
let world: World;
let slow: Recorder;
let release = Promise.withResolvers<void>();
beforeAll(async () => {
  world = await openWorld({ requests_per_minute: RATE });
  slow = await startRecorder([anyTool('wait')], (message, res) => {
    void release.promise.then(() => reply(res, message, { resultType: 'complete', content: [] }));
  });
  await world.register('slow', slow);
  await world.role('user', ['rec.act', 'rec.note', 'own.act', 'slow.wait']);
});
afterAll(async () => {
  release.resolve();
  await world.close();
  slow.close();
});

let agents = 0;
async function newAgent(): Promise<{ readonly name: string; readonly token: string }> {
  agents += 1;
  return world.agent(`racer-${agents}`, 'user');
}

const headersOf = (token: string, more: Record<string, string> = {}) => ({
  'content-type': 'application/json',
  ...bearer(token),
  ...more,
});
const many = <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));

describe('the same thing many times at once', () => {
  it('under one key is done once; under another agent’s same key, once more', async () => {
    const [one, two] = [await newAgent(), await newAgent()];
    const ask = (token: string, args: object) =>
      send(world.port, {
        path: '/v1/actions',
        headers: headersOf(token, { 'idempotency-key': 'once' }),
        body: JSON.stringify({ action: 'own.act', arguments: args }),
      });
    const answers = await many(20, (n) => ask(n % 2 === 0 ? one.token : two.token, {}));
    expect(answers.filter(({ status }) => status !== 200 && status !== 409)).toEqual([]);
    expect(new Set(answers.filter(({ status }) => status === 200).map(({ json }) => json.id)).size).toBe(2);
    expect((await ask(one.token, { other: 1 })).status).toBe(422);
    // A stored answer is no way around a revocation.
    await world.done('POST', `/v1/agents/${one.name}/revoke`, {});
    expect((await ask(one.token, {})).status).toBe(401);
    expect((await ask(two.token, {})).status).toBe(200);
  });

  it('an outcome is taken once', async () => {
    const { token } = await newAgent();
    const { json } = await world.ask('own.act', {}, token);
    const { id } = json.permit as { id: string };
    const report = (n: number) =>
      send(world.port, {
        path: `/v1/actions/${id}/outcome`,
        headers: headersOf(token),
        body: JSON.stringify({ result: n % 2 === 0 ? 'success' : 'error' }),
      });
    const statuses = (await many(10, report)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status !== 200).every((status) => status === 409 || status === 404)).toBe(true);
    const results = await eventually(async () => {
      const rows = await world.sql(`SELECT outcome FROM actions WHERE kind = 'tool.result' AND call_event_id = $1`, [
        json.id,
      ]);
      return rows.length > 0 ? rows : undefined;
    });
    expect(results).toHaveLength(1);
  });

  it.each(['tokens', 'keys'])('a rotation of %s gives one successor', async (kind) => {
    const body = kind === 'tokens' ? { agent: 'attacker' } : { name: 'racing' };
    const { body: made } = await world.done('POST', `/v1/${kind}`, body);
    const answers = await many(8, () => world.call('POST', `/v1/${kind}/${made.id}/rotate`, { body: {} }));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status !== 201 && status !== 409)).toEqual([]);
  });

  it('a name is taken by one', async () => {
    const answers = await many(8, () =>
      world.call('POST', '/v1/agents', { body: { name: 'wanted', role: 'user', owner: 'dana@acme.example' } }),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(409)]);
  });
});

it('a call is decided under one policy, never half of two', async () => {
  // Each role allows one of the tools, under a guard that only it has: a mixture would allow both or neither.
  const first = {
    id: 'first',
    action: 'rec.act',
    when: { field: 'side', eq: 'first' },
    effect: 'allow',
    otherwise: 'deny',
  };
  const second = {
    id: 'second',
    action: 'rec.act',
    when: { field: 'side', eq: 'second' },
    effect: 'allow',
    otherwise: 'deny',
  };
  await world.role('turning', ['rec.act'], [first]);
  const tokens = await many(4, async (n) => (await world.agent(`turning-${n}`, 'turning')).token);
  let isDone = false;
  let answered = 0;
  const loads = tokens.map(async (token, at) => {
    for (let n = 0; !isDone && n < BURST - 20; n += 1) {
      const { status } = await world.tool('rec__act', { side: (n + at) % 2 === 0 ? 'first' : 'second' }, token);
      expect([200, 503]).toContain(status);
      if (status === 200) answered += 1;
    }
  });
  for (let n = 0; n < 10 || answered < 25; n += 1)
    await world.role('turning', ['rec.act'], [n % 2 === 0 ? second : first]);
  isDone = true;
  await Promise.all(loads);
  const rows = await eventually(async () => {
    const all = await world.sql(
      `SELECT (record ->> 'role_rev')::int AS revision, record -> 'args' ->> 'side' AS side, verdict,
              record ->> 'policy_revision' AS policy FROM actions
        WHERE kind = 'tool.call' AND agent LIKE 'turning-%'`,
    );
    return all.length >= answered ? all : undefined;
  });
  for (const { revision, side, verdict } of rows) {
    if (revision === null) continue;
    const allowed = Number(revision) % 2 === 1 ? 'first' : 'second';
    expect([revision, side, verdict]).toEqual([revision, side, side === allowed ? 'allow' : 'deny']);
  }
  const policies = new Map(rows.map(({ policy, revision }) => [policy, revision]));
  expect(policies.size).toBeGreaterThan(2);
  for (const { policy, revision } of rows) expect(revision).toBe(policies.get(policy));
});

describe('a flood of one agent', () => {
  const works = async (): Promise<void> => {
    const { token } = await newAgent();
    expect((await world.tool('rec__act', {}, token)).json).toHaveProperty('result');
    expect((await world.ask('own.act', {}, token)).status).toBe(200);
  };

  it('is refused at its rate, on every entrance and by every kind of message, and others are not', async () => {
    const kinds: Record<string, (token: string, session: string) => Promise<{ readonly status: number }>> = {
      calls: (token) => world.tool('rec__act', {}, token),
      lists: (token) => send(world.port, modern(token, 'tools/list')),
      notifications: (token, session) =>
        send(world.port, legacy(token, session, { method: 'notifications/initialized' })),
      answers: (token, session) => send(world.port, legacy(token, session, { id: 'hk-1', result: {} })),
    };
    for (const [kind, one] of Object.entries(kinds)) {
      const { token } = await newAgent();
      const { session } = await initialize(world.port, token);
      const answers = await many(BURST + 100, () => one(token, session));
      expect([kind, answers.some(({ status }) => status === 429), answers.some(({ status }) => status < 300)]).toEqual([
        kind,
        true,
        true,
      ]);
      await works();
    }
    const { token } = await newAgent();
    // However the credential is written.
    const writings = ['Bearer ', 'bearer ', 'BEARER  ', 'Bearer    '];
    const answers = await many(RATE + 50, (n) =>
      send(world.port, {
        method: 'GET',
        path: '/v1/actions/capabilities',
        headers: { authorization: `${writings[n % 4]}${token}` },
      }),
    );
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(RATE);
    expect(answers.some(({ status }) => status === 429)).toBe(true);
    await works();
  });

  it('of sessions ends its own oldest, and nobody else’s', async () => {
    const [one, two] = [await newAgent(), await newAgent()];
    const { session: theirs } = await initialize(world.port, two.token);
    const { session: oldest } = await initialize(world.port, one.token);
    // The sessions of an agent are limited to 256; its rate is lower here, so the limit is not reached and all live.
    await many(100, () => initialize(world.port, one.token));
    const ping = (token: string, session: string) =>
      send(world.port, legacy(token, session, { id: 1, method: 'ping' }));
    expect([(await ping(one.token, oldest)).status, (await ping(two.token, theirs)).status]).toEqual([200, 200]);
    await works();
  });

  it('of calls that wait, with its streams open, does not hold up a revoke, which ends them all', async () => {
    const { name, token } = await newAgent();
    const ended: Promise<void>[] = [];
    for (let n = 0; n < 40; n += 1)
      ended.push(
        new Promise((resolve) => {
          open(
            world.port,
            modern(token, 'subscriptions/listen', { notifications: { toolsListChanged: true } }),
            (res) => {
              res.resume();
              res.on('close', resolve);
            },
          ).on('error', () => resolve());
        }),
      );
    const waiting = many(BURST - 60, () => world.tool('slow__wait', {}, token).catch(() => undefined));
    await eventually(async () => (slow.calls.length >= 20 ? true : undefined));
    await works();
    const startedAt = performance.now();
    const { body } = await world.done('POST', `/v1/agents/${name}/revoke`, { reason: 'flood' });
    const tookMs = performance.now() - startedAt;
    await Promise.all(ended);
    const answers = await waiting;
    expect(
      answers.filter(
        (answer) =>
          answer?.json.result !== undefined && JSON.stringify(answer.json).includes('"isError":true') === false,
      ),
    ).toEqual([]);
    expect(body.receipt.calls.length).toBeGreaterThan(0);
    expect(tookMs).toBeLessThan(5_000);
    const arrived = slow.calls.length;
    expect((await world.tool('slow__wait', {}, token)).status).toBe(401);
    expect(slow.calls.length).toBe(arrived);
    release.resolve();
    release = Promise.withResolvers();
    await works();
  });
});
