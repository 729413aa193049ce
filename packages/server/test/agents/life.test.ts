/** What an agent is made of, until when it may act, whether it does, and who gave it what. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expireRequests } from '../../src/agent-requests/watch.ts';
import { digestOf } from '../../src/agents/attributes.ts';
import { lookAfterAgents } from '../../src/agents/watch.ts';
import { loadServerKeys } from '../../src/identity/index.ts';
import { createActionLog, type RunningLog } from '../../src/log/index.ts';
import { createActionPath } from '../../src/path/index.ts';
import { newKey } from '../agent-auth/clients.ts';
import { openWorld, type World } from './world.ts';

let world: World;
let owner: pg.Client;
let pool: pg.Pool;
let log: RunningLog;
/** What a node does every few seconds, now. */
let look: () => Promise<void>;
const keys: Record<string, string> = {};
const as = (name: string) => ({ key: keys[name] ?? '' });

beforeAll(async () => {
  world = await openWorld();
  const { config, ownerUrl } = world.server;
  owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  pool = new pg.Pool({ connectionString: ownerUrl });
  const { signing, pepper, digest } = loadServerKeys(config.data, undefined);
  log = await createActionLog({ pool, connectionString: ownerUrl, nodeId: 'node-2', signingKey: signing });
  const path = createActionPath({ pool, log, pepper, digest });
  look = () => lookAfterAgents({ pool, log, path });
  await world.capability('notes.add');
  await world.role('support', ['notes.add']);
  await world.role('mail');
  for (const name of ['ann', 'dana']) {
    await world.ok('POST', '/v1/people', { email: `${name}@acme.example` });
    ({ key: keys[name] } = await world.ok('POST', '/v1/keys', { name, person: `${name}@acme.example` }));
  }
});
afterAll(async () => {
  await owner.end();
  await log.close();
  await pool.end();
  await world.server.close();
});

/** Long ago, which no part of the program can say. */
async function backdate(agent: string, days: number): Promise<void> {
  await owner.query('ALTER TABLE agents DISABLE TRIGGER agent_times_fixed');
  await owner.query(
    `UPDATE agents SET created_at = created_at - make_interval(days => $2), first_credential_at = first_credential_at - make_interval(days => $2)
      WHERE handle = $1`,
    [agent, days],
  );
  await owner.query('ALTER TABLE agents ENABLE TRIGGER agent_times_fixed');
  await owner.query(
    `UPDATE agent_state s SET last_action_at = last_action_at - make_interval(days => $2)
       FROM agents a WHERE a.id = s.agent_id AND a.handle = $1`,
    [agent, days],
  );
}

