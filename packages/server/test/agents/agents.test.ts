import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
  for (const name of ['support', 'Support · L2', 'auditor']) await world.role(name);
});
afterAll(() => world.server.close());

describe('creating an agent', () => {
  it('answers the published shape, which reads back the same', async () => {
    const { status, body } = await world.call('POST', '/v1/agents', {
      body: '{"name":"helpdesk-bot","role":"support","owner":"Dana@Acme.example","metadata":{"team":"support"}}',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      id: expect.stringMatching(/^agt_[0-9A-Za-z]{12}$/),
      object: 'agent',
      name: 'helpdesk-bot',
      role: 'support',
      roles: ['support'],
      owner: 'dana@acme.example',
      status: 'active',
      metadata: { team: 'support' },
      stopped_reason: null,
    });
    expect(Math.abs(body.created - Date.now() / 1000)).toBeLessThan(60);
    expect(await world.ok('GET', `/v1/agents/${body.id}`)).toEqual(body);
    expect(await world.ok('GET', '/v1/agents/HELPDESK-BOT')).toEqual(body);
  });

  it('takes several roles, the first of which is `role`', async () => {
    const roles = ['Support · L2', 'auditor'];
    expect(await world.agent('many-roles', { role: undefined, roles })).toMatchObject({ role: roles[0], roles });
    expect(await world.agent('both-ways', { role: roles[0], roles })).toMatchObject({ role: roles[0], roles });
    expect(await world.refused('POST', '/v1/agents', agentBody('third', { role: 'auditor', roles }))).toBe(
      'request_invalid',
    );
  });

  it('gives it nothing to see or do', async () => {
    await world.agent('newcomer');
    expect((await world.ok('GET', '/v1/agents/newcomer/tools')).data).toEqual([]);
    const { status, body } = await world.act(await world.token('newcomer'), 'mail.send');
    expect([status, body.error.code, body.decision.reason_class]).toEqual([403, 'action_unknown', 'scope']);
  });

  it.each([
    ['a role that does not exist', { role: 'nobody' }, 'role_not_found'],
    ['no role', { role: undefined }, 'request_invalid'],
    ['a role twice', { role: undefined, roles: ['support', 'support'] }, 'request_invalid'],
    ['an owner that is no e-mail', { owner: 'the team' }, 'request_invalid'],
    ['no owner', { owner: undefined }, 'request_invalid'],
    ['an unknown field', { capabilities: ['mail.send'] }, 'request_invalid'],
    ['metadata that is not tags', { metadata: { a: { b: 1 } } }, 'request_invalid'],
    [
      'metadata without end',
      { metadata: Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`tag${i}`, 'x'.repeat(30)])) },
      'request_invalid',
    ],
  ])('refuses %s', async (_what, change, code) => {
    expect(await world.refused('POST', '/v1/agents', agentBody('refused', change))).toBe(code);
    expect(await world.refused('GET', '/v1/agents/refused')).toBe('agent_not_found');
  });

  it.each([
    ['Cyrillic letters', 'billing-bоt'],
    ['full-width letters', 'ｂilling-bot'],
    ['an invisible character', 'billing\u200b-bot'],
    ['a space', 'billing bot'],
    ['something that reads as an id', 'agt_5Kd0pNa81kQz'],
    ['a mark at the end', 'billing-'],
    ['nothing', ''],
    ['too much', 'b'.repeat(65)],
  ])('refuses a name with %s', async (_what, name) => {
    expect(await world.refused('POST', '/v1/agents', agentBody(name))).toBe('request_invalid');
  });

  it('refuses names that another can be taken for', async () => {
    await world.agent('billing-bot-l');
    for (const name of ['billing-bot-1', 'billing_bot_l', 'BILLING-BOT-I', 'bi11ing-b0t-l', 'billing.bot.l'])
      expect(await world.refused('POST', '/v1/agents', agentBody(name))).toBe('handle_looks_taken');
    expect(await world.refused('POST', '/v1/agents', agentBody('Billing-Bot-L'))).toBe('handle_taken');
    await world.agent('intern-agent');
    expect(await world.refused('POST', '/v1/agents', agentBody('intem-agent'))).toBe('handle_looks_taken');
    for (let i = 1; i <= 11; i += 1) await world.agent(`worker-${i}`);
  });

  it('never gives a name twice, not even that of a revoked agent', async () => {
    await world.agent('once');
    await world.ok('POST', '/v1/agents/once/revoke');
    expect(await world.refused('POST', '/v1/agents', agentBody('once'))).toBe('handle_taken');
  });

  it('makes one agent of two that are created at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => world.call('POST', '/v1/agents', { body: agentBody('race') })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 7 }, () => 409)]);
  });
});

