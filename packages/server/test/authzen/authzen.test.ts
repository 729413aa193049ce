import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settledEvent, startWorkspace, type TestAgent, type Workspace } from '../actions/workspace.ts';
import type { Answer, Call } from '../api/client.ts';
import { ACTION_SEARCH, EVALUATION, EVALUATIONS, type Search, SUBJECT_SEARCH } from './certification.ts';

let workspace: Workspace;
let alice: TestAgent;
let bob: TestAgent;
let payer: TestAgent;

const JSON_TYPE = { 'content-type': 'application/json' };

function post(path: string, body: unknown, { headers = {}, ...call }: Call = {}): Promise<Answer> {
  return workspace.call('POST', `/access/v1/${path}`, { body, headers: { ...JSON_TYPE, ...headers }, ...call });
}

beforeAll(async () => {
  workspace = await startWorkspace();
  await workspace.capability('record.read', { access: 'read' });
  await workspace.capability('record.write', {});
  await workspace.capability('record.delete', { destructive: true });
  await workspace.capability('payments.pay', {
    impact: { usd: { field: 'amount', currency: 'USD' } },
    input_schema: { type: 'object', properties: { amount: { type: 'number' } }, required: ['amount'] },
  });
  await workspace.capability('deploy', {});
  await workspace.capability('vault.get', { access: 'read' });
  await workspace.role(
    'editor',
    ['record.read', 'record.write', 'record.delete'],
    [
      {
        id: 'not-archived',
        action: 'record.write',
        when: {
          any: [
            { field: 'resource.properties.status', exists: false },
            { field: 'resource.properties.status', ne: 'archived' },
          ],
        },
        effect: 'allow',
        otherwise: 'deny',
      },
      {
        id: 'soft-only',
        action: 'record.delete',
        when: { field: 'soft', eq: true },
        effect: 'allow',
        otherwise: 'deny',
      },
    ],
  );
  await workspace.role(
    'reader',
    ['record.read', 'record.write'],
    [
      {
        id: 'as-admin',
        action: 'record.write',
        when: { field: 'subject.properties.role', eq: 'admin' },
        effect: 'allow',
        otherwise: 'deny',
      },
    ],
  );
  await workspace.role(
    'payer',
    ['payments.pay', 'deploy'],
    [
      {
        id: 'cap',
        action: 'payments.pay',
        when: { field: 'sum(usd, 24h)', lte: 500 },
        effect: 'allow',
        otherwise: 'deny',
      },
      {
        id: 'release',
        action: 'deploy',
        when: { field: 'resource.id', eq: 'staging' },
        effect: 'allow',
        otherwise: 'review',
      },
    ],
  );
  alice = await workspace.agent('alice', 'editor');
  bob = await workspace.agent('bob', 'reader');
  payer = await workspace.agent('payer', 'payer');
});
afterAll(() => workspace.close());