describe('what an agent is made of', () => {
  const first = { model: 'small-1', tools: ['notes.add', 'mail.send', 'notes.add'], prompt_version: '7' };

  it('is a version with each change, and stands on the records of its calls', async () => {
    const made = await world.agent('versioned', { attributes: first });
    const kept = { ...first, tools: ['mail.send', 'notes.add'] };
    expect([made.version, made.attributes]).toEqual([1, kept]);
    const token = await world.token('versioned');
    await world.act(token, 'notes.add');
    for (const model of ['small-2', 'small-3']) {
      const changed = await world.ok('PATCH', '/v1/agents/versioned', { attributes: { ...first, model } });
      expect(changed.attributes.model).toBe(model);
      // The token's holder was in memory until then.
      await world.act(token, 'notes.add');
    }
    const again = await world.ok('PATCH', '/v1/agents/versioned', { attributes: { ...first, model: 'small-3' } });
    expect(again.version).toBe(3);
    const calls = await world.events('kind=tool.call&agent=versioned', 3);
    expect(calls.map(({ agent_version: version }) => version).toSorted()).toEqual([1, 2, 3]);

    const { data } = await world.ok('GET', '/v1/agents/versioned/versions');
    expect(data.map(({ version, changes }: Record<string, unknown>) => [version, changes])).toEqual([
      [3, { model: ['small-2', 'small-3'] }],
      [2, { model: ['small-1', 'small-2'] }],
      [1, { model: [null, 'small-1'], prompt_version: [null, '7'], tools: [null, kept.tools] }],
    ]);
    expect(data[2]).toMatchObject({ agent: 'versioned', author: 'key:first', sha256: digestOf(kept) });
    const { changes } = await world.ok('GET', '/v1/agents/versioned/versions/3?against=1');
    expect(changes).toEqual({ model: ['small-1', 'small-3'] });
    const [record] = await world.events('kind=agent.versioned&agent=versioned', 3);
    expect(record).toMatchObject({ agent_version: 3, prev_sha256: data[1].sha256, changed: ['model'] });
  });

  it('of an agent that declared nothing is no version, and stands on no record', async () => {
    expect(await world.agent('undeclared')).toMatchObject({ version: 0, attributes: {} });
    await world.act(await world.token('undeclared'), 'notes.add');
    expect((await world.events('kind=tool.call&agent=undeclared', 1))[0]).not.toHaveProperty('agent_version');
    expect((await world.ok('GET', '/v1/agents/undeclared/versions')).data).toEqual([]);
    expect(await world.refused('GET', '/v1/agents/undeclared/versions/1')).toBe('agent_version_not_found');
    expect(await world.refused('GET', '/v1/agents/versioned/versions/3?against=9')).toBe('agent_version_not_found');
  });

  it.each([
    ['an attribute that there is not', { temperature: '1' }],
    ['a hash that is none', { prompt_sha256: 'abc' }],
    ['too many tools', { tools: Array.from({ length: 201 }, (_, i) => `t${i}`) }],
    ['more than a record holds', { tools: Array.from({ length: 200 }, (_, i) => `${i}`.padEnd(128, 'x')) }],
    ['nothing for a model', { model: '  ' }],
  ])('is not %s', async (_, attributes) => {
    expect(await world.refused('PATCH', '/v1/agents/versioned', { attributes })).toBe('request_invalid');
  });

  it('has no gaps and is never rewritten, whoever tries', async () => {
    const insert = (version: number) =>
      owner.query(
        `INSERT INTO agent_versions (workspace_id, agent_id, version, attributes, sha256, author)
         SELECT workspace_id, id, $1, '{}', '', 'x' FROM agents WHERE handle = 'versioned'`,
        [version],
      );
    await expect(insert(5)).rejects.toThrow('is not the next one');
    await expect(insert(3)).rejects.toThrow('is not the next one');
    for (const sql of [
      `UPDATE agent_versions SET author = 'x'`,
      'DELETE FROM agent_versions',
      'TRUNCATE agent_versions',
    ])
      await expect(owner.query(sql)).rejects.toThrow('append_only');
  });
});

