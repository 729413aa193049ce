/** What a change does before it does it: in words, in numbers, and on the log as it is. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Worlds } from '../../src/blast-radius/index.ts';
import { CONTROLLED_TYPES } from '../../src/controlled-types.ts';
import type { WorkspaceId } from '../../src/ids.ts';
import { createLogger } from '../../src/observability/index.ts';
import { createPreviews, previewHash } from '../../src/previews/index.ts';
import { addWorkspace } from '../agents/second-workspace.ts';
import { roleFile } from '../agents/world.ts';
import type { Answer } from '../api/client.ts';
import { type ChangesWorld, openChanges, type Person } from '../changes/world.ts';

let world: ChangesWorld;
const CAP = { id: 'cap', action: 'payments.pay', when: { field: 'sum(usd, 24h)', lte: '$1000' }, effect: 'allow' };
const HOLD = { id: 'hold', action: 'payments.pay', when: { field: 'amount', gt: '$400' }, effect: 'review' };
const billing = (guards: readonly object[], allow = ['payments.pay']) => ({
  type: 'role',
  id: 'billing',
  document: roleFile('billing', allow, guards),
});
const cap = (lte: string) => ({ ...CAP, when: { ...CAP.when, lte } });

beforeAll(async () => {
  world = await openChanges();
  await world.capability('payments.pay', { impact: { usd: { field: 'amount', currency: 'USD' } } });
  await world.capability('mail.send', { impact: { messages: 1 } });
  await world.role('billing', ['payments.pay'], [CAP]);
  await world.agent('payer', { role: 'billing' });
  await world.agent('mailer', { role: 'billing' });
  await world.agent('idler', { role: 'billing' });
  await world.call('POST', '/v1/agents/idler/revoke', { body: { reason: 'gone' } });
}, 60_000);

afterAll(() => world.server.close());

const ask = (operations: readonly object[], more: object = {}) =>
  world.ok('POST', '/v1/changes/preview', { operations, ...more });

describe('a preview as somebody drafts', () => {
  it('says what the change does, to whom, and in which cells', async () => {
    const { id, state, document } = await ask([billing([cap('$2000'), HOLD], ['payments.pay', 'mail.send'])]);
    expect({ id, state }).toEqual({ id: null, state: 'done' });
    expect(document.summary).toEqual([
      'billing gains mail.send',
      'billing: the cap on payments.pay rises from $1,000 to $2,000 in 24 h',
      'billing: approval is asked above $400 for payments.pay',
    ]);
    expect(document.direction).toBe('changes');
    expect(document.risk).toMatchObject({
      gained: [{ role: 'billing', capability: 'mail.send', access: 'write' }],
      caps_loosened: 1,
      guards_tightened: 1,
    });
    expect(document.agents.count).toBe(2);
    expect(document.agents.named.map(({ name }: { name: string }) => name)).toEqual(['mailer', 'payer']);
    const cells = document.matrix.cells.map((each: { before: { text: string }; after: { text: string } }) => [
      each.before.text,
      each.after.text,
    ]);
    expect(cells).toEqual([
      ['—', 'A'],
      ['A≤ $1,000 in 24 h', 'A≤ $2,000 in 24 h, H > $400'],
    ]);
    expect(document.tools).toEqual([
      expect.objectContaining({
        roles: ['billing'],
        agents: 2,
        before: 1,
        after: 2,
        added: ['mail.send'],
        guarded: ['payments.pay'],
      }),
    ]);
    expect(document.objects[0].fields.map(({ path }: { path: string }) => path)).toEqual([
      'scope.allow[mail.send]',
      'guards[cap].when.lte',
      'guards[hold]',
    ]);
    const workspace = document.blast_radius.named.find((each: { kind: string }) => each.kind === 'workspace');
    expect(workspace.numbers).toContainEqual(
      expect.objectContaining({
        unit: 'usd',
        horizon: '24h',
        line: 'fooled',
        before: '$2,000',
        after: '$4,000',
        rises: true,
      }),
    );
  });

  it('says that nothing is decided differently where nothing is', async () => {
    const { document } = await ask([billing([{ ...CAP, id: 'ceiling' }])]);
    expect(document.policy.before).toBe(document.policy.after);
    expect(document.direction).toBe('neutral');
    expect(document.summary).toEqual([
      'billing: the rule cap is called ceiling now',
      'no difference in what is decided',
    ]);
    expect(document.agents.count).toBe(0);
    expect(document.matrix.changed).toBe(0);
  });

  it('is made for one credential at a time', async () => {
    const both = await Promise.all(
      [1, 2].map(() => world.call('POST', '/v1/changes/preview', { body: { operations: [billing([HOLD])] } })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 429]);
    expect(both.find(({ status }) => status === 429)?.body.error.code).toBe('preview_busy');
  });

  it('leaves everything as it is', async () => {
    const before = await world.ok('GET', '/v1/policies/current');
    await ask([{ type: 'role', id: 'billing', document: null }]);
    expect(await world.ok('GET', '/v1/policies/current')).toEqual(before);
  });

  it('shows other roles of an agent, findings of lint, and guards that do not fit', async () => {
    const { id } = await world.ok('GET', '/v1/agents/payer');
    await world.role('mailing', ['mail.send']);
    const given = await ask([{ type: 'assignment', id, document: { roles: ['billing', 'mailing'] } }]);
    expect(given.document).toMatchObject({
      direction: 'widens',
      summary: ['payer is given the role mailing'],
      agents: { count: 1, named: [{ name: 'payer', roles_before: ['billing'], roles_after: ['billing', 'mailing'] }] },
      tools: [{ added: ['mail.send'] }],
    });
    const open = await ask([billing([HOLD])]);
    expect(open.document.lint.new.map(({ code }: { code: string }) => code)).toContain('threshold_without_cap');
    const misfit = { id: 'x', action: 'mail.send', when: { field: 'sum(records_read, 1h)', lte: 5 }, effect: 'allow' };
    expect((await ask([billing([CAP, misfit])])).document.misfits).toMatchObject([{ origin: 'billing' }]);
  });

  it('refuses documents that are none, and nobody without a role', async () => {
    expect(
      await world.refused('POST', '/v1/changes/preview', { operations: [{ type: 'role', id: 'x', document: {} }] }),
    ).toBe('role_invalid');
    expect(await world.refused('POST', '/v1/changes/preview', { operations: [] })).toBe('request_invalid');
    expect(await world.refused('POST', '/v1/changes/preview', { operations: [billing([])] }, { key: null })).toBe(
      'credential_missing',
    );
  });
});

describe('tests of the policy', () => {
  const yaml = { headers: { 'content-type': 'application/yaml' } };
  const test = (expected: string) => `apiVersion: policy.hivekey.ai/v1
kind: PolicyTest
policy: [billing.yaml]
defaults: { roles: [billing] }
cases:
  - { name: pays, action: payments.pay, arguments: { amount: 900 }, expect: ${expected} }
`;

  it('are kept, and run on every change', async () => {
    const kept = await world.ok('PUT', '/v1/policies/tests/paying', test('allow'), yaml);
    expect(kept).toMatchObject({
      object: 'policy_test',
      name: 'paying',
      passed: 1,
      failed: 0,
      document: test('allow'),
    });
    const sent = [{ name: 'sent', text: test('deny') }];
    const { document } = await ask([billing([cap('$500')])], { tests: sent });
    expect(document.tests).toMatchObject({
      passed: 1,
      failed: 1,
      files: [
        { name: 'paying', source: 'workspace', failures: [{ name: 'pays', before: 'passed' }] },
        { name: 'sent', source: 'change', passed: 1, failures: [] },
      ],
    });
    expect((await world.ok('GET', '/v1/policies/tests')).data).toHaveLength(1);
    const [record] = await world.events('kind=policy_test.changed', 1);
    expect(record).toMatchObject({ test: 'paying', change: 'put' });
    await world.ok('DELETE', '/v1/policies/tests/paying');
    expect(await world.refused('GET', '/v1/policies/tests/paying')).toBe('policy_test_not_found');
    expect(await world.refused('DELETE', '/v1/policies/tests/paying')).toBe('policy_test_not_found');
  });

  it('are refused with their places where they cannot be run', async () => {
    const { status, body } = await world.call('PUT', '/v1/policies/tests/broken', {
      body: 'kind: PolicyTest\ncases: []\n',
      ...yaml,
    });
    expect([status, body.error.code]).toEqual([422, 'policy_test_invalid']);
    expect(body.error.problems[0]).toMatchObject({ line: expect.any(Number) });
  });
});

describe('a preview of a submitted change', () => {
  const AMOUNTS = [100, 250, 300, 350, 90, 20, 400, 10, 5, 310];
  let author: Person;
  let workspaceId: WorkspaceId;
  let database: pg.Pool;
  let change: Answer['body'];

  beforeAll(async () => {
    const token = await world.token('payer');
    for (const amount of AMOUNTS) await world.act(token, 'payments.pay', { amount });
    await world.events('kind=tool.call', AMOUNTS.length);
    author = await world.person('lee', ['author']);
    await world.person('ray', ['reviewer']);
    expect((await world.settings({ replay_days: 30 })).status).toBe(200);
    database = new pg.Pool({ connectionString: world.server.ownerUrl, max: 2 });
    const { rows } = await database.query<{ id: WorkspaceId }>('SELECT id FROM workspaces');
    workspaceId = rows[0]?.id ?? workspaceId;
  });

  afterAll(() => database.end());

  const TIGHTER = [billing([cap('$500'), { ...CAP, id: 'one', when: { field: 'amount', lte: '$300' } }])];

  it('replays the log, and counts the calls that a look at each of them finds', async () => {
    change = await world.submitted(author, { title: 'lower the cap', operations: TIGHTER });
    expect(change.preview.state).toBe('done');
    const { sha256, document } = await world.ok('GET', `/v1/previews/${change.preview.id}`);
    const { replay } = document;
    const calls: { args: { amount: number }; verdict: string }[] = (
      await world.events('kind=tool.call&limit=100', AMOUNTS.length)
    ).toReversed();
    let [was, is] = [0, 0];
    const changed = calls.filter(({ args: { amount }, verdict }) => {
      const isAllowed = amount <= 300 && is + amount <= 500;
      if (was + amount <= 1000) was += amount;
      if (isAllowed) is += amount;
      return isAllowed !== (verdict === 'allow');
    });
    expect(replay).toMatchObject({
      days: 30,
      complete: true,
      calls: calls.length,
      changed: changed.length,
      same: calls.length - changed.length,
      not_replayable: 0,
      recorded_otherwise: 0,
    });
    expect(replay.changed).toBeGreaterThan(2);
    expect(replay.changes.map(({ before, after }: { before: string; after: string }) => `${before} ${after}`)).toEqual(
      changed.map(({ verdict }) => (verdict === 'allow' ? 'allow deny' : 'deny allow')),
    );
    expect(replay.coverage).toMatch(/^all [0-9]+ entries of the last 30 days were replayed; every call could be$/);
    expect(sha256).toBe(previewHash(document));
  });

  it('is stored for good, and found in no other workspace', async () => {
    await expect(database.query('UPDATE previews SET sha256 = $1', ['sha256:0'])).rejects.toThrow('append_only');
    await expect(database.query('DELETE FROM previews')).rejects.toThrow('append_only');
    expect(await world.refused('GET', '/v1/previews/prv_000000000000')).toBe('preview_not_found');
    const stranger = await addWorkspace(world.server);
    const path = `/v1/previews/${change.preview.id}`;
    expect(await world.ok('GET', path)).toMatchObject({ id: change.preview.id });
    expect(await world.refused('GET', path, undefined, { key: stranger })).toBe('preview_not_found');
  });

  it('is taken up where the node that made it is gone', async () => {
    const { document } = await world.ok('GET', `/v1/previews/${change.preview.id}`);
    await database.query(
      `INSERT INTO preview_runs (workspace_id, id, request, document, node_id, alive_at, created_at)
       VALUES ($1, 'prv_left', $2, $3, 'gone', now() - interval '1 hour', now())`,
      [
        workspaceId,
        JSON.stringify({ operations: TIGHTER.map((each) => ({ ...each, base: null })), replayDays: 30 }),
        JSON.stringify({ ...document, replay: null }),
      ],
    );
    expect(await world.ok('GET', '/v1/previews/prv_left')).toMatchObject({ state: 'running', sha256: null });
    await expect
      .poll(async () => (await world.ok('GET', '/v1/previews/prv_left')).state, { timeout: 10_000, interval: 20 })
      .toBe('done');
    const taken = await world.ok('GET', '/v1/previews/prv_left');
    expect(taken.document.replay.changed).toBe(document.replay.changed);
  });

  it('says how much of the log was replayed when the time was up', async () => {
    const previews = createPreviews({
      pool: database,
      connectionString: world.server.ownerUrl,
      nodeId: 'slow',
      log: { catchUp: async () => undefined },
      catalogueOf: async () => NO_SERVERS,
      controlled: CONTROLLED_TYPES,
      worlds: new Worlds(database),
      logger: createLogger('silent'),
      clock: Date.now,
      replayLimitMs: -1,
    });
    const operations = TIGHTER.map(({ id, document }) => ({
      type: 'role' as const,
      id,
      base: null,
      document: CONTROLLED_TYPES.get('role')?.parse(id, document) ?? null,
    }));
    const { id, state } = await previews.start(workspaceId, { operations });
    expect(state).toBe('running');
    await previews.settled();
    const done = await previews.find(workspaceId, id ?? '');
    await previews.close();
    expect(done?.document.replay).toMatchObject({ complete: false, replayed: 0, calls: 0, changed: 0 });
    expect(done?.document.replay?.coverage).toMatch(/^0 of the [0-9]+ entries of the last 30 days were replayed/);
  });
});

const NO_SERVERS = {
  version: '0',
  entries: [],
  servers: [],
  byWireName: () => undefined,
  byNamespaceName: () => undefined,
  byUri: () => undefined,
  byCapability: () => undefined,
};
