/** What nobody may do with a change of what decides: each attempt is refused, and is on the log. */

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startSecondNode } from '../../packages/server/test/actions/workspace.ts';
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
let rita: Person;
let rob: Person;
let admin: Person;
let lost: Person[];
beforeAll(async () => {
  world = await openChanges();
  ana = await world.person('ana', ['author', 'operator', 'reviewer'], { groups: ['security'] });
  rita = await world.person('rita', ['reviewer']);
  rob = await world.person('rob', ['reviewer'], { groups: ['security'] });
  lost = [];
  for (const name of ['demoted', 'gone', 'without-key'])
    lost.push(await world.person(name, ['reviewer'], { roles: ['reviewer', 'viewer'] }));
  admin = await world.person('ada', ['admin', 'author', 'operator', 'reviewer', 'approver']);
  expect((await world.settings({})).status).toBe(200);
});
afterAll(() => world.server.close());

const code = ({ body }: Answer): string | undefined => body.error?.code;

async function sql(text: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: world.server.ownerUrl });
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

async function isThere(role: string): Promise<boolean> {
  return (await world.call('GET', `/v1/roles/${role}`)).status === 200;
}

describe('an author approves nothing of their own', () => {
  it('by their key', async () => {
    const change = await world.submitted(ana);
    expect(code(await world.approve(ana, change))).toBe('approver_is_author');
    expect(await world.refusals(change, 1)).toEqual(['approver_is_author']);
    expect((await world.approve(rita, change)).body.status).toBe('approved');
  });

  it('under another login: a further key with the role alone, of a member of the group that is asked', async () => {
    const change = await world.submitted(ana);
    const other = await world.keyOf(ana, 'security-on-call', ['reviewer']);
    expect(code(await world.approve({ key: other }, change))).toBe('approver_is_author');
    expect(await world.refusals(change, 1)).toEqual(['approver_is_author']);
  });

  it('having written one edit of somebody else’s draft', async () => {
    const { id } = await world.draft(admin);
    await world.ok('PUT', `/v1/changes/${id}`, { title: 'mine, too' }, { key: ana.key });
    await world.ok('PUT', `/v1/changes/${id}`, { title: 'not hers any more' }, { key: admin.key });
    expect((await world.post(admin, { id }, 'submit')).status).toBe(200);
    const change = await world.previewed({ id });
    expect(change.authors).toEqual([admin.email, ana.email]);
    expect(code(await world.approve(ana, change))).toBe('approver_is_author');
  });

  it('having submitted what somebody else wrote', async () => {
    const { id } = await world.draft(admin);
    await world.post(ana, { id }, 'submit');
    expect(code(await world.approve(ana, await world.previewed({ id })))).toBe('approver_is_author');
  });

  it('having written the commit that somebody else’s key has posted', async () => {
    const source = {
      repository: 'https://git.acme.example/policy',
      commit: 'f'.repeat(40),
      author: `Ana <${ana.email.toUpperCase()}>`,
      signature: { status: 'none', key: null },
    };
    const change = await world.submitted(admin, { source });
    expect(code(await world.approve(ana, change))).toBe('approver_is_author');
  });

  it('through a delegate, nor through whom they decide for', async () => {
    const approver = await world.keyOf(ana, 'ana-approver', ['approver', 'reviewer']);
    const delegation = await world.ok(
      'POST',
      '/v1/delegations',
      { to: rita.email, reason: 'away', ends_at: Math.floor(Date.now() / 1000) + 3600 },
      { key: approver },
    );
    const change = await world.submitted(ana);
    expect(code(await world.approve(rita, change))).toBe('approver_same_person');
    await world.ok('POST', `/v1/delegations/${delegation.id}/end`, {}, { key: approver });
    expect((await world.approve(rita, change)).body.status).toBe('approved');
    expect(await world.refusals(change, 1)).toEqual(['approver_same_person']);
  });

  it('not in the database either', async () => {
    const change = await world.submitted(ana);
    await expect(sql(`UPDATE changes SET status = 'approved' WHERE id = $1`, [change.id])).rejects.toThrow(
      'change_unreviewed',
    );
  });
});

