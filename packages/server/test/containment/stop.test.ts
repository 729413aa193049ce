import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from '../agents/world.ts';

let world: World;
/** One agent a test, under an owner and a role of its own. */
let made = 0;

beforeAll(async () => {
  world = await openWorld();
  await world.capability('payments.pay');
  await world.capability('notes.add');
  await world.role('support', ['payments.pay', 'notes.add']);
});
afterAll(() => world.server.close());

async function agentWithToken(change: object = {}): Promise<{ name: string; id: string; token: string }> {
  made += 1;
  const name = `agent-${made}`;
  const { id } = await world.agent(name, change);
  return { name, id, token: await world.token(name) };
}

const pay = (token: string) => world.act(token, 'payments.pay');

describe('the kill switch', () => {
  it('refuses the next action, ends the tokens, and says what it did', async () => {
    const { name, id, token } = await agentWithToken();
    await world.token(name);
    expect((await pay(token)).status).toBe(200);

    const stop = await world.ok('POST', `/v1/agents/${name}/revoke`, { reason: 'runaway' });
    expect(stop).toMatchObject({
      id: expect.stringMatching(/^stop_/),
      object: 'containment',
      scope: 'agent',
      target: name,
      reason: 'runaway',
      actor: 'key:first',
      lifted_at: null,
      receipt: {
        agents: [{ id, name, tokens_ended: 2 }],
        event_id: expect.stringMatching(/^evt_/),
        first_refusal_ms: expect.any(Number),
        nodes: [{ node: expect.any(String), effective_at: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/) }],
      },
    });
    const { ordered_at, committed_at, effective_at, first_refusal_ms } = stop.receipt;
    expect([ordered_at, committed_at, effective_at]).toEqual([ordered_at, committed_at, effective_at].sort());
    expect(first_refusal_ms).toBeLessThan(5_000);
    expect(stop.effective_at).toBe(Math.floor(Date.parse(effective_at) / 1000));

    const refusal = await pay(token);
    expect([refusal.status, refusal.body.error.code]).toEqual([401, 'agent_revoked']);
    expect(await world.ok('GET', `/v1/agents/${name}`)).toMatchObject({ status: 'revoked', stopped_reason: 'runaway' });
    expect((await world.ok('GET', `/v1/agents/${name}/tools`)).data).toEqual([]);
    expect(await world.refused('POST', '/v1/tokens', { agent: name })).toBe('agent_revoked');
    const { data } = await world.ok('GET', `/v1/tokens?agent=${name}`);
    expect(data.map(({ status }: { status: string }) => status)).toEqual(['revoked', 'revoked']);
  });

  it('is on the log, and so is every attempt after it', async () => {
    const { name, token } = await agentWithToken();
    const { id, receipt } = await world.ok('POST', `/v1/agents/${name}/revoke`, { reason: 'drill' });
    await pay(token);
    const [revoked] = await world.events(`agent=${name}&kind=agent.revoked`, 1);
    expect(revoked).toMatchObject({ actor: 'key:first', reason: 'drill', containment_id: id, tokens_ended: 1 });
    const { event } = await world.ok('GET', `/v1/audit/events/${receipt.event_id}`);
    expect(event).toMatchObject({ kind: 'containment.ordered', scope: 'agent', target: name, containment_id: id });
    const [denied] = await world.events(`agent=${name}&kind=tool.call&verdict=deny`, 1);
    expect(denied).toMatchObject({ reason_class: 'containment', action: 'payments.pay', owner: 'dana@acme.example' });
  });

  it('answers the standing stop when pressed again', async () => {
    const { name } = await agentWithToken();
    const stop = await world.ok('POST', `/v1/agents/${name}/revoke`, { reason: 'first' });
    expect(await world.ok('POST', `/v1/agents/${name}/revoke`, { reason: 'second' })).toEqual(stop);
    const at_once = await Promise.all(
      Array.from({ length: 5 }, () => world.ok('POST', '/v1/containments', { scope: 'agent', target: name })),
    );
    expect(at_once.map(({ id }) => id)).toEqual(Array.from({ length: 5 }, () => stop.id));
    expect(await world.events(`agent=${name}&kind=agent.revoked`, 1)).toHaveLength(1);
  });

  it('takes one of several that press at once', async () => {
    const { name } = await agentWithToken();
    const stops = await Promise.all(Array.from({ length: 6 }, () => world.ok('POST', `/v1/agents/${name}/revoke`)));
    expect(new Set(stops.map(({ id }) => id)).size).toBe(1);
  });

  it('restores by an act of its own, and old tokens stay dead', async () => {
    const { name, token } = await agentWithToken();
    const stop = await world.ok('POST', `/v1/agents/${name}/revoke`);
    expect(await world.ok('POST', `/v1/agents/${name}/restore`, { reason: 'checked' })).toMatchObject({
      status: 'active',
      stopped_reason: null,
    });
    expect((await pay(token)).body.error.code).toBe('token_revoked');
    expect((await pay(await world.token(name))).status).toBe(200);
    expect(await world.ok('GET', `/v1/containments/${stop.id}`)).toMatchObject({
      lifted_by: 'key:first',
      lifted_at: expect.any(Number),
      receipt: stop.receipt,
    });
    const [restored] = await world.events(`agent=${name}&kind=agent.restored`, 1);
    expect(restored).toMatchObject({
      reason: 'checked',
      containment_id: stop.id,
      changes: { status: ['revoked', 'active'] },
    });
    expect((await world.ok('POST', `/v1/agents/${name}/revoke`)).id).not.toBe(stop.id);
  });

  it('refuses what it cannot find', async () => {
    expect(await world.refused('POST', '/v1/agents/nobody/revoke')).toBe('agent_not_found');
    expect(await world.refused('POST', '/v1/containments', { scope: 'role', target: 'nobody' })).toBe('role_not_found');
    expect(await world.refused('POST', '/v1/containments', { scope: 'owner', target: 'no@acme.example' })).toBe(
      'person_not_found',
    );
    expect(await world.refused('POST', '/v1/containments', { scope: 'tool', target: 'no.tool' })).toBe(
      'capability_not_found',
    );
    expect(await world.refused('POST', '/v1/containments', { scope: 'workspace', target: 'acme' })).toBe(
      'target_invalid',
    );
    expect(await world.refused('POST', '/v1/containments', { scope: 'planet', target: '*' })).toBe('request_invalid');
    expect(await world.refused('GET', '/v1/containments/stop_none')).toBe('containment_not_found');
    expect(await world.refused('POST', '/v1/containments/stop_none/lift')).toBe('containment_not_found');
  });
});

