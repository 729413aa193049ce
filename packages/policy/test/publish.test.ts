/** What others build on: schemas that agree with the checker, guards that fit capabilities, the test runner, any input. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Capability,
  capabilitySchema,
  checkCapability,
  checkFit,
  checkGuards,
  checkRole,
  checkRolePatch,
  type JsonObject,
  parseCapabilityFile,
  parsePolicyFile,
  parseRoleFile,
  policyTestSchema,
  roleFromDocument,
  roleSchema,
  runPolicyTests,
  workspaceGuardsSchema,
} from '../src/index.ts';

const ajv = new Ajv2020({ allowUnionTypes: true });

describe('JSON Schemas', () => {
  const valid = {
    role: ajv.compile(roleSchema),
    guards: ajv.compile(workspaceGuardsSchema),
    capability: ajv.compile(capabilitySchema),
    tests: ajv.compile(policyTestSchema),
  };
  const role = (guards: unknown, scope: unknown = { allow: ['mail.send'] }) => ({
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Role',
    metadata: { name: 'r' },
    scope,
    guards,
  });
  const guard = { id: 'g', action: 'mail.send', when: { field: 'x', eq: 1 }, effect: 'allow' };

  it.each<[string, unknown, boolean]>([
    ['no guards', role([]), true],
    ['a guard', role([guard]), true],
    ['a rule', role(['payments: amount > $200 require approval']), true],
    ['a window', role([{ ...guard, when: { field: 'rate.per_day', lte: 5, scope: 'owner', over: ['mail.*'] } }]), true],
    [
      'joints',
      role([
        { ...guard, when: { all: [{ not: { field: 'x', in: ['a'] } }, { any: [{ field: 'y', exists: true }] }] } },
      ]),
      true,
    ],
    ['an alias of a verdict', role([{ ...guard, otherwise: 'needs-approval' }]), true],
    ['two operators', role([{ ...guard, when: { field: 'x', gt: 1, lt: 2 } }]), false],
    ['no operator', role([{ ...guard, when: { field: 'x' } }]), false],
    ['an unknown field', role([{ ...guard, priority: 1 }]), false],
    ['an unknown verdict', role([{ ...guard, effect: 'permit' }]), false],
    ['a wildcard grant', role([], { allow: ['mail.*'] }), false],
    ['a map as guards', role({}), false],
  ])('say of a role with %s what the checker says', (_, value, ok) => {
    expect(checkRole(value).ok).toBe(ok);
    expect(valid.role(value)).toBe(ok);
  });

  it('take what the other checkers take', () => {
    const head = {
      apiVersion: 'policy.hivekey.ai/v1',
      kind: 'Capability',
      metadata: { name: 'payments.pay' },
      access: 'write',
    };
    for (const impact of [
      {},
      { usd: { field: 'amount', currency: 'USD', minor: true, currency_field: 'c' } },
      { rows: { length: 'ids' }, calls: 1 },
    ])
      for (const check of [valid.capability, (value: unknown) => parseCapabilityFile(JSON.stringify(value)).ok])
        expect(check({ ...head, impact, input_schema: { type: 'object' } })).toBe(true);
    expect(valid.capability({ ...head, access: 'admin' })).toBe(false);
    expect(valid.guards({ apiVersion: 'policy.hivekey.ai/v1', kind: 'WorkspaceGuards', guards: [guard] })).toBe(true);
    const tests = {
      apiVersion: 'policy.hivekey.ai/v1',
      kind: 'PolicyTest',
      policy: ['../roles/a.yaml'],
      cases: [
        { name: 'a', action: 'x', expect: 'deny', earlier: [{ ago: '1h' }] },
        { name: 'b', tools: [] },
      ],
    };
    expect(valid.tests(tests)).toBe(true);
    expect(valid.tests({ ...tests, cases: [] })).toBe(false);
  });
});

describe('any input', () => {
  it('is read or refused, and never thrown over', () => {
    const plausible = fc.dictionary(
      fc.constantFrom(
        'apiVersion',
        'kind',
        'metadata',
        'name',
        'scope',
        'allow',
        'guards',
        'id',
        'action',
        'when',
        'field',
        'in',
        'lte',
        'all',
        'not',
        'effect',
        'role',
        'guard x',
        'access',
        'impact',
        'usd',
        '__proto__',
      ),
      fc.oneof(
        fc.jsonValue({ maxDepth: 2 }),
        fc.constantFrom('Role', 'allow', 'mail.send', '*', 'policy.hivekey.ai/v1', 'rate.per_day', '$5'),
      ),
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue({ maxDepth: 3 }), plausible), (given) => {
        const value: unknown = JSON.parse(JSON.stringify(given));
        for (const check of [
          checkRole,
          checkCapability,
          (each: unknown) => roleFromDocument(each, 1),
          (each: unknown) => checkGuards(each, 'r'),
          (each: unknown) => checkRolePatch(each, 'r'),
          (each: unknown) => parsePolicyFile(JSON.stringify(each)),
        ]) {
          const checked = check(value);
          if (!checked.ok)
            for (const { code, message, remedy } of checked.problems) expect(code && message && remedy).toBeTruthy();
        }
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
        for (const parse of [parseRoleFile, parseCapabilityFile, parsePolicyFile]) {
          const parsed = parse(text);
          if (!parsed.ok)
            for (const { line, column } of parsed.problems) expect((line ?? 1) >= 1 && (column ?? 1) >= 1).toBe(true);
        }
        runPolicyTests([{ path: 'x', text }], () => undefined);
      }),
    );
  });

  it('that was accepted is accepted again, unchanged', () => {
    const when = fc.oneof(
      fc.record({ field: fc.constantFrom('a', 'args.b.c'), in: fc.array(fc.string({ maxLength: 5 })) }),
      fc.record({ field: fc.constant('amount'), gt: fc.constantFrom<string | number>('$200', '5 EUR', 7) }),
      fc.record({ field: fc.constantFrom('rate.per_day', 'sum(x, 1h)'), lte: fc.nat() }),
    );
    const guards = fc.array(
      fc.record({
        action: fc.constantFrom('x.y', 'x.*', '*'),
        when,
        effect: fc.constantFrom('allow', 'hold', 'block'),
      }),
    );
    fc.assert(
      fc.property(guards, (given) => {
        const once = checkRole({ name: 'r', guards: given.map((guard, i) => ({ id: `g${i}`, ...guard })) });
        if (!once.ok) return;
        expect(checkRole(JSON.parse(JSON.stringify(once.value)))).toEqual(once);
        expect(parseRoleFile(JSON.stringify(once.value))).toEqual({ ok: true, value: [once.value] });
      }),
    );
  });
});

describe('guards and the capabilities they are for', () => {
  const input_schema: JsonObject = {
    type: 'object',
    properties: {
      to: { type: 'array', items: { type: 'string' } },
      target: { type: 'string' },
      rows: { type: 'integer' },
      order: { type: 'object', properties: { total: { type: 'number' } } },
      items: { type: 'array', items: { type: 'object', properties: { sku: { type: 'string' } } } },
      extra: { type: 'object', additionalProperties: true },
      ref: { $ref: '#/$defs/x' },
    },
  };
  const capabilities = [
    {
      name: 'x.do',
      access: 'write',
      impact: { eur: { field: 'order.total', currency: 'EUR' }, rows: { field: 'rows' } },
      input_schema,
    },
    { name: 'x.open', access: 'read' },
    { name: 'y.read', access: 'read', input_schema: { type: 'object', properties: {} } },
  ].map((value): Capability => {
    const checked = checkCapability(value);
    if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
    return checked.value;
  });
  const fit = (action: string, when: object) => {
    const guards = checkGuards([{ id: 'g', action, when, effect: 'allow' }], 'r');
    if (!guards.ok) throw new Error(JSON.stringify(guards.problems));
    return checkFit(guards.value, capabilities).map(({ code, path }) => [code, path]);
  };

  it.each([
    ['x.do', { field: 'target', eq: 'staging' }],
    ['x.do', { field: 'to.domain', in: ['acme.com'] }],
    ['x.do', { field: 'to', in: ['a@acme.com'] }],
    ['x.do', { field: 'rows', lte: 5 }],
    ['x.do', { field: 'order.total', lte: '€5' }],
    ['x.do', { field: 'items[].sku', startsWith: 'A' }],
    ['x.do', { field: 'extra.anything', eq: 1 }],
    ['x.do', { field: 'ref.anything', eq: 1 }],
    ['x.do', { field: 'amount', lte: 'EUR 5' }],
    ['x.do', { field: 'amount', lte: 5 }],
    ['x.do', { field: 'sum(eur, 24h)', lte: 5 }],
    ['x.do', { field: 'sum(rows, 24h)', lte: 5 }],
    ['x.do', { field: 'rate.per_day', lte: 5 }],
    ['x.open', { field: 'whatever', eq: 1 }],
    ['x.*', { field: 'whatever', eq: 1 }],
    ['nothing.known', { field: 'whatever', eq: 1 }],
    ['*', { field: 'target', eq: 'staging' }],
  ])('%s with %j fits', (action, when) => {
    expect(fit(action, when)).toEqual([]);
  });

  it.each([
    ['x.do', { field: 'traget', eq: 'staging' }, 'unknown_argument', 'field'],
    ['x.do', { field: 'order.totel', lte: 5 }, 'unknown_argument', 'field'],
    ['x.do', { field: 'items[].name', eq: 'a' }, 'unknown_argument', 'field'],
    [
      'x.do',
      { all: [{ field: 'target', eq: 'a' }, { not: { field: 'traget', eq: 'b' } }] },
      'unknown_argument',
      'all[1].not.field',
    ],
    ['y.read', { field: 'to.domain', in: ['acme.com'] }, 'unknown_argument', 'field'],
    ['y.*', { field: 'target', eq: 'a' }, 'unknown_argument', 'field'],
    ['x.do', { field: 'rows', eq: '5' }, 'argument_type', 'eq'],
    ['x.do', { field: 'target', lte: 5 }, 'argument_type', 'lte'],
    ['x.do', { field: 'order.total', startsWith: 'a' }, 'argument_type', 'startsWith'],
    ['x.do', { field: 'amount', lte: '$5' }, 'other_currency', 'lte'],
    ['x.do', { field: 'sum(usd, 24h)', lte: 5 }, 'other_currency', 'field'],
    ['x.do', { field: 'sum(records, 24h)', lte: 5 }, 'unknown_unit', 'field'],
  ])('%s with %j does not', (action, when, code, place) => {
    expect(fit(action, when)).toEqual([[code, `guards[0].when.${place}`]]);
  });
});

describe('the test runner', () => {
  const head = 'apiVersion: policy.hivekey.ai/v1\nkind: PolicyTest\n';
  const files: Readonly<Record<string, string>> = {
    'role.yaml': 'apiVersion: policy.hivekey.ai/v1\nkind: Role\nmetadata: { name: r }\nscope: { allow: [x] }\n',
    'broken.yaml': 'apiVersion: policy.hivekey.ai/v1\nkind: Role\nmetadata: { nme: r }\n',
  };
  const run = (text: string) => runPolicyTests([{ path: 'test.yaml', text }], (reference) => files[reference]);

  it('passes, and says what came out otherwise and where', () => {
    const report = run(`${head}policy: [role.yaml]
defaults: { roles: [r] }
cases:
  - { name: granted, action: x, expect: allow }
  - { name: not granted, action: y, expect: { verdict: allow, class: granted, role: r } }
  - { name: tools, tools: [x, y] }
`);
    expect(report).toMatchObject({ ok: false, passed: 1, failed: 2 });
    expect(report.files[0]?.cases.map(({ name, line, ok, differences }) => ({ name, line, ok, differences }))).toEqual([
      { name: 'granted', line: 6, ok: true, differences: [] },
      {
        name: 'not granted',
        line: 7,
        ok: false,
        differences: [
          'the verdict is deny, not allow (scope: capability not granted)',
          'the class is scope, not granted (scope: capability not granted)',
          'the role is absent, not r (scope: capability not granted)',
        ],
      },
      { name: 'tools', line: 8, ok: false, differences: ['the tools are x, not x, y'] },
    ]);
    expect(
      run(`${head}policy: [role.yaml]\ncases: [{ name: a, roles: [r], action: x, expect: allow }]\n`),
    ).toMatchObject({ ok: true, passed: 1, failed: 0 });
  });

  it.each([
    ['no cases', `${head}cases: []\n`, 'empty', 'test.yaml', 3],
    ['nothing at all', '', 'empty', 'test.yaml', 1],
    [
      'a missing file',
      `${head}policy: [gone.yaml]\ncases: [{ name: a, action: x, expect: allow }]\n`,
      'file_missing',
      'test.yaml',
      3,
    ],
    [
      'a broken file',
      `${head}policy: [broken.yaml]\ncases: [{ name: a, action: x, expect: allow }]\n`,
      'unknown_field',
      'broken.yaml',
      3,
    ],
    [
      'a role twice',
      `${head}policy: [role.yaml, role.yaml]\ncases: [{ name: a, action: x, expect: allow }]\n`,
      'duplicate',
      'test.yaml',
      3,
    ],
    ['no expectation', `${head}cases: [{ name: a, action: x }]\n`, 'type', 'test.yaml', 3],
    [
      'a slip in an expectation',
      `${head}cases: [{ name: a, action: x, expect: { verdict: allow, clas: cap } }]\n`,
      'unknown_field',
      'test.yaml',
      3,
    ],
    [
      'an unknown class',
      `${head}cases: [{ name: a, action: x, expect: { verdict: allow, class: money } }]\n`,
      'bad_class',
      'test.yaml',
      3,
    ],
    [
      'a bad time',
      `${head}cases: [{ name: a, action: x, expect: allow, earlier: [{ ago: yesterday }] }]\n`,
      'bad_duration',
      'test.yaml',
      3,
    ],
    ['another kind', files['role.yaml'] ?? '', 'unknown_field', 'test.yaml', 3],
  ])('fails a file with %s', (_, text, code, file, line) => {
    const report = run(text);
    expect(report.ok).toBe(false);
    expect(report.files[0]?.cases).toEqual([]);
    expect(report.files[0]?.problems[0]).toMatchObject({ code, file, line });
  });

  it('fails when it is given no file', () => {
    expect(runPolicyTests([], () => undefined).ok).toBe(false);
  });

  it('tells guards that do not fit', () => {
    const report = run(`${head}policy:
  - { apiVersion: policy.hivekey.ai/v1, kind: Capability, metadata: { name: x }, access: read, input_schema: { type: object, properties: { target: { type: string } } } }
  - { apiVersion: policy.hivekey.ai/v1, kind: Role, metadata: { name: r }, guards: [{ id: g, action: x, when: { field: traget, eq: a }, effect: allow }] }
cases: [{ name: a, action: x, expect: deny }]
`);
    expect(report.files[0]?.problems).toMatchObject([{ code: 'unknown_argument' }]);
  });

  it('tells an earlier call that could not have been made', () => {
    const report = run(`${head}policy: [role.yaml]
cases: [{ name: a, roles: [r], action: x, expect: allow, earlier: [{ ago: 1h, roles: [] }] }]
`);
    expect(report.files[0]?.cases[0]?.differences).toEqual([
      'the earlier call x is denied (scope: capability not granted)',
    ]);
  });
});
