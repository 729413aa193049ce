/** Controls, crosswalk and OSCAL as data: bounds are exact, ids exist, files validate against the published schema. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  asOfNow,
  BANNER,
  CONTROL_IDS,
  CONTROLS,
  type ControlState,
  CRITERIA,
  countStates,
  coverageOf,
  headlineOf,
  isCriterion,
  PARAMETERS,
  type RunDocument,
  STATES,
  type Tested,
  upperBound,
  verdictOf,
  withParameters,
  worstOf,
} from '../src/controls/index.ts';
import { CROSSWALK, FRAMEWORKS, frameworkOf } from '../src/crosswalk/index.ts';
import {
  assessmentResults,
  componentDefinition,
  NOT_TESTED,
  TEST_RESULT,
  testResultLines,
  uuidOf,
} from '../src/oscal/index.ts';

const WORDS = Object.fromEntries(PARAMETERS.map((name) => [name, 'a value']));

describe('the upper bound', () => {
  test.each([
    [25, 0, 8.8],
    [25, 1, 14.7],
    [25, 2, 19.9],
  ])('%i tested, %i deviate: %f %%', (tested, deviations, percent) => {
    expect(Number((upperBound(tested, deviations) * 100).toFixed(1))).toBe(percent);
  });

  test('is the rate at which so few would be seen in one of ten', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.nat(400), (tested, drawn) => {
        const deviations = drawn % tested;
        const bound = upperBound(tested, deviations);
        let [probability, term] = [0, (1 - bound) ** tested];
        for (let i = 0; i <= deviations; i += 1) {
          probability += term;
          term *= ((tested - i) / (i + 1)) * (bound / (1 - bound));
        }
        // Where the smallest term is no number any more, the sum says nothing.
        if ((1 - bound) ** tested > 1e-290) expect(probability).toBeCloseTo(0.1, 6);
        expect(bound).toBeGreaterThan(deviations / tested);
      }),
    );
  });

  test('grows with each deviation, shrinks with what is tested, and holds for a million', () => {
    for (const tested of [1, 10, 1_000, 1_000_000]) {
      const bounds = [0, 1, 2, 5].filter((n) => n < tested).map((n) => upperBound(tested, n));
      expect(bounds.every((bound, i) => i === 0 || bound > (bounds[i - 1] ?? 1))).toBe(true);
    }
    expect(upperBound(1_000_000, 0)).toBeCloseTo(2.302585e-6, 10);
    expect(upperBound(1_000_000, 500_000)).toBeCloseTo(0.50064, 4);
    expect(upperBound(3, 3)).toBe(1);
    expect(() => upperBound(3, 4)).toThrow(RangeError);
  });
});

describe('controls', () => {
  test('are twenty, in their order, each with what it takes', () => {
    expect(CONTROLS.map(({ id }) => id)).toEqual(CONTROL_IDS);
    expect(CONTROL_IDS).toHaveLength(20);
    for (const control of CONTROLS)
      for (const text of [
        control.title,
        control.statement,
        control.test,
        control.enough,
        control.remedy,
        control.sample,
      ])
        expect(withParameters(text, WORDS)).not.toMatch(/[{}]|^$/);
  });

  test('print only criteria that exist, and parameters that they name', () => {
    for (const { criteria, parameters, title, statement, test: tested, enough } of CONTROLS) {
      expect(criteria.filter((id) => !isCriterion(id))).toEqual([]);
      const named = [title, statement, tested, enough].join(' ').match(/\{[a-z_]+\}/g) ?? [];
      for (const name of named) expect(parameters).toContain(name.slice(1, -1));
    }
    expect(Object.keys(CRITERIA).filter((id) => id.startsWith('PI'))).toEqual([
      'PI1.1',
      'PI1.2',
      'PI1.3',
      'PI1.4',
      'PI1.5',
    ]);
  });
});

const CLEAN: Tested = { population: 3, deviating: 0, deviations: [], sources: [], missing: null, error: null };
const SOURCE = { name: 'log', about: 'it has to be there.', enabled: true, last_seen: null, stale: false };
const EXEMPTION = {
  id: 'exm_1',
  reason: 'no such thing',
  requested_by: 'dana',
  approved_by: 'lee',
  expires_at: '2027-01-01',
};

describe('a state', () => {
  test.each<[string, Partial<Tested>, ControlState]>([
    ['enough, and none deviates', {}, 'pass'],
    ['one deviates', { deviating: 1 }, 'fail'],
    [
      'one deviates, whatever is missing',
      { deviating: 1, missing: 'a sweep', sources: [{ ...SOURCE, enabled: false }] },
      'fail',
    ],
    ['something is missing', { missing: 'a sweep' }, 'not_enough_data'],
    ['a source is not there', { sources: [{ ...SOURCE, enabled: false }] }, 'not_enough_data'],
    ['a source is silent', { sources: [{ ...SOURCE, stale: true }] }, 'not_enough_data'],
    ['the query failed', { error: 'no such table', population: 0 }, 'not_enough_data'],
    ['nothing happened', { population: 0 }, 'did_not_occur'],
    ['nothing happened, and nobody would know', { population: 0, missing: 'a sweep' }, 'not_enough_data'],
  ])('%s', (_, change, state) => {
    expect(verdictOf({ ...CLEAN, ...change }).state).toBe(state);
  });

  test('is never pass unless there is enough of it, nothing deviates and nothing is unknown', () => {
    const tested = fc.record({
      population: fc.nat(5),
      deviating: fc.constant(0),
      deviations: fc.constant([]),
      sources: fc.array(fc.record({ ...fixed(SOURCE), enabled: fc.boolean(), stale: fc.boolean() }), { maxLength: 3 }),
      missing: fc.option(fc.constant('something')),
      error: fc.option(fc.constant('broken')),
    });
    fc.assert(
      fc.property(tested, (each) => {
        const isKnown =
          each.sources.every(({ enabled, stale }) => enabled && !stale) && each.missing === null && each.error === null;
        expect(verdictOf(each).state === 'pass').toBe(isKnown && each.population > 0);
        expect(['fail', 'not_applicable']).not.toContain(verdictOf(each).state);
      }),
    );
  });

  test('gives way to what two people agreed, but for FAIL', () => {
    expect(verdictOf({ ...CLEAN, missing: 'a sweep' }, EXEMPTION).state).toBe('not_applicable');
    expect(verdictOf({ ...CLEAN, deviating: 1 }, EXEMPTION).state).toBe('fail');
  });

  test('of a criterion is the worst of its controls', () => {
    expect(worstOf(['pass', 'did_not_occur'])).toBe('did_not_occur');
    expect(worstOf(['pass', 'not_enough_data', 'fail'])).toBe('fail');
    expect(worstOf(['not_applicable', 'pass'])).toBe('pass');
  });
});

function fixed({ name, about, last_seen }: typeof SOURCE) {
  return { name: fc.constant(name), about: fc.constant(about), last_seen: fc.constant(last_seen) };
}

test('the headline is five counts, and two numbers beside it are never one', () => {
  const states: ControlState[] = [];
  for (const [state, count] of [
    ['pass', 11],
    ['fail', 2],
    ['not_enough_data', 5],
    ['did_not_occur', 2],
  ] as const)
    for (let i = 0; i < count; i += 1) states.push(state);
  const counts = countStates(states);
  expect(headlineOf(counts)).toBe('11 pass, 2 fail, 5 not enough data, 2 did not occur, 0 n/a');
  expect(headlineOf(counts)).not.toContain('%');
  expect(coverageOf(counts)).toEqual({ coverage: { count: 13, of: 18 }, clean: { count: 11, of: 13 } });
});

describe('the crosswalk', () => {
  test('names only ids that are in the pinned list of their version', () => {
    const lists = new Map(
      FRAMEWORKS.map((key) => frameworkOf(key)).map((each) => [`${each.framework} ${each.version}`, each.ids]),
    );
    expect(
      CROSSWALK.filter(({ framework, version, id }) => lists.get(`${framework} ${version}`)?.has(id) !== true),
    ).toEqual([]);
    for (const [name, known] of [
      ['iso42001', 38 + 27],
      ['nist', 72],
      ['owasp', 10],
      ['tsc', 43],
    ] as const)
      expect([name, frameworkOf(name).ids.size]).toEqual([name, known]);
  });

  test('says supports and a version on each row, and repeats none', () => {
    for (const { relation, version, source } of CROSSWALK)
      expect([relation, version !== '', source !== '']).toEqual(['supports', true, true]);
    const rows = CROSSWALK.map(({ framework, version, id, our_feature }) =>
      JSON.stringify([framework, version, id, our_feature]),
    );
    expect(new Set(rows).size).toBe(rows.length);
  });

  test('covers the criteria of every control', () => {
    const named = new Set(CROSSWALK.filter(({ framework }) => framework.startsWith('AICPA')).map(({ id }) => id));
    expect(
      CONTROLS.flatMap(({ criteria }) => criteria).filter((id) => !named.has(id) && id !== 'CC7.1' && id !== 'CC1.4'),
    ).toEqual([]);
  });
});

/** One control of each state in turn. */
function runOf(): RunDocument {
  const controls = CONTROLS.map((control, i) => ({
    ...{
      id: control.id,
      title: withParameters(control.title, WORDS),
      statement: withParameters(control.statement, WORDS),
    },
    ...{ criteria: control.criteria, parameters: {}, state: STATES[i % STATES.length] ?? 'pass', reason: 'as it is' },
    ...{
      population: 3,
      deviating: i % STATES.length === 0 ? 1 : 0,
      enough: true,
      occurred: true,
      rate: 0,
      upper_90: 0.5,
    },
    deviations:
      i % STATES.length === 0 ? [{ record_id: `rec_${i}`, kind: 'late', sentence: 'it was late', href: '/' }] : [],
    ...{ sources: [], exemption: null, query_sha256: `sha256:${'a'.repeat(64)}` },
  }));
  const counts = countStates(controls.map(({ state }) => state));
  return {
    ...{ banner: BANNER, id: 'run_1', workspace: 'acme', environment: 'prod', sample_data: false },
    ...{
      period_from: '2026-07-01T00:00:00.000Z',
      period_to: '2026-10-01T00:00:00.000Z',
      as_of: '2026-10-02T00:00:00.000Z',
    },
    ...{
      actor: 'key:ops',
      code_version: '0.1.0',
      policy_hash: null,
      log_size: 9,
      log_checkpoint: null,
      counts,
      controls,
    },
    ...{ headline: headlineOf(counts), ...coverageOf(counts) },
    criteria: Object.entries(CRITERIA).flatMap(([id, title]) => {
      const own = controls.filter(({ criteria }) => criteria.some((each) => each === id));
      return own.length === 0
        ? []
        : [{ id, title, state: worstOf(own.map(({ state }) => state)), controls: own.map((each) => each.id) }];
    }),
  };
}

