/** Changes of what decides, from the draft to the rollback, and who is refused what on the way. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addWorkspace } from '../agents/second-workspace.ts';
import { roleFile } from '../agents/world.ts';
import { type ChangesWorld, newRole, openChanges, type Person, REVIEWED } from './world.ts';

let world: ChangesWorld;
let ana: Person;
let rita: Person;
beforeAll(async () => {
  world = await openChanges();
});
afterAll(() => world.server.close());

const code = ({ body }: { readonly body: { readonly error?: { readonly code: string } } }) => body.error?.code;

async function activated(change: object): Promise<Awaited<ReturnType<ChangesWorld['get']>>> {
  const submitted = await world.submitted(ana, change);
  await world.approve(rita, submitted);
  const { body } = await world.post(ana, submitted, 'activate');
  expect(body.status).toBe('activated');
  return body;
}

describe('switching reviews on', () => {
  it('takes people who could author and approve', async () => {
    expect(code(await world.settings({}))).toBe('people_missing');
    ana = await world.person('ana', ['author', 'operator']);
    expect(code(await world.settings({}))).toBe('people_missing');
    rita = await world.person('rita', ['reviewer'], { groups: ['security'] });
    const two = { people: 2, groups: [] };
    const normal = { ...REVIEWED.authority.normal, high: two };
    expect(code(await world.settings({ authority: { ...REVIEWED.authority, normal } }))).toBe('people_missing');
    const absent = { ...REVIEWED.authority.normal, high: { people: 1, groups: ['finance'] } };
    expect(code(await world.settings({ authority: { ...REVIEWED.authority, normal: absent } }))).toBe('people_missing');
    expect(code(await world.settings({ expire_days: 0 }))).toBe('request_invalid');
  });

  it('is not needed for changes that need nobody', async () => {
    const change = await world.submitted(ana);
    expect(change).toMatchObject({ status: 'approved', class: 'direct', requirement: null });
    expect((await world.post(ana, change, 'activate')).body.status).toBe('activated');
  });

  it('is not needed for what takes two people anyway', async () => {
    const admin = await world.person('ada', ['admin', 'reviewer']);
    await world.ok('PUT', '/v1/containment-settings', { two_people: { lift: ['workspace'] } });
    const document = { two_people: { kill: [], lift: [] }, answer_minutes: 60, target_ms: 1_000 };
    const operations = [{ type: 'containment_settings', id: '*', document }];
    const change = await world.submitted(admin, { operations });
    expect(change).toMatchObject({ status: 'submitted', class: 'normal', risk: 'high' });
    expect(code(await world.post(admin, change, 'activate'))).toBe('change_not_approved');
    expect(code(await world.approve(admin, change))).toBe('approver_is_author');
    await world.approve(rita, change);
    expect((await world.post(admin, change, 'activate')).body.status).toBe('activated');
    const { body: rollback } = await world.post(admin, change, 'rollback');
    expect(rollback.status).toBe('submitted');
    await world.post(admin, rollback, 'withdraw');
  });

  let early: Awaited<ReturnType<ChangesWorld['get']>>;
  it('catches up with what needed nobody and is not in force yet', async () => {
    early = await world.submitted(ana, { operations: [newRole(['own.read'])] });
    expect(early).toMatchObject({ status: 'approved', class: 'direct' });
  });

  it('is direct, and keeps its version', async () => {
    const { body } = await world.settings({
      standard: [{ name: 'narrowings', types: ['role'], ids: null, allows: 'narrowing' }],
    });
    expect(body).toMatchObject({ object: 'change_settings', mode: 'reviewed', author: expect.any(String) });
    const [record] = await world.events('kind=change.settings', 1);
    expect(record?.changes.mode).toEqual(['direct', 'reviewed']);
    expect(code(await world.post(ana, early, 'activate'))).toBe('approvals_missing');
    expect(await world.get(early)).toMatchObject({ status: 'submitted', missing: { people: 1 } });
    await world.approve(rita, early);
    expect((await world.post(ana, early, 'activate')).body.status).toBe('activated');
  });
});

describe('a change', () => {
  it('goes from the draft to force, with everything on the log', async () => {
    const operation = newRole(['own.read']);
    const draft = await world.draft(ana, { operations: [operation], justification: 'asked for', ticket: 'T-1' });
    expect(draft).toMatchObject({
      name: `CHG-${draft.number}`,
      status: 'draft',
      risk: null,
      operations: [{ type: 'role', id: operation.id, base: null }],
      you: { author: true, approve: 'change_draft' },
    });
    await world.ok('PUT', `/v1/changes/${draft.name}`, { title: 'a reader' }, { key: ana.key });
    const submitted = await world.post(ana, draft, 'submit');
    expect(submitted.body).toMatchObject({
      title: 'a reader',
      status: 'submitted',
      class: 'normal',
      risk: 'high',
      reasons: [`${operation.id} gains own.read, which nobody has declared`],
      missing: { people: 1, groups: [] },
      preview: { state: 'done', hash: expect.stringMatching(/^sha256:/) },
    });
    const preview = await world.ok('GET', `/v1/changes/${draft.id}/preview`);
    expect(preview.sha256).toBe(submitted.body.preview.hash);
    const seen = await world.ok('GET', `/v1/changes/${draft.id}`, undefined, { key: rita.key });
    expect(seen.you).toEqual({ author: false, approve: null });
    const approved = await world.approve(rita, submitted.body, { comment: 'read it' });
    expect(approved.body).toMatchObject({
      status: 'approved',
      reviews: [
        {
          person: rita.email,
          comment: 'read it',
          content_hash: submitted.body.content_hash,
          preview_hash: submitted.body.preview.hash,
          method: 'key',
          channel: 'api',
          counts: true,
        },
      ],
    });
    const done = await world.post(rita, draft, 'activate');
    expect(done.body).toMatchObject({
      status: 'activated',
      activated_by: rita.email,
      versions: [{ type: 'role', id: operation.id, version: 1 }],
    });
    const { policy_hash: hash } = await world
      .ok('GET', `/v1/policies/current`)
      .then((current) => ({ policy_hash: current.hash }));
    expect(done.body.policy.after).toBe(hash);
    expect((await world.ok('GET', `/v1/roles/${operation.id}`)).author).toBe('key:ana');
    const kinds = ['drafted', 'edited', 'submitted', 'decided', 'approved', 'activated'];
    for (const kind of kinds) expect(await world.recordsOf(draft, `change.${kind}`, 1)).toHaveLength(1);
  });

  it('is refused as it is submitted when it could not be activated', async () => {
    const { id } = await world.draft(ana, {
      operations: [{ type: 'assignment', id: 'agt_nobody', document: { roles: ['x'] } }],
    });
    const refused = await world.post(ana, { id }, 'submit');
    expect(code(refused)).toBe('change_invalid');
    expect(await world.refusals({ id }, 1)).toEqual(['change_invalid']);
    expect((await world.get({ id })).status).toBe('draft');
    expect((await world.post(ana, { id }, 'withdraw', { reason: 'no' })).body.status).toBe('withdrawn');
  });

  it('is refused as it is submitted when a test case of the workspace would fail by it', async () => {
    const { objects } = await activated({ operations: [newRole(['own.read', 'own.other'])] });
    const { id: role } = objects[0];
    const file = `apiVersion: policy.hivekey.ai/v1
kind: PolicyTest
policy: [${role}.yaml]
defaults: { roles: [${role}] }
cases:
  - { name: reads, action: own.other, expect: allow }
`;
    await world.ok('PUT', '/v1/policies/tests/reads', file, { headers: { 'content-type': 'application/yaml' } });
    const { id } = await world.draft(ana, {
      operations: [{ type: 'role', id: role, document: roleFile(role, ['own.read', 'own.third']) }],
    });
    const refused = await world.post(ana, { id }, 'submit');
    expect(code(refused)).toBe('change_checks_failed');
    expect(refused.body.error.problems[0]).toMatchObject({
      code: 'test_failed',
      file: expect.stringContaining('reads'),
    });
    await world.ok('DELETE', '/v1/policies/tests/reads');
    expect((await world.post(ana, { id }, 'submit')).body.status).toBe('submitted');
  });

  it.each<[string, object, string]>([
    [
      'a document that is none',
      { operations: [{ type: 'role', id: 'a', document: { kind: 'Role' } }] },
      'role_invalid',
    ],
    [
      'an object twice',
      { operations: [newRole(), newRole()].map((each) => ({ ...each, id: 'a' })) },
      'request_invalid',
    ],
    ['nothing', { operations: [] }, 'request_invalid'],
    ['no document', { operations: [{ type: 'role', id: 'a' }] }, 'request_invalid'],
    ['a time that is past', { activate_at: 1_000 }, 'activate_at_invalid'],
    ['a removal of nothing', { operations: [{ type: 'role', id: 'nobody', document: null }] }, 'operation_unchanged'],
    [
      'what an author may not write',
      { operations: [{ type: 'change_settings', id: '*', document: REVIEWED }] },
      'role_missing',
    ],
  ])('is not drafted with %s', async (_, change, expected) => {
    const body = { title: 'x', operations: [newRole()], ...change };
    expect(await world.refused('POST', '/v1/changes', body, { key: ana.key })).toBe(expected);
  });

  it('that fits a pattern needs nobody', async () => {
    const { objects } = await activated({ operations: [newRole(['own.read', 'own.other'])] });
    const { id } = objects[0];
    const less = await world.submitted(ana, {
      operations: [{ type: 'role', id, document: roleFile(id, ['own.read']) }],
    });
    expect(less).toMatchObject({ status: 'approved', class: 'standard', pattern: 'narrowings', risk: 'low' });
    const more = await world.submitted(ana, {
      operations: [{ type: 'role', id, document: roleFile(id, ['own.read', 'own.other', 'own.third']) }],
    });
    expect(more).toMatchObject({ status: 'submitted', class: 'normal' });
  });

  it('is rolled back by a change with the documents of before', async () => {
    const first = await activated({ operations: [newRole(['own.read'])] });
    const { id } = first.objects[0];
    const second = await activated({
      operations: [{ type: 'role', id, document: roleFile(id, ['own.read', 'own.write']) }],
    });
    expect(code(await world.post(ana, first, 'rollback'))).toBe('change_superseded');
    const { body: rollback } = await world.post(ana, second, 'rollback', { reason: 'it did harm' });
    expect(rollback).toMatchObject({ class: 'rollback', rollback_of: second.name, status: 'submitted', risk: 'low' });
    expect(code(await world.post(ana, second, 'rollback'))).toBe('rollback_open');
    await world.approve(rita, await world.previewed(rollback));
    expect((await world.post(ana, rollback, 'activate')).body.status).toBe('activated');
    expect(await world.get(second)).toMatchObject({ status: 'rolled_back', rolled_back_by: rollback.name });
    const role = await world.ok('GET', `/v1/roles/${id}`);
    expect([role.allow, role.revision]).toEqual([['own.read'], 3]);
  });

  it('is discussed, found, and withdrawn by its authors alone', async () => {
    const change = await world.submitted(ana, { operations: [newRole(['own.read'])] });
    await world.ok('POST', `/v1/changes/${change.id}/comments`, { body: 'why?' }, { key: rita.key });
    expect((await world.ok('GET', `/v1/changes/${change.id}/comments`)).data).toMatchObject([
      { person: rita.email, body: 'why?' },
    ]);
    const { id: object } = change.objects[0];
    for (const query of [
      `object=${object}`,
      `type=role&object=${object}`,
      `author=${ana.email}&status=submitted`,
      'waiting=true',
    ])
      expect((await world.ok('GET', `/v1/changes?${query}`)).data[0].name).toBe(change.name);
    expect((await world.ok('GET', `/v1/changes?object=${object}&class=emergency`)).data).toEqual([]);
    expect(code(await world.post(rita, change, 'withdraw'))).toBe('role_missing');
    expect((await world.post(ana, change, 'withdraw')).body.status).toBe('withdrawn');
  });

  it('takes the step-up that the workspace asks of approvals, and none of rejections', async () => {
    await world.ok('PUT', '/v1/sign-in-settings', { step_up: { change: 'signed' } });
    const change = await world.submitted(ana, { operations: [newRole(['own.read'])] });
    expect(code(await world.approve(rita, change))).toBe('step_up_required');
    expect((await world.post(rita, change, 'reject')).body.status).toBe('rejected');
    await world.ok('PUT', '/v1/sign-in-settings', { step_up: { change: 'none' } });
  });

  it('expires when nobody decides', async () => {
    const change = await world.submitted(ana, { operations: [newRole(['own.read'])] });
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: world.server.ownerUrl });
    await client.connect();
    // What was submitted does not change, not even by who owns the table: the trigger has to stand aside.
    await client.query(`SET session_replication_role = replica`);
    await client.query(`UPDATE changes SET expires_at = clock_timestamp() WHERE id = $1`, [change.id]);
    await client.end();
    expect(code(await world.approve(rita, change))).toBe('change_expired');
    await vi.waitFor(async () => expect((await world.get(change)).ended_code).toBe('expired'), { timeout: 10_000 });
  });

  it('is of its workspace alone', async () => {
    const change = await world.submitted(ana, { operations: [newRole(['own.read'])] });
    const key = await addWorkspace(world.server);
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/preview'],
      ['GET', '/reviews'],
      ['GET', '/comments'],
      ['GET', '/signatures'],
      ['POST', '/submit'],
      ['POST', '/activate'],
      ['POST', '/withdraw'],
      ['POST', '/rollback'],
      ['POST', '/reject'],
    ] as const) {
      const body = method === 'POST' ? { body: {} } : {};
      expect(code(await world.call(method, `/v1/changes/${change.id}${path}`, { key, ...body }))).toBe(
        'change_not_found',
      );
    }
    expect((await world.call('GET', '/v1/changes', { key })).body.data).toEqual([]);
    expect((await world.call('GET', '/v1/change-settings', { key })).body.mode).toBe('direct');
  });
});
