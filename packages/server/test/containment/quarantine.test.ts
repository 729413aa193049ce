import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  eventually,
  settledEvent,
  startSecondNode,
  startWorkspace,
  type TestAgent,
  type Workspace,
} from '../actions/workspace.ts';

let workspace: Workspace;
let other: Workspace;

beforeAll(async () => {
  workspace = await startWorkspace();
  await workspace.capability('crm.read', { access: 'read' });
  await workspace.capability('crm.search', { access: 'read' });
  await workspace.capability('crm.update', { access: 'write' });
  await workspace.capability('crm.purge', { access: 'read', destructive: true });
  await workspace.role(
    'crm',
    ['crm.read', 'crm.search', 'crm.update', 'crm.purge'],
    [{ id: 'no-secrets', action: 'crm.read', when: { field: 'table', eq: 'secrets' }, effect: 'deny' }],
  );
  await workspace.role('minimal', ['crm.read', 'vault.get']);
  await workspace.capability('vault.get', { access: 'read' });
  other = await startSecondNode(workspace);
});
afterAll(async () => {
  await other.close();
  await workspace.close();
});

const ask = (agent: TestAgent, action: string, on = workspace, args: object = { table: 'customers' }) =>
  on.call('POST', '/v1/actions', { key: agent.token, body: { action, arguments: args } });

async function seen(agent: TestAgent, on = workspace): Promise<readonly string[]> {
  const { body } = await on.call('GET', '/v1/actions/capabilities', { key: agent.token });
  return body.data.map(({ name }: { name: string }) => name);
}

