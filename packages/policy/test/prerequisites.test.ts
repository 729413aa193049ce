import { describe, expect, test } from 'vitest';
import {
  checkGuards,
  checkRole,
  compilePolicy,
  type DecisionRequest,
  type Guard,
  type JsonObject,
  type MetPrerequisite,
  type PolicySet,
  policyHash,
} from '../src/index.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-06-01T12:00:00Z');

function guards(...written: (string | JsonObject)[]): Guard[] {
  const read = checkGuards(written, 'workspace');
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.value;
}

function set(workspaceGuards: Guard[]): PolicySet {
  const capability = (name: string) => ({
    name,
    description: '',
    access: 'write' as const,
    destructive: false,
    impact: {},
  });
  return {
    revision: 1,
    roles: [{ name: 'ops', description: '', revision: 1, allow: ['deploy', 'review', 'tests.run'], guards: [] }],
    workspaceGuards,
    capabilities: ['deploy', 'review', 'tests.run'].map(capability),
  };
}

function request(capability: string, args: JsonObject = {}, change: Partial<DecisionRequest> = {}): DecisionRequest {
  return {
    workspaceId: 'w',
    agentId: 'a',
    ownerId: 'o',
    roles: ['ops'],
    capability,
    arguments: args,
    sessionId: 's',
    ...change,
  };
}

const BUILD = {
  id: 'tested',
  action: 'deploy',
  when: { field: 'done(tests.run)', within: '4h', bind: ['build'] },
  effect: 'allow',
};

/** What a call of `tests.run` with these arguments leaves behind. */
function met(
  policy: PolicySet,
  args: JsonObject,
  atMs: number,
  change: Partial<DecisionRequest> = {},
  eventId = 'evt_1',
): MetPrerequisite[] {
  const evaluation = compilePolicy(policy).evaluate(request('tests.run', args, change), { atMs: NOW });
  return (evaluation.meets ?? []).map((key) => ({ key, eventId, doneAtMs: atMs }));
}

describe('Y before X', () => {
  const policy = set(guards(BUILD));
  const compiled = compilePolicy(policy);
  const done = met(policy, { build: 42 }, NOW - HOUR);
  const decide = (
    prerequisites: MetPrerequisite[] | undefined,
    args: JsonObject = { build: 42 },
    change = {},
    atMs: number | undefined = NOW,
  ) =>
    compiled.evaluate(request('deploy', args, change), {
      ...(prerequisites === undefined ? {} : { prerequisites }),
      ...(atMs === undefined ? {} : { atMs }),
    });

  test('is allowed once it was done, and says what it uses and until when that holds', () => {
    expect(decide(done)).toMatchObject({
      verdict: 'allow',
      uses: ['evt_1'],
      holds: { untilMs: NOW + 3 * HOUR },
      read: { atMs: NOW, prerequisites: done },
    });
    expect(compiled.prerequisites(request('deploy', { build: 42 }))).toEqual([done[0]?.key]);
  });

  test.each<[string, () => ReturnType<typeof decide>]>([
    ['it was not done', () => decide([])],
    ['it was done for another build', () => decide(met(policy, { build: 41 }, NOW - HOUR))],
    ['it was done for a build of another type', () => decide(met(policy, { build: '42' }, NOW - HOUR))],
    ['it was done in another session', () => decide(met(policy, { build: 42 }, NOW - HOUR, { sessionId: 't' }))],
    [
      'it was done by another agent with the same session id',
      () => decide(met(policy, { build: 42 }, NOW - HOUR, { agentId: 'b' })),
    ],
    ['it is no longer fresh', () => decide(met(policy, { build: 42 }, NOW - 4 * HOUR))],
    [
      'it was only approved, not seen to succeed',
      () => decide(done.map(({ key }) => ({ key, eventId: 'e', approvedAtMs: NOW }))),
    ],
    ['the call names no build', () => decide(done, {})],
    ['the call names several builds', () => decide(done, { build: [42] })],
    [
      'the call has no session',
      () =>
        compiled.evaluate({ ...request('deploy', { build: 42 }), sessionId: undefined } as never, {
          atMs: NOW,
          prerequisites: done,
        }),
    ],
    ['nothing is known of the state', () => decide(undefined)],
    ['the time is not known', () => compiled.evaluate(request('deploy', { build: 42 }), { prerequisites: done })],
  ])('is refused when %s', (_, ask) => {
    const evaluation = ask();
    expect(evaluation).toMatchObject({ verdict: 'deny', reasonClass: 'guard', rule: 'tested' });
    expect(Object.keys(evaluation)).not.toContain('uses');
  });

  test('takes the oldest that is fresh, so that the others keep longer', () => {
    const both = [
      ...met(policy, { build: 42 }, NOW - HOUR, {}, 'evt_new'),
      ...met(policy, { build: 42 }, NOW - 3 * HOUR, {}, 'evt_old'),
    ];
    expect(decide(both).uses).toEqual(['evt_old']);
  });

  test('a call that no guard needs is not kept, and reads no state', () => {
    const evaluation = compiled.evaluate(request('review', { build: 42 }), { atMs: NOW });
    expect(['meets', 'uses', 'read', 'holds'].filter((field) => field in evaluation)).toEqual([]);
    expect(compiled.prerequisites(request('review'))).toEqual([]);
  });

  test('arguments may have other names in the two calls', () => {
    const renamed = set(
      guards({ ...BUILD, when: { field: 'done(tests.run)', within: '4h', bind: { revision: 'build' } } }),
    );
    const state = { atMs: NOW, prerequisites: met(renamed, { revision: 'abc', build: 'x' }, NOW - 1) };
    const ask = (build: string) => compilePolicy(renamed).evaluate(request('deploy', { build }), state).verdict;
    expect([ask('abc'), ask('x')]).toEqual(['allow', 'deny']);
  });

  test.each([
    ['agent', { sessionId: 't' }, { agentId: 'b' }],
    ['owner', { agentId: 'b' }, { ownerId: 'p' }],
    ['workspace', { agentId: 'b', ownerId: 'p' }, { workspaceId: 'v' }],
  ])('within the scope %s', (scope, inside, outside) => {
    const scoped = set(guards({ ...BUILD, when: { field: 'done(tests.run)', within: '4h', scope } }));
    const ask = (change: Partial<DecisionRequest>) =>
      compilePolicy(scoped).evaluate(request('deploy'), { atMs: NOW, prerequisites: met(scoped, {}, NOW - 1, change) })
        .verdict;
    expect([ask(inside), ask(outside)]).toEqual(['allow', 'deny']);
  });
});

