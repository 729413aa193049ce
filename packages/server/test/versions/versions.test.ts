/** Versions of what decides: each way of changing it leaves exactly one, with its hash on the log. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONTROLLED_TYPES } from '../../src/controlled-types.ts';
import type { WorkspaceId } from '../../src/ids.ts';
import { contentHash } from '../../src/versions/index.ts';
import { addWorkspace } from '../agents/second-workspace.ts';
import { openWorld, roleFile, type World } from '../agents/world.ts';

let world: World;
let database: pg.Client;
let workspaceId: WorkspaceId;
let bot: { id: string };

const wall = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 19);
const freeze = (name: string) => ({
  apiVersion: 'policy.hivekey.ai/v1',
  kind: 'Freeze',
  metadata: { name },
  time_zone: 'UTC',
  starts: wall(100),
  ends: wall(102),
  scope: { classes: ['write'] },
});
const sources = (trusted: string[]) => ({ apiVersion: 'policy.hivekey.ai/v1', kind: 'Sources', trusted });
const GUARD = {
  id: 'small',
  action: 'crm.write',
  when: { field: 'args.size', lte: 5 },
  effect: 'allow',
  otherwise: 'deny',
};
const breaker = (threshold: number) => ({ signal: 'denials', threshold, window_seconds: 60 });
const openapi = (path: string) => ({
  openapi: '3.1.0',
  info: { title: 'Crm', version: '1' },
  paths: { [path]: { get: { operationId: 'read', responses: { 200: { description: 'ok' } } } } },
});

interface Newest {
  object_type: string;
  object_id: string;
  version: number;
  sha256: string | null;
  basis: string;
}

async function newest(): Promise<Newest[]> {
  const { rows } = await database.query<Newest>(
    `SELECT DISTINCT ON (object_type, object_id) object_type, object_id, version, sha256, basis
       FROM object_versions WHERE workspace_id = $1 ORDER BY object_type, object_id, version DESC`,
    [workspaceId],
  );
  return rows;
}

/** What is there now, as the types read it, against the newest versions. */
async function expectVersionsToBeLive(): Promise<void> {
  const versions = (await newest()).flatMap(({ object_type, object_id, sha256 }) =>
    sha256 === null ? [] : [`${object_type} ${object_id} ${sha256}`],
  );
  const live: string[] = [];
  for (const { type, list } of CONTROLLED_TYPES.values())
    for (const [id, document] of await list(database, workspaceId)) live.push(`${type} ${id} ${contentHash(document)}`);
  expect(versions.toSorted()).toEqual(live.toSorted());
}

const total = async () => (await newest()).reduce((sum, { version }) => sum + version, 0);

beforeAll(async () => {
  world = await openWorld();
  database = new pg.Client({ connectionString: world.server.ownerUrl });
  await database.connect();
  workspaceId = (await world.ok('GET', '/v1/workspace')).id;
  await world.capability('crm.read', { access: 'read' });
  await world.capability('crm.write');
  await world.role('support', ['crm.read']);
  await world.role('other', ['crm.read']);
  bot = await world.agent('bot');
});
afterAll(async () => {
  await database.end();
  await world.server.close();
});