describe('a quarantined agent', () => {
  it('reads on under its guards and does nothing else, on every node, from the next action on', async () => {
    const agent = await workspace.agent('crm-bot', 'crm');
    expect((await ask(agent, 'crm.update', other)).status).toBe(200);
    const { body: quarantine } = await workspace.done('POST', '/v1/agents/crm-bot/quarantine', {
      reason: 'odd writes',
    });
    expect(quarantine).toMatchObject({ agent: 'crm-bot', roles: ['crm'], role: null, until: null, ended_at: null });
    for (const node of [workspace, other]) {
      expect((await ask(agent, 'crm.read', node)).status).toBe(200);
      expect(await ask(agent, 'crm.update', node)).toMatchObject({
        status: 403,
        body: { error: { code: 'action_unknown' } },
      });
      expect((await ask(agent, 'crm.purge', node)).status).toBe(403);
      expect(await ask(agent, 'crm.read', node, { table: 'secrets' })).toMatchObject({
        status: 403,
        body: { decision: { rule: 'no-secrets' } },
      });
      expect(await seen(agent, node)).toEqual(['crm.read', 'crm.search']);
    }
    // A write is answered like a tool that does not exist.
    const plain = async (action: string) =>
      JSON.stringify((await ask(agent, action)).body).replaceAll(/(evt|req)_\w+/g, '');
    expect(await plain('crm.update')).toBe(await plain('crm.absent'));
    // It is flagged, its roles are kept, and the dry run says what the path says.
    const { body: shown } = await workspace.done('GET', '/v1/agents/crm-bot', undefined);
    expect(shown).toMatchObject({
      status: 'active',
      roles: ['crm'],
      quarantine: { id: quarantine.id, reason: 'odd writes' },
    });
    const dry = (action: string) =>
      workspace.done('POST', '/v1/policies/evaluate', { agent: 'crm-bot', action, arguments: { table: 'customers' } });
    expect((await dry('crm.update')).body).toMatchObject({ verdict: 'deny', reason_class: 'scope' });
    expect((await dry('crm.read')).body).toMatchObject({ verdict: 'allow' });

    const release = (body: object) => workspace.call('POST', `/v1/quarantines/${quarantine.id}/release`, { body });
    expect((await release({})).status).toBe(400);
    expect(await release({ reason: 'it was a migration' })).toMatchObject({
      status: 200,
      body: { ended_by: 'key:first', end_reason: 'it was a migration' },
    });
    for (const node of [workspace, other]) expect((await ask(agent, 'crm.update', node)).status).toBe(200);
    expect((await release({ reason: 'again' })).body.end_reason).toBe('it was a migration');
  });

  it('is left no more than the role it is given, and never gains by it', async () => {
    const agent = await workspace.agent('narrow-bot', 'crm');
    await workspace.done('POST', '/v1/agents/narrow-bot/quarantine', { role: 'minimal' });
    expect(await seen(agent)).toEqual(['crm.read']);
    // `minimal` grants it, the agent's own roles do not.
    expect((await ask(agent, 'vault.get')).status).toBe(403);
    expect((await ask(agent, 'crm.search')).status).toBe(403);
  });

  it('comes out by itself when its time is over', async () => {
    const agent = await workspace.agent('short-bot', 'crm');
    const { body } = await workspace.done('POST', '/v1/agents/short-bot/quarantine', { expires_in_seconds: 1 });
    expect((await ask(agent, 'crm.update')).status).toBe(403);
    await eventually(async () => ((await ask(agent, 'crm.update')).status === 200 ? true : undefined));
    expect((await workspace.done('GET', `/v1/quarantines/${body.id}`, undefined)).body).toMatchObject({
      ended_by: 'system',
    });
  });

  it('stays in the quarantine it is in, and in it while it is stopped and restored', async () => {
    await workspace.agent('twice-bot', 'crm');
    const { body: first } = await workspace.done('POST', '/v1/agents/twice-bot/quarantine', { reason: 'one' });
    const { body: again } = await workspace.done('POST', '/v1/agents/twice-bot/quarantine', { reason: 'two' });
    expect(again).toEqual(first);
    await workspace.done('POST', '/v1/agents/twice-bot/revoke', {});
    await workspace.done('POST', '/v1/agents/twice-bot/restore', {});
    const { body: token } = await workspace.done('POST', '/v1/tokens', { agent: 'twice-bot' });
    const agent = { id: '', name: 'twice-bot', token: token.token };
    expect((await ask(agent, 'crm.update')).status).toBe(403);
    expect((await ask(agent, 'crm.read')).status).toBe(200);
  });

  it('is on the log, with the mark among its roles', async () => {
    const agent = await workspace.agent('logged-bot', 'crm');
    const { body: quarantine } = await workspace.done('POST', '/v1/agents/logged-bot/quarantine', { reason: 'drill' });
    const { body: refused } = await ask(agent, 'crm.update');
    const { event } = await settledEvent(workspace, refused.id);
    expect(event.roles).toEqual(['crm', 'quarantine:*']);
    await workspace.done('POST', `/v1/quarantines/${quarantine.id}/release`, { reason: 'done' });
    const { body } = await eventually(async () => {
      const answer = await workspace.done('GET', '/v1/audit/events?agent=logged-bot&order=asc', undefined);
      return answer.body.data.at(-1)?.kind === 'quarantine.ended' ? answer : undefined;
    });
    const kinds = body.data.map(({ kind }: { kind: string }) => kind);
    expect(kinds.filter((kind: string) => kind.startsWith('quarantine.'))).toEqual([
      'quarantine.entered',
      'quarantine.ended',
    ]);
    expect(body.data.find(({ kind }: { kind: string }) => kind === 'quarantine.entered')).toMatchObject({
      quarantine_id: quarantine.id,
      roles: ['crm'],
      reason: 'drill',
    });
  });

  it('is refused of nobody, and with a role that is none', async () => {
    await workspace.agent('plain-bot', 'crm');
    for (const [path, body, code] of [
      ['/v1/agents/nobody/quarantine', {}, 'agent_not_found'],
      ['/v1/agents/plain-bot/quarantine', { role: 'nothing' }, 'role_not_found'],
      ['/v1/quarantines/qua_nothing/release', { reason: 'x' }, 'quarantine_not_found'],
    ] as const)
      expect(await workspace.call('POST', path, { body })).toMatchObject({ status: 404, body: { error: { code } } });
  });

  it('lets no decision made before it through: 40 writes race with it', async () => {
    const agent = await workspace.agent('race-bot', 'crm');
    const answers = Array.from({ length: 40 }, (_, n) => ask(agent, 'crm.update', n % 2 === 0 ? workspace : other));
    const { body: quarantine } = await workspace.done('POST', '/v1/agents/race-bot/quarantine', { reason: 'race' });
    const late = await Promise.all(
      Array.from({ length: 20 }, (_, n) => ask(agent, 'crm.update', n % 2 === 0 ? workspace : other)),
    );
    expect(late.every(({ status }) => status === 403)).toBe(true);
    await Promise.all(answers);
    // In the order of the log, nothing allowed stands behind it.
    const { body } = await eventually(async () => {
      const answer = await workspace.done('GET', '/v1/audit/events?agent=race-bot&order=asc&limit=200', undefined);
      const calls = answer.body.data.filter(({ kind }: { kind: string }) => kind === 'tool.call');
      return calls.length === 60 ? answer : undefined;
    });
    const entered = body.data.findIndex(({ event_id }: { event_id: string }) => event_id === quarantine.event_id);
    const behind = body.data.slice(entered).filter(({ kind }: { kind: string }) => kind === 'tool.call');
    expect(behind.length).toBeGreaterThanOrEqual(20);
    expect(behind.filter(({ verdict }: { verdict: string }) => verdict === 'allow')).toEqual([]);
  });
});
