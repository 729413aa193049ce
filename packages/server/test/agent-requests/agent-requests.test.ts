/** An agent is asked for by one person and let in by another. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from '../agents/world.ts';

let world: World;
let owner: pg.Client;
/** Keys by person. */
const keys: Record<string, string> = {};

beforeAll(async () => {
  world = await openWorld();
  owner = new pg.Client({ connectionString: world.server.ownerUrl });
  await owner.connect();
  await world.role('support');
  for (const name of ['ann', 'bob', 'dana']) {
    await world.ok('POST', '/v1/people', { email: `${name}@acme.example` });
    ({ key: keys[name] } = await world.ok('POST', '/v1/keys', { name, person: `${name}@acme.example` }));
  }
});
afterAll(async () => {
  await owner.end();
  await world.server.close();
});

const as = (name: string) => ({ key: keys[name] ?? '' });
const ask = (name: string, more = {}, who = 'ann') =>
  world.ok(
    'POST',
    '/v1/agent-requests',
    { name, role: 'support', owner: 'dana@acme.example', reason: 'answers mail', ...more },
    as(who),
  );

describe('a request', () => {
  it('becomes the agent when somebody else approves, with its times in order', async () => {
    const request = await ask('mail-bot', {
      deputies: ['bob@acme.example'],
      risk_tier: 'high',
      metadata: { team: 'support' },
    });
    expect(request).toMatchObject({ status: 'requested', requested_by: 'key:ann', source: 'api', agent_id: null });
    expect(await world.refused('GET', '/v1/agents/mail-bot')).toBe('agent_not_found');

    const answered = await world.ok('POST', `/v1/agent-requests/${request.id}/approve`, { reason: 'seen' }, as('bob'));
    expect(answered).toMatchObject({ status: 'approved', decided_by: 'key:bob', decision_reason: 'seen' });
    const agent = await world.ok('GET', '/v1/agents/mail-bot');
    expect(agent).toMatchObject({
      id: answered.agent_id,
      status: 'active',
      owner: 'dana@acme.example',
      deputies: ['bob@acme.example'],
      risk_tier: 'high',
      metadata: { team: 'support' },
      created_by: 'key:ann',
      first_credential_at: null,
      admission: { request: request.id, requested_by: 'key:ann', approved_by: 'key:bob' },
    });
    await world.token('mail-bot');
    const { admission, created, first_credential_at: first } = await world.ok('GET', '/v1/agents/mail-bot');
    expect([admission.requested_at, admission.approved_at, created, first]).toEqual(
      [admission.requested_at, admission.approved_at, created, first].toSorted((a, b) => a - b),
    );
    for (const kind of ['agent.requested', 'agent.admitted', 'agent.created'])
      expect(await world.events(`kind=${kind}`, 1)).toEqual([
        expect.objectContaining({ agent: 'mail-bot', request_id: request.id }),
      ]);
  });

  it.each([
    ['who asked', 'ann', 'approver_is_requester'],
    ['who is to own it', 'dana', 'approver_is_owner'],
    ['a key of nobody', 'first', 'person_required'],
  ])('is not approved by %s', async (_, who, code) => {
    const request = await ask(`bot-${who}`);
    const more = who === 'first' ? {} : as(who);
    expect(await world.refused('POST', `/v1/agent-requests/${request.id}/approve`, {}, more)).toBe(code);
    expect(await world.ok('GET', `/v1/agent-requests/${request.id}`)).toEqual(request);
  });

  it('stays that of who is to own it when their address becomes another', async () => {
    const request = await ask('bot-moved');
    await owner.query(`UPDATE people SET email = 'dana.lee@acme.example' WHERE email = 'dana@acme.example'`);
    try {
      expect(await world.refused('POST', `/v1/agent-requests/${request.id}/approve`, {}, as('dana'))).toBe(
        'approver_is_owner',
      );
      await world.ok('POST', `/v1/agent-requests/${request.id}/approve`, {}, as('bob'));
      expect(await world.ok('GET', '/v1/agents/bot-moved')).toMatchObject({ owner: 'dana.lee@acme.example' });
    } finally {
      await owner.query(`UPDATE people SET email = 'dana@acme.example' WHERE email = 'dana.lee@acme.example'`);
    }
  });

  it('is not approved by another key of who asked, nor by their key with fewer roles', async () => {
    const request = await ask('bot-twice');
    const { key } = await world.ok('POST', '/v1/keys', { name: 'ann-2', person: 'ann@acme.example' });
    expect(await world.refused('POST', `/v1/agent-requests/${request.id}/approve`, {}, { key })).toBe(
      'approver_is_requester',
    );
    const { key: author } = await world.ok('POST', '/v1/keys', {
      name: 'bob-author',
      person: 'bob@acme.example',
      roles: ['author'],
    });
    expect(await world.refused('POST', `/v1/agent-requests/${request.id}/approve`, {}, { key: author })).toBe(
      'role_missing',
    );
    const { key: auditor } = await world.ok('POST', '/v1/keys', { name: 'audit', roles: ['auditor'] });
    expect(
      await world.refused(
        'POST',
        '/v1/agent-requests',
        { name: 'x', role: 'support', owner: 'a@acme.example', reason: 'r' },
        { key: auditor },
      ),
    ).toBe('role_missing');
  });

  it('is answered once', async () => {
    const request = await ask('bot-once');
    expect(await world.refused('POST', `/v1/agent-requests/${request.id}/deny`, {}, as('ann'))).toBe(
      'approver_is_requester',
    );
    await world.ok('POST', `/v1/agent-requests/${request.id}/deny`, { reason: 'no' }, as('bob'));
    for (const verb of ['approve', 'deny', 'withdraw'])
      expect(await world.refused('POST', `/v1/agent-requests/${request.id}/${verb}`, {}, as('bob'))).toBe(
        'agent_request_denied',
      );
    await expect(
      owner.query(`UPDATE agent_requests SET status = 'requested', decided_at = NULL WHERE id = $1`, [request.id]),
    ).rejects.toThrow('agent_request_over');
  });

  it('makes nothing when what it asks for cannot be given, and waits on', async () => {
    const request = await ask('bot-norole', { role: 'no-such-role' });
    expect(await world.refused('POST', `/v1/agent-requests/${request.id}/approve`, {}, as('bob'))).toBe(
      'role_not_found',
    );
    expect((await world.ok('GET', `/v1/agent-requests/${request.id}`)).status).toBe('requested');
    expect(await world.refused('GET', '/v1/agents/bot-norole')).toBe('agent_not_found');
  });

  it('is withdrawn by who asked, and by no stranger', async () => {
    const { key } = await world.ok('POST', '/v1/keys', { name: 'op', roles: ['operator'] });
    const request = await ask('bot-back');
    expect(await world.refused('POST', `/v1/agent-requests/${request.id}/withdraw`, {}, { key })).toBe('role_missing');
    expect(await world.ok('POST', `/v1/agent-requests/${request.id}/withdraw`, {}, as('ann'))).toMatchObject({
      status: 'withdrawn',
    });
  });

  it('of a name that is taken, or asked for, is refused', async () => {
    await ask('bot-name');
    const body = { role: 'support', owner: 'dana@acme.example', reason: 'r' };
    expect(await world.refused('POST', '/v1/agent-requests', { ...body, name: 'bot-of-nobody' })).toBe(
      'person_required',
    );
    expect(await world.refused('POST', '/v1/agent-requests', { ...body, name: 'BOT-name' }, as('bob'))).toBe(
      'agent_request_open',
    );
    await world.agent('bot-there');
    expect(await world.refused('POST', '/v1/agent-requests', { ...body, name: 'bot-there' }, as('bob'))).toBe(
      'handle_taken',
    );
  });

  it('is over when nobody answers in time', async () => {
    const request = await ask('bot-late');
    await owner.query('ALTER TABLE agent_requests DISABLE TRIGGER agent_request_moves');
    await owner.query(
      `UPDATE agent_requests SET requested_at = now() - interval '2 hours', expires_at = now() - interval '1 hour' WHERE id = $1`,
      [request.id],
    );
    await owner.query('ALTER TABLE agent_requests ENABLE TRIGGER agent_request_moves');
    expect(await world.refused('POST', `/v1/agent-requests/${request.id}/approve`, {}, as('bob'))).toBe(
      'agent_request_expired',
    );
  });
});

