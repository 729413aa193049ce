import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ListScope, openCursor, pageOfAll, sealCursor } from '../../src/api/lists.ts';
import type { WorkspaceId } from '../../src/ids.ts';

const key = createSecretKey(randomBytes(32));
const workspace = fc.constantFrom('wsp_a', 'wsp_b').map((id) => id as WorkspaceId);
const scope: fc.Arbitrary<ListScope> = fc.record({
  list: fc.constantFrom('agents', 'keys'),
  workspaceId: workspace,
  filter: fc.dictionary(fc.constantFrom('role', 'owner', 'q'), fc.option(fc.string(), { nil: undefined })),
});
const position = fc.array(fc.oneof(fc.string(), fc.integer()), { minLength: 1, maxLength: 3 });

/** A filter that is absent and one that is undefined select the same. */
const sameScope = (a: ListScope, b: ListScope) =>
  JSON.stringify([
    a.list,
    a.workspaceId,
    Object.entries(a.filter ?? {})
      .filter(([, v]) => v !== undefined)
      .sort(),
  ]) ===
  JSON.stringify([
    b.list,
    b.workspaceId,
    Object.entries(b.filter ?? {})
      .filter(([, v]) => v !== undefined)
      .sort(),
  ]);

describe('cursors', () => {
  it('give back their position to the list they were made for', () => {
    fc.assert(
      fc.property(scope, position, (of, at) => {
        expect(openCursor(key, of, sealCursor(key, of, at))).toEqual(at);
      }),
    );
    expect(openCursor(key, { list: 'keys', workspaceId: 'wsp_a' as WorkspaceId }, undefined)).toBeUndefined();
  });

  it('are refused by any other list, workspace, filter or key', () => {
    fc.assert(
      fc.property(scope, scope, position, (of, other, at) => {
        const cursor = sealCursor(key, of, at);
        if (!sameScope(of, other)) expect(() => openCursor(key, other, cursor)).toThrow('was not made by this list');
        const otherKey = createSecretKey(randomBytes(32));
        expect(() => openCursor(otherKey, of, cursor)).toThrow('was not made by this list');
      }),
    );
  });

  it('are refused when anything in them was changed', () => {
    fc.assert(
      fc.property(scope, position, fc.nat(), fc.string({ minLength: 1, maxLength: 2 }), (of, at, place, text) => {
        const cursor = sealCursor(key, of, at);
        const from = place % cursor.length;
        const altered = cursor.slice(0, from) + text + cursor.slice(from + text.length);
        if (altered !== cursor) expect(() => openCursor(key, of, altered)).toThrow('was not made by this list');
      }),
    );
  });
});

describe('pageOfAll', () => {
  it('shows each item once, in order, whatever the page size', () => {
    const of = { list: 'agents', workspaceId: 'wsp_a' as WorkspaceId };
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { maxLength: 30 }), fc.integer({ min: 1, max: 10 }), (names, limit) => {
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = pageOfAll(key, of, { limit, cursor }, names, (name) => name);
          expect(page.data.length).toBeLessThanOrEqual(limit);
          expect(page.has_more).toBe(page.next_cursor !== null);
          seen.push(...page.data);
          cursor = page.next_cursor ?? undefined;
        } while (cursor !== undefined);
        expect(seen).toEqual([...names].sort((a, b) => (a < b ? -1 : 1)));
      }),
    );
  });
});
