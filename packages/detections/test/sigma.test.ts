/** Sigma 2.1.0: what matches, what correlates, and what is refused when it is loaded. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEngine, type Finding, type FlatEvent, loadRules } from '../src/index.ts';

const BASE = Date.parse('2026-06-16T14:00:00.000Z');

function rule(detection: string, more = ''): string {
  return `title: t\nid: 0f1c2a10-6b1e-4d1a-9a01-0000000000aa\nlogsource: { product: hivekey }\ndetection:\n${detection
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')}\nhivekey: { suppression: none }\n${more}`;
}

function matches(detection: string, event: FlatEvent): boolean {
  const { rules, problems } = loadRules([{ name: 'r', text: rule(detection) }]);
  expect(problems).toEqual([]);
  return (
    createEngine(rules).take({ kind: 'tool.call', event_id: 'evt_1', ts: '2026-06-16T14:35:00.000Z', ...event })
      .findings.length > 0
  );
}

/** Detection, events that match, events that do not. */
const DETECTIONS: readonly (readonly [
  name: string,
  detection: string,
  hits: readonly FlatEvent[],
  misses: readonly FlatEvent[],
])[] = [
  [
    'text without case',
    's: { tool: Crm_A }\ncondition: s',
    [{ tool: 'crm_a' }, { tool: 'CRM_A' }],
    [{ tool: 'crm_ab' }, {}],
  ],
  ['cased', 's: { tool|cased: Crm_A }\ncondition: s', [{ tool: 'Crm_A' }], [{ tool: 'crm_a' }]],
  [
    'wildcards',
    's: { tool: c*m_? }\ncondition: s',
    [{ tool: 'crm_a' }, { tool: 'cm_b' }, { tool: 'c-x-m_c' }],
    [{ tool: 'crm_' }, { tool: 'crm_ab' }],
  ],
  ['escaped wildcards', "s: { tool: 'a\\*b\\?' }\ncondition: s", [{ tool: 'a*b?' }], [{ tool: 'axbc' }]],
  ['a backslash before a wildcard', "s: { tool: 'a\\\\*' }\ncondition: s", [{ tool: 'a\\b' }], [{ tool: 'a*' }]],
  ['a plain backslash', "s: { tool: 'a\\b' }\ncondition: s", [{ tool: 'a\\b' }], [{ tool: 'ab' }]],
  ['a star alone', "s: { tool: '*' }\ncondition: s", [{ tool: '' }, { tool: 'x' }], [{}]],
  ['empty text', "s: { tool: '' }\ncondition: s", [{ tool: '' }], [{ tool: 'x' }, {}]],
  [
    'null is absent or null',
    's: { reviewer: null }\ncondition: s',
    [{}, { reviewer: null }],
    [{ reviewer: '' }, { reviewer: 'x' }],
  ],
  ['not null', 's: { kind: tool.call }\nn: { reviewer: null }\ncondition: s and not n', [{ reviewer: 'x' }], [{}]],
  ['null or a value', 's: { reviewer: [null, x] }\ncondition: s', [{}, { reviewer: 'X' }], [{ reviewer: 'y' }]],
  ['exists', 's: { reviewer|exists: true }\ncondition: s', [{ reviewer: '' }, { reviewer: null }], [{}]],
  ['exists not', 's: { reviewer|exists: false }\ncondition: s', [{}], [{ reviewer: '' }]],
  [
    'numbers and their text',
    's: { agent_seq: 5 }\ncondition: s',
    [{ agent_seq: 5 }, { agent_seq: '5' }],
    [{ agent_seq: 50 }],
  ],
  [
    'booleans and their text',
    's: { destructive: true }\ncondition: s',
    [{ destructive: true }, { destructive: 'True' }],
    [{ destructive: false }, {}],
  ],
  ['a list is or', 's: { tool: [a, b] }\ncondition: s', [{ tool: 'b' }], [{ tool: 'c' }]],
  ['a map is and', 's: { tool: a, verdict: deny }\ncondition: s', [{ tool: 'a', verdict: 'deny' }], [{ tool: 'a' }]],
  [
    'a list of maps is or',
    's:\n  - { tool: a }\n  - { verdict: deny }\ncondition: s',
    [{ tool: 'a' }, { verdict: 'deny' }],
    [{ tool: 'b' }],
  ],
  [
    'contains, all',
    's: { reason|contains|all: [one, two] }\ncondition: s',
    [{ reason: 'two and ONE' }],
    [{ reason: 'one' }],
  ],
  ['startswith', 's: { tool|startswith: pay }\ncondition: s', [{ tool: 'payments' }], [{ tool: 'repay' }]],
  ['endswith', 's: { tool|endswith: pay }\ncondition: s', [{ tool: 'repay' }], [{ tool: 'payments' }]],
  ['lists in the event', 's: { roles: b }\ncondition: s', [{ roles: ['a', 'B'] }], [{ roles: ['a'] }, { roles: [] }]],
  ['neq', 's: { tool|neq: [a, b] }\ncondition: s', [{ tool: 'c' }], [{ tool: 'A' }, {}]],
  ['neq of a list in the event', 's: { roles|neq: a }\ncondition: s', [{ roles: ['b'] }], [{ roles: ['b', 'a'] }]],
  [
    'comparisons',
    's: { amount_minor|gte: 10, amount_minor|lt: 20 }\ncondition: s',
    [{ amount_minor: 10 }, { amount_minor: 19.5 }],
    [{ amount_minor: 20 }, { amount_minor: '15' }, {}],
  ],
  [
    'gt and lte',
    's: { amount_minor|gt: 10, amount_minor|lte: 20 }\ncondition: s',
    [{ amount_minor: 20 }],
    [{ amount_minor: 10 }],
  ],
  [
    'fieldref',
    's: { approver|fieldref: owner }\ncondition: s',
    [{ approver: 'A', owner: 'a' }],
    [{ approver: 'a', owner: 'b' }, { approver: 'a' }, {}],
  ],
  [
    'fieldref, not equal',
    's: { approver|fieldref|neq: owner }\ncondition: s',
    [{ approver: 'a', owner: 'b' }],
    [{ approver: 'a', owner: 'a' }, { approver: 'a' }],
  ],
  [
    'fieldref of a list',
    's: { approvers|fieldref: owner }\ncondition: s',
    [{ approvers: ['a', 'b'], owner: 'b' }],
    [{ approvers: [], owner: 'b' }],
  ],
  [
    'fieldref, beginning',
    's: { resource|fieldref|startswith: namespace }\ncondition: s',
    [{ resource: 'crm/1', namespace: 'crm' }],
    [{ resource: 'x/crm', namespace: 'crm' }],
  ],
  [
    'cidr',
    's: { src_ip|cidr: 10.0.0.0/8 }\ncondition: s',
    [{ src_ip: '10.9.1.1' }],
    [{ src_ip: '11.0.0.1' }, { src_ip: '::ffff:10.0.0.1' }, { src_ip: 'x' }],
  ],
  [
    'cidr, IPv6',
    "s: { src_ip|cidr: '2001:db8::/32' }\ncondition: s",
    [{ src_ip: '2001:db8:1::5' }, { src_ip: '2001:DB8:0:0:0:0:0:1' }],
    [{ src_ip: '2001:db9::' }, { src_ip: '10.0.0.1' }],
  ],
  [
    're is found anywhere, by case',
    "s: { reason|re: 'cap \\d+' }\ncondition: s",
    [{ reason: 'over cap 500!' }],
    [{ reason: 'Cap 500' }],
  ],
  ['re with flags', "s: { reason|re|i|m|s: '^b.c$' }\ncondition: s", [{ reason: 'a\nB\nC' }], [{ reason: 'ab c' }]],
  [
    'base64',
    's: { reason|base64|contains: secret }\ncondition: s',
    [{ reason: 'x c2VjcmV0 y' }],
    [{ reason: 'secret' }],
  ],
  [
    'base64offset',
    's: { reason|base64offset|contains: password }\ncondition: s',
    ['', 'a', 'ab'].map((before) => ({ reason: Buffer.from(`${before}password=1`).toString('base64') })),
    [{ reason: 'password' }],
  ],
  [
    'wide and base64',
    's: { reason|wide|base64: ab }\ncondition: s',
    [{ reason: Buffer.from('ab', 'utf16le').toString('base64') }],
    [{ reason: Buffer.from('ab').toString('base64') }],
  ],
  [
    'windash',
    "s: { reason|windash|contains: ' -f ' }\ncondition: s",
    [{ reason: 'rm -f x' }, { reason: 'rm /f x' }, { reason: 'rm –f x' }],
    [{ reason: 'rm f x' }],
  ],
  [
    'parts of a time',
    's: { ts|hour: 14, ts|minute|gte: 30, ts|day: 16, ts|month: 6, ts|year: 2026, ts|week: 25 }\ncondition: s',
    [{}],
    [{ ts: '2026-06-16T14:29:00.000Z' }, { ts: '2027-06-16T14:35:00.000Z' }],
  ],
  [
    'keywords',
    "s: ['wire transfer', 'swift*']\ncondition: s",
    [{ reason: 'a WIRE transfer' }, { roles: ['x', 'swiftly'] }],
    [{ reason: 'wire' }],
  ],
  [
    'keywords, all',
    "s: { '|all': [wire, transfer] }\ncondition: s",
    [{ reason: 'transfer', tool: 'wire' }],
    [{ reason: 'wire' }],
  ],
  [
    '1 of them leaves out underscores',
    'a: { tool: x }\n_b: { verdict: deny }\ncondition: 1 of them',
    [{ tool: 'x' }],
    [{ verdict: 'deny' }],
  ],
  [
    'all of a pattern',
    'sel_a: { tool: x }\nsel_b: { verdict: deny }\nc: { owner: y }\ncondition: all of sel_*',
    [{ tool: 'x', verdict: 'deny' }],
    [{ tool: 'x' }, { verdict: 'deny', owner: 'y' }],
  ],
  [
    'not binds tighter than and, and than or',
    'a: { tool: x }\nb: { verdict: deny }\nc: { owner: y }\ncondition: a or b and not c',
    [{ tool: 'x', owner: 'y' }, { verdict: 'deny' }],
    [{ verdict: 'deny', owner: 'y' }],
  ],
  [
    'parentheses',
    'a: { tool: x }\nb: { verdict: deny }\nc: { owner: y }\ncondition: (a or b) and not (c)',
    [{ tool: 'x' }],
    [{ tool: 'x', owner: 'y' }],
  ],
  [
    'a list of conditions is or',
    'a: { tool: x }\nb: { verdict: deny }\ncondition: [a, b]',
    [{ tool: 'x' }, { verdict: 'deny' }],
    [{}],
  ],
];

