import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startSecondNode, startWorkspace, type TestAgent, type Workspace } from '../actions/workspace.ts';

let workspace: Workspace;
let other: Workspace;

/** Two nodes, both of which watch. */
beforeAll(async () => {
  workspace = await startWorkspace();
  await workspace.capability('crm.read', { access: 'read' });
  await workspace.capability('crm.update', {});
  await workspace.capability('payments.pay', { impact: { usd: { field: 'amount', currency: 'USD' } } });
  for (const role of ['prober', 'failer', 'denied', 'spender', 'calm'])
    await workspace.role(
      role,
      ['crm.read', 'crm.update', 'payments.pay'],
      [
        { id: 'no', action: 'crm.update', when: { field: 'forbidden', eq: true }, effect: 'deny', otherwise: 'allow' },
      ].filter(() => role === 'denied'),
    );
  other = await startSecondNode(workspace);
});
afterAll(async () => {
  await other.close();
  await workspace.close();
});

const breaker = (name: string, document: object) =>
  workspace.done('PUT', `/v1/breakers/${name}`, { window_seconds: 300, ...document });
const ask = (agent: TestAgent, action: string, args: object = {}, on = workspace) =>
  on.call('POST', '/v1/actions', { key: agent.token, body: { action, arguments: args } });

async function act(agent: TestAgent, action: string, result: string, args: object = {}): Promise<void> {
  const { body } = await ask(agent, action, args);
  await workspace.call('POST', `/v1/actions/${body.permit.id}/outcome`, { key: agent.token, body: { result } });
}

interface State {
  readonly state: string;
  readonly trips: number;
  readonly response: string | null;
}

async function stateOf(name: string, agent: TestAgent): Promise<State | undefined> {
  const { body } = await workspace.done('GET', `/v1/breakers/${name}`, undefined);
  return body.agents.find((each: { agent: string }) => each.agent === agent.name);
}

interface Reading {
  readonly agent: string;
  readonly value: number;
  readonly counted: number;
}

async function readings(name: string): Promise<readonly Reading[]> {
  return (await workspace.done('GET', `/v1/breakers/${name}/readings`, undefined)).body.data;
}

/** Once so many calls are projected. */
const readingOf = (name: string, agent: TestAgent, counted: number): Promise<Reading> =>
  eventually(async () => (await readings(name)).find((each) => each.agent === agent.name && each.counted === counted));

const comesTo = (name: string, agent: TestAgent, state: string): Promise<State> =>
  eventually(async () => {
    const found = await stateOf(name, agent);
    return found?.state === state ? found : undefined;
  });

async function kindsOf(agent: TestAgent): Promise<string[]> {
  const { body } = await workspace.done('GET', `/v1/audit/events?agent=${agent.name}&order=asc&limit=200`, undefined);
  return body.data
    .map(({ kind }: { kind: string }) => kind)
    .filter((kind: string) => /^(breaker|quarantine)\./.test(kind));
}