describe('a credential of nobody', () => {
  it('drafts nothing, and approves nothing', async () => {
    const { key } = await world.ok('POST', '/v1/keys', { name: 'robot', roles: ['author', 'reviewer'] });
    const draft = await world.call('POST', '/v1/changes', { body: { title: 'x', operations: [newRole()] }, key });
    expect(code(draft)).toBe('person_required');
    const change = await world.submitted(ana);
    expect(code(await world.approve({ key }, change))).toBe('person_required');
  });
});

describe('two who must be different', () => {
  it('are two people, and not two keys', async () => {
    const change = await world.submitted(admin, {
      operations: [{ type: 'change_settings', id: '*', document: strict() }],
    });
    expect((await world.approve(rita, change)).body.status).toBe('approved');
    expect((await world.post(admin, change, 'activate')).body.status).toBe('activated');

    const next = await world.submitted(ana);
    expect((await world.approve(rita, next)).body).toMatchObject({ status: 'submitted', missing: { people: 1 } });
    const again = await world.keyOf(rita, 'rita-2', ['reviewer']);
    expect(code(await world.approve({ key: again }, next))).toBe('approver_decided_before');
    expect((await world.approve(rob, next)).body.status).toBe('approved');

    const back = await world.submitted(admin, {
      operations: [{ type: 'change_settings', id: '*', document: REVIEWED }],
    });
    expect(back.risk).toBe('critical');
    await world.approve(rita, back);
    await world.approve(rob, back);
    expect((await world.post(admin, back, 'activate')).body.status).toBe('activated');
  });
});

function strict() {
  const normal = Object.fromEntries(
    ['low', 'medium', 'high', 'critical'].map((risk) => [risk, { people: 2, groups: [] }]),
  );
  return { ...REVIEWED, authority: { ...REVIEWED.authority, normal } };
}