describe('the certification scenario', () => {
  it.each(EVALUATION)('evaluation $id', async ({ request, decision, status = 200 }) => {
    const answer = await post('evaluation', request);
    expect(answer.status).toBe(status);
    if (status === 200) expect(answer.body.decision).toBe(decision);
  });

  it.each(EVALUATIONS)('evaluations $id', async ({ request, decision, decisions, status = 200 }) => {
    const answer = await post('evaluations', request);
    expect(answer.status).toBe(status);
    if (decision !== undefined) expect(answer.body).toMatchObject({ decision });
    if (decisions === undefined) return;
    expect(answer.body.decision).toBeUndefined();
    const given = answer.body.evaluations.map((each: { decision: boolean }) => each.decision);
    expect(given).toEqual(decisions.map((wanted, i) => wanted ?? given[i]));
    for (const each of given) expect(typeof each).toBe('boolean');
  });

  const searching = async (path: string, name: 'id' | 'name', { request, holds, exactly, status = 200 }: Search) => {
    const answer = await post(path, request);
    expect(answer.status).toBe(status);
    if (status !== 200) return;
    const found: string[] = answer.body.results.map((each: Record<string, string>) => each[name]);
    if (exactly !== undefined) expect(found).toEqual(exactly);
    else expect(found).toEqual(expect.arrayContaining([...(holds ?? [])]));
  };
  it.each(SUBJECT_SEARCH)('subject search $id', (search) => searching('search/subject', 'id', search));
  it.each(ACTION_SEARCH)('action search $id', (search) => searching('search/action', 'name', search));

  const FIRST = {
    subject: { type: 'agent', id: 'alice' },
    action: { name: 'read' },
    resource: { type: 'record', id: 'record-1' },
  };
  it.each([
    ['2.4.3 another content type', JSON.stringify(FIRST), 'text/plain'],
    ['2.4.3 a form', JSON.stringify(FIRST), 'application/x-www-form-urlencoded'],
    ['2.4.4 malformed JSON', '{"subject":', 'application/json'],
    ['2.4.5 an empty body', '', 'application/json'],
  ])('%s is a bad request', async (_, body, type) => {
    expect((await post('evaluation', body, { headers: { 'content-type': type } })).status).toBe(400);
  });

  it('2.5 echoes X-Request-ID, whatever it is, and does without', async () => {
    for (const id of ['bfe9eb29-ab87-4ca3-be83-a1d5d8305716', 'with spaces / and = signs']) {
      const answer = await post('evaluation', FIRST, { headers: { 'x-request-id': id } });
      expect(answer.headers.get('x-request-id')).toBe(id);
    }
    expect((await post('evaluation', FIRST)).headers.get('x-request-id')).not.toBeNull();
  });

  it('2.6 decides the same each time', async () => {
    for (let i = 0; i < 5; i += 1) expect((await post('evaluation', FIRST)).body.decision).toBe(true);
  });

  it('4.5 pages through subjects', async () => {
    const request = {
      subject: { type: 'agent' },
      action: { name: 'read' },
      resource: { type: 'record', id: 'record-1' },
    };
    const first = await post('search/subject', { ...request, page: { limit: 1 } });
    expect(first.body.results).toHaveLength(1);
    const token = first.body.page.next_token;
    expect(token).not.toBe('');
    const second = await post('search/subject', { ...request, page: { token } });
    expect(second.body.page).toEqual({ next_token: '', count: 1 });
    const found = [...first.body.results, ...second.body.results].map(({ id }) => id);
    expect(found.sort()).toEqual(['alice', 'bob']);
    const other = await post('search/subject', { ...request, action: { name: 'write' }, page: { token } });
    expect(other).toMatchObject({ status: 400, body: { error: { code: 'cursor_invalid' } } });
  });

  it('6 publishes its metadata', async () => {
    const { status, headers, body } = await workspace.call('GET', '/.well-known/authzen-configuration', { key: null });
    expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('application/json')]);
    const base = workspace.server.url;
    expect(body).toEqual({
      policy_decision_point: base,
      access_evaluation_endpoint: `${base}/access/v1/evaluation`,
      access_evaluations_endpoint: `${base}/access/v1/evaluations`,
      search_subject_endpoint: `${base}/access/v1/search/subject`,
      search_action_endpoint: `${base}/access/v1/search/action`,
    });
    // Resources are not known here, so there is no exact answer to a search for them.
    expect((await post('search/resource', {})).status).toBe(404);
  });
});

describe('the Todo interop scenario', () => {
  const USERS = {
    rick: { email: 'rick@the-citadel.com', roles: ['admin', 'evil_genius'] },
    morty: { email: 'morty@the-citadel.com', roles: ['editor'] },
    summer: { email: 'summer@the-smiths.com', roles: ['editor'] },
    beth: { email: 'beth@the-smiths.com', roles: ['viewer'] },
    jerry: { email: 'jerry@the-smiths.com', roles: ['viewer'] },
  };
  type User = keyof typeof USERS;
  const NAMES: readonly User[] = ['rick', 'morty', 'summer', 'beth', 'jerry'];
  const VIEW = ['user.can_read_user', 'todo.can_read_todos'];
  const EDIT = [...VIEW, 'todo.can_create_todo', 'todo.can_update_todo', 'todo.can_delete_todo'];

  beforeAll(async () => {
    for (const name of EDIT) await workspace.capability(name, {});
    await workspace.role('viewer', VIEW);
    await workspace.role('admin', EDIT);
    for (const name of NAMES) {
      const { email, roles } = USERS[name];
      const owned = ['update', 'delete'].map((what) => ({
        id: `own-${what}`,
        action: `todo.can_${what}_todo`,
        when: { field: 'resource.properties.ownerID', eq: email },
        effect: 'allow',
        otherwise: 'deny',
      }));
      if (roles.includes('editor')) await workspace.role(`editor-${name}`, EDIT, owned);
      await workspace.agent(
        name,
        roles.includes('editor') ? `editor-${name}` : roles.includes('admin') ? 'admin' : 'viewer',
      );
    }
  });

  const subject = (id: User) => ({ type: 'agent', id });
  const todo = (owner: User) => ({ type: 'todo', id: `todo-of-${owner}`, properties: { ownerID: USERS[owner].email } });
  const isEditor = (user: User) => USERS[user].roles.some((role) => role !== 'viewer');
  const mayTouch = (user: User, owner: User) => user === 'rick' || (isEditor(user) && user === owner);

  it.each(NAMES)('as %s', async (user) => {
    const decide = async (action: string, resource: object) =>
      (await post('evaluation', { subject: subject(user), action: { name: action }, resource })).body.decision;
    expect(await decide('can_read_user', { type: 'user', id: USERS.beth.email })).toBe(true);
    expect(await decide('can_read_todos', { type: 'todo', id: 'todo-1' })).toBe(true);
    expect(await decide('can_create_todo', { type: 'todo', id: 'todo-1' })).toBe(isEditor(user));
    for (const owner of [user, 'rick', 'morty'] as const)
      for (const action of ['can_update_todo', 'can_delete_todo'])
        expect([owner, action, await decide(action, todo(owner))]).toEqual([owner, action, mayTouch(user, owner)]);
  });

  it.each(NAMES)('in one batch as %s', async (user) => {
    const { body } = await post('evaluations', {
      subject: subject(user),
      action: { name: 'can_update_todo' },
      resource: {},
      context: {},
      evaluations: NAMES.map((owner) => ({ resource: todo(owner) })),
    });
    expect(body.evaluations.map(({ decision }: { decision: boolean }) => decision)).toEqual(
      NAMES.map((owner) => mayTouch(user, owner)),
    );
  });
});

