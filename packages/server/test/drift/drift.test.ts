/** Rows that somebody with all rights in the database edits past HiveKey: found, never enforced, told, and put back. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openWorld, roleFile, type World } from '../agents/world.ts';

let world: World;
let superuser: pg.Client;
let workspaceId: string;
let token: string;
let bot: { id: string };

const GUARD = {
  id: 'small',
  action: 'crm.write',
  when: { field: 'args.size', lte: 5 },
  effect: 'allow',
  otherwise: 'deny',
};

/** Past the triggers that keep everybody else from changing history. */
async function edit(sql: string, values: readonly unknown[] = []): Promise<void> {
  await superuser.query('BEGIN');
  await superuser.query('SET LOCAL session_replication_role = replica');
  await superuser.query(sql, [...values]);
  await superuser.query('COMMIT');
}

interface Finding {
  id: string;
  what: string;
  object_type: string;
  object_id: string;
  expected: string;
  found: string;
  holds: string;
}

const check = async (): Promise<Finding[]> => (await world.ok('POST', '/v1/drift/check')).found;
const expectRecords = (kind: string, findings: readonly Finding[]) =>
  expect
    .poll(async () => (await world.ok('GET', `/v1/audit/events?kind=${kind}&limit=200`)).data, { timeout: 10_000 })
    .toEqual(expect.arrayContaining(findings.map(({ id }) => expect.objectContaining({ finding_id: id }))));
const restore = () => world.ok('POST', '/v1/drift/restore', { reason: 'edited past HiveKey' });
const verdict = async (action: string, args: object = {}) => {
  const answer = await world.act(token, action, args);
  return answer.status === 200 || answer.status === 201 ? 'allow' : answer.body.error.code;
};
/** This node forgets what it has compiled, as any change of the policy, or a start, makes it do. */
const reload = () =>
  superuser.query('UPDATE workspace_state SET policy_revision = policy_revision + 1 WHERE workspace_id = $1', [
    workspaceId,
  ]);

beforeAll(async () => {
  world = await openWorld();
  superuser = new pg.Client({ connectionString: world.server.ownerUrl });
  await superuser.connect();
  workspaceId = (await world.ok('GET', '/v1/workspace')).id;
  for (const name of ['crm.read', 'crm.write', 'crm.delete']) await world.capability(name);
  await world.role('support', ['crm.read', 'crm.write']);
  await world.role('deleter', ['crm.delete']);
  await world.ok('PUT', '/v1/workspace/guards', { guards: [GUARD] });
  bot = await world.agent('bot');
  token = await world.token('bot');
  expect(await verdict('crm.read')).toBe('allow');
  expect(await verdict('crm.write', { size: 9 })).toBe('action_denied');
});
afterAll(async () => {
  await superuser.end();
  await world.server.close();
});