describe('what was not approved is not in force', () => {
  it('activation before approval', async () => {
    const change = await world.submitted(ana);
    expect(code(await world.post(ana, change, 'activate'))).toBe('change_not_approved');
    const draft = await world.draft(ana);
    expect(code(await world.post(ana, draft, 'activate'))).toBe('change_draft');
    expect(await world.refusals(change, 1)).toEqual(['change_not_approved']);
    expect(await isThere(change.objects[0].id)).toBe(false);
  });

  it('edit after submission, and after approval', async () => {
    const change = await world.submitted(ana);
    const edit = () => world.call('PUT', `/v1/changes/${change.id}`, { body: { title: 'other' }, key: ana.key });
    expect(code(await edit())).toBe('change_not_draft');
    await world.approve(rita, change);
    expect(code(await edit())).toBe('change_not_draft');
    expect(await world.refusals(change, 2)).toEqual(['change_not_draft', 'change_not_draft']);
    await expect(sql(`UPDATE changes SET operations = '[]' WHERE id = $1`, [change.id])).rejects.toThrow(
      'change_bound',
    );
    await expect(sql(`UPDATE changes SET round = 2, title = 'x' WHERE id = $1`, [change.id])).rejects.toThrow(
      'change_bound',
    );
    expect((await world.get(change)).content_hash).toBe(change.content_hash);
  });

  it('approval of something else than is there: another content, another preview', async () => {
    const change = await world.submitted(ana);
    const other = `sha256:${'0'.repeat(64)}`;
    expect(code(await world.approve(rita, change, { content_hash: other }))).toBe('change_hash_differs');
    expect(code(await world.approve(rita, change, { preview_hash: other }))).toBe('change_hash_differs');
    expect(await world.refusals(change, 2)).toEqual(['change_hash_differs', 'change_hash_differs']);
  });

  it('approval of a draft whose ground has moved', async () => {
    const operation = newRole();
    const [first, second] = [
      await world.submitted(ana, { operations: [operation] }),
      await world.submitted(ana, { operations: [operation] }),
    ];
    await world.approve(rita, first);
    expect((await world.post(ana, first, 'activate')).body.status).toBe('activated');
    expect(code(await world.approve(rita, second))).toBe('change_stale');
    expect((await world.get(second)).status).toBe('stale');
    expect(await world.refusals(second, 1)).toEqual(['change_stale']);
  });

  it('activation of what was approved on a ground that has moved since', async () => {
    const operation = newRole();
    const [first, second] = [
      await world.submitted(ana, { operations: [operation] }),
      await world.submitted(ana, { operations: [operation] }),
    ];
    await world.approve(rita, second);
    await world.approve(rita, first);
    await world.post(ana, first, 'activate');
    expect(code(await world.post(ana, second, 'activate'))).toBe('change_stale');
    expect((await world.get(second)).status).toBe('stale');
  });

  it('an approver who has lost the role, or is not there any more, or whose key was revoked', async () => {
    const takes: readonly ((person: Person) => Promise<unknown>)[] = [
      ({ id }) => world.ok('PATCH', `/v1/people/${id}`, { roles: ['viewer'] }),
      ({ id }) => world.ok('PATCH', `/v1/people/${id}`, { active: false }),
      async ({ email }) => {
        const { data } = await world.ok('GET', '/v1/keys');
        const { id } = data.find((key: { person: string }) => key.person === email);
        await world.ok('POST', `/v1/keys/${id}/revoke`);
      },
    ];
    for (const [i, take] of takes.entries()) {
      const approver = lost[i] ?? rita;
      const change = await world.submitted(ana);
      expect((await world.approve(approver, change)).body.status).toBe('approved');
      await take(approver);
      expect(code(await world.post(ana, change, 'activate'))).toBe('approval_void');
      expect(await world.get(change)).toMatchObject({ status: 'submitted', ended_code: 'approval_void' });
      expect(await isThere(change.objects[0].id)).toBe(false);
      expect(await world.refusals(change, 1)).toEqual(['approval_void']);
      expect((await world.approve(rita, change)).body.status).toBe('approved');
      expect((await world.post(ana, change, 'activate')).body.status).toBe('activated');
    }
  });

  it('direct edits by the API, of every type', async () => {
    const role = newRole();
    const edits: readonly (readonly [string, string, unknown])[] = [
      ['PUT', `/v1/roles/${role.id}`, role.document],
      [
        'PUT',
        '/v1/workspace/guards',
        { guards: [{ id: 'g', action: '*', when: { field: 'action', eq: 'x' }, effect: 'deny' }] },
      ],
      ['PUT', '/v1/capabilities/own.thing', { access: 'read' }],
      ['PUT', '/v1/breakers/probes', { signal: 'probes', threshold: 9, window_seconds: 60 }],
      ['PATCH', `/v1/people/${ana.id}`, { roles: ['admin'] }],
      ['PUT', '/v1/change-settings', { ...REVIEWED, mode: 'direct' }],
      ['PUT', '/v1/change-settings', { ...REVIEWED, emergency: { ...REVIEWED.emergency, alone: true } }],
    ];
    for (const [method, path, body] of edits)
      expect([path, code(await world.call(method, path, { body }))]).toEqual([path, 'change_required']);
    expect(await isThere(role.id)).toBe(false);
    await vi.waitFor(
      async () => {
        const { data } = await world.ok('GET', '/v1/audit/events?kind=management.refused&limit=200');
        const refused = data.filter((event: { code: string }) => event.code === 'change_required');
        expect(refused).toHaveLength(edits.length);
      },
      { timeout: 10_000, interval: 20 },
    );
  });

  it('settings loosened in the database open nothing', async () => {
    await sql(`UPDATE change_settings SET settings = jsonb_set(settings, '{emergency,alone}', 'true')`);
    const change = await world.submitted(ana, { class: 'emergency' });
    expect(code(await world.post(ana, change, 'activate'))).toBe('change_not_approved');
    await sql(`UPDATE change_settings SET settings = jsonb_set(settings, '{emergency,alone}', 'false')`);
  });
});