describe('the semantics of a batch', () => {
  const READ = { action: { name: 'read' } };
  const DELETE = { action: { name: 'delete' } };
  const ask = async (semantic: string, evaluations: readonly object[]) => {
    const resource = { type: 'record', id: '1' };
    const request = {
      subject: { type: 'agent', id: 'bob' },
      resource,
      options: { evaluations_semantic: semantic },
      evaluations,
    };
    const { body } = await post('evaluations', request);
    return body.evaluations.map(({ decision }: { decision: boolean }) => decision);
  };

  it.each([
    ['execute_all', [READ, DELETE, READ], [true, false, true]],
    ['deny_on_first_deny', [READ, DELETE, READ], [true, false]],
    ['deny_on_first_deny', [READ, READ], [true, true]],
    ['deny_on_first_deny', [READ, { subject: { type: 'agent' } }, READ], [true, false]],
    ['permit_on_first_permit', [DELETE, READ, DELETE], [false, true]],
    ['permit_on_first_permit', [DELETE, DELETE], [false, false]],
  ])('%s', async (semantic, evaluations, decisions) => {
    expect(await ask(semantic, evaluations)).toEqual(decisions);
  });

  it('are in order: a window has room for the first ones', async () => {
    const agent = await workspace.agent('batch-payer', 'payer');
    const pay = { action: { name: 'payments.pay', properties: { amount: 200 } } };
    const request = {
      subject: { type: 'agent', id: agent.id },
      resource: { type: 'payment', id: '1' },
      evaluations: [pay, pay, pay],
    };
    const { body } = await post('evaluations', request);
    expect(body.evaluations.map(({ decision }: { decision: boolean }) => decision)).toEqual([true, true, false]);
    expect(body.evaluations[2].context).toMatchObject({
      code: 'action_denied',
      reason_class: 'cap',
      rule: 'cap',
      remaining: 10000,
    });
  });

  it('end at a hundred', async () => {
    const request = {
      subject: { type: 'agent', id: 'bob' },
      ...READ,
      evaluations: Array.from({ length: 101 }, () => ({})),
    };
    expect(await post('evaluations', request)).toMatchObject({
      status: 400,
      body: { error: { code: 'request_invalid' } },
    });
  });
});