describe('the end of an agent', () => {
  const later = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

  it('comes by the clock of the database, for what is in memory too, and is written down', async () => {
    await world.agent('ending');
    const token = await world.token('ending');
    expect((await world.act(token, 'notes.add')).status).toBe(200);
    const { valid_until: end } = await world.ok('PATCH', '/v1/agents/ending', { valid_until: later(1) });
    let isOver = false;
    while (!isOver) {
      const answers = await Promise.all([1, 2, 3, 4, 5].map(() => world.act(token, 'notes.add')));
      isOver = answers.some(({ body }) => body.error?.code === 'agent_expired');
    }
    expect((await world.act(token, 'notes.add')).body.error.code).toBe('agent_expired');
    expect(Date.now()).toBeGreaterThanOrEqual(end * 1000);
    const [refused] = await world.events('kind=tool.call&agent=ending&verdict=deny', 1);
    expect(refused).toMatchObject({ reason: 'credential: the agent was valid until an earlier time' });
    expect(Math.max(...(await allowedAt('ending')))).toBeLessThan(end * 1000);

    await look();
    await look();
    expect(await world.events('kind=agent.expired', 1)).toEqual([
      expect.objectContaining({ agent: 'ending', valid_until: new Date(end * 1000).toISOString() }),
    ]);
    expect(await world.ok('GET', '/v1/agents/ending')).toMatchObject({
      status: 'suspended',
      attention: expect.arrayContaining(['expired']),
      stopped_reason: 'It was valid until an earlier time.',
    });
    expect(await world.refused('POST', '/v1/tokens', { agent: 'ending' })).toBe('agent_expired');
    expect(await world.refused('POST', '/v1/agents/ending/restore', {})).toBe('agent_expired');
    expect((await world.ok('GET', '/v1/agents?attention=expired')).data).toHaveLength(1);

    const extended = await world.ok('PATCH', '/v1/agents/ending', { valid_until: later(3600) }, as('ann'));
    expect(extended.status).toBe('active');
    expect((await world.act(token, 'notes.add')).status).toBe(200);
  });

  async function allowedAt(agent: string): Promise<number[]> {
    const records = await world.events(`kind=tool.call&agent=${agent}&verdict=allow&limit=200`, 1);
    return records.map(({ ts }) => Date.parse(ts));
  }

  it('is warned of once for each end', async () => {
    await world.agent('warned', { valid_until: later(86_400) });
    await look();
    await look();
    const warnings = () => world.events('kind=agent.expiring&agent=warned', 1);
    expect(await warnings()).toHaveLength(1);
    expect((await world.ok('GET', '/v1/agents?attention=expiring')).data).toEqual(
      expect.arrayContaining([expect.objectContaining({ name: 'warned' })]),
    );
    await world.ok('PATCH', '/v1/agents/warned', { valid_until: later(2 * 86_400) }, as('ann'));
    await look();
    expect(await world.events('kind=agent.expiring&agent=warned', 2)).toHaveLength(2);
  });

  it.each([
    ['is set', 'by the owner', null, 3600, 'dana', undefined],
    ['comes earlier', 'by the owner', 7200, 3600, 'dana', undefined],
    ['comes later', 'by the owner', 3600, 7200, 'dana', 'owner_alone'],
    ['is taken away', 'by the owner', 3600, null, 'dana', 'owner_alone'],
    ['comes later', 'by a key of nobody', 3600, 7200, 'first', 'person_required'],
    ['is taken away', 'by a key of nobody', 3600, null, 'first', 'person_required'],
    ['comes later', 'by somebody else', 3600, 7200, 'ann', undefined],
    ['is taken away', 'by somebody else', 3600, null, 'ann', undefined],
    ['is past', 'by somebody else', null, -1, 'ann', 'valid_until_past'],
  ] as const)('%s %s', async (what, by, before, after, who, code) => {
    const name = `${what}-${by}`.replaceAll(' ', '-');
    await world.agent(name, before === null ? {} : { valid_until: later(before) });
    const change = { valid_until: after === null ? null : later(after) };
    const more = who === 'first' ? {} : as(who);
    const answer = await world.call('PATCH', `/v1/agents/${name}`, { body: change, ...more });
    expect(answer.status < 300 ? undefined : answer.body.error.code).toBe(code);
  });

  it('is not put off by an owner who takes the agent in the same breath', async () => {
    await world.agent('taken', { owner: 'ann@acme.example', valid_until: later(3600) });
    const change = { owner: 'dana@acme.example', valid_until: null };
    expect(await world.refused('PATCH', '/v1/agents/taken', change, as('dana'))).toBe('owner_alone');
    expect((await world.ok('GET', '/v1/agents/taken')).owner).toBe('ann@acme.example');
  });

  it('is put off by no key where people decide by their own sign-in', async () => {
    await world.agent('kept', { valid_until: later(3600) });
    await owner.query(
      `INSERT INTO sign_in_settings (workspace_id, idle_seconds, session_seconds, people_decide, step_up, step_up_seconds, author)
       SELECT id, 1800, 43200, 'sessions', '{}', 300, 'key:first' FROM workspaces`,
    );
    const prolong = { valid_until: later(7200) };
    expect(await world.refused('PATCH', '/v1/agents/kept', prolong, as('ann'))).toBe('sign_in_required');
    expect((await world.ok('PATCH', '/v1/agents/kept', { valid_until: later(1800) }, as('ann'))).status).toBe('active');
    await owner.query('DELETE FROM sign_in_settings');
  });

  it('that has passed makes no agent, and is asked for in no request', async () => {
    const body = { name: 'past', role: 'support', owner: 'dana@acme.example', valid_until: 1000 };
    expect(await world.refused('POST', '/v1/agents', body)).toBe('valid_until_past');
    expect(await world.refused('POST', '/v1/agent-requests', { ...body, reason: 'r' }, as('ann'))).toBe(
      'valid_until_past',
    );
  });
});

