/** The parts of SCIM that need no database: filters, paths, values, PATCH. */
import type { JsonValue } from '@hivekey/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupNameOf, markedName } from '../../src/groups/name.ts';
import { ScimFailure } from '../../src/scim/failure.ts';
import { FILTER_LIMITS, type Filter, parseFilter } from '../../src/scim/filter.ts';
import { matches } from '../../src/scim/filter-match.ts';
import { conditionOf, Parameters } from '../../src/scim/filter-sql.ts';
import { applyPatch, readPatch } from '../../src/scim/patch.ts';
import { USER } from '../../src/scim/resource-types.ts';
import { USER_COLUMNS } from '../../src/scim/users.ts';
import { attributesOf, readResource, storedOf } from '../../src/scim/values.ts';
import { ENTERPRISE, PATCH, USER as USER_URN } from './directory.ts';

/** The scimType of a refusal. */
function refusal(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof ScimFailure) return error.scimType;
    throw error;
  }
  return undefined;
}

/** A filter as text, with all parentheses. */
function written(filter: Filter): string {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return `(${filter.filters.map(written).join(` ${filter.kind} `)})`;
    case 'not':
      return `not (${written(filter.filter)})`;
    case 'present':
      return `${nameOf(filter.at)} pr`;
    case 'compare':
      return `${nameOf(filter.at)} ${filter.operator} ${JSON.stringify(filter.value)}`;
    case 'some':
      return `${filter.at.key}[${written(filter.filter).replaceAll(`${filter.at.key}.`, '')}]`;
  }
}

/** Of parentheses and brackets, with those inside of strings. */
function depthOf(text: string): number {
  return [...text].filter((char) => char === '(' || char === '[').length;
}

function nameOf({ key, sub }: Extract<Filter, { kind: 'present' }>['at']): string {
  return sub === undefined ? key : `${key}.${sub.name}`;
}

const text = fc
  .oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 6 }))
  .filter((value) => value.isWellFormed() && !value.includes('\0'));
const operator = fc.constantFrom('eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le', 'EQ', 'Sw');
const term = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(
        'userName',
        'USERNAME',
        'name.familyName',
        `${ENTERPRISE}:department`,
        'emails.value',
        'externalId',
      ),
      operator,
      text,
    )
    .map(([path, op, value]) => `${path} ${op} ${JSON.stringify(value)}`),
  fc.constantFrom(
    'title pr',
    'active eq true',
    'active ne false',
    'emails pr',
    'meta.created gt "2026-01-01T00:00:00Z"',
    'nickName eq null',
  ),
  text.map((value) => `emails[type eq ${JSON.stringify(value)} and primary eq true]`),
  text.map((value) => `emails[type eq "work"].value co ${JSON.stringify(value)}`),
);
const { filter } = fc.letrec<{ filter: string }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    term,
    fc
      .tuple(tie('filter'), fc.constantFrom('and', 'or', 'AND'), tie('filter'))
      .map(([a, op, b]) => `(${a}) ${op} ${b}`),
    tie('filter').map((each) => `not (${each})`),
  ),
}));