describe('an emergency', () => {
  it('is in force with the approval of one other', async () => {
    const change = await world.submitted(ana, { class: 'emergency' });
    expect((await world.approve(rita, change)).body).toMatchObject({ status: 'activated', emergency_review: null });
    expect(await isThere(change.objects[0].id)).toBe(true);
  });

  it('that nobody reviewed is overdue, and people are told; refused, it is rolled back by a change', async () => {
    const alone = await world.submitted(admin, {
      operations: [
        {
          type: 'change_settings',
          id: '*',
          document: {
            ...REVIEWED,
            emergency: { alone: true, review_within_minutes: 60, escalate_to: ['boss@acme.example'] },
          },
        },
      ],
    });
    expect(alone).toMatchObject({ risk: 'critical', narrows: false });
    await world.approve(rita, alone);
    await world.post(admin, alone, 'activate');
    await world.person('boss', ['viewer']);
    // How changes are reviewed is never changed by one alone, not even in an emergency.
    const off = await world.submitted(admin, {
      class: 'emergency',
      operations: [{ type: 'change_settings', id: '*', document: { ...REVIEWED, mode: 'direct' } }],
    });
    expect(code(await world.post(admin, off, 'activate'))).toBe('change_not_approved');
    expect(await world.refusals(off, 1)).toEqual(['change_not_approved']);
    await world.post(rita, off, 'reject');

    const change = await world.submitted(ana, { class: 'emergency' });
    // Whoever puts it in force alone has a part in it, and reviews it as little as its author.
    expect((await world.post(admin, change, 'activate')).body).toMatchObject({
      status: 'activated',
      emergency_review: 'due',
      authors: [admin.email, ana.email],
    });
    expect(code(await world.approve(admin, await world.get(change)))).toBe('approver_is_author');
    expect(code(await world.approve(ana, await world.get(change)))).toBe('approver_is_author');
    await sql(`UPDATE changes SET review_due_at = clock_timestamp() WHERE id = $1`, [change.id]);
    const [overdue] = await world.recordsOf(change, 'change.overdue', 1);
    expect(overdue).toMatchObject({
      change_id: change.id,
      to: expect.arrayContaining(['boss@acme.example', rita.email]),
    });
    expect(await world.get(change)).toMatchObject({ emergency_review: 'overdue' });

    const refused = await world.post(rita, change, 'reject', { comment: 'no emergency' });
    expect(refused.body).toMatchObject({ status: 'activated', emergency_review: 'refused' });
    const { data } = await world.ok('GET', '/v1/changes?class=rollback');
    expect(data).toMatchObject([{ status: 'submitted', rollback_of: change.name, author: rita.email }]);
    const rollback = await world.previewed(data[0]);
    expect(code(await world.approve(rita, rollback))).toBe('approver_is_author');
    await world.approve(rob, rollback);
    // Removing a role that nobody wears is a document of nothing in place of one.
    expect((await world.post(rita, rollback, 'activate')).body.status).toBe('activated');
    expect(await world.get(change)).toMatchObject({ status: 'rolled_back', rolled_back_by: rollback.name });
    expect(await isThere(change.objects[0].id)).toBe(false);
  });
});