describe('inside other conditions', () => {
  const either = set(
    guards({
      id: 'prod',
      action: 'deploy',
      when: {
        any: [
          { field: 'done(tests.run)', within: '4h' },
          { field: 'target', eq: 'staging' },
        ],
      },
      effect: 'allow',
    }),
  );

  test('what is settled without it does not use it up, whichever comes first', () => {
    const state = { atMs: NOW, prerequisites: met(either, {}, NOW - 1) };
    const decide = (target: string) => compilePolicy(either).evaluate(request('deploy', { target }), state);
    expect(decide('staging')).toMatchObject({ verdict: 'allow' });
    expect(decide('staging').uses).toBeUndefined();
    expect(decide('prod')).toMatchObject({ verdict: 'allow', uses: ['evt_1'] });
  });

  test('the one-liner binds what stands in brackets to the target', () => {
    const [line] = guards('deploy(prod) requires approved(review)');
    expect(line?.sentence).toBe(
      'deploy: only when target is not prod or approved(review) came in the last 24 hours by this session.',
    );
    const policy = set(line === undefined ? [] : [line]);
    const key = compilePolicy(policy).prerequisites(request('deploy'))[0] ?? '';
    const decide = (args: JsonObject, ...prerequisites: MetPrerequisite[]) =>
      compilePolicy(policy).evaluate(request('deploy', args), { atMs: NOW, prerequisites }).verdict;
    const approved = { key, eventId: 'e', approvedAtMs: NOW - 1 };
    // REQ-10
    expect(decide({ target: 'prod' })).toBe('deny');
    expect(decide({ target: 'prod' }, { key, eventId: 'e', doneAtMs: NOW - 1 })).toBe('deny');
    expect(decide({ target: 'prod' }, approved)).toBe('allow');
    expect(decide({ target: 'staging' })).toBe('allow');
    expect(decide({})).toBe('deny');
  });

  test('the whole one-liner', () => {
    const [line] = guards('R7 · deploy requires done(tests_run) for the same build and env within 90m by this agent');
    expect(line).toMatchObject({
      id: 'R7',
      when: {
        field: 'done(tests.run)',
        operand: { seconds: 5_400, scope: 'agent', bind: { build: 'build', env: 'env' } },
      },
    });
  });
});

describe('a document', () => {
  test('keeps its form, and every part of it is in the hash', () => {
    const role = checkRole({
      name: 'ops',
      description: '',
      scope: { allow: [] },
      guards: [{ ...BUILD, when: { ...BUILD.when, scope: 'agent' } }],
    });
    expect(role.ok && role.value.guards[0]?.when).toEqual({
      field: 'done(tests.run)',
      within: '4h',
      scope: 'agent',
      bind: { build: 'build' },
    });
    const hashes = [
      BUILD.when,
      { ...BUILD.when, within: '5h' },
      { ...BUILD.when, scope: 'agent' },
      { ...BUILD.when, bind: ['env'] },
      { ...BUILD.when, bind: { build: 'env' } },
      { ...BUILD.when, field: 'approved(tests.run)' },
    ].map((when) => policyHash(set(guards({ ...BUILD, when }))));
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test.each<[string, JsonObject, string]>([
    ['no freshness', { field: 'done(tests.run)', eq: true }, 'bad_operator'],
    ['a freshness that is none', { field: 'done(tests.run)', within: 'soon' }, 'bad_operator'],
    ['within beside another field', { field: 'target', within: '4h' }, 'bad_operand'],
    ['a scope that is not there', { field: 'done(tests.run)', within: '4h', scope: 'role' }, 'bad_scope'],
    ['an empty binding', { field: 'done(tests.run)', within: '4h', bind: [] }, 'bad_bind'],
    ['a binding of a list', { field: 'done(tests.run)', within: '4h', bind: ['items[]'] }, 'bad_bind'],
    ['a name that is no capability', { field: 'done(Tests Run)', within: '4h' }, 'bad_field'],
    ['a negation', { not: { field: 'done(tests.run)', within: '4h' } }, 'prerequisite_negated'],
    ['a key of windows', { field: 'done(tests.run)', within: '4h', over: ['a'] }, 'unknown_field'],
  ])('%s is refused', (_, when, code) => {
    const read = checkGuards([{ ...BUILD, when }], 'workspace');
    expect(read.ok ? [] : read.problems.map((problem) => problem.code)).toContain(code);
  });
});
