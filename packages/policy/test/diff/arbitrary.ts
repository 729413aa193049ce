/** Random policies, random edits of them, and random calls. */
import fc from 'fast-check';
import {
  type Capability,
  checkGuards,
  type DecisionRequest,
  type Guard,
  type JsonObject,
  type PolicySet,
  type Role,
  type Verdict,
} from '../../src/index.ts';

const CAPABILITIES: readonly Capability[] = [
  {
    name: 'pay.one',
    description: '',
    access: 'write',
    destructive: false,
    impact: { usd: { kind: 'field', field: 'amount', currency: 'USD' } },
  },
  { name: 'crm.read', description: '', access: 'read', destructive: false, impact: {} },
  { name: 'deploy', description: '', access: 'write', destructive: true, impact: {} },
];
/** The last declares nothing. */
const NAMES = [...CAPABILITIES.map(({ name }) => name), 'shop.order'];
const PATTERNS = [...NAMES, 'pay.*', 'crm.*', 'shop.*', '*'];
const ROLES = ['a', 'b'];

const verdict = fc.constantFrom<Verdict>('allow', 'review', 'deny');
const word = fc.constantFrom('x', 'y', 'X', 'z');
const number = fc.constantFrom(0, 1, 2, 2.5, 3);
const domain = fc.constantFrom('acme.com', '*.acme.io', 'eu.acme.io', '*.io', 'b.example');
const test: fc.Arbitrary<JsonObject> = fc.oneof(
  fc
    .tuple(fc.constantFrom('f', 'g'), fc.constantFrom('in', 'notIn'), fc.uniqueArray(word, { minLength: 1 }))
    .map(([field, operator, operand]) => ({ field, [operator]: operand })),
  fc
    .tuple(fc.constantFrom('f', 'g'), fc.constantFrom('eq', 'ne'), fc.oneof(word, number))
    .map(([field, operator, operand]) => ({ field, [operator]: operand })),
  fc
    .tuple(fc.constantFrom('f', 'g'), fc.constantFrom('lt', 'lte', 'gt', 'gte'), number)
    .map(([field, operator, operand]) => ({ field, [operator]: operand })),
  fc.tuple(number, number).map(([a, b]) => ({ field: 'f', between: [Math.min(a, b), Math.max(a, b)] })),
  fc
    .tuple(fc.constantFrom('startsWith', 'endsWith'), fc.constantFrom('x', 'xy', 'y'))
    .map(([operator, operand]) => ({ field: 'g', [operator]: operand })),
  fc
    .tuple(fc.constantFrom('in', 'notIn'), fc.uniqueArray(domain, { minLength: 1 }))
    .map(([operator, operand]) => ({ field: 'to.domain', [operator]: operand })),
  fc.uniqueArray(domain, { minLength: 1 }).map((operand) => ({ field: 'host', domainIn: operand })),
  fc
    .uniqueArray(fc.constantFrom('/srv', '/srv/app', '/tmp'), { minLength: 1 })
    .map((operand) => ({ field: 'path', pathUnder: operand })),
  fc
    .tuple(fc.constantFrom('lt', 'lte', 'gt', 'gte'), fc.constantFrom('$1', '$3.99', '$200', 2))
    .map(([operator, operand]) => ({ field: 'amount', [operator]: operand })),
  fc
    .tuple(fc.constantFrom('eq', 'ne', 'in'), fc.constantFrom('trusted', 'untrusted'))
    .map(
      ([operator, operand]): JsonObject =>
        operator === 'in' ? { field: 'risk', in: ['high'] } : { field: 'provenance', [operator]: operand },
    ),
  fc.tuple(fc.constantFrom('f', 'g'), fc.boolean()).map(([field, operand]) => ({ field, exists: operand })),
);
const { condition } = fc.letrec<{ condition: JsonObject }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    { arbitrary: test, weight: 4 },
    { arbitrary: fc.record({ all: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }), weight: 1 },
    { arbitrary: fc.record({ any: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }), weight: 1 },
    { arbitrary: fc.record({ not: tie('condition') }), weight: 1 },
  ),
}));
const scope = fc.constantFrom('agent', 'role', 'workspace');
const window: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.record({
    field: fc.constantFrom('sum(usd, 24h)', 'sum(usd, 1h)'),
    lte: fc.integer({ min: 0, max: 8 }),
    scope,
    over: fc.constantFrom(['pay.*'], ['*'], ['pay.one', 'shop.order']),
  }),
  fc.record({
    field: fc.constantFrom('rate.per_day', 'count(10m)'),
    lte: fc.integer({ min: 0, max: 5 }),
    scope,
    over: fc.constantFrom(['crm.*'], ['*']),
  }),
);
interface GuardDocument {
  readonly action: string;
  readonly when: JsonObject;
  readonly effect: Verdict;
  readonly otherwise: Verdict;
  readonly mode?: 'shadow';
}
const guardDocument: fc.Arbitrary<GuardDocument> = fc.record({
  action: fc.constantFrom(...PATTERNS),
  when: fc.oneof({ arbitrary: condition, weight: 3 }, { arbitrary: window, weight: 2 }),
  effect: verdict,
  otherwise: verdict,
});

interface PolicyDocument {
  readonly allow: Readonly<Record<string, readonly string[]>>;
  readonly guards: Readonly<Record<string, readonly GuardDocument[]>>;
}

const ORIGINS = [...ROLES, 'workspace'];
const policy: fc.Arbitrary<PolicyDocument> = fc.record({
  allow: fc.record({ a: fc.subarray(NAMES), b: fc.subarray(NAMES) }),
  guards: fc.record({
    a: fc.array(guardDocument, { maxLength: 3 }),
    b: fc.array(guardDocument, { maxLength: 1 }),
    workspace: fc.array(guardDocument, { maxLength: 2 }),
  }),
});