it('the database keeps the times in order, and nobody who lets in their own', async () => {
  const request = await ask('bot-times');
  await world.ok('POST', `/v1/agent-requests/${request.id}/approve`, {}, as('bob'));
  const later = `UPDATE agents SET approved_at = created_at + interval '1 second' WHERE handle = 'bot-times'`;
  await expect(owner.query(later)).rejects.toThrow('agent_times: times of an agent are written once');
  await owner.query('ALTER TABLE agents DISABLE TRIGGER agent_times_fixed');
  await expect(owner.query(later)).rejects.toThrow('agents_times');
  await expect(
    owner.query(`UPDATE agents SET first_action_at = clock_timestamp() WHERE handle = 'bot-times'`),
  ).rejects.toThrow('agents_first_action');
  await owner.query('ALTER TABLE agents ENABLE TRIGGER agent_times_fixed');
  await owner.query('ALTER TABLE agent_requests DISABLE TRIGGER agent_request_moves');
  await expect(
    owner.query('UPDATE agent_requests SET decided_by_id = requested_by_id WHERE id = $1', [request.id]),
  ).rejects.toThrow(/check constraint/);
  await owner.query('ALTER TABLE agent_requests ENABLE TRIGGER agent_request_moves');
});

it('where agents are reviewed, none is created directly', async () => {
  const { key } = await world.ok('POST', '/v1/keys', { name: 'operator', roles: ['operator'] });
  expect(await world.refused('PATCH', '/v1/agent-settings', { admission: 'reviewed' }, { key })).toBe('role_missing');
  await world.ok('PATCH', '/v1/agent-settings', { admission: 'reviewed' });
  const body = { name: 'bot-direct', role: 'support', owner: 'dana@acme.example' };
  expect(await world.refused('POST', '/v1/agents', body)).toBe('agent_request_required');
  const request = await ask('bot-direct');
  await world.ok('POST', `/v1/agent-requests/${request.id}/approve`, {}, as('bob'));
  await world.ok('PATCH', '/v1/agent-settings', { admission: 'direct' });
  expect(await world.ok('POST', '/v1/agents', { ...body, name: 'bot-direct-2' })).toMatchObject({ admission: null });
});