describe('detections', () => {
  it.each(DETECTIONS)('%s', (_, detection, hits, misses) => {
    for (const event of hits) expect(matches(detection, event), JSON.stringify(event)).toBe(true);
    for (const event of misses) expect(matches(detection, event), JSON.stringify(event)).toBe(false);
  });

  it('compares wildcards as a regular expression would', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    fc.assert(
      fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 }), (pattern, text) => {
        fc.pre(pattern !== '');
        const wanted = new RegExp(
          `^${[...pattern].map((each) => ({ '*': '.*', '?': '.' })[each] ?? each).join('')}$`,
        ).test(text);
        expect(matches(`s: { tool: ${JSON.stringify(pattern)} }\ncondition: s`, { tool: text })).toBe(wanted);
      }),
      { numRuns: 200 },
    );
  });

  it('takes a pattern in linear time', () => {
    const began = performance.now();
    matches("s: { reason|re: '(a+)+$' }\ncondition: s", { reason: `${'a'.repeat(5_000)}!` });
    matches('s: { reason: "*a*a*a*a*a*a*a*b" }\ncondition: s', { reason: 'a'.repeat(20_000) });
    expect(performance.now() - began).toBeLessThan(3_000);
  });
});

const BASES = ['a', 'b', 'c']
  .map(
    (name) =>
      `title: ${name}\nname: ${name}\nlogsource: { product: hivekey }\ndetection: { s: { tool: ${name} }, condition: s }\n---\n`,
  )
  .join('');