describe('the first action', () => {
  it('is the first after the first credential, and is written once', async () => {
    await world.agent('starter');
    const evaluation = {
      subject: { type: 'agent', id: 'starter' },
      action: { name: 'notes.add' },
      resource: { type: 'x', id: '1' },
    };
    const headers = { 'content-type': 'application/json' };
    expect((await world.ok('POST', '/access/v1/evaluation', evaluation, { headers })).decision).toBe(true);
    await world.events('kind=tool.call&agent=starter', 1);
    await look();
    expect((await world.ok('GET', '/v1/agents/starter')).first_action_at).toBe(null);

    await world.act(await world.token('starter'), 'notes.add');
    await world.events('kind=tool.call&agent=starter', 2);
    await look();
    const { rows } = await owner.query(
      `SELECT first_action_at >= first_credential_at AS ordered, first_action_at FROM agents WHERE handle = 'starter'`,
    );
    expect(rows[0].ordered).toBe(true);
    await world.act(await world.token('starter'), 'notes.add');
    await world.events('kind=tool.call&agent=starter', 3);
    await look();
    const { rows: after } = await owner.query(`SELECT first_action_at FROM agents WHERE handle = 'starter'`);
    expect(after[0].first_action_at).toEqual(rows[0].first_action_at);
    await expect(owner.query(`UPDATE agents SET first_action_at = now() WHERE handle = 'starter'`)).rejects.toThrow(
      'agent_times',
    );
  });
});

it('a request that nobody answers is written down as over, once', async () => {
  const wanted = { name: 'unanswered', role: 'support', owner: 'dana@acme.example', reason: 'r' };
  const { id } = await world.ok('POST', '/v1/agent-requests', wanted, as('ann'));
  await owner.query('ALTER TABLE agent_requests DISABLE TRIGGER agent_request_moves');
  await owner.query(
    `UPDATE agent_requests SET requested_at = now() - interval '2 hours', expires_at = now() - interval '1 hour' WHERE id = $1`,
    [id],
  );
  await owner.query('ALTER TABLE agent_requests ENABLE TRIGGER agent_request_moves');
  await expireRequests({ pool, log });
  await expireRequests({ pool, log });
  expect(await world.events('kind=agent.refused', 1)).toEqual([
    expect.objectContaining({ request_id: id, status: 'expired', actor: 'system' }),
  ]);
});

it('an agent of whose deputies nobody is left asks for attention, and one of a group with members does not', async () => {
  await world.ok('POST', '/v1/people', { email: 'eve@acme.example' });
  await world.ok('PATCH', '/v1/people/ann@acme.example', { groups: ['crew'] });
  const deputies = (name: string, who: string[]) => world.agent(name, { deputies: who });
  await deputies('left-alone', ['eve@acme.example', 'nobodies']);
  await deputies('with-a-group', ['eve@acme.example', 'crew']);
  await world.ok('PATCH', '/v1/people/eve@acme.example', { active: false });
  const { data } = await world.ok('GET', '/v1/agents?attention=orphan');
  expect(data.map(({ name }: { name: string }) => name)).toEqual(['left-alone']);
  const { data: orphans } = await world.ok('GET', '/v1/orphans');
  expect(orphans.map(({ agent }: { agent: string }) => agent)).toEqual(['left-alone']);
});