/** Route, what is sent, and how many versions that makes. */
const WRITES: readonly (readonly [route: string, body: () => unknown, versions: number])[] = [
  ['POST /v1/roles', () => roleFile('walked', ['crm.read']), 1],
  ['PUT /v1/roles/walked', () => roleFile('walked', ['crm.read']), 0],
  ['PUT /v1/roles/walked', () => roleFile('walked', ['crm.read', 'crm.write']), 1],
  ['PATCH /v1/roles/walked', () => ({ description: 'other' }), 1],
  ['PUT /v1/roles/walked/candidate', () => ({ scope: { allow: [] } }), 0],
  ['DELETE /v1/roles/walked/candidate', () => undefined, 0],
  ['PUT /v1/workspace/guards', () => ({ guards: [GUARD] }), 1],
  ['PUT /v1/workspace/guards', () => ({ guards: [] }), 1],
  ['PUT /v1/capabilities/crm.more', () => ({ access: 'write', impact: { usd: 100 } }), 1],
  ['PUT /v1/capabilities/crm.more', () => ({ access: 'read' }), 1],
  ['DELETE /v1/capabilities/crm.more', () => undefined, 1],
  ['PUT /v1/capabilities/crm.more', () => ({ access: 'read' }), 1],
  ['PUT /v1/freezes/audit', () => freeze('audit'), 1],
  ['DELETE /v1/freezes/audit', () => undefined, 1],
  ['PUT /v1/workspace/sources', () => sources(['crm.*']), 1],
  ['PUT /v1/breakers/b', () => breaker(0.5), 1],
  ['PUT /v1/breakers/b', () => breaker(0.6), 1],
  ['DELETE /v1/breakers/b', () => undefined, 1],
  ['PUT /v1/approval-reminders', () => ({ data: [{ capability: 'crm.*', remind_after_seconds: 60 }] }), 1],
  ['PATCH /v1/agent-settings', () => ({ warn_days: 20 }), 1],
  ['PUT /v1/containment-settings', () => ({ answer_minutes: 30 }), 1],
  // The person, whom the agent makes known, and the agent.
  ['POST /v1/agents', () => ({ name: 'second', role: 'support', owner: 'lee@acme.example' }), 2],
  ['PATCH /v1/agents/second', () => ({ roles: ['support', 'other'] }), 1],
  ['PATCH /v1/agents/second', () => ({ roles: ['other', 'support'] }), 1],
  ['PATCH /v1/agents/second', () => ({ description: 'no object' }), 0],
  ['POST /v1/people', () => ({ email: 'kim@acme.example' }), 1],
  ['PATCH /v1/people/kim@acme.example', () => ({ groups: ['security'], authority: [{ capability: 'crm.*' }] }), 1],
  ['PATCH /v1/people/kim@acme.example', () => ({ roles: ['approver'] }), 1],
  ['POST /v1/http/apis', () => ({ namespace: 'walked-api', endpoint: 'https://api.acme.example' }), 1],
  ['PATCH /v1/http/apis/walked-api', () => ({ timeout_seconds: 20, default_access: 'read-only' }), 1],
  ['PUT /v1/http/apis/walked-api/document', () => openapi('/a'), 1],
  ['PUT /v1/http/apis/walked-api/document', () => openapi('/b'), 1],
  ['POST /v1/http/apis/walked-api/disable', () => undefined, 1],
  ['POST /v1/http/apis/walked-api/enable', () => undefined, 1],
  ['DELETE /v1/http/apis/walked-api', () => undefined, 2],
  ['POST /v1/mcp/servers', () => ({ namespace: 'walked-mcp', endpoint: 'https://mcp.acme.example/mcp' }), 1],
  ['PATCH /v1/mcp/servers/walked-mcp', () => ({ default_access: 'none' }), 1],
  ['POST /v1/mcp/servers/walked-mcp/disable', () => undefined, 1],
  ['POST /v1/agents/second/suspend', () => ({ reason: 'x' }), 0],
];

