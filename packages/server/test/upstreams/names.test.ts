import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  capabilityProblem,
  foldName,
  isNamespace,
  nameOf,
  slugOf,
  unprefixed,
  wireNameOf,
} from '../../src/upstreams/names.ts';
import { nameAll } from '../../src/upstreams/naming.ts';
import type { DefinitionKind } from '../../src/upstreams/types.ts';

describe('namespaces', () => {
  it.each(['crm', 'a', 'acme-crm', 'x1-2y', 'a'.repeat(31)])('%s', (text) => expect(isNamespace(text)).toBe(true));
  it.each(['', 'Crm', '1a', 'a_b', 'a--b', 'a-', '-a', 'a.b', 'crм', 'a'.repeat(32), 'a b', 'a\n'])('not %j', (text) =>
    expect(isNamespace(text)).toBe(false),
  );
});

describe('governed names', () => {
  it('a tool is called by namespace and name', () => {
    expect(nameOf('crm', 'tool', 'getRecord')).toEqual({ capability: 'crm.getRecord' });
    expect(wireNameOf('crm', 'tool', 'getRecord', 'crm.read')).toBe('crm__read');
    expect(unprefixed('crm', 'crm__read')).toBe('read');
  });

  it('a prompt keeps its name on the wire', () => {
    const { capability } = nameOf('crm', 'prompt', 'greet');
    expect(capability).toBe('crm.prompt.greet');
    expect(wireNameOf('crm', 'prompt', 'greet', capability)).toBe('crm__greet');
  });

  it.each(['a.b', 'a b', 'naïve', 'пay', 'x'.repeat(60), 'a/b', 'sampling', 'elicitation', 'roots', '\u202ex'])(
    '%j cannot be published under its own name',
    (name) => {
      const named = nameOf('crm', 'tool', name);
      expect(named.problem).toBeTypeOf('string');
      expect(named.capability).toMatch(/^crm\.[A-Za-z0-9_-]+$/);
    },
  );

  it.each(['crm.read', 'crm.READ_x-1'])('a map may name %s', (name) =>
    expect(capabilityProblem('crm', name)).toBeUndefined(),
  );
  it.each(['read', 'erp.read', 'crm.', 'crm.a.b', `crm.${'x'.repeat(60)}`, 'crm.sampling', 'crm.ре'])(
    'a map may not name %s',
    (name) => expect(capabilityProblem('crm', name)).toBeTypeOf('string'),
  );

  it('names that clients take for one another fold together', () => {
    for (const [one, other] of [
      ['get-sum', 'get_sum'],
      ['Get', 'get'],
      ['ﬁle', 'file'],
      ['ｇet', 'get'],
    ] as const)
      expect(foldName(one)).toBe(foldName(other));
    expect(foldName('get')).not.toBe(foldName('got'));
  });

  it('folding twice is folding once', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(foldName(foldName(text))).toBe(foldName(text));
      }),
    );
  });

  it('a slug is short and plain', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (text) => {
        expect(slugOf(text)).toMatch(/^[A-Za-z0-9_-]{0,40}$/);
      }),
    );
  });
});

describe('all names of a server', () => {
  const tool = (upstreamName: string) => ({ kind: 'tool' as const, upstreamName });
  const none = new Map<string, { capability: string }>();

  it('gives the mapped name to the mapped tool, and a stand-in to the tool that has it by birth', () => {
    const rules = { namespace: 'crm', renameMap: { 'crm.read': { maps: 'getRecord', access: 'read' as const } } };
    const names = nameAll([tool('read'), tool('getRecord')], none, rules);
    expect(names.of(tool('getRecord'))).toEqual({ capability: 'crm.read' });
    expect(names.of(tool('read'))).toMatchObject({
      capability: expect.stringMatching(/^crm\.read-[0-9a-f]{8}$/),
      problem: expect.stringContaining('crm.read'),
    });
  });

  it('leaves a resource the name it was given first', () => {
    const resource = { kind: 'resource' as const, upstreamName: 'crm://a' };
    const known = new Map([['resource crm://a', { capability: 'crm.resource.older' }]]);
    expect(nameAll([resource], known, { namespace: 'crm', renameMap: {} }).of(resource).capability).toBe(
      'crm.resource.older',
    );
  });

  it('are different, and the same whenever they are given again', () => {
    const kinds: readonly DefinitionKind[] = ['tool', 'resource', 'template', 'prompt'];
    const thing = fc.record({
      kind: fc.constantFrom(...kinds),
      upstreamName: fc.oneof(
        fc.string({ minLength: 1 }),
        fc.constantFrom('a', 'b', 'A', 'a-b', 'a_b', 'x://a', 'x:/a'),
      ),
    });
    const things = fc.uniqueArray(thing, { selector: ({ kind, upstreamName }) => `${kind} ${upstreamName}` });
    fc.assert(
      fc.property(things, (all) => {
        const rules = { namespace: 'crm', renameMap: { 'crm.a': { maps: 'b', access: 'read' as const } } };
        const first = nameAll(all, none, rules);
        const given = all.map((each) => first.of(each).capability);
        expect(new Set(given).size).toBe(all.length);
        const known = new Map(all.map((each) => [`${each.kind} ${each.upstreamName}`, first.of(each)]));
        const again = nameAll([...all].reverse(), known, rules);
        for (const each of all)
          if (each.kind === 'resource' || each.kind === 'template')
            expect(again.of(each).capability).toBe(first.of(each).capability);
      }),
    );
  });
});
