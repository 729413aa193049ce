/** What changes are judged by, without a server. */
import { checkGuards, type JsonValue, type PolicySet } from '@hivekey/policy';
import { describe, expect, it, test } from 'vitest';
import { assess, loosenedBy } from '../../src/changes/assess.ts';
import { barOf, type Candidate } from '../../src/changes/eligibility.ts';
import { onlyNarrows } from '../../src/changes/narrowing.ts';
import { type ChangeSettings, DEFAULT_CHANGE_SETTINGS } from '../../src/changes/settings.ts';
import { standardFor } from '../../src/changes/standard.ts';
import type { PersonId } from '../../src/ids.ts';
import type { ObjectType } from '../../src/versions/index.ts';
import { roleFile } from '../agents/world.ts';

const id = (name: string) => name as PersonId;

describe('who may approve', () => {
  const person = (name: string, change: Partial<Candidate> = {}): Candidate => ({
    id: id(name),
    active: true,
    groups: [],
    roles: ['reviewer'],
    ...change,
  });
  const question = { quorum: { people: 2, groups: ['security'] }, authors: new Set([id('ana')]), delegations: [] };
  const link = (from: string, to: string) => ({ ...question, delegations: [{ from: id(from), to: id(to) }] });
  const approved = (name: string, groups: readonly string[] = []) => [{ id: id(name), groups }];

  test.each<[string, ReturnType<typeof barOf>, string | undefined]>([
    ['anybody who reviews', barOf(person('rita'), question, []), undefined],
    ['one of the group', barOf(person('sam', { groups: ['security'] }), question, approved('rita')), undefined],
    ['a second one who is not of the group', barOf(person('rob'), question, approved('rita')), 'approver_not_needed'],
    ['an author', barOf(person('ana'), question, []), 'approver_is_author'],
    ['somebody twice', barOf(person('rita'), question, approved('rita')), 'approver_decided_before'],
    ['a delegate of the author', barOf(person('rita'), link('ana', 'rita'), []), 'approver_same_person'],
    ['whom the author decides for', barOf(person('rita'), link('rita', 'ana'), []), 'approver_same_person'],
    ['a delegate of who approved', barOf(person('rob'), link('rita', 'rob'), approved('rita')), 'approver_same_person'],
    ['somebody without the role', barOf(person('rita', { roles: ['admin'] }), question, []), 'approver_not_reviewer'],
    ['somebody who has left', barOf(person('rita', { active: false }), question, []), 'person_inactive'],
  ])('%s', (_, bar, expected) => expect(bar).toBe(expected));
});

const NOW: PolicySet = {
  revision: 1,
  roles: [
    { name: 'reader', description: '', revision: 1, allow: ['crm.read'], guards: [] },
    { name: 'writer', description: '', revision: 1, allow: ['crm.update'], guards: [] },
    { name: 'destroyer', description: '', revision: 1, allow: ['crm.delete'], guards: [] },
  ],
  workspaceGuards: [],
  capabilities: [
    { name: 'crm.read', description: '', access: 'read', destructive: false, impact: {} },
    { name: 'crm.update', description: '', access: 'write', destructive: false, impact: {} },
    { name: 'crm.delete', description: '', access: 'write', destructive: true, impact: {} },
  ],
};

