import { describe, expect, test } from 'vitest';
import {
  checkGuards,
  checkSources,
  compilePolicy,
  type PolicySet,
  policyHash,
  type Sources,
  type StateView,
} from '../src/index.ts';

function set(when: object, sources?: Sources): PolicySet {
  const guards = checkGuards(
    [{ id: 'g', action: 'mail.send', when, effect: 'allow', otherwise: 'review' }],
    'workspace',
  );
  if (!guards.ok) throw new Error(JSON.stringify(guards.problems));
  return {
    revision: 1,
    roles: [{ name: 'r', description: '', revision: 1, allow: ['mail.send', 'mail.read'], guards: [] }],
    workspaceGuards: guards.value,
    capabilities: [],
    ...(sources === undefined ? {} : { sources }),
  };
}

const decide = (when: object, state: StateView, capability = 'mail.send') =>
  compilePolicy(set(when)).evaluate(
    { workspaceId: 'w', agentId: 'a', ownerId: 'o', roles: ['r'], capability, arguments: { provenance: 'trusted' } },
    state,
  );

describe('a guard on provenance', () => {
  test.each<[object, StateView, string]>([
    [{ field: 'provenance', eq: 'trusted' }, { provenance: 'trusted' }, 'allow'],
    [{ field: 'provenance', eq: 'trusted' }, { provenance: 'untrusted' }, 'review'],
    [{ field: 'provenance', ne: 'untrusted' }, { provenance: 'trusted' }, 'allow'],
    [{ field: 'provenance', ne: 'untrusted' }, { provenance: 'untrusted' }, 'review'],
    [{ field: 'provenance', eq: 'untrusted' }, { provenance: 'untrusted' }, 'allow'],
    // what is not known takes the stricter branch, also where being untrusted would let it through
    [{ field: 'provenance', eq: 'trusted' }, {}, 'review'],
    [{ field: 'provenance', eq: 'untrusted' }, {}, 'review'],
    [{ not: { field: 'provenance', eq: 'untrusted' } }, {}, 'review'],
  ])('%j with %j: %s', (when, state, verdict) => {
    expect(decide(when, state).verdict).toBe(verdict);
  });

  test('says what it read; a call that no guard asks about reads nothing', () => {
    const when = { field: 'provenance', eq: 'trusted' };
    expect(decide(when, { atMs: 1, provenance: 'trusted' }).read).toEqual({ provenance: 'trusted' });
    expect(Object.keys(decide(when, { provenance: 'trusted' }, 'mail.read'))).not.toContain('read');
  });

  test.each([
    { field: 'provenance', eq: 'maybe' },
    { field: 'provenance', in: ['trusted'] },
    { field: 'provenance', exists: true },
  ])('%j is refused', (when) => {
    expect(checkGuards([{ id: 'g', action: '*', when, effect: 'deny' }], 'workspace').ok).toBe(false);
  });
});

describe('sources', () => {
  const sources = {
    trusted: ['crm.*', 'web.internal.*'],
    untrusted: ['crm.notes', 'web.*'],
    unmarked: 'untrusted',
  } as const;

  test.each([
    ['crm.read', 'trusted'],
    ['crm.notes', 'untrusted'],
    ['web.fetch', 'untrusted'],
    ['web.internal.fetch', 'trusted'],
    ['mail.read', 'untrusted'],
  ])('%s brings back what is %s', (capability, content) => {
    expect(compilePolicy(set({ field: 'provenance', eq: 'trusted' }, sources)).content(capability)).toBe(content);
  });

  test('without marks nothing is trusted; unmarked says otherwise', () => {
    const when = { field: 'provenance', eq: 'trusted' };
    expect(compilePolicy(set(when)).content('crm.read')).toBe('untrusted');
    expect(compilePolicy(set(when, { trusted: [], untrusted: [], unmarked: 'trusted' })).content('crm.read')).toBe(
      'trusted',
    );
  });

  test('are in the hash, in any order', () => {
    const when = { field: 'provenance', eq: 'trusted' };
    const hash = (change: Partial<Sources>) => policyHash(set(when, { ...sources, ...change }));
    expect(hash({ trusted: ['web.internal.*', 'crm.*'] })).toBe(hash({}));
    expect(
      new Set([
        policyHash(set(when)),
        hash({}),
        hash({ unmarked: 'trusted' }),
        hash({ untrusted: [] }),
        hash({ trusted: [] }),
      ]).size,
    ).toBe(5);
  });

  test('a document is read in one form, and refused when it contradicts itself', () => {
    const head = { apiVersion: 'policy.hivekey.ai/v1', kind: 'Sources' };
    expect(checkSources({ ...head, trusted: ['crm_read', 'crm.*', 'crm.read'] })).toMatchObject({
      ok: true,
      value: { trusted: ['crm.*', 'crm.read'], untrusted: [], unmarked: 'untrusted' },
    });
    for (const wrong of [
      { trusted: ['a.*'], untrusted: ['a.*'] },
      { trusted: 'a' },
      { trusted: ['A B'] },
      { unmarked: 'maybe' },
      { servers: [] },
    ])
      expect(checkSources({ ...head, ...wrong }).ok).toBe(false);
  });
});