describe('a version', () => {
  test('is left by every route that changes what decides, and by none that does not', async () => {
    for (const [route, body, versions] of WRITES) {
      const [method = '', path = ''] = route.split(' ');
      const before = await total();
      const { status, body: answer } = await world.call(method, path, { body: body() });
      expect([route, status < 300 ? status : answer]).toEqual([route, status]);
      expect([route, (await total()) - before]).toEqual([route, versions]);
      await expectVersionsToBeLive();
    }
  });

  test('is numbered without gaps, also over a removal', async () => {
    const { data } = await world.ok('GET', '/v1/objects/capability/crm.more/versions');
    expect(data.map(({ version, sha256 }: Newest) => [version, sha256 === null])).toEqual([
      [4, false],
      [3, true],
      [2, false],
      [1, false],
    ]);
    expect(data[0].sha256).toBe(data[2].sha256);
    expect(contentHash(data[0].document)).toBe(data[0].sha256);
    await expect(
      database.query(
        `INSERT INTO object_versions (workspace_id, object_type, object_id, version, basis, author, authored_at, event_id)
         VALUES ($1, 'capability', 'crm.more', 6, 'direct', 'x', now(), 'x')`,
        [workspaceId],
      ),
    ).rejects.toThrow('not the next one');
    await expect(database.query('UPDATE object_versions SET author = $1', ['x'])).rejects.toThrow();
    await expect(database.query('DELETE FROM object_versions')).rejects.toThrow();
  });

  test('has its hash on the log, beside that of the one before', async () => {
    const [first, second] = (await world.ok('GET', '/v1/objects/role/walked/versions')).data.toReversed();
    const records = await world.events('kind=object.versioned&limit=200', 10);
    const record = records.find(({ event_id }) => event_id === second.event_id);
    expect(record).toMatchObject({
      object_type: 'role',
      object_id: 'walked',
      version: 2,
      prev_version: 1,
      sha256: second.sha256,
      prev_sha256: first.sha256,
      basis: 'direct',
    });
    expect(record.actor).toBe(second.author);
  });

  test('is noted by a trigger of every table that documents are read from', async () => {
    const read = new Set<string>();
    const listening = Object.create(database, {
      query: {
        value: (text: string | { text: string }, values?: unknown[]) => {
          const sql = typeof text === 'string' ? text : text.text;
          for (const [, table] of sql.matchAll(/\b(?:FROM|JOIN)\s+([a-z_]+)\s+(?!AT\b)/g)) read.add(table ?? '');
          return database.query(sql, values);
        },
      },
    });
    for (const { list } of CONTROLLED_TYPES.values()) await list(listening, workspaceId);
    const { rows } = await database.query<{ table: string; events: number }>(
      `SELECT event_object_table AS table, count(*)::int AS events FROM information_schema.triggers
        WHERE action_statement LIKE '%note_touched%' GROUP BY 1`,
    );
    const noted = new Map(rows.map(({ table, events }) => [table, events]));
    // Revisions of roles are never changed, and which one is current stands in the table of roles.
    const others = ['role_revisions', 'admin_keys', 'person_identities', 'identity_providers', 'sign_in_settings'];
    for (const table of read)
      if (!others.includes(table) && table !== 'unnest')
        expect([table, noted.get(table) ?? 0]).toEqual([table, table === 'agents' ? 1 : 3]);
  });

  test('is of one workspace alone', async () => {
    const stranger = await addWorkspace(world.server);
    expect(await world.refused('GET', '/v1/objects/role/support', undefined, { key: stranger })).toBe(
      'object_not_found',
    );
    expect(await world.refused('GET', '/v1/objects/role/support/versions', undefined, { key: stranger })).toBe(
      'object_not_found',
    );
    expect((await world.ok('GET', '/v1/objects', undefined, { key: stranger })).data).toEqual([]);
    expect((await world.ok('GET', '/v1/policies', undefined, { key: stranger })).data).toEqual([]);
  });
});

describe('the past', () => {
  test('is shown as it was at an instant, and decides again as it did', async () => {
    await world.ok('PUT', '/v1/roles/past', roleFile('past', ['crm.read']));
    await world.ok('PATCH', '/v1/agents/bot', { roles: ['past'] });
    await world.ok('PUT', '/v1/roles/past', roleFile('past', ['crm.read', 'crm.write']));
    const then = await world.ok('GET', '/v1/policies/current');
    // Instants are whole seconds, and belong to what was in force at their end.
    await expect
      .poll(async () => Number((await database.query('SELECT extract(epoch FROM now()) AS now')).rows[0].now), {
        timeout: 5_000,
      })
      .toBeGreaterThan(then.created + 1);
    await world.ok('PUT', '/v1/roles/past', roleFile('past', ['crm.read']));
    await world.ok('PATCH', '/v1/agents/bot', { roles: ['support'] });

    expect(await world.ok('GET', `/v1/policies/current?at=${then.created}`)).toMatchObject({ hash: then.hash });
    expect((await world.ok('GET', '/v1/policies/current')).hash).not.toBe(then.hash);
    const of = then.objects.find(({ type, id }: { type: string; id: string }) => type === 'role' && id === 'past');
    expect(of).toMatchObject({ version: 2, basis: 'direct', change: null });
    const old = await world.ok('GET', `/v1/objects/role/past?at=${then.created}`);
    expect(old).toMatchObject({
      version: 2,
      sha256: of.sha256,
      document: { scope: { allow: ['crm.read', 'crm.write'] } },
    });
    expect(await world.ok('GET', `/v1/objects/assignment/${bot.id}?at=${then.created}`)).toMatchObject({
      document: { roles: ['past'] },
    });
    expect((await world.ok('GET', `/v1/objects?type=role&at=${then.created}`)).data).toContainEqual(
      expect.objectContaining({ id: 'past', version: 2 }),
    );

    const asked = { agent: 'bot', action: 'crm.write' };
    const evaluate = (more: object) => world.ok('POST', '/v1/policies/evaluate', { ...asked, ...more });
    expect(await evaluate({})).toMatchObject({ verdict: 'deny' });
    expect(await evaluate({ at: then.created })).toMatchObject({
      verdict: 'allow',
      policy: then.hash,
      as_at: {
        revision: then.revision,
        hash: then.hash,
        roles: ['past'],
        left_out: expect.arrayContaining(['windows']),
      },
    });
    expect(await evaluate({ policy: then.hash })).toMatchObject({ verdict: 'allow', policy: then.hash });
    expect(await world.refused('POST', '/v1/policies/evaluate', { ...asked, at: 1 })).toBe('policy_not_found');
  });
});