describe('stopping more than one agent', () => {
  it('a role: everyone who wears it, and nobody can be given it', async () => {
    await world.role('deployer', ['notes.add']);
    const wearer = await agentWithToken({ role: undefined, roles: ['support', 'deployer'] });
    const other = await agentWithToken();
    const stop = await world.ok('POST', '/v1/containments', { scope: 'role', target: 'deployer', reason: 'bad guard' });
    expect(stop.receipt.agents.map(({ name }: { name: string }) => name)).toEqual([wearer.name]);
    expect((await pay(wearer.token)).body.error.code).toBe('agent_revoked');
    expect((await pay(other.token)).status).toBe(200);
    expect(await world.refused('PATCH', `/v1/agents/${other.name}`, { roles: ['support', 'deployer'] })).toBe(
      'role_stopped',
    );
    expect(
      await world.refused('POST', '/v1/agents', { name: 'late', role: 'deployer', owner: 'dana@acme.example' }),
    ).toBe('role_stopped');
    // Taking the role off does not take the agent out from under the stop.
    expect(await world.ok('PATCH', `/v1/agents/${wearer.name}`, { role: 'support' })).toMatchObject({
      status: 'revoked',
    });
    expect(await world.refused('POST', `/v1/agents/${wearer.name}/restore`)).toBe('agent_stopped_otherwise');
    const lifted = await world.ok('POST', `/v1/containments/${stop.id}/lift`, { reason: 'fixed' });
    expect(lifted).toMatchObject({ lifted_by: 'key:first' });
    expect(await world.ok('POST', `/v1/containments/${stop.id}/lift`)).toEqual(lifted);
    expect(await world.ok('GET', `/v1/agents/${wearer.name}`)).toMatchObject({ status: 'active' });
    expect((await pay(wearer.token)).body.error.code).toBe('token_revoked');
    expect(
      (await world.ok('PATCH', `/v1/agents/${other.name}`, { roles: ['support', 'deployer'] })).roles,
    ).toHaveLength(2);
  });

  it('an owner: all agents of the person, and no other can be given to them', async () => {
    const owner = 'omar@acme.example';
    const [one, two] = [await agentWithToken({ owner }), await agentWithToken({ owner })];
    const other = await agentWithToken();
    const stop = await world.ok('POST', '/v1/containments', { scope: 'owner', target: 'Omar@acme.example' });
    expect(stop).toMatchObject({ target: owner });
    expect(stop.receipt.agents.map(({ name }: { name: string }) => name).sort()).toEqual([one.name, two.name].sort());
    for (const { token } of [one, two]) expect((await pay(token)).status).toBe(401);
    expect((await pay(other.token)).status).toBe(200);
    expect(await world.refused('POST', '/v1/agents', { name: 'more', role: 'support', owner })).toBe('owner_stopped');
    expect(await world.refused('PATCH', `/v1/agents/${other.name}`, { owner })).toBe('owner_stopped');
    await world.ok('POST', `/v1/containments/${stop.id}/lift`);
    expect(await world.ok('GET', `/v1/agents/${one.name}`)).toMatchObject({ status: 'active' });
  });

  it('a tool: refused on every path, told only to who is granted it', async () => {
    await world.role('outsider');
    const { name, token } = await agentWithToken();
    const outsider = await agentWithToken({ role: 'outsider' });
    const stop = await world.ok('POST', '/v1/containments', { scope: 'tool', target: 'payments.pay' });
    expect(stop.receipt).toMatchObject({ agents: [], first_refusal_ms: expect.any(Number) });
    const refusal = await pay(token);
    expect([refusal.status, refusal.body.decision.reason_class]).toEqual([403, 'containment']);
    expect((await pay(outsider.token)).body.error.code).toBe('action_unknown');
    expect((await world.act(token, 'notes.add')).status).toBe(200);
    const dryRun = { agent: name, action: 'payments.pay' };
    expect(await world.ok('POST', '/v1/policies/evaluate', dryRun)).toMatchObject({
      verdict: 'deny',
      reason_class: 'containment',
    });
    expect(await world.ok('GET', '/v1/capabilities/payments.pay')).toMatchObject({ stopped: true });
    expect((await world.ok('GET', '/v1/policies/current')).stopped_tools).toEqual(['payments.pay']);
    await world.ok('POST', `/v1/containments/${stop.id}/lift`);
    expect((await pay(token)).status).toBe(200);
    expect(await world.ok('GET', '/v1/capabilities/payments.pay')).toMatchObject({ stopped: false });
  });

  it('the workspace: everything, and everything comes back by lifting', async () => {
    const { name, token } = await agentWithToken();
    const held = await agentWithToken();
    await world.ok('POST', `/v1/agents/${held.name}/revoke`);
    const stop = await world.ok('POST', '/v1/containments', { scope: 'workspace', target: '*', reason: 'incident' });
    expect(stop.receipt.agents.length).toBeGreaterThanOrEqual(made);
    expect((await pay(token)).body.error.code).toBe('workspace_stopped');
    expect(await world.ok('GET', '/v1/workspace')).toMatchObject({ status: 'stopped', agents: { active: 0 } });
    expect(
      await world.refused('POST', '/v1/agents', { name: 'during', role: 'support', owner: 'dana@acme.example' }),
    ).toBe('workspace_stopped');
    expect(await world.refused('POST', `/v1/agents/${name}/restore`)).toBe('agent_stopped_otherwise');
    await world.ok('POST', `/v1/containments/${stop.id}/lift`);
    expect(await world.ok('GET', '/v1/workspace')).toMatchObject({ status: 'active' });
    expect((await pay(token)).body.error.code).toBe('token_revoked');
    expect((await pay(await world.token(name))).status).toBe(200);
    expect(await world.ok('GET', `/v1/agents/${held.name}`)).toMatchObject({ status: 'revoked' });
  });

  it('something that covers nobody has no refusal to measure', async () => {
    await world.role('unworn');
    const stop = await world.ok('POST', '/v1/containments', { scope: 'role', target: 'unworn' });
    expect(stop.receipt).toMatchObject({ agents: [], first_refusal_ms: null, effective_at: stop.receipt.committed_at });
    expect(await world.refused('PATCH', '/v1/agents/agent-1', { role: 'unworn' })).toBe('role_stopped');
  });
});

describe('listing stops', () => {
  it('pages newest first, and tells those that stand', async () => {
    const all: { id: string; ordered_at: number; lifted_at: number | null }[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const list = await world.ok('GET', `/v1/containments?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      all.push(...list.data);
      cursor = list.next_cursor;
    }
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(all.map(({ ordered_at }) => ordered_at)).toEqual(
      all.map(({ ordered_at }) => ordered_at).sort((a, b) => b - a),
    );
    const active = await world.ok('GET', '/v1/containments?active=true&limit=200');
    expect(active.data.map(({ id }: { id: string }) => id)).toEqual(
      all.filter((stop) => stop.lifted_at === null).map(({ id }) => id),
    );
    const lifted = await world.ok('GET', '/v1/containments?active=false&limit=200');
    expect(lifted.data).toHaveLength(all.length - active.data.length);
  });
});