function correlation(lines: string): string {
  return `${BASES}title: c\nid: 0f1c2a10-6b1e-4d1a-9a01-0000000000bb\ncorrelation:\n${lines
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')}\nhivekey: { suppression: none }\n`;
}

interface Step {
  readonly tool: string;
  readonly by: number;
  readonly agent: string;
  readonly amount: number;
}

function eventsOf(steps: readonly Step[]): readonly FlatEvent[] {
  let now = BASE;
  return steps.map(({ tool, by, agent, amount }, i) => {
    now += by;
    return {
      kind: 'tool.call',
      event_id: `e${i}`,
      ts: new Date(now).toISOString(),
      tool,
      agent_id: agent,
      amount_minor: amount,
    };
  });
}

function findings(text: string, events: readonly FlatEvent[]): readonly Finding[] {
  const { rules, problems } = loadRules([{ name: 'c', text }]);
  expect(problems).toEqual([]);
  const engine = createEngine(rules);
  return events.flatMap((event) => engine.take(event).findings);
}

/** Of the correlation, and not of rules that nothing refers to. */
function correlated(text: string, events: readonly FlatEvent[]): readonly Finding[] {
  return findings(text, events).filter(({ rule_id: id }) => id.endsWith('bb'));
}

const MINUTE = 60_000;
const steps = fc.array(
  fc.record({
    tool: fc.constantFrom('a', 'b', 'c', 'd'),
    by: fc.constantFrom(0, 1, 1_000, 30_000, MINUTE - 1, MINUTE, MINUTE + 1),
    agent: fc.constantFrom('x', 'y'),
    amount: fc.integer({ min: 0, max: 100 }),
  }),
  { maxLength: 30 },
);

