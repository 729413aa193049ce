/** Ways around the review of changes that nobody sees as one: each is refused. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { roleFile } from '../../packages/server/test/agents/world.ts';
import type { Answer } from '../../packages/server/test/api/client.ts';
import {
  type ChangesWorld,
  newRole,
  openChanges,
  type Person,
  REVIEWED,
} from '../../packages/server/test/changes/world.ts';

let world: ChangesWorld;
let ana: Person;
let abe: Person;
let rita: Person;
let agent: string;
/** Submitted when nothing was reviewed. */
let unreviewed: Answer['body'];
beforeAll(async () => {
  world = await openChanges();
  ana = await world.person('ana', ['admin', 'author', 'operator']);
  abe = await world.person('abe', ['author', 'reviewer']);
  rita = await world.person('rita', ['reviewer']);
  await world.capability('pay.one');
  await world.role('payer', ['pay.one']);
  await world.role('bare');
  await world.role('limits', [], [deny('pay.one')]);
  await world.ok('PUT', '/v1/workspace/guards', { guards: [deny('pay.two')] });
  agent = (await world.agent('bot', { role: undefined, roles: ['payer', 'bare', 'limits'] })).id;
  await world.ok('PUT', '/v1/group-roles', { groups: { watch: ['auditor', 'viewer'] } });
  unreviewed = await world.submitted(ana);
  expect((await world.settings(LOOSE)).status).toBe(200);
});
afterAll(() => world.server.close());

const narrowing = { name: 'narrowings', types: ['role', 'workspace_guards'], ids: null, allows: 'narrowing' };
const LOOSE = { standard: [narrowing], emergency: { ...REVIEWED.emergency, alone: true } };

const code = ({ body }: Answer): string | undefined => body.error?.code;
const deny = (action: string) => ({ id: 'no', action: '*', when: { field: 'action', eq: action }, effect: 'deny' });

async function rolesNow(): Promise<string[]> {
  return (await world.ok('GET', '/v1/agents/bot')).roles;
}

describe('a role with guards', () => {
  it('is not taken from an agent directly: what it held back would go through', async () => {
    const take = (roles: string[]) => world.call('PATCH', '/v1/agents/bot', { body: { roles }, key: ana.key });
    expect(code(await take(['payer', 'bare']))).toBe('change_required');
    expect(code(await take(['payer']))).toBe('change_required');
    expect((await take(['payer', 'limits'])).status).toBe(200);
    expect(await rolesNow()).toEqual(['payer', 'limits']);
  });
});

describe('an object under another name', () => {
  async function refused(...operations: object[]) {
    const { body } = await world.post(ana, await world.draft(ana, { operations }), 'submit');
    return [body.error?.code, body.error?.problems[0].code];
  }
  const guards = (id: string, action: string) => ({
    type: 'workspace_guards',
    id,
    document: { guards: [deny(action)] },
  });
  const misnamed = ['change_invalid', 'object_misnamed'];

  it('does not stand in a change twice', async () => {
    expect(await refused(guards('*', 'a.b'), guards('also', 'c.d'))).toEqual(misnamed);
  });

  it('is not compared with nothing: an agent by its handle, a person by their address', async () => {
    const roles = { roles: ['payer'] };
    expect(await refused({ type: 'assignment', id: 'bot', document: roles })).toEqual(misnamed);
    expect(await refused({ type: 'assignment', id: 'bot', document: roles, base: null })).toEqual(misnamed);
    const more = { authority: [], groups: [], roles: ['viewer'] };
    expect(await refused({ type: 'person_authority', id: 'rita@acme.example', document: more })).toEqual(misnamed);
    const change = await world.submitted(ana, {
      operations: [{ type: 'assignment', id: agent, document: roles }],
    });
    expect(change).toMatchObject({ status: 'submitted', narrows: false });
  });
});

describe('what needs nobody', () => {
  it('needs others once they review it', async () => {
    expect(unreviewed).toMatchObject({ class: 'direct', status: 'approved' });
    expect(code(await world.post(ana, unreviewed, 'activate'))).toBe('approvals_missing');
  });

  it('is not the guards of the workspace removed, nor a guard with its grant that another role has', async () => {
    const operations = [{ type: 'workspace_guards', id: '*', document: { guards: [] } }];
    expect(await world.submitted(ana, { operations })).toMatchObject({ class: 'normal', status: 'submitted' });
    const role = [{ type: 'role', id: 'limits', document: roleFile('limits') }];
    expect(await world.submitted(ana, { operations: role })).toMatchObject({ class: 'normal', status: 'submitted' });
  });

  it('needs others once a pattern of that name says something else', async () => {
    const operations = [{ type: 'role', id: 'payer', document: roleFile('payer') }];
    const change = await world.submitted(ana, { operations });
    expect(change).toMatchObject({ class: 'standard', status: 'approved' });
    const document = { ...REVIEWED, ...LOOSE, standard: [{ ...narrowing, ids: ['bare'] }] };
    const settings = await world.submitted(ana, { operations: [{ type: 'change_settings', id: '*', document }] });
    await world.approve(rita, settings);
    expect((await world.post(ana, settings, 'activate')).body.status).toBe('activated');
    expect(code(await world.post(ana, change, 'activate'))).toBe('change_pattern_differs');
    expect((await world.get(change)).status).toBe('stale');
  });
});