describe('sleep', () => {
  it('is told of, as is waking up; an agent that was never used says so', async () => {
    await world.ok('PATCH', '/v1/agent-settings', { dormant_days: 30 });
    for (const name of ['sleeper', 'never', 'awake']) await world.agent(name);
    const token = await world.token('sleeper');
    await world.act(token, 'notes.add');
    await backdate('sleeper', 31);
    await backdate('never', 31);
    await backdate('awake', 29);
    await look();
    await look();
    expect(await world.events('kind=agent.dormant', 2)).toHaveLength(2);
    const named = async (attention: string) =>
      (await world.ok('GET', `/v1/agents?attention=${attention}`)).data.map(({ name }: { name: string }) => name);
    expect(await named('dormant')).toEqual(['never', 'sleeper']);
    expect(await named('never_used')).toEqual(['never']);
    expect(await named('no_credential')).toEqual(expect.arrayContaining(['awake', 'never']));
    expect(await named('no_credential')).not.toContain('sleeper');

    expect((await world.act(token, 'notes.add')).status).toBe(200);
    await look();
    expect(await world.events('kind=agent.woke', 1)).toEqual([expect.objectContaining({ agent: 'sleeper' })]);
    expect(await named('dormant')).toEqual(['never']);
  });

  it('suspends, where the workspace wants it, and a restored agent is not suspended again', async () => {
    await world.ok('PATCH', '/v1/agent-settings', { dormant_days: 30, suspend_dormant: true });
    await world.agent('hibernating');
    const token = await world.token('hibernating');
    await backdate('hibernating', 40);
    await look();
    expect(await world.ok('GET', '/v1/agents/hibernating')).toMatchObject({
      status: 'suspended',
      stopped_reason: 'It did nothing for too long.',
    });
    expect((await world.act(token, 'notes.add')).body.error.code).toBe('agent_suspended');
    await world.ok('POST', '/v1/agents/hibernating/restore', {});
    await look();
    expect((await world.ok('GET', '/v1/agents/hibernating')).status).toBe('active');
    await world.ok('PATCH', '/v1/agent-settings', { suspend_dormant: false });
  });
});