/** What each type means, over all events of a group in the last minute up to the last of them. */
const TYPES: readonly (readonly [
  type: string,
  lines: string,
  holds: (window: readonly Step[]) => boolean,
  only: string,
])[] = [
  [
    'event_count',
    'type: event_count\nrules: [a, b]\ngroup-by: [agent_id]\ntimespan: 1m\ncondition: { gte: 3 }',
    (window) => window.filter(({ tool }) => 'ab'.includes(tool)).length >= 3,
    'ab',
  ],
  [
    'event_count in a range',
    'type: event_count\nrules: [a]\ngroup-by: [agent_id]\ntimespan: 1m\ncondition: { gt: 1, lte: 2 }',
    (window) => window.filter(({ tool }) => tool === 'a').length === 2,
    'a',
  ],
  [
    'value_count',
    'type: value_count\nrules: [a, b, c]\ngroup-by: [agent_id]\ntimespan: 1m\ncondition: { field: tool, gte: 2 }',
    (window) => new Set(window.filter(({ tool }) => tool !== 'd').map(({ tool }) => tool)).size >= 2,
    'abc',
  ],
  [
    'value_sum',
    'type: value_sum\nrules: [a]\ngroup-by: [agent_id]\ntimespan: 1m\ncondition: { field: amount_minor, gt: 100 }',
    (window) => window.filter(({ tool }) => tool === 'a').reduce((sum, { amount }) => sum + amount, 0) > 100,
    'a',
  ],
  [
    'value_avg',
    'type: value_avg\nrules: [a]\ngroup-by: [agent_id]\ntimespan: 1m\ncondition: { field: amount_minor, lt: 40 }',
    (window) => {
      const of = window.filter(({ tool }) => tool === 'a');
      return of.reduce((sum, { amount }) => sum + amount, 0) / of.length < 40;
    },
    'a',
  ],
  [
    'value_percentile',
    'type: value_percentile\nrules: [a]\ngroup-by: [agent_id]\ntimespan: 1m\ncondition: { field: amount_minor, percentile: 90, gte: 80 }',
    (window) => {
      const of = window
        .filter(({ tool }) => tool === 'a')
        .map(({ amount }) => amount)
        .sort((a, b) => a - b);
      return (of[Math.ceil(0.9 * of.length) - 1] ?? 0) >= 80;
    },
    'a',
  ],
  [
    'temporal',
    'type: temporal\nrules: [a, b, c]\ngroup-by: [agent_id]\ntimespan: 1m',
    (window) => ['a', 'b', 'c'].every((name) => window.some(({ tool }) => tool === name)),
    'abc',
  ],
  [
    'temporal_ordered',
    'type: temporal_ordered\nrules: [a, b, c]\ngroup-by: [agent_id]\ntimespan: 1m',
    (window) => {
      const tools = window.map(({ tool }) => tool).join('');
      return /a.*b.*c$/.test(tools);
    },
    'c',
  ],
];

