/** Where a workspace asks for two people, one proposes and another confirms; a stop never waits unless somebody said so. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from '../agents/world.ts';

let world: World;
let dana: string;
let danaToo: string;
let lee: string;
let token: string;
let made = 0;

beforeAll(async () => {
  world = await openWorld();
  await world.capability('payments.pay');
  await world.role('support', ['payments.pay']);
  for (const email of ['dana@acme.example', 'lee@acme.example']) await world.ok('POST', '/v1/people', { email });
  expect(await world.refused('PUT', '/v1/containment-settings', { two_people: { lift: ['agent'] } })).toBe(
    'people_missing',
  );
  ({ key: dana } = await world.ok('POST', '/v1/keys', { name: 'dana', person: 'dana@acme.example' }));
  ({ key: danaToo } = await world.ok('POST', '/v1/keys', { name: 'dana-too', person: 'dana@acme.example' }));
  ({ key: lee } = await world.ok('POST', '/v1/keys', { name: 'lee', person: 'lee@acme.example' }));
});
afterAll(() => world.server.close());

async function newAgent(): Promise<string> {
  made += 1;
  await world.agent(`pair-${made}`);
  token = await world.token(`pair-${made}`);
  return `pair-${made}`;
}

const LONG = { timeout: 10_000 };
const newest = async (kind: string) => (await world.events(`kind=${kind}&order=desc`, 1))[0];
const as = (key: string) => ({ key });
const confirm = (id: string, key: string) =>
  world.call('POST', `/v1/containment-proposals/${id}/confirm`, { key, body: {} });

it('asks for nobody else on a fresh system', async () => {
  expect(await world.ok('GET', '/v1/containment-settings')).toEqual({
    object: 'containment_settings',
    two_people: { kill: [], lift: [] },
    answer_minutes: 60,
    target_ms: 1000,
    author: null,
    updated_at: null,
    warning: null,
  });
  const agent = await newAgent();
  expect(await world.call('POST', `/v1/agents/${agent}/revoke`, { body: {} })).toMatchObject({ status: 200 });
  expect(await world.call('POST', `/v1/agents/${agent}/restore`, { body: {} })).toMatchObject({ status: 200 });
});

describe('once two people are asked for', () => {
  beforeAll(async () => {
    const change = { two_people: { kill: ['agent'], lift: ['agent', 'role'] } };
    expect(await world.ok('PUT', '/v1/containment-settings', change)).toMatchObject(change);
  });

  it('a stop waits for the second person, and says what the first can do meanwhile', async () => {
    const agent = await newAgent();
    const path = `/v1/agents/${agent}/revoke`;
    expect(await world.call('POST', path, { body: {} })).toMatchObject({
      status: 403,
      body: { error: { code: 'person_required' } },
    });
    const asked = await world.call('POST', path, { body: { reason: 'odd' }, ...as(dana) });
    expect(asked).toMatchObject({
      status: 202,
      body: {
        object: 'containment_proposal',
        kind: 'kill',
        scope: 'agent',
        target: agent,
        reason: 'odd',
        status: 'proposed',
        proposed_by: 'key:dana',
        proposed_by_person: 'dana@acme.example',
        meanwhile: [expect.stringContaining('quarantine'), expect.stringContaining('suspend')],
        result: null,
      },
    });
    const { id } = asked.body;
    // The same order by the same person is the same proposal.
    expect((await world.call('POST', path, { body: {}, ...as(danaToo) })).body.id).toBe(id);
    expect((await world.act(token, 'payments.pay')).status).toBe(200);
    await world.ok('POST', `/v1/agents/${agent}/quarantine`, { reason: 'meanwhile' });
    expect((await world.act(token, 'payments.pay')).status).toBe(403);

    // Two keys of one person are one person; a key of nobody is none.
    for (const [key, code] of [
      [dana, 'proposal_own'],
      [danaToo, 'proposal_own'],
      [world.server.adminKey, 'person_required'],
    ] as const)
      expect((await confirm(id, key)).body.error.code).toBe(code);
    expect((await confirm(id, lee)).body).toMatchObject({
      status: 'confirmed',
      confirmed_by_person: 'lee@acme.example',
      result: expect.stringMatching(/^stop_/),
      meanwhile: [],
    });
    expect((await world.act(token, 'payments.pay')).body.error.code).toBe('agent_revoked');
    expect((await confirm(id, lee)).body.error.code).toBe('proposal_closed');
    await expect.poll(() => newest('containment.ordered'), LONG).toMatchObject({ actor: 'key:lee', proposal_id: id });
    const records = await world.events('kind=containment.proposal&order=asc', 2);
    expect(records.filter(({ proposal_id }) => proposal_id === id)).toMatchObject([
      { change: 'proposed', proposed: 'kill', target: agent, person: 'dana@acme.example' },
      { change: 'confirmed', proposed_by: 'key:dana', person: 'lee@acme.example' },
    ]);
  });

  it('the same order by another person is the confirmation', async () => {
    const agent = await newAgent();
    const order = { scope: 'agent', target: agent };
    const first = await world.call('POST', '/v1/containments', { body: order, ...as(dana) });
    expect(first.status).toBe(202);
    const second = await world.call('POST', '/v1/containments', { body: order, ...as(lee) });
    expect(second).toMatchObject({ status: 200, body: { object: 'containment', proposal: first.body.id } });
    // What stands is answered to anybody.
    expect((await world.call('POST', '/v1/containments', { body: order })).body.id).toBe(second.body.id);
  });

  it('of two that confirm at once, one does', async () => {
    const agent = await newAgent();
    const { body } = await world.call('POST', `/v1/agents/${agent}/revoke`, { body: {}, ...as(dana) });
    const answers = await Promise.all([confirm(body.id, lee), confirm(body.id, lee), confirm(body.id, lee)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    expect(await world.events(`agent=${agent}&kind=agent.revoked`, 1)).toHaveLength(1);
  });

  it('restoring and lifting wait too, and name the stop that was looked at', async () => {
    const agent = await newAgent();
    await world.call('POST', `/v1/agents/${agent}/revoke`, { body: {}, ...as(dana) });
    const { body: stop } = await world.call('POST', `/v1/agents/${agent}/revoke`, { body: {}, ...as(lee) });
    const asked = await world.call('POST', `/v1/agents/${agent}/restore`, { body: { reason: 'ok' }, ...as(dana) });
    expect(asked).toMatchObject({ status: 202, body: { kind: 'restore', containment: stop.id } });
    expect((await world.ok('GET', `/v1/agents/${agent}`)).status).toBe('revoked');
    // Another way to the same is asked for as well.
    const lift = await world.call('POST', `/v1/containments/${stop.id}/lift`, { body: {}, ...as(lee) });
    expect(lift).toMatchObject({ status: 202, body: { kind: 'lift' } });
    expect((await confirm(asked.body.id, lee)).body).toMatchObject({ status: 'confirmed', result: stop.id });
    expect(await world.ok('GET', `/v1/agents/${agent}`)).toMatchObject({ status: 'active' });
    expect((await world.ok('GET', `/v1/containments/${stop.id}`)).lift_proposal).toBe(asked.body.id);

    // Stopped again: a proposal to lift the old stop lifts nothing of the new one.
    await world.call('POST', `/v1/agents/${agent}/revoke`, { body: {}, ...as(dana) });
    const { body: second } = await world.call('POST', `/v1/agents/${agent}/revoke`, { body: {}, ...as(lee) });
    const again = await world.call('POST', `/v1/containments/${second.id}/lift`, { body: {}, ...as(lee) });
    expect(again.body).toMatchObject({ containment: second.id, status: 'proposed' });
    expect(again.body.id).not.toBe(lift.body.id);
    expect((await confirm(lift.body.id, dana)).status).toBe(200);
    expect((await world.ok('GET', `/v1/agents/${agent}`)).status).toBe('revoked');
    expect((await confirm(again.body.id, dana)).body.result).toBe(second.id);
    expect((await world.ok('GET', `/v1/agents/${agent}`)).status).toBe('active');
  });

  it('a proposal counts no more once its person has left, and one who is no person withdraws none', async () => {
    const agent = await newAgent();
    const { body } = await world.call('POST', `/v1/agents/${agent}/revoke`, { body: {}, ...as(dana) });
    await world.ok('PATCH', '/v1/people/dana@acme.example', { active: false });
    expect((await confirm(body.id, lee)).body.error.code).toBe('proposer_inactive');
    const path = `/v1/containment-proposals/${body.id}`;
    expect(await world.ok('GET', path)).toMatchObject({ status: 'proposed' });
    expect((await world.ok('GET', '/v1/containment-settings')).warning).toContain('Fewer than two');
    await world.ok('PATCH', '/v1/people/dana@acme.example', { active: true });
    ({ key: dana } = await world.ok('POST', '/v1/keys', { name: 'dana-back', person: 'dana@acme.example' }));
    expect((await world.ok('GET', '/v1/containment-settings')).warning).toBeNull();

    expect(await world.refused('POST', `${path}/withdraw`, {})).toBe('person_required');
    expect((await world.call('POST', `${path}/withdraw`, { body: {}, ...as(lee) })).body.status).toBe('withdrawn');
  });

  it('restoring lifts the stop that was shown, and no suspension from meanwhile', async () => {
    const agent = await newAgent();
    await world.call('POST', `/v1/agents/${agent}/revoke`, { body: {}, ...as(dana) });
    await world.call('POST', `/v1/agents/${agent}/revoke`, { body: {}, ...as(lee) });
    const { body } = await world.call('POST', `/v1/agents/${agent}/restore`, { body: {}, ...as(dana) });
    await world.ok('POST', `/v1/agents/${agent}/suspend`, { reason: 'seen later' });
    expect((await confirm(body.id, lee)).status).toBe(200);
    expect((await world.ok('GET', `/v1/agents/${agent}`)).status).toBe('suspended');
    await world.ok('POST', `/v1/agents/${agent}/restore`);
    expect((await world.ok('GET', `/v1/agents/${agent}`)).status).toBe('active');
  });

  it('a scope that is not named takes one person', async () => {
    const stop = await world.ok('POST', '/v1/containments', { scope: 'tool', target: 'payments.pay' });
    expect((await world.ok('POST', `/v1/containments/${stop.id}/lift`)).lifted_at).not.toBeNull();
  });

  it('is withdrawn, and lapses when nobody answers', async () => {
    const agent = await newAgent();
    const { body } = await world.call('POST', `/v1/agents/${agent}/revoke`, { body: {}, ...as(dana) });
    const withdrawal = { body: { reason: 'false alarm' }, ...as(dana) };
    expect((await world.call('POST', `/v1/containment-proposals/${body.id}/withdraw`, withdrawal)).status).toBe(200);
    expect((await confirm(body.id, lee)).body.error.code).toBe('proposal_closed');

    const { body: late } = await world.call('POST', `/v1/agents/${agent}/revoke`, { body: {}, ...as(dana) });
    expect(late.id).not.toBe(body.id);
    const owner = new pg.Client({ connectionString: world.server.ownerUrl });
    await owner.connect();
    await owner.query('UPDATE containment_proposals SET answer_by = clock_timestamp() WHERE id = $1', [late.id]);
    await owner.end();
    expect((await confirm(late.id, lee)).body.error.code).toBe('proposal_closed');

    await expect
      .poll(() => newest('containment.proposal'), LONG)
      .toMatchObject({ change: 'expired', proposal_id: late.id, actor: 'system' });
    expect((await world.ok('GET', `/v1/agents/${agent}`)).status).toBe('active');
    const { data } = await world.ok('GET', '/v1/containment-proposals?status=expired');
    expect(data.map(({ id }: { id: string }) => id)).toEqual([late.id]);
  });

  it('changing that takes two people', async () => {
    const asked = await world.call('PUT', '/v1/containment-settings', {
      body: { two_people: { kill: [], lift: [] } },
      ...as(dana),
    });
    expect(asked).toMatchObject({ status: 202, body: { kind: 'settings', settings: { two_people: { kill: [] } } } });
    expect((await world.ok('GET', '/v1/containment-settings')).two_people.kill).toEqual(['agent']);
    expect((await confirm(asked.body.id, dana)).body.error.code).toBe('proposal_own');
    expect((await confirm(asked.body.id, lee)).status).toBe(200);
    expect(await world.ok('GET', '/v1/containment-settings')).toMatchObject({ two_people: { kill: [], lift: [] } });
    await expect
      .poll(() => newest('containment.settings'), LONG)
      .toMatchObject({ actor: 'key:lee', changes: { two_to_kill: [['agent'], []] } });
  });
});