describe('an emergency of one', () => {
  it('is reviewed by somebody who did not put it in force, whoever submitted it', async () => {
    const change = await world.submitted(ana, { class: 'emergency' });
    expect((await world.post(abe, change, 'activate')).body.emergency_review).toBe('due');
    expect(code(await world.approve(abe, await world.get(change)))).toBe('approver_is_author');
    expect((await world.approve(rita, await world.get(change))).body.emergency_review).toBe('passed');
  });
});

describe('around what is reviewed', () => {
  it('no group gives a role by the word of one', async () => {
    const put = (groups: object) => world.call('PUT', '/v1/group-roles', { body: { groups } });
    expect(code(await put({ watch: ['auditor', 'viewer'], ops: ['reviewer'] }))).toBe('change_required');
    expect(code(await put({}))).toBe('change_required');
    expect((await put({ watch: ['auditor'] })).status).toBe(200);
  });

  it('no agent is let in with roles while assignments are frozen', async () => {
    const wall = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 16);
    const document = {
      apiVersion: 'policy.hivekey.ai/v1',
      kind: 'Freeze',
      metadata: { name: 'still' },
      time_zone: 'UTC',
      starts: wall(-1),
      ends: wall(1),
      scope: { changes: ['assignment'] },
    };
    const freeze = await world.submitted(ana, { operations: [{ type: 'freeze', id: 'still', document }] });
    await world.approve(rita, freeze);
    expect((await world.post(ana, freeze, 'activate')).body.status).toBe('activated');
    const wanted = { name: 'late', roles: ['payer'], owner: 'olga@acme.example', reason: 'x' };
    const { id } = await world.ok('POST', '/v1/agent-requests', wanted, { key: ana.key });
    const letIn = await world.call('POST', `/v1/agent-requests/${id}/approve`, { body: {}, key: rita.key });
    expect(code(letIn)).toBe('policy_frozen');
  });
});

describe('one human', () => {
  it('approves with no key that an author has made for somebody else', async () => {
    const change = await world.submitted(ana, { operations: [newRole(['pay.one'])] });
    const mint = (key: string, name: string) =>
      world.ok('POST', '/v1/keys', { name, person: rita.email, roles: ['reviewer'] }, { key });
    const { key, id } = await mint(ana.key, 'ritas-by-ana');
    expect(code(await world.approve({ key }, change))).toBe('approver_key_of_author');
    const rotated = await world.ok('POST', `/v1/keys/${id}/rotate`, {}, { key: ana.key });
    expect(code(await world.approve({ key: rotated.key }, change))).toBe('approver_key_of_author');
    expect((await world.approve(rita, change)).body.status).toBe('approved');
  });

  it('gives themselves no role by an edit of somebody else’s draft', async () => {
    const other = await world.person('ada', ['admin']);
    const authority = (id: string, roles: string[]) => ({
      type: 'person_authority',
      id,
      document: { authority: null, groups: [], roles },
    });
    const draft = await world.draft(other, { operations: [authority(rita.id, ['reviewer', 'viewer'])] });
    const operations = [authority(ana.id, ['reviewer'])];
    await world.ok('PUT', `/v1/changes/${draft.id}`, { operations }, { key: ana.key });
    expect(code(await world.post(other, draft, 'submit'))).toBe('own_roles');
  });
});

describe('an auditor', () => {
  it('does not become more by losing that alone', async () => {
    const zed = await world.person('zed', ['viewer']);
    const made = await world.submitted(ana, {
      operations: [
        {
          type: 'person_authority',
          id: zed.id,
          document: { authority: [], groups: ['watch', 'staff'], roles: ['reviewer'] },
        },
      ],
    });
    expect((await world.approve(rita, made)).status).toBe(200);
    expect((await world.post(rita, made, 'activate')).status).toBe(200);
    const groups = (next: string[]) =>
      world.call('PATCH', `/v1/people/${zed.id}`, { body: { groups: next }, key: ana.key });
    expect(code(await groups([]))).toBe('change_required');
    expect((await groups(['watch'])).status).toBe(200);
  });
});

describe('a change at a time', () => {
  it('does not take effect by itself when its author has left', async () => {
    const zoe = await world.person('zoe', ['author']);
    const due = Math.floor(Date.now() / 1000) + 3;
    const change = await world.submitted(zoe, { activate_at: due });
    expect((await world.approve(rita, change)).body.status).toBe('scheduled');
    await world.ok('PATCH', `/v1/people/${zoe.id}`, { active: false });
    await expect.poll(async () => (await world.get(change)).ended_code, { timeout: 20_000 }).toBe('author_inactive');
    expect((await world.get(change)).status).toBe('approved');
    expect((await world.post(rita, change, 'activate')).body.status).toBe('activated');
  });
});