describe('correlations', () => {
  it.each(TYPES.map(([type, lines, holds, only]) => ({ type, lines, holds, only })))(
    '$type slides, and means what it says',
    ({ lines, holds, only }) => {
      fc.assert(
        fc.property(steps, (given) => {
          const events = eventsOf(given);
          const wanted = given.flatMap((step, i) => {
            const now = Date.parse(String(events[i]?.ts));
            const window = given.filter(
              (other, j) => j <= i && other.agent === step.agent && Date.parse(String(events[j]?.ts)) > now - MINUTE,
            );
            return only.includes(step.tool) && holds(window) ? [`e${i}`] : [];
          });
          expect(correlated(correlation(lines), events).map(({ window }) => window.to)).toEqual(
            wanted.map((id) => events[Number(id.slice(1))]?.ts),
          );
        }),
        { numRuns: 100 },
      );
    },
  );

  it('does not fire for a rule that it refers to, unless it says generate', () => {
    const lines = 'type: event_count\nrules: [a]\ngroup-by: [agent_id]\ntimespan: 1m\ncondition: { gte: 9 }';
    const event = eventsOf([{ tool: 'a', by: 0, agent: 'x', amount: 1 }]);
    const refs = (text: string) => findings(text, event).map(({ ref }) => ref);
    expect(refs(correlation(lines))).toEqual([]);
    expect(refs(correlation(`${lines}\ngenerate: true`))).toEqual(['a']);
  });

  it('counts correlations, and compares by aliases', () => {
    const chained = `${correlation('type: event_count\nrules: [a]\ngroup-by: [agent_id]\ntimespan: 1m\ncondition: { gte: 2 }').replace('title: c\nid', 'title: c\nname: many\nid')}---
title: d
correlation:
  type: temporal_ordered
  rules: [many, b]
  group-by: [agent_id]
  timespan: 5m
hivekey: { suppression: none }
`;
    const step = (tool: string, agent = 'x') => ({ tool, by: 1_000, agent, amount: 0 });
    expect(
      findings(chained, eventsOf([step('a'), step('b'), step('a'), step('b', 'y'), step('b')])).map(
        ({ evidence }) => evidence,
      ),
    ).toEqual([['e0', 'e2', 'e4']]);
    const aliased = correlation(
      'type: temporal\nrules: [a, b]\ngroup-by: [who]\ntimespan: 1m\naliases:\n  who: { a: owner, b: approver }',
    );
    const [first, second] = eventsOf([step('a'), step('b')]);
    expect(
      findings(aliased, [
        { ...first, owner: 'm' },
        { ...second, approver: 'm' },
      ]).map(({ key }) => key),
    ).toEqual(['m']);
    expect(
      findings(aliased, [
        { ...first, owner: 'm' },
        { ...second, approver: 'n' },
      ]),
    ).toEqual([]);
  });

  it('leaves out what a filter does not let through, and has another digest with it', () => {
    const text = correlation(
      'type: event_count\nrules: [a]\ngroup-by: [agent_id]\ntimespan: 1m\ncondition: { gte: 1 }',
    );
    const filter =
      'title: f\nlogsource: { product: hivekey }\nfilter:\n  rules: [a]\n  s: { agent_id: x }\n  condition: not s\n';
    const files = [
      { name: 'c', text },
      { name: 'f', text: filter },
    ];
    const { rules, problems } = loadRules(files);
    expect(problems).toEqual([]);
    const engine = createEngine(rules);
    const events = eventsOf([
      { tool: 'a', by: 0, agent: 'x', amount: 1 },
      { tool: 'a', by: 0, agent: 'y', amount: 1 },
    ]);
    expect(
      events.flatMap((event) => engine.take(event).findings.map(({ rule_id, key }) => `${rule_id.slice(-2)} ${key}`)),
    ).toEqual(['bb y']);
    const of = (loaded: typeof rules) => loaded.find(({ document }) => document.id.endsWith('bb'));
    const before = of(loadRules([{ name: 'c', text }]).rules);
    expect(of(rules)?.digest).not.toBe(before?.digest);
    expect(of(rules)?.fileDigest).toBe(before?.fileDigest);
  });
});