describe('risk', () => {
  const one = (type: ObjectType, before: JsonValue | null, after: JsonValue | null) =>
    assess([{ type, id: 'x', before, after }], NOW, undefined);
  const authority = (roles: string[]): JsonValue => ({ authority: null, groups: [], roles });

  test.each<[string, ReturnType<typeof one>, string, boolean]>([
    ['a reading role is given', one('assignment', { roles: [] }, { roles: ['reader'] }), 'medium', false],
    ['a writing role is given', one('assignment', { roles: [] }, { roles: ['writer'] }), 'high', false],
    ['a destructive role is given', one('assignment', { roles: [] }, { roles: ['destroyer'] }), 'critical', false],
    ['a role is taken', one('assignment', { roles: ['reader'] }, { roles: [] }), 'low', true],
    ['somebody becomes a reviewer', one('person_authority', authority([]), authority(['reviewer'])), 'critical', false],
    ['somebody loses a role', one('person_authority', authority(['viewer']), authority([])), 'high', true],
    [
      'a server is switched off',
      one('mcp_server', { name: 'a', status: 'active' }, { name: 'a', status: 'disabled' }),
      'low',
      true,
    ],
    [
      'a server is moved',
      one('mcp_server', { url: 'a', status: 'active' }, { url: 'b', status: 'active' }),
      'high',
      false,
    ],
    ['a tool is let in', one('definition', null, { access: 'write', status: 'live' }), 'high', false],
    ['a breaker goes', one('breaker', { threshold: 3 }, null), 'high', false],
    [
      'reviews are switched off',
      one('change_settings', settings({ mode: 'reviewed' }), settings({ mode: 'direct' })),
      'critical',
      false,
    ],
    [
      'reviews are switched on',
      one('change_settings', settings({ mode: 'direct' }), settings({ mode: 'reviewed' })),
      'high',
      true,
    ],
    ['a freeze of policy goes', one('freeze', { scope: { changes: ['*'] } }, null), 'high', false],
  ])('%s', (_, { risk, narrows }, expected, isNarrower) => expect([risk, narrows]).toEqual([expected, isNarrower]));

  it('is that of the widest operation, with its reason first', () => {
    const { risk, reasons } = assess(
      [
        { type: 'approval_reminders', id: '*', before: [], after: [] },
        { type: 'assignment', id: 'agt_1', before: { roles: [] }, after: { roles: ['destroyer'] } },
      ],
      NOW,
      undefined,
    );
    expect([risk, reasons[0]]).toEqual(['critical', 'agt_1 is given the role destroyer']);
  });
});

function settings(change: Partial<ChangeSettings>): JsonValue {
  return JSON.parse(JSON.stringify({ ...DEFAULT_CHANGE_SETTINGS, ...change }));
}

describe('what only takes away', () => {
  const cap = (limit: number, action = 'crm.update') => [
    {
      id: 'cap',
      action,
      when: { field: 'rate.per_day', lte: limit },
      effect: 'allow',
      otherwise: 'deny',
    },
  ];
  const role = (allow: readonly string[], guards: readonly unknown[] = []): JsonValue =>
    JSON.parse(JSON.stringify(roleFile('x', allow, guards)));
  const narrows = (type: ObjectType, before: JsonValue | null, after: JsonValue | null) =>
    onlyNarrows({ type, id: 'x', before, after }, NOW);

  test.each<[string, boolean, boolean]>([
    ['a grant withdrawn', narrows('role', role(['crm.read', 'crm.update']), role(['crm.read'])), true],
    ['a grant added', narrows('role', role(['crm.read']), role(['crm.read', 'crm.update'])), false],
    ['a cap lowered', narrows('role', role(['crm.update'], cap(50)), role(['crm.update'], cap(20))), true],
    ['a cap raised', narrows('role', role(['crm.update'], cap(20)), role(['crm.update'], cap(50))), false],
    ['a guard added', narrows('role', role(['crm.update']), role(['crm.update'], cap(20))), true],
    ['a guard removed', narrows('role', role(['crm.update'], cap(20)), role(['crm.update'])), false],
    ['a document that cannot be read', narrows('role', role(['crm.read']), { kind: 'Role' }), false],
    ['another class of a capability', narrows('capability', { name: 'x' }, null), false],
    // An agent may wear another role that grants what the guard is about.
    ['a guard that goes with its grant', narrows('role', role(['crm.update'], cap(20)), role([])), false],
    ['a role of guards alone that goes', narrows('role', role([], cap(20)), null), false],
    ['a guard on what no role grants', narrows('role', role([], cap(20, 'own.thing')), role([])), true],
    ['a grant that others have', narrows('role', role(['crm.update']), role([])), true],
    ['the guards of the workspace removed', narrows('workspace_guards', { guards: cap(20) }, { guards: [] }), false],
    ['a cap of the workspace lowered', narrows('workspace_guards', { guards: cap(9) }, { guards: cap(8) }), true],
  ])('%s', (_, is, expected) => expect(is).toBe(expected));

  it('leaves no role out that the workspace counts by', () => {
    const byRole = checkGuards(
      cap(9).map((guard) => ({ ...guard, when: { ...guard.when, scope: 'role' } })),
      'workspace',
    );
    if (!byRole.ok) throw new Error('the guard is none');
    const now = { ...NOW, workspaceGuards: byRole.value };
    const loses = { type: 'assignment' as const, id: 'x', before: { roles: ['writer', 'reader'] } };
    expect(onlyNarrows({ ...loses, after: { roles: ['writer'] } }, NOW)).toBe(true);
    expect(onlyNarrows({ ...loses, after: { roles: ['writer'] } }, now)).toBe(false);
    expect(onlyNarrows({ ...loses, after: { roles: [] } }, now)).toBe(true);
    const change = { type: 'role' as const, id: 'x', before: role(['crm.update']), after: role([]) };
    expect(onlyNarrows(change, now)).toBe(false);
  });
});

