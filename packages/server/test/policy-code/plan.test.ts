/** What a folder says against what is live, without a database. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/errors.ts';
import { driftOf } from '../../src/policy-code/drift.ts';
import type { LiveObject, Names } from '../../src/policy-code/objects.ts';
import { digestOf, type Folder, type FolderObject, isForFiles, type Plan, planOf } from '../../src/policy-code/plan.ts';
import {
  type ControlledType,
  type ControlledTypes,
  contentHash,
  OBJECT_TYPES,
  type ObjectType,
} from '../../src/versions/index.ts';

function typeOf(type: ObjectType): ControlledType {
  const unused = () => Promise.reject(new Error('a plan reads nothing by itself'));
  const parse: ControlledType['parse'] = (_, document) => {
    if (typeof document === 'number') return document;
    if (typeof document === 'object' && document !== null && 'roles' in document)
      return JSON.parse(JSON.stringify(document));
    throw new Failure(422, `${type}_invalid`, 'It is no number.', 'Write one.', [
      { code: 'type', message: 'no number', remedy: 'Write one.', path: 'guards[0].when' },
    ]);
  };
  return { type, isPolicy: true, parse, list: unused, read: unused, apply: unused };
}
const controlled: ControlledTypes = new Map(OBJECT_TYPES.map((type) => [type, typeOf(type)]));

/** Ids are names, but that nobody is called `nobody`. */
const names: Names = {
  nameOf: ({ id }) => id,
  idOf: (_, name) => (name === 'nobody' ? undefined : name),
};

const live = (type: ObjectType, name: string, document: LiveObject['document']): LiveObject => ({
  type,
  id: name,
  name,
  document,
  sha256: contentHash(document),
});

function planned(folder: Folder, there: readonly LiveObject[]): Plan {
  const result = planOf(folder, there, names, controlled);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}

const folder = (objects: readonly FolderObject[], ...owned: readonly ObjectType[]): Folder => ({
  owned: new Set(owned),
  objects,
});

function problemsOf(of: Folder, there: readonly LiveObject[] = []) {
  const result = planOf(of, there, names, controlled);
  return result.ok ? [] : result.problems.map(({ code, path }) => `${path} ${code}`);
}

describe('a plan', () => {
  it('removes what is live and missing only of types that the folder is all of', () => {
    const there = [live('role', 'a', 1), live('role', 'b', 2), live('freeze', 'f', 3)];
    const objects: FolderObject[] = [{ type: 'role', name: 'a', document: 1 }];
    expect(planned(folder(objects), there).operations).toEqual([]);
    expect(planned(folder(objects, 'role'), there).operations).toEqual([
      { type: 'role', id: 'b', name: 'b', action: 'remove', document: null, base: contentHash(2) },
    ]);
  });

  it('takes the roles of an agent that an owned list does not name, once', () => {
    const there = [live('assignment', 'bot', { roles: ['a'] })];
    const [operation] = planned(folder([], 'assignment'), there).operations;
    expect(operation).toMatchObject({ action: 'remove', document: { roles: [] } });
    expect(planned(folder([], 'assignment'), [live('assignment', 'bot', { roles: [] })]).operations).toEqual([]);
  });

  it.each<ObjectType>([
    'mcp_server',
    'http_api',
    'person_authority',
    'sources',
    'change_settings',
    'containment_settings',
  ])('never removes a %s: where it is owned and missing, nothing is planned', (type) => {
    expect(problemsOf(folder([], type), [live(type, 'x', 1)])).toEqual([' not_in_folder']);
    expect(planned(folder([]), [live(type, 'x', 1)]).operations).toEqual([]);
  });

  it('tells every problem at its place in the request', () => {
    const objects: FolderObject[] = [
      { type: 'role', name: 'a', document: 'text' },
      { type: 'assignment', name: 'nobody', document: 1 },
      { type: 'role', name: 'b', document: 1 },
      { type: 'role', name: 'b', document: 1 },
    ];
    expect(problemsOf(folder(objects))).toEqual([
      'objects[0].document.guards[0].when type',
      'objects[1] not_found',
      'objects[3] duplicate',
    ]);
  });

  const object = fc.record({
    type: fc.constantFrom<ObjectType>('role', 'capability', 'freeze', 'breaker'),
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    document: fc.integer({ min: 0, max: 3 }),
  });
  const set = fc.uniqueArray(object, { selector: ({ type, name }) => `${type} ${name}` });
  const types = fc.subarray<ObjectType>(['role', 'capability', 'freeze', 'breaker']);

  it('carried out, leaves nothing to plan and no drift; whatever the order, it has one digest', () => {
    fc.assert(
      fc.property(set, set, types, (wanted, was, owned) => {
        const there = was.map(({ type, name, document }) => live(type, name, document));
        const of = folder(wanted, ...owned);
        const plan = planned(of, there);
        const after = new Map(there.map((each) => [`${each.type} ${each.id}`, each]));
        for (const { type, id, document, base } of plan.operations) {
          const key = `${type} ${id}`;
          expect(after.get(key)?.sha256 ?? null).toBe(base);
          if (document === null) after.delete(key);
          else after.set(key, live(type, id, document));
        }
        const now = [...after.values()];
        expect(planned(of, now).operations).toEqual([]);
        expect(planned(of, now).folder).toBe(plan.folder);
        expect(driftOf(plan.hashes, of.owned, now, names).filter(({ state }) => state !== 'same')).toEqual([]);
        const turned = planned(folder(wanted.toReversed(), ...owned.toReversed()), there.toReversed());
        expect([turned.digest, turned.folder]).toEqual([plan.digest, plan.folder]);
        expect(digestOf(plan.operations.toReversed())).toBe(plan.digest);
      }),
      { numRuns: 300 },
    );
  });

  it('has another digest where it does something else, or to something else', () => {
    const operation = { type: 'role', id: 'a', document: 1, base: contentHash(2) } as const;
    const digests = [
      [operation],
      [{ ...operation, document: 2 }],
      [{ ...operation, document: null }],
      [{ ...operation, base: null }],
      [{ ...operation, id: 'b' }],
      [{ ...operation, type: 'freeze' as const }],
      [],
    ].map(digestOf);
    expect(new Set(digests).size).toBe(digests.length);
  });
});

it.each([
  [live('definition', 'crm.read', { status: 'live' }), true],
  [live('definition', 'crm.read', { status: 'suspended' }), false],
  [live('assignment', 'bot', { roles: [] }), false],
  [live('assignment', 'bot', { roles: ['a'] }), true],
  [live('workspace_guards', '*', { guards: [] }), false],
])('of %j files have it: %s', (object, expected) => expect(isForFiles(object)).toBe(expected));

describe('drift', () => {
  it('says what became of each object, and what came beside them', () => {
    const hashes = [live('role', 'a', 1), live('role', 'b', 2), live('role', 'c', 3)];
    const now = [live('role', 'a', 1), live('role', 'b', 9), live('role', 'd', 4), live('freeze', 'f', 5)];
    const states = driftOf(hashes, new Set(['role']), now, names).map(({ name, state }) => `${name} ${state}`);
    expect(states).toEqual(['a same', 'b changed_here', 'c removed_here', 'd not_in_git']);
  });
});