describe('a filter', () => {
  it('reads back as it is written', () => {
    fc.assert(
      fc.property(filter, (given) => {
        let first: Filter;
        try {
          first = parseFilter(USER, given);
        } catch (error) {
          // Longer, deeper or more than is taken.
          expect(error).toBeInstanceOf(ScimFailure);
          return;
        }
        const again = written(first);
        const isWithinLimits = Buffer.byteLength(again) <= FILTER_LIMITS.bytes && depthOf(again) <= FILTER_LIMITS.depth;
        if (isWithinLimits) expect(written(parseFilter(USER, again))).toBe(again);
      }),
      { numRuns: 300 },
    );
  });

  it('becomes SQL in which nothing of what was sent stands', () => {
    fc.assert(
      fc.property(filter, text, (given, value) => {
        const marked = `userName eq ${JSON.stringify(`mark'"\\;--${value}`)} and (${given})`;
        let read: Filter;
        try {
          read = parseFilter(USER, marked);
        } catch {
          return;
        }
        const parameters = new Parameters(['wsp']);
        const sql = conditionOf(read, USER_COLUMNS, parameters);
        expect(sql).not.toContain('mark');
        expect(sql).not.toContain('--');
        expect(parameters.values).toContain(`mark'"\\;--${value}`);
      }),
      { numRuns: 200 },
    );
  });

  it('refuses whatever else is sent, or reads it; it never fails otherwise', () => {
    const fragment = fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.constantFrom('userName', 'eq', '"x"', '(', ')', '[', ']', 'and', 'not', 'emails', '.value', ' ', '\\', '"'),
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 30 }), (parts) => {
        expect(['invalidFilter', undefined]).toContain(refusal(() => parseFilter(USER, parts.join(''))));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    'userName',
    'userName eq',
    'userName eq "x',
    'userName eq "x" and',
    'userName eq "x" or or title pr',
    'userName eq "x" title pr',
    'userName is "x"',
    "userName eq 'x'",
    'userName eq x',
    'userName eq 5',
    'userName eq "x")',
    '(userName eq "x"',
    'not userName eq "x"',
    'shoeSize eq "44"',
    'constructor eq "x"',
    '__proto__ pr',
    'name.shoeSize eq "x"',
    'name eq "x"',
    'emails[type eq "work"',
    'emails[type eq "work"]]',
    'emails[emails[type eq "x"]]',
    'userName[type eq "x"]',
    'emails[type eq "work"].shoe eq "x"',
    'active gt true',
    'active eq "true"',
    'active co "t"',
    'meta.created eq "yesterday"',
    'meta.created co "2026"',
    'title eq true',
    'title gt null',
    'urn:x:unknown:userName eq "x"',
    'userName eq "a\tb"',
    'userName eq "\\ud800"',
    'userName eq "a\\u0000b"',
    '',
  ])('%s is refused', (given) => {
    expect(refusal(() => parseFilter(USER, given))).toBe('invalidFilter');
  });

  it.each([
    ['backslashes', `userName eq "${'\\'.repeat(4000)}`],
    ['escaped quotes', `userName eq "${'\\"'.repeat(2000)}`],
    ['parentheses', '('.repeat(4000)],
    ['brackets', 'emails['.repeat(500)],
    ['not', 'not ('.repeat(800)],
    ['terms', Array.from({ length: 200 }, () => 'title pr').join(' and ')],
    ['a megabyte', `userName eq "${'x'.repeat(1_000_000)}"`],
    ['spaces', `userName${' '.repeat(4000)}eq`],
  ])('%s are refused at once', (_, given) => {
    const startedMs = performance.now();
    expect(refusal(() => parseFilter(USER, given))).toBe('invalidFilter');
    expect(performance.now() - startedMs).toBeLessThan(50);
  });
});

const CURRENT: JsonValue = {
  schemas: [USER_URN, ENTERPRISE],
  userName: 'dana@acme.example',
  name: { givenName: 'Dana', familyName: 'Moss' },
  emails: [
    { value: 'dana@acme.example', type: 'work', primary: true },
    { value: 'd@home.example', type: 'home' },
  ],
  title: 'Analyst',
  [ENTERPRISE]: { department: 'Finance' },
};
const current = () => readResource(USER, CURRENT).set('id', 'per_1');
const patched = (...Operations: readonly JsonValue[]) =>
  storedOf(applyPatch(USER, current(), readPatch(USER, { schemas: [PATCH], Operations })));