/** Text, and `code line:column` of each problem. */
const REFUSED: readonly (readonly [name: string, text: string, problems: readonly string[]])[] = [
  ['an unknown field of the event', rule('s: { toool: x }\ncondition: s'), ['unknown_event_field 4:1']],
  ['an unknown field of the rule', rule('s: { tool: x }\ncondition: s', 'severity: high\n'), ['unknown_field 8:1']],
  ['an unknown modifier', rule('s: { tool|like: x }\ncondition: s'), ['modifier 5:8']],
  ['modifiers that do not go together', rule('s: { tool|re|contains: x }\ncondition: s'), ['value 5:8']],
  ['a pattern that is none', rule("s: { tool|re: '(' }\ncondition: s"), ['value 5:8']],
  ['a pattern that takes backtracking', rule("s: { tool|re: '(a)\\1' }\ncondition: s"), ['value 5:8']],
  ['a network that is none', rule('s: { src_ip|cidr: 10.0.0.0/33 }\ncondition: s'), ['value 5:8']],
  ['a placeholder without a parameter', rule("s: { tool|expand: '%names%' }\ncondition: s"), ['value 5:8']],
  ['a condition that names nothing', rule('s: { tool: x }\ncondition: s and t'), ['condition 6:3']],
  ['a condition that is not closed', rule('s: { tool: x }\ncondition: (s'), ['condition 6:3']],
  ['no condition', rule('s: { tool: x }'), ['condition 4:1']],
  [
    'another product',
    rule('s: { tool: x }\ncondition: s').replace('product: hivekey', 'product: windows'),
    ['logsource 3:14'],
  ],
  [
    'a version that is not whole',
    rule('s: { tool: x }\ncondition: s').replace('suppression: none', 'suppression: none, version: 1.5'),
    ['number 7:31'],
  ],
  ['two forms', rule('s: { tool: x }\ncondition: s', 'native: splitting\n'), ['form 8:1']],
  ['a native rule that is none', 'title: t\nnative: magic\n', ['native 2:1']],
  ['a native rule without its parameters', 'title: t\nnative: splitting\n', ['parameter 1:1']],
  [
    'a correlation of nothing',
    correlation('type: event_count\nrules: [z]\ntimespan: 1m\ncondition: { gte: 1 }'),
    ['reference 20:11'],
  ],
  [
    'a count that must stay low',
    correlation('type: event_count\nrules: [a]\ntimespan: 1m\ncondition: { lt: 5 }'),
    ['condition 22:3'],
  ],
  [
    'a time that is none',
    correlation('type: event_count\nrules: [a]\ntimespan: 1 minute\ncondition: { gte: 1 }'),
    ['timespan 21:3'],
  ],
  [
    'a group that no record has',
    correlation('type: event_count\nrules: [a]\ngroup-by: [User]\ntimespan: 1m\ncondition: { gte: 1 }'),
    ['unknown_event_field 18:1'],
  ],
  [
    'no field of values',
    correlation('type: value_sum\nrules: [a]\ntimespan: 1m\ncondition: { gte: 1 }'),
    ['field 22:3'],
  ],
  ['a key that is written twice', 'title: t\ntitle: u\n', ['syntax 2:1']],
  ['an alias of YAML', 'title: &a t\nname: *a\n', ['tag 1:1', 'alias 2:1', 'text 2:1', 'form 1:1']],
  ['what is no map', '- a\n', ['type 1:1']],
];