describe('authority', () => {
  const authority = (agent: string, at?: string) =>
    world.ok('GET', `/v1/agents/${agent}/authority${at === undefined ? '' : `?at=${encodeURIComponent(at)}`}`);
  /** By the database's clock. */
  const now = async (): Promise<string> =>
    (await owner.query('SELECT clock_timestamp() AS at')).rows[0].at.toISOString();

  it('tells who gave what, with the record of each, as at any instant', async () => {
    const before = await now();
    const request = await world.ok(
      'POST',
      '/v1/agent-requests',
      {
        name: 'asked-for',
        role: 'support',
        owner: 'dana@acme.example',
        reason: 'answers mail',
        attributes: { model: 'small-1' },
      },
      as('ann'),
    );
    await world.ok('POST', '/v1/people', { email: 'bob@acme.example' });
    ({ key: keys.bob } = await world.ok('POST', '/v1/keys', { name: 'bob', person: 'bob@acme.example' }));
    await world.ok('POST', `/v1/agent-requests/${request.id}/approve`, { reason: 'seen' }, as('bob'));
    const token = await world.ok('POST', '/v1/tokens', { agent: 'asked-for' });
    const early = await now();
    await world.ok('PATCH', '/v1/agents/asked-for', { role: 'mail', owner: 'ann@acme.example' }, as('bob'));
    await world.ok('PATCH', '/v1/roles/support', { scope: { allow: [] } });
    await world.ok('POST', `/v1/tokens/${token.id}/revoke`, {});
    const { id: stop } = await world.ok('POST', '/v1/agents/asked-for/revoke', { reason: 'leaked' });
    await world.events('kind=agent.revoked&agent=asked-for', 1);

    expect(await authority('asked-for', before)).toMatchObject({ exists: false, roles: [], created: null });
    const event = expect.stringMatching(/^evt_/);
    const then = await authority('asked-for', early);
    expect(then).toMatchObject({
      exists: true,
      admission: {
        request: request.id,
        requested_by: 'key:ann',
        approved_by: 'key:bob',
        approval_reason: 'seen',
        requested_event: event,
        approved_event: event,
      },
      created: { by: 'key:ann', event },
      owner: { owner: 'dana@acme.example', event },
      roles: [
        {
          role: 'support',
          granted_by: 'key:bob',
          event,
          removed_by: 'key:bob',
          revision: { revision: 1, author: 'key:first', allow: ['notes.add'], event },
        },
      ],
      version: { version: 1, attributes: { model: 'small-1' }, author: 'key:bob', event },
      credentials: [{ id: token.id, created_by: 'key:first', event }],
      stops: [],
    });
    expect(then.summary).toMatch(
      /^asked-for may do what support \(revision 1 written by key:first, given by key:bob on .* allows; dana@acme/,
    );

    const today = await authority('asked-for');
    expect(today).toMatchObject({
      owner: { owner: 'ann@acme.example', given_by: 'key:bob', event },
      roles: [{ role: 'mail', removed_at: null, event, revision: { revision: 1, event } }],
      credentials: [],
      stops: [{ id: stop, scope: 'agent', reason: 'leaked', event }],
    });
    expect(today.summary).toContain('it is stopped; it has no live credential');
  });

  it('knows keys as it knows tokens, as the first credential and as what is live', async () => {
    await world.agent('keyed');
    const [before, { jwk }] = [await now(), await newKey()];
    const { id } = await world.ok('POST', '/v1/agents/keyed/credentials', { kind: 'key', name: 'ci', jwk });
    await world.events('kind=credential.added&agent=keyed', 1);
    const { first_credential_at: first, attention } = await world.ok('GET', '/v1/agents/keyed');
    expect([first, attention]).toEqual([expect.any(Number), []]);
    const event = expect.stringMatching(/^evt_/);
    expect((await authority('keyed')).credentials).toMatchObject([{ kind: 'key', id, name: 'ci', event }]);
    expect((await authority('keyed', before)).credentials).toEqual([]);
    const live = await now();
    await world.ok('POST', '/v1/agents/keyed/revoke', {});
    expect((await authority('keyed')).credentials).toEqual([]);
    expect((await authority('keyed', live)).credentials).toMatchObject([{ id }]);
  });

  it('says where there is no record', async () => {
    await world.agent('made-directly');
    const { admission, no_record: missing } = await authority('made-directly');
    expect(admission).toBe(null);
    expect(missing).toEqual(
      expect.arrayContaining([
        'No record that somebody other than whoever created it let it in.',
        'No record that its owner accepted it.',
        'No record of model, prompt version and tools: nothing was declared.',
      ]),
    );
    await owner.query(
      `DELETE FROM agent_roles WHERE agent_id = (SELECT id FROM agents WHERE handle = 'made-directly')`,
    );
    expect((await authority('made-directly')).roles).toEqual([]);
    const { rows } = await owner.query(
      `SELECT removed_by FROM agent_role_history WHERE removed_at IS NOT NULL AND removed_by IS NULL`,
    );
    expect(rows).toHaveLength(1);
    await expect(owner.query(`UPDATE agent_role_history SET granted_by = 'key:nobody'`)).rejects.toThrow('append_only');
    await expect(owner.query('DELETE FROM agent_role_history')).rejects.toThrow('append_only');
    expect(await world.refused('GET', '/v1/agents/made-directly/authority?at=2999-01-01T00:00:00Z')).toBe(
      'at_in_future',
    );
    expect(await world.refused('GET', '/v1/agents/made-directly/authority?at=yesterday')).toBe('request_invalid');
  });
});
