/** Whoever leaves, what it ends, and who takes over what is left behind. */
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openWorld, type World } from '../agents/world.ts';
import type { Answer } from '../api/client.ts';

let world: World;
let owner: pg.Client;
let made = 100;

interface Someone {
  readonly email: string;
  readonly key: string;
  ask(method: string, path: string, body?: unknown): Promise<Answer>;
}

beforeAll(async () => {
  world = await openWorld();
  owner = new pg.Client({ connectionString: world.server.ownerUrl });
  await owner.connect();
  await world.capability('notes.add');
  await world.role('support', ['notes.add']);
  await world.role(
    'asks',
    ['notes.add'],
    [{ id: 'ask', action: 'notes.add', when: { field: 'note', ne: '' }, effect: 'review' }],
  );
  await world.role(
    'asks-finance',
    ['notes.add'],
    [
      {
        id: 'ask',
        action: 'notes.add',
        when: { field: 'note', ne: '' },
        effect: 'review',
        approval: { people: 2, groups: ['finance'] },
      },
    ],
  );
});
afterAll(async () => {
  await owner.end();
  await world.server.close();
});

/** A person of their own name, with a key. */
async function someone(change: object = {}, roles?: readonly string[]): Promise<Someone> {
  made += 1;
  const email = `p${made}@acme.example`;
  await world.ok('POST', '/v1/people', { email });
  if (Object.keys(change).length > 0) await world.ok('PATCH', `/v1/people/${email}`, change);
  const { key } = await world.ok('POST', '/v1/keys', { name: `key-${made}`, person: email, ...(roles && { roles }) });
  return {
    email,
    key,
    ask: (method, path, body) => world.call(method, path, { key, ...(body === undefined ? {} : { body }) }),
  };
}

async function agentOf({ email }: Pick<Someone, 'email'>, role = 'support'): Promise<{ name: string; token: string }> {
  made += 1;
  const name = `bot-${made}`;
  await world.agent(name, { owner: email, role });
  return { name, token: await world.token(name) };
}

const leaves = ({ email }: Pick<Someone, 'email'>) => world.ok('PATCH', `/v1/people/${email}`, { active: false });
const returns = ({ email }: Pick<Someone, 'email'>) => world.ok('PATCH', `/v1/people/${email}`, { active: true });
const statusOf = async (name: string): Promise<string> => (await world.ok('GET', `/v1/agents/${name}`)).status;
async function taskOf({ email }: Pick<Someone, 'email'>, status = 'open') {
  const { data } = await world.ok('GET', `/v1/transfer-tasks?status=${status}&person=${email}`);
  expect(data).toHaveLength(1);
  return world.ok('GET', `/v1/transfer-tasks/${data[0].id}`);
}
/** The newest record of the kind that says so; what is durable is listed a moment later. */
const recorded = (kind: string, says: Readonly<Record<string, unknown>>): Promise<Answer['body']> =>
  vi.waitFor(
    async () => {
      const { data } = await world.ok('GET', `/v1/audit/events?kind=${kind}&order=desc`);
      const found = data.find((event: Answer['body']) =>
        Object.entries(says).every(([name, value]) => event[name] === value),
      );
      if (found === undefined) throw new Error(`no ${kind} says ${JSON.stringify(says)}`);
      return found;
    },
    { timeout: 10_000, interval: 20 },
  );
const offer = (name: string, { email }: Pick<Someone, 'email'>) =>
  world.ok('POST', `/v1/agents/${name}/ownership-transfers`, { to: email, reason: 'takes over' });
const codeOf = ({ status, body }: Answer): [number, string] => [status, body.error?.code];
/** The clock moves on: each column of the task is so many hours earlier. */
const later = (id: string, hours: number) =>
  owner.query(
    `UPDATE transfer_tasks SET due_at = due_at - make_interval(hours => $2), remind_at = remind_at - make_interval(hours => $2),
            escalate_at = escalate_at - make_interval(hours => $2) WHERE id = $1`,
    [id, hours],
  );