describe('loading', () => {
  it.each(REFUSED)('refuses %s, and says where', (_, text, wanted) => {
    const { rules, problems } = loadRules([{ name: 'r.yaml', text }]);
    expect(problems.map(({ code, line, column }) => `${code} ${line}:${column}`)).toEqual(wanted);
    expect(rules).toEqual([]);
    for (const { file, message, remedy } of problems) {
      expect(file).toBe('r.yaml');
      expect(message).not.toBe('');
      expect(remedy).not.toBe('');
    }
  });

  it('refuses a correlation that goes in a circle', () => {
    const one = (name: string, of: string) =>
      `title: ${name}\nname: ${name}\ncorrelation: { type: event_count, rules: [${of}], timespan: 1m, condition: { gte: 1 } }\n`;
    const { rules, problems } = loadRules([
      { name: 'r', text: `${one('p', 'q')}---\n${one('q', 'p')}` },
      { name: 's', text: one('s', 's') },
    ]);
    expect(rules).toEqual([]);
    expect(problems.some(({ code }) => code === 'circle') || problems.length === 0).toBe(true);
  });

  it('puts parameters in their place, and refuses those that do not fit', () => {
    const text = `${rule('s: { amount_minor|gte: 10, tool|expand: "%names%" }\ncondition: s').replace('hivekey: { suppression: none }', '')}hivekey:
  suppression: none
  parameters:
    least: { description: x, default: 10, min: 1, max: 20, sets: detection.s.amount_minor|gte }
    names: { description: x, default: [a, 'b*'] }
`;
    const id = '0f1c2a10-6b1e-4d1a-9a01-0000000000aa';
    const of = (parameters: Parameters<typeof loadRules>[1]) => loadRules([{ name: 'r', text }], parameters);
    const hit = (loaded: ReturnType<typeof loadRules>, event: FlatEvent) =>
      createEngine(loaded.rules).take({ kind: 'tool.call', event_id: 'e', ts: '2026-06-16T14:00:00.000Z', ...event })
        .findings.length;
    expect(of({}).problems).toEqual([]);
    expect(hit(of({}), { amount_minor: 10, tool: 'bcd' })).toBe(1);
    expect(hit(of({}), { amount_minor: 9, tool: 'bcd' })).toBe(0);
    const changed = of({ parameters: { [id]: { least: 5, names: ['z'] } } });
    expect(changed.rules[0]?.parameters).toEqual({ least: 5, names: ['z'] });
    expect(hit(changed, { amount_minor: 5, tool: 'z' })).toBe(1);
    expect(hit(changed, { amount_minor: 50, tool: 'a' })).toBe(0);
    expect(changed.rules[0]?.digest).not.toBe(of({}).rules[0]?.digest);
    for (const [parameters, code] of [
      [{ least: 21 }, 'parameter_range'],
      [{ least: 'many' }, 'parameter_type'],
      [{ most: 1 }, 'unknown_parameter'],
    ] as const) {
      const { rules, problems } = of({ parameters: { [id]: parameters } });
      expect(problems.map((problem) => problem.code)).toEqual([code]);
      expect(rules).toEqual([]);
    }
  });

  it('never throws, whatever the text', () => {
    const pieces = fc.constantFrom(
      'title: t',
      'detection:',
      '  s: {tool: x}',
      '  condition: s',
      'correlation:',
      '  rules: [',
      'native: splitting',
      '---',
      'hivekey: {',
      '- ',
      ': ',
      '\t',
      '%name%',
      '|',
      '"',
      '&a',
      '*a',
      'logsource: {}',
      '  type: event_count',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string({ maxLength: 6 })), { maxLength: 14 }), (lines) => {
        const { rules, problems } = loadRules([{ name: 'r', text: lines.join('\n') }]);
        for (const { start } of rules) start({});
        for (const { line, column } of problems) expect(line > 0 && column > 0).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});