describe('once', () => {
  it('of two nodes that activate at the same time, one does', async () => {
    const second = await startSecondNode({ server: world.server });
    try {
      const change = await world.submitted(ana);
      await world.approve(rita, change);
      const path = `/v1/changes/${change.id}/activate`;
      const answers = await Promise.all(
        [world.call, second.call, world.call, second.call].map((call) =>
          call('POST', path, { body: {}, key: ana.key }),
        ),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
      expect(await world.refusals(change, 3)).toEqual(['change_activated', 'change_activated', 'change_activated']);
      expect(await world.recordsOf(change, 'change.activated', 1)).toHaveLength(1);
      expect((await world.ok('GET', `/v1/roles/${change.objects[0].id}`)).revision).toBe(1);
    } finally {
      await second.close();
    }
  });

  it('a scheduled one is activated at its time by one of the nodes', async () => {
    const change = await world.submitted(ana, { activate_at: Math.floor(Date.now() / 1000) + 2 });
    expect((await world.approve(rita, change)).body.status).toBe('scheduled');
    for (;;) {
      const { status, activated_by } = await world.get(change);
      if (status === 'activated') {
        expect(activated_by).toBe('system');
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
});

/** In UTC, so many days from now. */
function wallTime(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 16);
}

describe('policy that is frozen', () => {
  const FREEZE = {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Freeze',
    metadata: { name: 'no-changes' },
    time_zone: 'UTC',
    starts: wallTime(-1),
    ends: wallTime(1),
    scope: { changes: ['role'] },
  };

  it('changes only by an emergency of two people, and by what only narrows', async () => {
    const base = roleFile('frozen', ['own.thing']);
    const before = await world.submitted(ana, { operations: [{ type: 'role', id: 'frozen', document: base }] });
    await world.approve(rita, before);
    await world.post(ana, before, 'activate');
    const change = await world.submitted(ana, { operations: [newRole(['own.thing'])] });
    await world.approve(rita, change);
    const freeze = await world.submitted(ana, { operations: [{ type: 'freeze', id: 'no-changes', document: FREEZE }] });
    await world.approve(rita, freeze);
    expect((await world.post(ana, freeze, 'activate')).body.status).toBe('activated');

    expect(code(await world.post(ana, change, 'activate'))).toBe('policy_frozen');
    expect(await world.refusals(change, 1)).toEqual(['policy_frozen']);

    const emergency = await world.submitted(ana, { class: 'emergency', operations: [newRole(['own.thing'])] });
    expect((await world.approve(rita, emergency)).body).toMatchObject({
      status: 'activated',
      freezes_passed: ['no-changes'],
    });

    const less = await world.submitted(ana, {
      operations: [{ type: 'role', id: 'frozen', document: roleFile('frozen', []) }],
    });
    expect(less).toMatchObject({ risk: 'low', narrows: true });
    await world.approve(rita, less);
    expect((await world.post(ana, less, 'activate')).body).toMatchObject({ status: 'activated', freezes_passed: [] });

    const later = await world.submitted(ana, {
      operations: [newRole(['own.thing'])],
      activate_at: Math.floor(Date.now() / 1000) + 2,
    });
    await world.approve(rita, later);
    const [waiting] = await world.recordsOf(later, 'change.waiting', 1);
    expect(waiting).toMatchObject({ freezes: ['no-changes'] });
    expect(await world.get(later)).toMatchObject({ status: 'scheduled', waiting_for: ['no-changes'] });
  });

  it('is not edited directly either, where changes are not reviewed', async () => {
    const direct = await openChanges();
    try {
      await direct.ok('PUT', '/v1/roles/kept', roleFile('kept', ['own.thing']));
      await direct.ok('PUT', '/v1/freezes/no-changes', FREEZE);
      const edit = (allow: readonly string[]) =>
        direct.call('PUT', '/v1/roles/kept', { body: roleFile('kept', allow) });
      expect(code(await edit(['own.thing', 'own.other']))).toBe('policy_frozen');
      const [refusal] = await direct.events('kind=management.refused', 1);
      expect(refusal).toMatchObject({ code: 'policy_frozen' });
      expect((await edit([])).status).toBe(200);
      // What the freeze does not name goes on.
      await direct.ok('PUT', '/v1/capabilities/own.thing', { access: 'read' });
    } finally {
      await direct.server.close();
    }
  });
});