describe('changing an agent', () => {
  it('changes what is named and nothing else, and puts it on the log', async () => {
    const before = await world.agent('changed', { metadata: { a: '1' }, description: 'old' });
    const after = await world.ok('PATCH', '/v1/agents/changed', {
      roles: ['auditor', 'support'],
      owner: 'lee@acme.example',
      description: 'new',
    });
    expect(after).toEqual({
      ...before,
      role: 'auditor',
      roles: ['auditor', 'support'],
      owner: 'lee@acme.example',
      description: 'new',
    });
    const [record] = await world.events('agent=changed&kind=agent.changed', 1);
    expect(record).toMatchObject({
      actor: expect.stringMatching(/^key:/),
      owner: 'lee@acme.example',
      changes: {
        roles: [['support'], ['auditor', 'support']],
        owner: ['dana@acme.example', 'lee@acme.example'],
        description: ['old', 'new'],
      },
    });
  });

  it('records nothing when nothing changes', async () => {
    const before = await world.agent('unchanged', { metadata: { b: '2', a: '1' } });
    expect(await world.ok('PATCH', '/v1/agents/unchanged', { metadata: { a: '1', b: '2' }, role: 'support' })).toEqual(
      before,
    );
    await world.ok('PATCH', '/v1/agents/unchanged', { description: 'now' });
    expect(await world.events('agent=unchanged&kind=agent.changed', 1)).toHaveLength(1);
  });

  it('binds new roles on the next action', async () => {
    await world.capability('notes.add');
    await world.role('writer', ['notes.add']);
    await world.agent('binds');
    const token = await world.token('binds');
    expect((await world.act(token, 'notes.add')).status).toBe(403);
    await world.ok('PATCH', '/v1/agents/binds', { role: 'writer' });
    expect((await world.act(token, 'notes.add')).status).toBe(200);
    await world.ok('PATCH', '/v1/agents/binds', { role: 'support' });
    expect((await world.act(token, 'notes.add')).status).toBe(403);
  });

  it.each([
    [{ name: 'other' }, 'request_invalid'],
    [{ status: 'active' }, 'request_invalid'],
    [{ roles: [] }, 'request_invalid'],
    [{ role: 'nobody' }, 'role_not_found'],
  ])('refuses %j', async (change, code) => {
    expect(await world.refused('PATCH', '/v1/agents/changed', change)).toBe(code);
  });
});

describe('listing agents', () => {
  it('pages through all of them once, while others come', async () => {
    const names: string[] = [];
    let cursor: string | null = '';
    for (let page = 0; cursor !== null; page += 1) {
      const query = cursor === '' ? '' : `&cursor=${cursor}`;
      const list = await world.ok('GET', `/v1/agents?limit=3${query}`);
      expect(list.data.length).toBeLessThanOrEqual(3);
      expect(list.has_more).toBe(list.next_cursor !== null);
      names.push(...list.data.map(({ name }: { name: string }) => name));
      cursor = list.next_cursor;
      if (page === 1) await world.agent('0-comes-before-all');
    }
    expect(new Set(names).size).toBe(names.length);
    expect(names).not.toContain('0-comes-before-all');
    expect(names).toContain('helpdesk-bot');
    expect(names).toContain('worker-11');
  });

  it('filters', async () => {
    await world.agent('found-1', { owner: 'kim@acme.example', role: 'auditor', description: 'Reads Invoices' });
    const list = async (query: string) =>
      (await world.ok('GET', `/v1/agents?${query}`)).data.map(({ name }: { name: string }) => name);
    expect(await list('owner=kim@acme.example')).toEqual(['found-1']);
    expect(await list('q=invoice')).toEqual(['found-1']);
    expect(await list('q=%25')).toEqual([]);
    expect(await list('role=auditor&owner=kim@acme.example&status=active')).toEqual(['found-1']);
    expect(await list('status=revoked')).toEqual(['once']);
    expect(await world.refused('GET', '/v1/agents?status=gone')).toBe('request_invalid');
  });

  it('refuses a cursor of another filter', async () => {
    const { next_cursor: cursor } = await world.ok('GET', '/v1/agents?limit=1');
    expect(await world.refused('GET', `/v1/agents?limit=1&status=active&cursor=${cursor}`)).toBe('cursor_invalid');
  });
});

describe('suspending an agent', () => {
  it('stops it at once, keeps its tokens, and restores', async () => {
    await world.agent('paused', { role: 'writer' });
    const token = await world.token('paused');
    expect((await world.act(token, 'notes.add')).status).toBe(200);
    const suspended = await world.ok('POST', '/v1/agents/paused/suspend', { reason: 'holiday' });
    expect(suspended).toMatchObject({ status: 'suspended', stopped_reason: 'holiday' });
    expect((await world.act(token, 'notes.add')).body.error.code).toBe('agent_suspended');
    expect(await world.refused('POST', '/v1/tokens', { agent: 'paused' })).toBe('agent_suspended');
    expect((await world.ok('GET', '/v1/agents/paused/tools')).data).toEqual([]);
    // Refused attempts are actions, too.
    const { last_action_at: _, first_action_at: __, ...same } = suspended;
    expect(await world.ok('POST', '/v1/agents/paused/suspend', { reason: 'again' })).toMatchObject(same);
    const restored = await world.ok('POST', '/v1/agents/paused/restore');
    expect(restored).toMatchObject({ status: 'active', stopped_reason: null });
    expect((await world.act(token, 'notes.add')).status).toBe(200);
    expect(await world.ok('POST', '/v1/agents/paused/restore')).toMatchObject({ status: 'active' });
  });
});

function agentBody(name: string, change: object = {}) {
  return { name, role: 'support', owner: 'dana@acme.example', ...change };
}