describe('PATCH', () => {
  it.each<[string, JsonValue, string]>([
    ['a path that does not exist', { op: 'add', path: 'shoeSize', value: '44' }, 'invalidPath'],
    ['a part that does not exist', { op: 'replace', path: 'name.shoeSize', value: '44' }, 'invalidPath'],
    ['an extension that does not exist', { op: 'add', path: 'urn:x:y:User:size', value: '44' }, 'invalidPath'],
    [
      'an attribute of an extension that does not exist',
      { op: 'add', path: `${ENTERPRISE}:size`, value: 'x' },
      'invalidPath',
    ],
    ['the prototype', { op: 'add', path: '__proto__.polluted', value: 'x' }, 'invalidPath'],
    ['the constructor', { op: 'add', path: 'constructor.prototype', value: 'x' }, 'invalidPath'],
    ['the prototype of a part', { op: 'add', path: 'name.__proto__', value: 'x' }, 'invalidPath'],
    ['a key that is the prototype', { op: 'add', value: { constructor: { polluted: 'x' } } }, 'invalidPath'],
    ['a broken filter', { op: 'remove', path: 'emails[type eq "work"' }, 'invalidPath'],
    ['trailing text', { op: 'remove', path: 'title title' }, 'invalidPath'],
    ['an unknown attribute without a path', { op: 'replace', value: { shoeSize: '44' } }, 'invalidPath'],
    ['no path to remove', { op: 'remove' }, 'noTarget'],
    ['a filter nothing fits', { op: 'replace', path: 'emails[type eq "other"].value', value: 'x' }, 'noTarget'],
    ['a filter nothing fits, to remove', { op: 'remove', path: 'emails[type eq "other"]' }, 'noTarget'],
    [
      'a filter that says not what to make',
      { op: 'add', path: 'emails[type ne "x" and type sw "q"].value', value: 'x' },
      'noTarget',
    ],
    ['another id', { op: 'replace', value: { id: 'per_2' } }, 'mutability'],
    ['groups', { op: 'add', path: 'groups', value: [{ value: 'grp_1' }] }, 'mutability'],
    ['the time of creation', { op: 'replace', path: 'meta.created', value: '2026-01-01T00:00:00Z' }, 'mutability'],
    ['the user name', { op: 'remove', path: 'userName' }, 'mutability'],
    ['whether active', { op: 'remove', path: 'active' }, 'mutability'],
    ['a number as a text', { op: 'replace', path: 'title', value: 5 }, 'invalidValue'],
    ['a word as a boolean', { op: 'replace', path: 'active', value: 'no' }, 'invalidValue'],
    ['an array as a boolean', { op: 'replace', path: 'active', value: [false] }, 'invalidValue'],
    [
      'two primaries',
      {
        op: 'add',
        path: 'emails',
        value: [
          { value: 'a', primary: true },
          { value: 'b', primary: true },
        ],
      },
      'invalidValue',
    ],
    ['no value', { op: 'add', path: 'title' }, 'invalidValue'],
    ['an empty user name', { op: 'replace', path: 'userName', value: '' }, 'invalidValue'],
    ['null, to remove', { op: 'remove', path: 'emails', value: null }, 'invalidValue'],
    ['an unknown operation', { op: 'move', path: 'title', value: 'x' }, 'invalidSyntax'],
    ['no operation', { path: 'title', value: 'x' }, 'invalidSyntax'],
  ])('refuses %s', (_, operation, scimType) => {
    expect(refusal(() => patched(operation))).toBe(scimType);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  it.each<[string, JsonValue, object]>([
    ['repeats the id', { op: 'replace', value: { id: 'per_1', title: 'Lead' } }, { title: 'Lead' }],
    [
      'merges an object',
      { op: 'replace', path: 'name', value: { givenName: 'D' } },
      { name: { givenName: 'D', familyName: 'Moss' } },
    ],
    [
      'clears what is null',
      { op: 'replace', path: 'name', value: { familyName: null } },
      { name: { givenName: 'Dana' } },
    ],
    [
      'adds a value once',
      { op: 'add', path: 'emails', value: [{ value: 'd@home.example', type: 'home' }] },
      { emails: [{ type: 'work' }, { type: 'home' }] },
    ],
    [
      'takes primary from the others',
      { op: 'add', path: 'emails', value: [{ value: 'n@acme.example', primary: true }] },
      { emails: [{ primary: false }, { type: 'home' }, { value: 'n@acme.example', primary: true }] },
    ],
    [
      'removes exactly what is named',
      { op: 'remove', path: 'emails', value: [{ value: 'd@home.example' }] },
      { emails: [{ type: 'work' }] },
    ],
    [
      'removes nothing for an empty list',
      { op: 'remove', path: 'emails', value: [] },
      { emails: [{ type: 'work' }, { type: 'home' }] },
    ],
    [
      'names attributes in any case',
      { op: 'REPLACE', path: 'NAME.GivenName', value: 'D' },
      { name: { givenName: 'D' } },
    ],
    ['drops passwords', { op: 'replace', value: { password: 'x', title: 'Lead' } }, { title: 'Lead' }],
    [
      'sets a whole extension',
      { op: 'add', path: ENTERPRISE, value: { costCenter: '7' } },
      { [`${ENTERPRISE}:costCenter`]: '7', [`${ENTERPRISE}:department`]: 'Finance' },
    ],
  ])('%s', (_, operation, after) => {
    expect(patched(operation)).toMatchObject(after);
  });

  it('changes nothing where one of its operations is refused', () => {
    const before = current();
    const copy = storedOf(before);
    const operations = readPatch(USER, {
      schemas: [PATCH],
      Operations: [
        { op: 'replace', path: 'title', value: 'Lead' },
        { op: 'replace', path: 'emails[type eq "other"].value', value: 'x' },
      ],
    });
    expect(refusal(() => applyPatch(USER, before, operations))).toBe('noTarget');
    expect(storedOf(before)).toEqual(copy);
  });

  /** Plain texts of one attribute each: what is kept is what the last operation about it says. */
  it('agrees with a model of one value for each name', () => {
    const names = ['title', 'nickName', 'locale', 'name.givenName', `${ENTERPRISE}:costCenter`] as const;
    const operation = fc.tuple(
      fc.constantFrom('add', 'replace', 'remove', 'Add', 'Replace'),
      fc.constantFrom(...names),
      fc.string({ minLength: 1, maxLength: 8 }).filter((value) => !value.includes('\0')),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 20 }), (operations) => {
        const model = new Map<string, string>([
          ['title', 'Analyst'],
          ['name.givenName', 'Dana'],
        ]);
        for (const [op, name, value] of operations) {
          if (op === 'remove') model.delete(name);
          else model.set(name, value);
        }
        const after = patched(
          ...operations.map(([op, path, value, hasPath]) =>
            hasPath || op === 'remove'
              ? { op, path, ...(op === 'remove' ? {} : { value }) }
              : { op, value: { [path]: value } },
          ),
        );
        const kept = attributesOf(after);
        for (const name of names) {
          const [first = '', sub] = name.startsWith('name.') ? name.split('.') : [name];
          const value = kept.get(first);
          expect(sub === undefined ? value : value instanceof Map ? value.get(sub) : undefined).toBe(model.get(name));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('agrees with a model of values by type', () => {
    const type = fc.constantFrom('a', 'b', 'c');
    const operation = fc.oneof(
      fc.record({ op: fc.constant('add'), type, value: fc.string({ minLength: 1, maxLength: 4 }) }),
      fc.record({ op: fc.constant('remove'), type, value: fc.constant('') }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 12 }), (operations) => {
        const model = new Map<string, string>();
        let attributes = current();
        for (const { op, type: kind, value } of operations) {
          const path = `phoneNumbers[type eq "${kind}"]${op === 'add' ? '.value' : ''}`;
          const run = () =>
            applyPatch(
              USER,
              attributes,
              readPatch(USER, { schemas: [PATCH], Operations: [op === 'add' ? { op, path, value } : { op, path }] }),
            );
          if (op === 'remove' && !model.has(kind)) expect(refusal(run)).toBe('noTarget');
          else {
            attributes = run();
            if (op === 'add') model.set(kind, value);
            else model.delete(kind);
          }
        }
        const items = attributes.get('phoneNumbers');
        const found = Array.isArray(items)
          ? items.map((item) => [String(item.get('type')), String(item.get('value'))] as const)
          : [];
        expect(new Map(found)).toEqual(model);
        expect(found.length).toBe(model.size);
      }),
      { numRuns: 200 },
    );
  });
});

describe('values', () => {
  it.each<[string, JsonValue, string]>([
    ['no object', [], 'invalidSyntax'],
    ['no schemas', { userName: 'x' }, 'invalidSyntax'],
    ['schemas of something else', { schemas: ['urn:x'], userName: 'x' }, 'invalidSyntax'],
    ['two names that differ by case', { schemas: [USER_URN], userName: 'x', username: 'y' }, 'invalidSyntax'],
    ['no user name', { schemas: [USER_URN] }, 'invalidValue'],
    ['a text with U+0000', { schemas: [USER_URN], userName: 'a\0b' }, 'invalidValue'],
    ['a text that is too long', { schemas: [USER_URN], userName: 'x', title: 'x'.repeat(5000) }, 'invalidValue'],
    [
      'too many values',
      { schemas: [USER_URN], userName: 'x', roles: Array.from({ length: 101 }, () => 'r') },
      'invalidValue',
    ],
    [
      'too much',
      { schemas: [USER_URN], userName: 'x', roles: Array.from({ length: 100 }, () => 'r'.repeat(4000)) },
      'invalidValue',
    ],
  ])('with %s are refused', (_, body, scimType) => {
    expect(refusal(() => readResource(USER, body))).toBe(scimType);
  });

  it('keep no name that the schema does not have', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), (given) => {
        try {
          const stored = storedOf(
            readResource(USER, JSON.parse(JSON.stringify({ ...given, schemas: [USER_URN], userName: 'x' }))),
          );
          for (const key of Object.keys(stored))
            expect(
              USER.schema.attributes.some(({ name }) => name === key) ||
                key === 'externalId' ||
                key.startsWith(ENTERPRISE),
            ).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ScimFailure);
        }
      }),
    );
  });

  it('match a filter in memory as its parts say', () => {
    const { filter: inner } = parseFilter(
      USER,
      'emails[type eq "WORK" and not (value co "q") and display eq null]',
    ) as Extract<Filter, { kind: 'some' }>;
    expect(
      matches(
        inner,
        new Map([
          ['type', 'work'],
          ['value', 'a@acme.example'],
        ]),
      ),
    ).toBe(true);
    expect(
      matches(
        inner,
        new Map([
          ['type', 'work'],
          ['value', 'Q@acme.example'],
        ]),
      ),
    ).toBe(false);
    expect(
      matches(
        inner,
        new Map([
          ['type', 'work'],
          ['display', 'A'],
        ]),
      ),
    ).toBe(false);
    expect(matches(inner, new Map([['value', 'a']]))).toBe(false);
  });
});

describe('the name of a group', () => {
  it.each([
    ['finance', 'finance'],
    ['Finance Team (EU)', 'Finance-Team-EU'],
    ['Équipe «Paie»', 'Equipe-Paie'],
    ['…', 'group'],
    ['-a-', 'a'],
  ])('%s is %s', (display, name) => {
    expect(groupNameOf(display)).toBe(name);
  });
  it('is always one that policies can name, marked or not', () => {
    const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (display) => {
        expect(groupNameOf(display)).toMatch(NAME);
        expect(markedName(groupNameOf(display), 'x3f9')).toMatch(NAME);
      }),
    );
  });
});