/** Small edits, most of which loosen or tighten one thing. */
const edit: fc.Arbitrary<(document: PolicyDocument) => PolicyDocument> = fc.oneof(
  fc.tuple(fc.constantFrom(...ROLES), fc.subarray(NAMES)).map(([role, kept]) => (document: PolicyDocument) => {
    const allow = (document.allow[role] ?? []).filter((name) => kept.includes(name));
    return { ...document, allow: { ...document.allow, [role]: allow } };
  }),
  fc.tuple(fc.constantFrom(...ORIGINS), guardDocument).map(
    ([origin, guard]) =>
      (document: PolicyDocument) =>
        withGuards(document, origin, [...(document.guards[origin] ?? []), guard]),
  ),
  fc
    .constantFrom(...ORIGINS)
    .map(
      (origin) => (document: PolicyDocument) => withGuards(document, origin, (document.guards[origin] ?? []).slice(1)),
    ),
  fc
    .tuple(
      fc.constantFrom(...ORIGINS),
      fc.nat(2),
      guardDocument,
      fc.constantFrom('when', 'effect', 'otherwise', 'action', 'bound'),
    )
    .map(
      ([origin, at, other, part]) =>
        (document: PolicyDocument) =>
          withGuards(
            document,
            origin,
            (document.guards[origin] ?? []).map((guard, i) => (i === at ? altered(guard, other, part) : guard)),
          ),
    ),
);

function withGuards(document: PolicyDocument, origin: string, guards: readonly GuardDocument[]): PolicyDocument {
  return { ...document, guards: { ...document.guards, [origin]: guards } };
}

function altered(guard: GuardDocument, other: GuardDocument, part: string): GuardDocument {
  if (part === 'effect') return { ...guard, effect: other.effect };
  if (part === 'otherwise') return { ...guard, otherwise: other.otherwise };
  if (part === 'action') return { ...guard, action: other.action };
  if (part === 'when') return { ...guard, when: other.when };
  // another operand for the same question, where both ask one
  const operator = Object.keys(guard.when).find((key) => key !== 'field' && key in other.when);
  if (operator === undefined) return guard;
  return { ...guard, when: { ...guard.when, [operator]: other.when[operator] ?? null } };
}

/** Undefined where a document is none: an operand that does not go with its field. */
function setOf({ allow, guards }: PolicyDocument): PolicySet | undefined {
  const checked = ORIGINS.map((origin) => [origin, guardsFrom(guards[origin] ?? [], origin)] as const);
  const byOrigin = new Map(checked);
  if (checked.some(([, each]) => each === undefined)) return undefined;
  return {
    revision: 1,
    roles: ROLES.map((name): Role => {
      return { name, description: '', revision: 1, allow: allow[name] ?? [], guards: byOrigin.get(name) ?? [] };
    }),
    workspaceGuards: byOrigin.get('workspace') ?? [],
    capabilities: CAPABILITIES,
  };
}

function guardsFrom(documents: readonly GuardDocument[], origin: string): readonly Guard[] | undefined {
  const checked = checkGuards(
    documents.map((document, i) => ({ id: `g${i}`, ...document })),
    origin,
  );
  return checked.ok ? checked.value : undefined;
}

/** A policy and what became of it by one to three edits. */
export const edited: fc.Arbitrary<{ readonly before: PolicySet; readonly after: PolicySet }> = fc
  .tuple(policy, fc.array(edit, { minLength: 1, maxLength: 3 }))
  .map(([document, edits]) => {
    const after = edits.reduce((each, change) => change(each), document);
    return { before: setOf(document), after: setOf(after) };
  })
  .filter(
    (pair): pair is { before: PolicySet; after: PolicySet } => pair.before !== undefined && pair.after !== undefined,
  );

const value = fc.oneof(word, number, fc.constant(null), fc.array(fc.oneof(word, number), { maxLength: 2 }));
const address = fc.constantFrom('p@acme.com', 'p@eu.acme.io', 'p@b.example', 'no address', 'p@acme.com, q@eu.acme.io');
export const request: fc.Arbitrary<DecisionRequest> = fc.record({
  workspaceId: fc.constant('w'),
  agentId: fc.constant('agent'),
  ownerId: fc.constant('owner'),
  roles: fc.subarray(ROLES),
  capability: fc.constantFrom(...NAMES),
  arguments: fc.record(
    {
      f: value,
      g: fc.oneof(value, fc.constantFrom('xy', 'yx')),
      to: address,
      host: fc.constantFrom('acme.com', 'eu.acme.io', 'a.io', 'http://b.example/', 'x'),
      path: fc.constantFrom('/srv', '/srv/app/x', '/tmp/', '/etc', '/srv/../etc'),
      amount: fc.constantFrom(0, 1, 2, 3.99, 5, -2, 3.999, 201, '4'),
    },
    { requiredKeys: [] },
  ),
});

/** How much is used: more in a longer time, and the same whenever it is asked. */
export const usage: fc.Arbitrary<(key: string, windowSeconds: number) => number> = fc
  .array(fc.integer({ min: 0, max: 6 }), { minLength: 8, maxLength: 8 })
  .map((amounts) => (key, windowSeconds) => {
    const place = [...key].reduce((sum, character) => sum + character.charCodeAt(0), 0) % amounts.length;
    const unit = key.includes('usd') ? 100 : 1;
    return (amounts[place] ?? 0) * unit * (windowSeconds >= 86_400 ? 2 : 1);
  });