describe('patterns that need nobody', () => {
  const reader = { name: 'readers', types: ['assignment' as const], ids: null, allows: { roles_added: ['reader'] } };
  const fits = (before: JsonValue | null, after: JsonValue | null, type: ObjectType = 'assignment') =>
    standardFor([{ type, id: 'agt_1', before, after }], [reader], () => true);

  test.each<[string, ReturnType<typeof fits>, readonly string[] | undefined]>([
    ['the role is added', fits({ roles: ['writer'] }, { roles: ['writer', 'reader'] }), ['readers']],
    ['another role is added', fits({ roles: [] }, { roles: ['writer'] }), undefined],
    ['another role goes with it', fits({ roles: ['writer'] }, { roles: ['reader'] }), undefined],
    ['another type', fits({ roles: [] }, { roles: ['reader'] }, 'role'), undefined],
    ['something else in the document', fits({ roles: [] }, { roles: ['reader'], more: 1 }), undefined],
    ['nothing at all', standardFor([], [reader], () => true), undefined],
  ])('%s', (_, names, expected) => expect(names).toEqual(expected));

  it('are never of who reviews, and of how', () => {
    const all = {
      name: 'all',
      types: ['change_settings' as const, 'person_authority' as const],
      ids: null,
      allows: 'narrowing' as const,
    };
    for (const type of all.types)
      expect(standardFor([{ type, id: '*', before: {}, after: {} }], [all], () => true)).toBeUndefined();
  });
});

describe('settings', () => {
  const reviewed: ChangeSettings = { ...DEFAULT_CHANGE_SETTINGS, mode: 'reviewed', types: ['role'] };
  const high = (people: number, groups: string[] = []) => ({
    ...reviewed,
    authority: { ...reviewed.authority, normal: { ...reviewed.authority.normal, high: { people, groups } } },
  });

  test.each<[string, ChangeSettings, ChangeSettings, boolean]>([
    ['more people', high(1), high(2), false],
    ['fewer people', high(2), high(1), true],
    ['another group', high(1, ['security']), high(1, ['finance']), true],
    ['all types', reviewed, { ...reviewed, types: null }, false],
    ['another type', reviewed, { ...reviewed, types: ['freeze'] }, true],
    ['one alone', reviewed, { ...reviewed, emergency: { ...reviewed.emergency, alone: true } }, true],
    [
      'less time to review',
      reviewed,
      { ...reviewed, emergency: { ...reviewed.emergency, review_within_minutes: 5 } },
      false,
    ],
    ['rollbacks that need nobody', reviewed, { ...reviewed, rollback: 'standard' }, true],
    [
      'another pattern',
      reviewed,
      { ...reviewed, standard: [{ name: 'a', types: ['role'], ids: null, allows: 'narrowing' }] },
      true,
    ],
    ['anything while nothing is reviewed', { ...reviewed, mode: 'direct' }, high(1), false],
  ])('%s', (_, before, after, isLooser) => expect(loosenedBy(before, after).length > 0).toBe(isLooser));
});