describe('an edit of', () => {
  interface Edit {
    readonly name: string;
    readonly sql: string;
    readonly finding: Partial<Finding>;
    /** What it would let through. */
    readonly action: string;
    readonly args?: object;
  }
  const EDITS: readonly Edit[] = [
    {
      name: 'the grants in a revision of a role',
      sql: `UPDATE role_revisions SET document = jsonb_set(document, '{scope,allow}', '["crm.read", "crm.write", "crm.delete"]')
        WHERE workspace_id = $1 AND role = 'support'`,
      finding: { what: 'policy', object_type: 'policy' },
      action: 'crm.delete',
    },
    {
      name: 'the guards of the workspace, taken away',
      sql: 'DELETE FROM workspace_guard_revisions WHERE workspace_id = $1',
      finding: { what: 'object', object_type: 'workspace_guards', found: 'none' },
      action: 'crm.write',
      args: { size: 9 },
    },
    {
      name: 'a role that cannot be read any more',
      sql: `UPDATE role_revisions SET document = '{"kind": "Nothing"}' WHERE workspace_id = $1 AND role = 'deleter'`,
      finding: { what: 'policy', found: 'unreadable' },
      action: 'crm.delete',
    },
    {
      name: 'what is spent by a capability',
      sql: `UPDATE capabilities SET impact = '{"usd": 1}' WHERE workspace_id = $1 AND name = 'crm.read'`,
      finding: { what: 'object', object_type: 'capability', object_id: 'crm.read' },
      action: 'crm.delete',
    },
  ];

  test.each(EDITS)(
    '$name is found, is never enforced, and is put back',
    async ({ sql, finding, action, args = {} }) => {
      const before = (await world.ok('GET', '/v1/policies/current')).hash;
      await edit(sql, [workspaceId]);
      await reload();
      // Before anybody has looked: the hash is checked at each reading.
      expect(await verdict(action, args)).not.toBe('allow');
      expect(await verdict('crm.read')).toBe('allow');

      const found = await check();
      expect(found).toContainEqual(expect.objectContaining(finding));
      expect(found.map(({ holds }) => holds)).toEqual(found.map(() => 'approved'));
      await expectRecords('drift.found', found);
      expect(await verdict(action, args)).not.toBe('allow');
      expect(await verdict('crm.read')).toBe('allow');

      // Nobody publishes it with another change, and a stop waits for nothing.
      expect(await world.refused('PUT', '/v1/roles/other', roleFile('other', ['crm.read']))).toMatch(
        /^policy_(drift|unreadable)$/,
      );
      const stop = await world.ok('POST', '/v1/containments', { scope: 'tool', target: 'crm.read', reason: 'x' });
      expect(await verdict('crm.read')).not.toBe('allow');
      await world.ok('POST', `/v1/containments/${stop.id}/lift`, { reason: 'x' });
      expect(await verdict('crm.read')).toBe('allow');
      expect(await verdict(action, args)).not.toBe('allow');

      expect((await restore()).found).toEqual([]);
      await expectRecords('drift.resolved', found);
      expect((await world.ok('GET', '/v1/policies/current')).hash).toBe(before);
      expect(await verdict('crm.read')).toBe('allow');
      expect(await verdict(action, args)).not.toBe('allow');
    },
  );

  test('what was published is found, and the rows go on being enforced', async () => {
    await edit(
      `UPDATE policy_revisions SET document = jsonb_set(document::jsonb, '{roles,0,allow}', '["crm.read", "crm.write"]')
        WHERE workspace_id = $1 AND revision = (SELECT max(revision) FROM policy_revisions WHERE workspace_id = $1)`,
      [workspaceId],
    );
    expect(await check()).toMatchObject([{ what: 'archive', found: 'unreadable', holds: 'approved' }]);
    expect(await verdict('crm.read')).toBe('allow');
    const { hash } = await world.ok('GET', '/v1/policies/current');
    expect(
      await world.refused('POST', '/v1/policies/evaluate', { agent: 'bot', action: 'crm.read', policy: hash }),
    ).toBe('policy_drift');
    expect((await world.ok('POST', '/v1/drift/restore', { reason: 'x' })).restored).toBe(0);
    await world.ok('PUT', '/v1/roles/other', roleFile('other', ['crm.read']));
    expect(await check()).toEqual([]);
  });

  test('rows and archive alike, with hashes that fit, is found by the log; with nothing left to enforce, nothing is allowed', async () => {
    const { hash } = await world.ok('GET', '/v1/policies/current');
    const forged = `sha256:${'0'.repeat(64)}`;
    await edit(
      `UPDATE role_revisions SET document = jsonb_set(document, '{scope,allow}', '["crm.delete"]')
        WHERE workspace_id = $1 AND role = 'support'`,
      [workspaceId],
    );
    const { rows: kept } = await superuser.query(
      'SELECT revision, document, policy_hash FROM policy_revisions WHERE workspace_id = $1',
      [workspaceId],
    );
    await edit('UPDATE policy_revisions SET policy_hash = $2 WHERE workspace_id = $1', [workspaceId, forged]);
    await reload();
    expect(await verdict('crm.delete')).toBe('policy_drift');
    const found = await check();
    expect(found).toContainEqual(expect.objectContaining({ what: 'archive', expected: hash }));
    expect(found).toContainEqual(expect.objectContaining({ what: 'policy', expected: hash }));
    expect(await verdict('crm.read')).toBe('policy_drift');
    for (const { revision, policy_hash } of kept)
      await edit('UPDATE policy_revisions SET policy_hash = $3 WHERE workspace_id = $1 AND revision = $2', [
        workspaceId,
        revision,
        policy_hash,
      ]);
    await reload();
    expect(await verdict('crm.read')).toBe('allow');
    expect(await verdict('crm.delete')).not.toBe('allow');
    expect((await restore()).found).toEqual([]);
  });

  test('the roles of an agent denies that agent alone', async () => {
    await world.agent('other');
    const other = await world.token('other');
    await edit(
      `INSERT INTO agent_roles (workspace_id, agent_id, role, position, granted_by) VALUES ($1, $2, 'deleter', 9, 'nobody')`,
      [workspaceId, bot.id],
    );
    const found = await check();
    expect(found).toMatchObject([{ what: 'object', object_type: 'assignment', object_id: bot.id, holds: 'denied' }]);
    const refused = await world.act(token, 'crm.read');
    expect(refused.body.decision).toMatchObject({ reason_class: 'containment', rule: 'drift' });
    expect((await world.act(other, 'crm.read')).status).toBeLessThan(300);
    // An edit by somebody else does not make it a version.
    expect(await world.refused('PATCH', '/v1/agents/bot', { roles: ['support', 'deleter', 'other'] })).toBe(
      'object_drifted',
    );
    expect((await restore()).found).toEqual([]);
    expect(await verdict('crm.read')).toBe('allow');
    expect(await verdict('crm.delete')).not.toBe('allow');
  });

  test('whether changes are reviewed opens nothing', async () => {
    const settings = await world.ok('GET', '/v1/objects/change_settings/*');
    await edit(
      `INSERT INTO change_settings (workspace_id, mode, author) VALUES ($1, 'reviewed', 'x')
       ON CONFLICT (workspace_id) DO UPDATE SET mode = 'reviewed'`,
      [workspaceId],
    );
    expect(await check()).toMatchObject([{ object_type: 'change_settings', holds: 'gate', expected: settings.sha256 }]);
    await world.ok('PUT', '/v1/roles/other', roleFile('other', ['crm.write']));
    expect((await restore()).found).toEqual([]);
  });

  test('a whole table is found, and holds nobody up for longer than fifty rows take', async () => {
    await superuser.query(
      `INSERT INTO people (workspace_id, id, email) SELECT $1, 'per_' || n, n || '@acme.example' FROM generate_series(1, 1020) AS n`,
      [workspaceId],
    );
    const written = async () => {
      await check();
      const { rows } = await superuser.query(
        `SELECT count(*)::int AS n FROM drift_findings WHERE object_type = 'person_authority' AND resolved_at IS NULL`,
      );
      return rows[0]?.n;
    };
    // As many as one look writes down, and the rest with the next.
    expect([await written(), await written()]).toEqual([1_000, 1_020]);
    const { rows } = await superuser.query(
      `SELECT max(n)::int AS most FROM (SELECT count(*) AS n FROM drift_findings WHERE object_type = 'person_authority' GROUP BY xmin::text) AS t`,
    );
    expect(rows).toEqual([{ most: 50 }]);
    await superuser.query(`DELETE FROM people WHERE workspace_id = $1 AND id ~ '^per_[0-9]+$'`, [workspaceId]);
    expect(await check()).toEqual([]);
  });

  test('a version and its object alike is found by its record', async () => {
    await edit(
      `UPDATE object_versions SET document = '{"roles": ["deleter"]}', sha256 = 'sha256:forged'
        WHERE workspace_id = $1 AND object_type = 'assignment' AND object_id = $2`,
      [workspaceId, bot.id],
    );
    const found = await check();
    expect(found).toContainEqual(expect.objectContaining({ what: 'version', object_id: bot.id, holds: 'denied' }));
    expect(await verdict('crm.read')).not.toBe('allow');
    await edit(
      `UPDATE object_versions SET document = '{"roles": ["support"]}', sha256 = $3
        WHERE workspace_id = $1 AND object_type = 'assignment' AND object_id = $2`,
      [workspaceId, bot.id, found.find(({ what }) => what === 'version')?.expected],
    );
    expect(await check()).toEqual([]);
    expect(await verdict('crm.read')).toBe('allow');
  });

  test('what was made while the server was down is found before it serves', async () => {
    await edit(
      `INSERT INTO agent_roles (workspace_id, agent_id, role, position, granted_by) VALUES ($1, $2, 'deleter', 9, 'nobody')`,
      [workspaceId, bot.id],
    );
    await edit('UPDATE workspace_guard_revisions SET guards = $2 WHERE workspace_id = $1', [workspaceId, '[]']);
    world.server = await world.server.restart();
    const again = { key: token, body: { action: 'crm.delete' } };
    const answer = await fetch(`${world.server.url}/v1/actions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${again.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(again.body),
    });
    expect(answer.status).toBe(403);
  });
});