describe('an evaluation', () => {
  const evaluate = (id: string, name: string, resource: object, properties?: object, call?: Call) =>
    post(
      'evaluation',
      {
        subject: { type: 'agent', id },
        action: { name, ...(properties === undefined ? {} : { properties }) },
        resource,
      },
      call,
    );
  const PAYMENT = { type: 'payment', id: 'inv-7' };

  it('is on the log, with the key that asked, and spent', async () => {
    const { body } = await evaluate(payer.id, 'payments.pay', PAYMENT, { amount: 12.5 });
    expect(body).toMatchObject({ decision: true });
    const { event, result } = await settledEvent(workspace, body.context.event_id);
    expect(event).toMatchObject({
      entrance: 'authzen',
      agent: 'payer',
      action: 'payments.pay',
      verdict: 'allow',
      args: { amount: 12.5, resource: PAYMENT },
      impact: { usd: 1250 },
      token_id: expect.stringMatching(/^key_/),
    });
    expect(result).toMatchObject({ outcome: 'unknown', error_code: 'outcome_not_reported' });
  });

  it('that a person must decide is a denial with a code', async () => {
    const held = await evaluate('payer', 'deploy', { type: 'environment', id: 'production' });
    expect(held).toMatchObject({
      status: 200,
      body: { decision: false, context: { code: 'approval_required', rule: 'release' } },
    });
    expect((await evaluate('payer', 'deploy', { type: 'environment', id: 'staging' })).body.decision).toBe(true);
  });

  it('whose properties do not fit the schema is a denial', async () => {
    const { body } = await evaluate('payer', 'payments.pay', PAYMENT, { amount: '12' });
    expect(body).toMatchObject({ decision: false, context: { code: 'action_denied', rule: 'input schema' } });
  });

  it('of what is not granted reads like that of what is not there', async () => {
    const hidden = await evaluate('payer', 'vault.get', PAYMENT);
    const absent = await evaluate('payer', 'vault.gone', PAYMENT);
    const strip = (text: string) => text.replaceAll(/evt_[0-9A-Z]+/g, 'evt');
    expect(hidden.body).toMatchObject({ decision: false, context: { code: 'action_unknown' } });
    expect(strip(JSON.stringify(absent.body))).toBe(strip(JSON.stringify(hidden.body)));
  });

  it('with a property named like an entity is refused', async () => {
    const refused = await evaluate('alice', 'read', { type: 'record', id: '1' }, { resource: 'x' });
    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'property_name_taken' } } });
  });

  it.each([
    ['an agent that is not there', { type: 'agent', id: 'nobody' }],
    ['a person', { type: 'user', id: 'alice' }],
  ])('about %s is a denial, and recorded', async (_, subject) => {
    const { status, body } = await post('evaluation', {
      subject,
      action: { name: 'read' },
      resource: { type: 'record', id: '1' },
    });
    expect([status, body.decision, body.context.code]).toEqual([200, false, 'subject_unknown']);
    const { event } = await settledEvent(workspace, body.context.event_id);
    expect(event).toMatchObject({ kind: 'gateway.refused', entrance: 'authzen', subject });
  });

  it('about a stopped agent is a denial, and recorded', async () => {
    const agent = await workspace.agent('stopped', 'editor');
    await workspace.call('POST', '/v1/agents/stopped/revoke', { body: {} });
    const { status, body } = await evaluate('stopped', 'read', { type: 'record', id: '1' });
    expect([status, body.decision, body.context.code]).toEqual([200, false, 'agent_revoked']);
    expect(await evaluate(agent.id, 'read', { type: 'record', id: '1' }, {}, { key: agent.token })).toMatchObject({
      status: 401,
      body: { error: { code: 'agent_revoked' } },
    });
  });
});

describe('an agent that asks for itself', () => {
  const ask = (id: string, name = 'read') =>
    post(
      'evaluation',
      { subject: { type: 'agent', id }, action: { name }, resource: { type: 'record', id: '1' } },
      { key: alice.token },
    );

  it('is answered by name and by id', async () => {
    expect((await ask('alice')).body.decision).toBe(true);
    expect((await ask(alice.id)).body.decision).toBe(true);
  });

  it('learns nothing of another', async () => {
    const other = await ask(bob.id);
    const nobody = await ask('nobody');
    expect(other.body).toMatchObject({ decision: false, context: { code: 'subject_unknown' } });
    const strip = (text: string) => text.replaceAll(/evt_[0-9A-Z]+/g, 'evt');
    expect(strip(JSON.stringify(other.body))).toBe(strip(JSON.stringify(nobody.body)));
    const request = { subject: { type: 'agent' }, action: { name: 'read' }, resource: { type: 'record', id: '1' } };
    expect((await post('search/subject', request, { key: alice.token })).body.results).toEqual([
      { type: 'agent', id: 'alice' },
    ]);
  });
});

describe('a credential', () => {
  it.each([
    ['none', null],
    ['one that is none of ours', 'hk_live_nonsense'],
  ])('%s is unauthenticated', async (_, key) => {
    const request = {
      subject: { type: 'agent', id: 'alice' },
      action: { name: 'read' },
      resource: { type: 'record', id: '1' },
    };
    for (const path of ['evaluation', 'evaluations', 'search/subject', 'search/action'])
      expect((await post(path, request, { key })).status).toBe(401);
  });
});