describe('where changes are reviewed', () => {
  beforeAll(async () => {
    await database.query('BEGIN');
    await database.query(`SET LOCAL session_replication_role = replica`);
    await database.query(
      `INSERT INTO object_versions (workspace_id, object_type, object_id, version, sha256, document, basis, author, authored_at, event_id)
       SELECT workspace_id, object_type, object_id, version + 1, 'sha256:x', '{"mode": "reviewed", "types": null}', 'direct', 'x', now(), 'x'
         FROM object_versions WHERE workspace_id = $1 AND object_type = 'change_settings' ORDER BY version DESC LIMIT 1`,
      [workspaceId],
    );
    await database.query('COMMIT');
  });

  const REFUSED: readonly (readonly [string, unknown])[] = [
    ['PUT /v1/roles/support', roleFile('support', ['crm.read', 'crm.write'])],
    ['PUT /v1/workspace/guards', { guards: [GUARD] }],
    ['PUT /v1/capabilities/crm.new', { access: 'read' }],
    ['DELETE /v1/capabilities/crm.more', undefined],
    ['PUT /v1/freezes/late', freeze('late')],
    ['PUT /v1/workspace/sources', sources(['*'])],
    ['PATCH /v1/agents/bot', { roles: ['other'] }],
    ['POST /v1/agents', { name: 'third', role: 'support', owner: 'dana@acme.example' }],
    ['PATCH /v1/people/kim@acme.example', { authority: null }],
    ['POST /v1/http/apis', { namespace: 'new-api', endpoint: 'https://api.acme.example' }],
    ['POST /v1/mcp/servers', { namespace: 'new-mcp', endpoint: 'https://mcp.acme.example/mcp' }],
    ['PUT /v1/breakers/b', breaker(0.5)],
    ['PUT /v1/approval-reminders', { data: [] }],
    ['PATCH /v1/agent-settings', { warn_days: 21 }],
    ['PUT /v1/containment-settings', { answer_minutes: 31 }],
  ];

  test.each(REFUSED)('%s is refused, changes nothing and is on the log', async (route, body) => {
    const [method = '', path = ''] = route.split(' ');
    const before = await total();
    expect(await world.refused(method, path, body)).toBe('change_required');
    expect(await total()).toBe(before);
    const [refusal] = await world.events('kind=management.refused&limit=1', 1);
    expect(refusal).toMatchObject({ code: 'change_required' });
  });

  test('whatever only takes away goes through, and so does a stop', async () => {
    await world.ok('PATCH', '/v1/agents/second', { roles: ['other'] });
    await world.ok('PATCH', '/v1/people/kim@acme.example', { groups: [], roles: [] });
    await world.ok('POST', '/v1/agents/second/suspend', { reason: 'x' });
    await world.ok('POST', '/v1/containments', { scope: 'tool', target: 'crm.write', reason: 'x' });
    const basis = (await newest()).find(({ object_type, version }) => object_type === 'assignment' && version > 3);
    expect(basis).toMatchObject({ basis: 'narrowing' });
  });
});