describe('a breaker on', () => {
  it('probes puts who looks for hidden tools into quarantine, once, and a person lets it out on trial', async () => {
    await breaker('prober', { signal: 'probes', threshold: 3, roles: ['prober'], trial_calls: 2 });
    const agent = await workspace.agent('prober-bot', 'prober');
    const calm = await workspace.agent('calm-bot', 'calm');
    for (const name of ['vault.get', 'vault.list', 'root.shell', 'more.shell'])
      for (const [each, node] of [
        [agent, other],
        [calm, workspace],
      ] as const)
        await ask(each, name, {}, node);
    const open = await comesTo('prober', agent, 'open');
    expect(open).toMatchObject({ trips: 1, response: expect.stringMatching(/^qua_/) });
    expect((await ask(agent, 'crm.update')).status).toBe(403);
    expect((await ask(agent, 'crm.read')).status).toBe(200);
    // Who wears another role is not watched.
    expect((await ask(calm, 'crm.update')).status).toBe(200);

    await workspace.done('POST', `/v1/quarantines/${open.response}/release`, { reason: 'a scanner, turned off' });
    await comesTo('prober', agent, 'half_open');
    expect((await ask(agent, 'crm.update')).status).toBe(200);
    // One bad call on trial is enough; what was before it does not count.
    await ask(agent, 'vault.get');
    expect(await comesTo('prober', agent, 'open')).toMatchObject({ trips: 2 });

    await workspace.done('POST', `/v1/quarantines/${(await stateOf('prober', agent))?.response}/release`, {
      reason: 'again',
    });
    await comesTo('prober', agent, 'half_open');
    for (let n = 0; n < 2; n += 1) await ask(agent, 'crm.read');
    await comesTo('prober', agent, 'closed');
    // Closed again it judges only what came since.
    for (let n = 0; n < 2; n += 1) await ask(agent, 'vault.get');
    await ask(agent, 'crm.read');
    // The log shows records a moment after they count.
    await expect
      .poll(() => kindsOf(agent))
      .toEqual([
        'breaker.tripped',
        'quarantine.entered',
        'quarantine.ended',
        'breaker.half_opened',
        'breaker.tripped',
        'quarantine.entered',
        'quarantine.ended',
        'breaker.half_opened',
        'breaker.closed',
      ]);
  });

  it('errors lets out by itself after the cooldown', async () => {
    await breaker('failer', {
      signal: 'errors',
      threshold: 0.5,
      min_calls: 4,
      roles: ['failer'],
      exit: 'automatic',
      cooldown_seconds: 1,
      trial_calls: 1,
    });
    const agent = await workspace.agent('failer-bot', 'failer');
    for (const result of ['success', 'success', 'error', 'error']) await act(agent, 'crm.update', result);
    await comesTo('failer', agent, 'half_open');
    await act(agent, 'crm.update', 'success');
    expect(await comesTo('failer', agent, 'closed')).toMatchObject({ trips: 1 });
  });

  it('denials needs enough of them', async () => {
    await breaker('denied', { signal: 'denials', threshold: 0.8, min_calls: 5, roles: ['denied'] });
    const agent = await workspace.agent('denied-bot', 'denied');
    await ask(agent, 'crm.update');
    for (let n = 0; n < 3; n += 1) await ask(agent, 'crm.update', { forbidden: true });
    expect(await stateOf('denied', agent)).toBeUndefined();
    const near = { agent: 'denied-bot', state: 'closed', value: 1, counted: 4, is_judged: false };
    expect(await readingOf('denied', agent, 4)).toMatchObject(near);
    await ask(agent, 'crm.update', { forbidden: true });
    await comesTo('denied', agent, 'open');
    // What tripped it is behind it.
    expect((await readings('denied')).filter((each) => each.agent === agent.name && each.value > 0)).toEqual([]);
  });

  it('spend can kill, and a person restores', async () => {
    await breaker('spender', { signal: 'spend', threshold: 50_000, unit: 'usd', roles: ['spender'], action: 'kill' });
    const agent = await workspace.agent('spender-bot', 'spender');
    await act(agent, 'payments.pay', 'success', { amount: 300 });
    expect(await readingOf('spender', agent, 1)).toMatchObject({ value: 30_000, is_judged: true });
    await act(agent, 'payments.pay', 'success', { amount: 250 });
    const open = await eventually(async () => {
      const found = await stateOf('spender', agent);
      return found?.response === null ? undefined : found;
    });
    expect(open.response).toMatch(/^stop_/);
    expect(await ask(agent, 'crm.read')).toMatchObject({ status: 401, body: { error: { code: 'agent_revoked' } } });
    const { body: stop } = await workspace.done('GET', `/v1/containments/${open.response}`, undefined);
    expect(stop).toMatchObject({ scope: 'agent', target: 'spender-bot', actor: 'breaker:spender' });
    await workspace.done('POST', '/v1/agents/spender-bot/restore', { reason: 'reviewed' });
    await comesTo('spender', agent, 'half_open');
  });
});

describe('breakers', () => {
  it('are changed and removed, each time on the log', async () => {
    await breaker('passing', { signal: 'probes', threshold: 100 });
    const { body } = await breaker('passing', { signal: 'probes', threshold: 200 });
    expect(body).toMatchObject({ object: 'breaker', name: 'passing', threshold: 200, exit: 'reviewed', agents: [] });
    await workspace.done('DELETE', '/v1/breakers/passing', undefined);
    expect((await workspace.call('GET', '/v1/breakers/passing')).status).toBe(404);
    await eventually(async () => {
      const { body: log } = await workspace.done(
        'GET',
        '/v1/audit/events?kind=breaker.changed&order=asc&limit=200',
        undefined,
      );
      const mine = log.data.filter(({ breaker: name }: { breaker: string }) => name === 'passing');
      return mine.length === 3
        ? (expect(mine.map(({ change }: { change: string }) => change)).toEqual(['created', 'updated', 'removed']) ??
            true)
        : undefined;
    });
  });

  it('are refused for roles that there are not', async () => {
    for (const change of [{ role: 'nothing' }, { roles: ['nothing'] }])
      expect(
        await workspace.call('PUT', '/v1/breakers/broken', {
          body: { signal: 'probes', threshold: 1, window_seconds: 60, ...change },
        }),
      ).toMatchObject({ status: 404, body: { error: { code: 'role_not_found' } } });
  });
});