describe('a person who leaves', () => {
  it('takes along sessions, keys, delegations and what they were offered', async () => {
    const [dana, lee] = [await someone(), await someone()];
    const session = await world.server.url;
    const login = await fetch(`${session}/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key: dana.key }),
    });
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
    const own = () => fetch(`${session}/v1/session`, { headers: { cookie } }).then(({ status }) => status);
    expect(await own()).toBe(200);
    const ends_at = Math.floor(Date.now() / 1000) + 3600;
    expect((await dana.ask('POST', '/v1/delegations', { to: lee.email, ends_at, reason: 'away' })).status).toBe(201);
    const { name } = await agentOf(lee);
    const { id: offered } = await offer(name, dana);

    await leaves(dana);
    expect(await own()).toBe(401);
    expect(codeOf(await dana.ask('GET', '/v1/people'))).toEqual([401, 'key_revoked']);
    expect((await world.ok('GET', `/v1/delegations?person=${lee.email}`)).data).toMatchObject([{ status: 'over' }]);
    expect(await world.ok('GET', `/v1/ownership-transfers/${offered}`)).toMatchObject({ status: 'withdrawn' });
    expect(await recorded('person.left', { person: dana.email })).toMatchObject({
      cause: 'administrator',
      agents: 0,
      sessions_ended: 1,
      keys_revoked: 1,
      delegations_ended: 1,
      offers_withdrawn: 1,
    });
    expect((await world.ok('GET', `/v1/transfer-tasks?person=${dana.email}`)).data).toEqual([]);
    // Coming back brings none of it back.
    await returns(dana);
    expect(codeOf(await dana.ask('GET', '/v1/people'))).toEqual([401, 'key_revoked']);
  });

  it('leaves a task with all agents that are not revoked, and how fast they were stopped', async () => {
    const dana = await someone();
    const [first, second, stopped] = [await agentOf(dana), await agentOf(dana), await agentOf(dana)];
    await world.ok('POST', `/v1/agents/${second.name}/suspend`);
    await world.ok('POST', `/v1/agents/${stopped.name}/revoke`);
    await leaves(dana);
    expect((await world.act(first.token, 'notes.add')).body.error.code).toBe('agent_suspended');
    const task = await taskOf(dana);
    expect(task).toMatchObject({
      cause: 'administrator',
      actor: 'key:first',
      agents_total: 2,
      agents_waiting: 2,
      person_active: false,
    });
    expect(
      task.agents.map(({ agent, status_before, tokens_ended }: Answer['body']) => [agent, status_before, tokens_ended]),
    ).toEqual([
      [first.name, 'active', 1],
      [second.name, 'suspended', 1],
    ]);
    expect(task.receipt.first_refusal_ms).toBeGreaterThan(0);
    expect(task.due_at - task.opened_at).toBe(14 * 86_400);
    expect(await recorded('transfer.opened', { task_id: task.id })).toMatchObject({
      agents: [first.name, second.name],
    });
    const { data: orphans } = await world.ok('GET', '/v1/orphans?limit=200');
    expect(orphans.filter(({ owner: email }: Answer['body']) => email === dana.email)).toMatchObject([
      { agent: first.name, status: 'suspended', why: 'owner_inactive', task: task.id },
      { agent: second.name, status: 'suspended', why: 'owner_inactive', task: task.id },
    ]);
  });

  it('and comes back resumes nothing; what is restored then is kept, with new tokens', async () => {
    const dana = await someone();
    const [one, two] = [await agentOf(dana), await agentOf(dana)];
    await leaves(dana);
    expect(await world.refused('POST', `/v1/agents/${one.name}/restore`)).toBe('owner_inactive');
    await returns(dana);
    expect(await statusOf(one.name)).toBe('suspended');
    expect(await taskOf(dana)).toMatchObject({ person_active: true, agents_waiting: 2 });
    await world.ok('POST', `/v1/agents/${one.name}/restore`);
    expect((await world.act(one.token, 'notes.add')).body.error.code).toBe('token_revoked');
    expect((await world.act(await world.token(one.name), 'notes.add')).status).toBe(200);
    await vi.waitFor(async () => expect(await taskOf(dana)).toMatchObject({ agents_waiting: 1 }), { timeout: 5_000 });
    expect((await taskOf(dana)).agents[0]).toMatchObject({ agent: one.name, outcome: 'kept' });

    // Leaving again opens another task, which has both.
    const { id } = await taskOf(dana);
    await leaves(dana);
    expect(await world.ok('GET', `/v1/transfer-tasks/${id}`)).toMatchObject({
      status: 'superseded',
      agents_waiting: 0,
    });
    expect((await taskOf(dana)).agents.map(({ agent }: Answer['body']) => agent)).toEqual([one.name, two.name]);
  });
});

describe('passkeys', () => {
  const passkey = ({ email }: Pick<Someone, 'email'>) =>
    owner.query(
      `INSERT INTO passkeys (workspace_id, id, person_id, name, credential_id, public_key, counter, device_type, aaguid, transports, registered_by, created_at)
       SELECT workspace_id, 'psk_' || id, id, 'laptop', 'cred-' || id, '', 0, 'singleDevice', '', '{}', 'key', now()
         FROM people WHERE email = $1`,
      [email],
    );
  const forEmergencies = ({ email }: Pick<Someone, 'email'>) =>
    owner.query('UPDATE people SET break_glass = true WHERE email = $1', [email]);

  it('end with the person; the last account for emergencies cannot leave', async () => {
    const [one, two] = [await someone(), await someone()];
    for (const each of [one, two]) await forEmergencies(each);
    await passkey(one);
    expect(await world.refused('PATCH', `/v1/people/${one.email}`, { active: false })).toBe('last_break_glass');
    expect((await one.ask('GET', '/v1/people')).status).toBe(200);
    await passkey(two);
    await leaves(one);
    const { rows } = await owner.query('SELECT revoked_at IS NOT NULL AS revoked FROM passkeys ORDER BY created_at');
    expect(rows).toEqual([{ revoked: true }, { revoked: false }]);
    expect(await recorded('passkey.revoked', { person: one.email })).toMatchObject({
      actor: 'key:first',
      passkey: 'laptop',
    });
    expect(await world.refused('PATCH', `/v1/people/${two.email}`, { active: false })).toBe('last_break_glass');
    await owner.query('UPDATE people SET break_glass = false');
  });
});

describe('held calls', () => {
  const hold = async (token: string, note: string): Promise<string> => {
    const body = { action: 'notes.add', arguments: { note } };
    const answer = await world.call('POST', '/v1/actions', { key: token, body, headers: { prefer: 'respond-async' } });
    return answer.body.approval.id;
  };
  const approval = (id: string) => world.ok('GET', `/v1/approvals/${id}`);

  it('of the agents, and those that nobody else can decide, are called off; others wait on', async () => {
    const [dana, fay, kim] = [await someone(), await someone({ groups: ['finance'] }), await someone()];
    const own = await agentOf(fay, 'asks');
    const [simple, finance] = [await agentOf(dana, 'asks'), await agentOf(dana, 'asks-finance')];
    const [ofFay, any, needsFinance, approved] = [
      await hold(own.token, 'a'),
      await hold(simple.token, 'b'),
      await hold(finance.token, 'c'),
      await hold(finance.token, 'd'),
    ];
    const { hash } = (await fay.ask('GET', `/v1/approvals/${approved}`)).body;
    expect((await fay.ask('POST', `/v1/approvals/${approved}/decide`, { decision: 'approve', hash })).status).toBe(200);

    await leaves(fay);
    expect(await approval(ofFay)).toMatchObject({ status: 'cancelled', ended_reason: 'the owner was deactivated' });
    expect(await approval(any)).toMatchObject({ status: 'pending' });
    expect(await approval(needsFinance)).toMatchObject({
      status: 'cancelled',
      ended_reason: `${fay.email} has left, and nobody else could approve it`,
    });
    expect(await approval(approved)).toMatchObject({
      status: 'cancelled',
      ended_reason: `${fay.email}, who approved it, has left`,
    });
    expect(await recorded('person.left', { person: fay.email })).toMatchObject({ approvals_cancelled: 3 });
    const shown = (await kim.ask('GET', `/v1/approvals/${any}`)).body;
    expect(
      (await kim.ask('POST', `/v1/approvals/${any}/decide`, { decision: 'approve', hash: shown.hash })).body.status,
    ).toBe('approved');
  });
});

describe('another owner', () => {
  let dana: Someone;
  let lee: Someone;
  let agent: { name: string; token: string };
  beforeEach(async () => {
    [dana, lee] = [await someone(), await someone({}, ['viewer'])];
    agent = await agentOf(dana);
  });

  it('takes over by accepting; then somebody who may restores the agent, with new tokens', async () => {
    await leaves(dana);
    const { id: task } = await taskOf(dana);
    const { data } = await world.ok('POST', `/v1/transfer-tasks/${task}/propose`, {
      to: lee.email,
      reason: 'new team',
    });
    expect(data).toMatchObject([{ agent: agent.name, from: dana.email, to: lee.email, status: 'proposed', task }]);
    const path = `/v1/ownership-transfers/${data[0].id}`;
    expect((await taskOf(dana)).agents[0].transfer).toMatchObject({ id: data[0].id, to: lee.email });

    // Nobody answers for somebody else: no key without a person, and no other person.
    expect(await world.refused('POST', `${path}/accept`)).toBe('transfer_not_yours');
    expect(codeOf(await (await someone()).ask('POST', `${path}/accept`))).toEqual([403, 'transfer_not_yours']);
    expect((await lee.ask('POST', `${path}/accept`)).body).toMatchObject({
      status: 'accepted',
      ended_by: expect.stringContaining('key:'),
    });
    expect(codeOf(await lee.ask('POST', `${path}/accept`))).toEqual([409, 'transfer_accepted']);

    expect(await statusOf(agent.name)).toBe('suspended');
    expect(await world.ok('GET', `/v1/transfer-tasks/${task}`)).toMatchObject({
      status: 'done',
      agents: [{ outcome: 'accepted', owner: lee.email, status: 'suspended' }],
    });
    // The new owner may not resume it by owning it alone.
    expect(codeOf(await lee.ask('POST', `/v1/agents/${agent.name}/restore`))).toEqual([403, 'role_missing']);
    expect(await world.ok('POST', `/v1/agents/${agent.name}/restore`)).toMatchObject({
      status: 'active',
      owner: lee.email,
    });
    expect((await world.act(agent.token, 'notes.add')).body.error.code).toBe('token_revoked');
    expect((await world.act(await world.token(agent.name), 'notes.add')).status).toBe(200);

    const { history, accepted_at } = await world.ok('GET', `/v1/agents/${agent.name}/ownership`);
    expect(accepted_at).toBeGreaterThan(0);
    expect(history).toMatchObject([
      { from: dana.email, to: lee.email, reason: 'new team', transfer: data[0].id, accepted_at },
      { from: null, to: dana.email, actor: 'key:first', accepted_at: null },
    ]);
  });

  it('says no, or nothing, and the agent waits on', async () => {
    await leaves(dana);
    const { id } = await offer(agent.name, lee);
    expect(await world.refused('POST', `/v1/agents/${agent.name}/ownership-transfers`, { to: 'x@acme.example' })).toBe(
      'transfer_open',
    );
    expect((await offer(agent.name, lee)).id).toBe(id);
    // Where people decide by their own sign-in, a key of theirs says neither yes nor no.
    await owner.query(
      `INSERT INTO sign_in_settings (workspace_id, idle_seconds, session_seconds, people_decide, step_up, step_up_seconds, author)
       SELECT id, 1800, 28800, 'sessions', '{}', 300, 'key:first' FROM workspaces`,
    );
    for (const verb of ['accept', 'decline'])
      expect(codeOf(await lee.ask('POST', `/v1/ownership-transfers/${id}/${verb}`))).toEqual([403, 'sign_in_required']);
    await owner.query('DELETE FROM sign_in_settings');
    expect((await lee.ask('POST', `/v1/ownership-transfers/${id}/decline`, { reason: 'not mine' })).body).toMatchObject(
      {
        status: 'declined',
        end_reason: 'not mine',
      },
    );
    const second = await offer(agent.name, lee);
    await owner.query(`UPDATE ownership_transfers SET answer_by = now() WHERE id = $1`, [second.id]);
    expect(codeOf(await lee.ask('POST', `/v1/ownership-transfers/${second.id}/accept`))).toEqual([
      409,
      'transfer_lapsed',
    ]);
    expect(await taskOf(dana)).toMatchObject({ agents_waiting: 1 });
    expect(await world.refused('POST', `/v1/agents/${agent.name}/ownership-transfers`, { to: dana.email })).toBe(
      'owner_already',
    );
    const gone = await someone();
    await leaves(gone);
    expect(await world.refused('POST', `/v1/agents/${agent.name}/ownership-transfers`, { to: gone.email })).toBe(
      'owner_inactive',
    );
  });

  it('is given it unasked by an administrator, which is recorded as that; unless the workspace asks for a yes', async () => {
    await leaves(dana);
    expect(await world.ok('PATCH', `/v1/agents/${agent.name}`, { owner: lee.email })).toMatchObject({
      status: 'active',
      owner: lee.email,
    });
    expect(await world.ok('GET', `/v1/agents/${agent.name}/ownership`)).toMatchObject({
      accepted_at: null,
      history: [{ to: lee.email, accepted_at: null, transfer: null }, {}],
    });
    expect(await taskOf(dana, 'done')).toMatchObject({ agents: [{ outcome: 'given' }] });
    expect((await world.act(agent.token, 'notes.add')).body.error.code).toBe('token_revoked');

    expect(await world.refused('PUT', '/v1/ownership-settings', { escalate_after_hours: 1 })).toBe(
      'times_out_of_order',
    );
    await world.ok('PUT', '/v1/ownership-settings', { acceptance_required: true });
    expect(await world.refused('PATCH', `/v1/agents/${agent.name}`, { owner: 'kim@acme.example' })).toBe(
      'owner_must_accept',
    );
    expect(await world.ok('PATCH', `/v1/agents/${agent.name}`, { owner: lee.email, description: 'x' })).toMatchObject({
      description: 'x',
    });
    await world.ok('PUT', '/v1/ownership-settings', { acceptance_required: false });
  });

  it('may be asked by the owner, without anybody having left; the agent goes on meanwhile and after', async () => {
    const viewer = await someone({}, ['viewer']);
    const path = `/v1/agents/${agent.name}/ownership-transfers`;
    expect(codeOf(await viewer.ask('POST', path, { to: viewer.email }))).toEqual([403, 'role_missing']);
    const { body } = await dana.ask('POST', path, { to: lee.email });
    expect(body).toMatchObject({ status: 'proposed', task: null });
    expect(codeOf(await viewer.ask('POST', `/v1/ownership-transfers/${body.id}/withdraw`))).toEqual([
      403,
      'role_missing',
    ]);
    expect((await lee.ask('POST', `/v1/ownership-transfers/${body.id}/accept`)).status).toBe(200);
    expect(await statusOf(agent.name)).toBe('active');
    expect((await world.act(agent.token, 'notes.add')).status).toBe(200);
    expect(await recorded('agent.changed', { agent: agent.name, transfer_id: body.id })).toMatchObject({
      owner: lee.email,
      changes: { owner: [dana.email, lee.email] },
      transfer_id: body.id,
    });
  });
});

describe('deputies', () => {
  it('may suspend, are named, and take over only by accepting', async () => {
    const [dana, dep, other, member] = [
      await someone(),
      await someone({}, ['viewer']),
      await someone({}, ['viewer']),
      await someone({ groups: ['oncall'] }, ['viewer']),
    ];
    const { name } = await agentOf(dana);
    const suspend = `/v1/agents/${name}/suspend`;
    expect(codeOf(await dep.ask('POST', suspend))).toEqual([403, 'role_missing']);
    expect(await world.refused('PUT', `/v1/agents/${name}/deputies`, { deputies: [dana.email] })).toBe(
      'deputy_is_owner',
    );
    expect(await world.refused('PUT', `/v1/agents/${name}/deputies`, { deputies: ['no@acme.example'] })).toBe(
      'person_not_found',
    );
    expect(codeOf(await dep.ask('PUT', `/v1/agents/${name}/deputies`, { deputies: [dep.email] }))).toEqual([
      403,
      'role_missing',
    ]);
    expect(
      (await dana.ask('PUT', `/v1/agents/${name}/deputies`, { deputies: [dep.email, 'oncall'] })).body.deputies,
    ).toEqual([
      { name: 'oncall', kind: 'group', active: true },
      { name: dep.email, kind: 'person', active: true },
    ]);
    expect(await world.ok('GET', `/v1/agents/${name}`)).toMatchObject({
      deputies: ['oncall', dep.email],
      owner: dana.email,
    });
    expect(codeOf(await other.ask('POST', suspend))).toEqual([403, 'role_missing']);
    for (const each of [dep, member]) {
      const { data: deputised } = await world.ok('GET', `/v1/agents?deputy=${each.email}`);
      expect(deputised).toEqual([expect.objectContaining({ name })]);
      expect((await each.ask('POST', suspend)).body).toMatchObject({ status: 'suspended' });
      expect(codeOf(await each.ask('POST', `/v1/agents/${name}/restore`))).toEqual([403, 'role_missing']);
      await world.ok('POST', `/v1/agents/${name}/restore`);
    }
    expect(codeOf(await dep.ask('POST', `/v1/agents/${name}/ownership-transfers`, { to: dep.email }))).toEqual([
      403,
      'role_missing',
    ]);

    await leaves(dep);
    await leaves(member);
    const { data } = await world.ok('GET', '/v1/orphans?limit=200');
    expect(data).toContainEqual(
      expect.objectContaining({ agent: name, status: 'active', why: 'deputies_gone', task: null }),
    );
  });
});

describe('a task that nobody cares about', () => {
  it('is told of again, escalated, and ends with its agents revoked', async () => {
    const [dana, boss, dep] = [
      await someone(),
      await someone({ groups: ['heads'] }, ['viewer']),
      await someone({}, ['viewer']),
    ];
    const [one, two] = [await agentOf(dana), await agentOf(dana)];
    await world.ok('PUT', `/v1/agents/${one.name}/deputies`, { deputies: [dep.email] });
    await world.ok('PUT', '/v1/ownership-settings', { escalate_to: ['heads'] });
    await leaves(dana);
    const { id } = await taskOf(dana);
    expect((await recorded('transfer.opened', { task_id: id })).to).toContain(dep.email);
    const { id: offered } = await offer(two.name, boss);

    await later(id, 73);
    const reminded = await recorded('transfer.reminded', { task_id: id });
    expect(reminded).toMatchObject({ agents_count: 2, actor: 'system' });
    expect(reminded.to).toContain(dep.email);
    expect(reminded.to).not.toContain(boss.email);
    await later(id, 96);
    expect((await recorded('transfer.escalated', { task_id: id })).to).toEqual(
      expect.arrayContaining([boss.email, dep.email]),
    );
    expect(await taskOf(dana)).toMatchObject({ reminded_at: expect.any(Number), escalated_at: expect.any(Number) });

    await later(id, 168);
    const ended = await vi.waitFor(() => taskOf(dana, 'expired'), { timeout: 10_000 });
    expect(ended.agents).toMatchObject([
      { agent: one.name, outcome: 'retired', status: 'revoked' },
      { agent: two.name, outcome: 'retired', status: 'revoked', transfer: null },
    ]);
    expect(await world.ok('GET', `/v1/ownership-transfers/${offered}`)).toMatchObject({ status: 'lapsed' });
    expect(await world.ok('GET', `/v1/agents/${one.name}`)).toMatchObject({
      stopped_reason: `nobody took it over from ${dana.email} by the deadline of ${id}`,
    });
    expect(await recorded('transfer.closed', { task_id: id })).toMatchObject({
      task_id: id,
      status: 'expired',
      retired_count: 2,
      named: ['heads'],
    });
    expect(await recorded('agent.revoked', { agent: two.name })).toMatchObject({ actor: 'system' });
    expect(await world.refused('POST', `/v1/agents/${one.name}/restore`)).toBe('owner_inactive');
    expect(await world.refused('POST', `/v1/transfer-tasks/${id}/propose`, { to: boss.email })).toBe('task_over');
  });
});