test('a pass that is older than it stands for is not enough data, and nothing else changes', () => {
  const run = runOf();
  const day = (n: number) => Date.parse(run.as_of) + n * 86_400_000;
  expect(asOfNow(run, day(1))).toEqual(run);
  const later = asOfNow(run, day(400));
  expect(later.counts.pass).toBe(0);
  expect(later.counts.not_enough_data).toBe(run.counts.not_enough_data + run.counts.pass);
  expect(later.counts.fail).toBe(run.counts.fail);
});

describe('OSCAL', () => {
  const schema = JSON.parse(
    gunzipSync(readFileSync(new URL('./fixtures/oscal_complete_schema-1-2-2.json.gz', import.meta.url))).toString(),
  );
  // Times and addresses have patterns of their own in the schema.
  const formats = { uri: true, 'uri-reference': true, email: true, 'date-time': true } as const;
  const validate = new Ajv({ strict: false, allErrors: true, formats }).compile(schema);

  test('both files validate against the published schema', () => {
    for (const file of [assessmentResults(runOf()), componentDefinition('0.1.0', '2026-10-02T00:00:00.000Z', WORDS)]) {
      validate(file);
      expect(validate.errors ?? []).toEqual([]);
    }
  });

  test('a state that OSCAL does not know is refused, and what is not known is never satisfied', () => {
    const text = JSON.stringify(assessmentResults(runOf()));
    expect(validate(JSON.parse(text.replaceAll('"not-satisfied"', '"unknown"')))).toBe(false);
    const statuses = text.match(/"state":"[a-z-]+","reason":"[a-z-]+"/g) ?? [];
    for (const status of statuses) expect(status.includes('"satisfied"')).toBe(status.includes('"reason":"pass"'));
  });

  test('the same run gives the same bytes', () => {
    expect(JSON.stringify(assessmentResults(runOf()))).toBe(JSON.stringify(assessmentResults(runOf())));
    expect(uuidOf('a')).toBe(uuidOf('a'));
    expect(uuidOf('a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(uuidOf('a')).not.toBe(uuidOf('b'));
  });
});

test('in-toto lines say PASSED, WARNED and FAILED of what was tested, and nothing of the kind of the rest', () => {
  const run = runOf();
  const passed = run.controls.filter(({ state }) => state === 'pass').map(({ id }) => id);
  const lines = testResultLines(run, 'readiness.json', 'bytes', new Set(passed.slice(0, 1))).map((line) =>
    JSON.parse(line),
  );
  expect(lines).toHaveLength(20);
  const results = lines.map(({ predicateType, predicate }) =>
    predicateType === TEST_RESULT ? predicate.result : predicate.state,
  );
  expect(new Set(results)).toEqual(
    new Set(['FAILED', 'not-enough-data', 'did-not-occur', 'WARNED', 'PASSED', 'not-applicable']),
  );
  for (const { predicateType, predicate } of lines)
    if (predicateType === NOT_TESTED) expect(predicate).not.toHaveProperty('result');
});
