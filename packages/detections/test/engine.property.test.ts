/** The engine against the naive meaning of each rule, and what must not change what it finds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createEngine,
  type Finding,
  type FlatEvent,
  loadRules,
  type Outside,
  type ParameterValue,
  type Rule,
  shippedRules,
} from '../src/index.ts';
import { decideAgain, NAIVE, type NaiveMatch, type Seen } from './naive.ts';

const RUNS = 60;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Smaller numbers than the defaults, so that short streams reach every clause. */
const SMALL: Readonly<Record<string, Readonly<Record<string, ParameterValue>>>> = {
  D01: { denials: 3 },
  D02: { tools: 2 },
  D05: { day_cap_minor: 4_000, learned_hours: 2, floor_minor: 500, z: 1 },
  D06: { grants: 2, weekly_decisions: 5, high_amount_minor: 900 },
  D07: { threshold_minor: 1_000, payments: 2 },
  D11: { denials: 2 },
  D14: { limit_bytes: 1_500, learned_periods: 2, z: 1, first_destination_bytes: 900 },
  D15: { calls: 2, sensitive_sources: ['crm.*'] },
  D18: { calls: 2, silence_seconds: 3_600, factor: 2 },
};

const FIRST = loadRules(shippedRules()).rules;
const RULES: readonly Rule[] = loadRules(shippedRules(), {
  parameters: Object.fromEntries(
    FIRST.flatMap(({ document: { id, ref } }) => (SMALL[ref] === undefined ? [] : [[id, SMALL[ref]]])),
  ),
}).rules;
const OUTSIDE: Outside = { decideAgain };

const maybe = <T>(values: readonly [T, ...T[]]) => fc.constantFrom<T | undefined>(...values, values[0], undefined);
const agent = fc.constantFrom('agt_1', 'agt_2');
const people = ['dana@acme.example', 'lena@acme.example'] as const;
const person = fc.constantFrom(...people);
const approval = fc.constantFrom('apr_1', 'apr_2');
const digest = fc.constantFrom('hmac-sha256:aa', 'hmac-sha256:bb');

const call = fc.record({
  kind: fc.constant('tool.call'),
  agent_id: agent,
  owner: person,
  verdict: fc.constantFrom('allow', 'allow', 'allow', 'deny', 'deny', 'review'),
  reason_class: fc.constantFrom('scope', 'guard'),
  tool: fc.constantFrom('crm_a', 'crm_bb', 'canary_x'),
  action: fc.constantFrom('crm.a', 'pay.b'),
  namespace: fc.constantFrom('crm', 'pay'),
  role: fc.constant('r'),
  access: fc.constantFrom('read', 'write'),
  destructive: fc.boolean(),
  external: maybe([true, false]),
  dest: maybe(['a.example', 'b.example']),
  payee: maybe(['v1', 'v2']),
  amount_minor: maybe([1_000, 800, 799, 1_001, 100]),
  approval_threshold: maybe([1_000, 900]),
  approval_id: maybe(['apr_1', 'apr_2']),
  args_digest: digest,
  run_id: maybe(['run_1', 'run_2']),
  session_id: fc.constant('ses_1'),
  provenance: fc.constantFrom('trusted', 'untrusted'),
  tool_digest: maybe(['sha256:1', 'sha256:2']),
  token_id: fc.constantFrom('tok_1', 'tok_2'),
  src_ip: maybe(['10.0.0.1', '10.0.1.1', '10.0.0.7']),
  local_hour: maybe([3, 6, 7, 19, 20]),
  local_dow: fc.integer({ min: 1, max: 7 }),
  mode: maybe(['enforce', 'shadow']),
});

const other = fc.oneof(
  fc.record({
    kind: fc.constant('tool.result'),
    agent_id: agent,
    bytes_out: maybe([1_000, 400, 901]),
    call_event_id: fc.constant('previous'),
  }),
  fc.record({
    kind: fc.constantFrom('agent.revoked', 'agent.restored', 'agent.created', 'agent.woke', 'agent.expired'),
    agent_id: agent,
    rehearsal: maybe(['reh_1']),
  }),
  fc.record({
    kind: fc.constant('approval.decided'),
    person,
    owner: person,
    approval_id: approval,
    decision: fc.constantFrom('approve', 'approve', 'deny'),
    dwell_ms: maybe([1_000, 1_999, 2_000, 9_000]),
  }),
  fc.record({
    kind: fc.constant('approval.granted'),
    approval_id: approval,
    approver: person,
    approvers: fc.subarray([...people]),
    owner: person,
    requester: maybe(['agt_1', people[0]]),
    binds: maybe(['hmac-sha256:aa', 'hmac-sha256:bb']),
  }),
  fc.record({
    kind: fc.constantFrom('approval.requested', 'approval.expired', 'approval.cancelled'),
    approval_id: approval,
    agent_id: agent,
    expires_at: maybe(['2026-06-16T16:00:00.000Z', '2026-06-20T14:00:00.000Z']),
  }),
  fc.record({
    kind: fc.constantFrom('policy.changed', 'role.changed'),
    actor: fc.constantFrom('person:dana@acme.example', 'agent:ops'),
    role: fc.constant('r'),
    granted: fc.subarray(['crm.a', 'pay.b']),
    author: maybe(people),
    reviewer: maybe(people),
    loosens: fc.boolean(),
    prev_policy: fc.constantFrom('sha256:p', 'sha256:pp'),
    basis: maybe(['change', 'discovery']),
    review_required: maybe([true, false]),
    window: maybe(['open', 'frozen']),
    change: maybe(['updated', 'candidate_tried']),
  }),
  fc.record({
    kind: fc.constant('person.changed'),
    person,
    change: fc.constantFrom('created', 'changed'),
    actor_type: fc.constant('person'),
    actor_name: person,
  }),
  fc.record({
    kind: fc.constant('tool.changed'),
    change: fc.constantFrom('approved', 'changed'),
    pin: fc.constantFrom('sha256:1', 'sha256:2'),
  }),
  fc.record({
    kind: fc.constantFrom('sink.paused', 'sink.resumed', 'sink.changed'),
    sink_id: fc.constantFrom('snk_1', 'snk_2'),
    change: maybe(['changed', 'created', 'deleted']),
    actor: fc.constant('person:dana@acme.example'),
  }),
  fc.record({
    kind: fc.constantFrom('token.minted', 'log.exported'),
    actor_type: fc.constantFrom('key', 'person'),
    actor_name: fc.constantFrom('ci', 'ops'),
    src_ip: maybe(['10.0.0.1', '10.0.1.1']),
  }),
  fc.record({
    kind: fc.constantFrom('evaluator.error', 'break_glass.used', 'channel.changed', 'webhook.changed'),
    change: maybe(['removed', 'disabled', 'set']),
  }),
);

/** Also what lies exactly on the edges of windows, and clocks that step back within the tolerance and beyond. */
const step = fc.constantFrom(
  ...Array<number>(12).fill(1_000),
  0,
  1,
  1_000,
  60_000,
  119_999,
  299_999,
  300_000,
  600_000,
  HOUR - 1,
  HOUR,
  7 * HOUR,
  DAY,
  8 * DAY,
  -1,
  -3_000,
  -5_000,
  -5_001,
  -90_000,
);

const item = fc.record({
  what: fc.oneof(
    { weight: 4, arbitrary: call },
    { weight: 4, arbitrary: other },
    { weight: 1, arbitrary: fc.constant({ kind: 'stream.checkpoint' }) },
  ),
  step,
  /** Of the log itself. */
  flaw: fc.constantFrom(...Array<'none'>(12).fill('none'), 'gap', 'link', 'fork', 'reuse'),
  shard: fc.constantFrom('shd_1', 'shd_2'),
});

type Item = typeof item extends fc.Arbitrary<infer T> ? T : never;

/** Numbers, hashes and links as a log has them, but for the flaws. */
function eventsOf(items: readonly Item[]): readonly FlatEvent[] {
  let now = Date.parse('2026-06-16T14:00:00.000Z');
  let seq = 0;
  const heads = new Map<string, { seq: number; hash: string }>();
  let lastCall = '';
  return items.map(({ what, step: by, flaw, shard }, i) => {
    now += by;
    const ts = new Date(now).toISOString();
    const id = `evt_${String(i).padStart(4, '0')}`;
    if (what.kind === 'stream.checkpoint')
      return {
        kind: what.kind,
        event_id: `ckp_${i}`,
        ts,
        tree_size: seq - (seq % 4),
        root_hash: flaw === 'fork' ? `other ${i}` : `root ${seq - (seq % 4)}`,
      };
    if (flaw === 'gap') seq += 2;
    if (flaw !== 'reuse' || seq === 0) seq += 1;
    const head = heads.get(shard) ?? { seq: 0, hash: 'zero' };
    const hash = `link ${i}`;
    heads.set(shard, { seq: head.seq + (flaw === 'gap' ? 2 : 1), hash });
    const fields = Object.fromEntries(Object.entries(what).filter(([, value]) => value !== undefined));
    if (what.kind === 'tool.result') fields.call_event_id = lastCall;
    if (what.kind === 'tool.call') lastCall = id;
    return {
      ...fields,
      ...{ event_id: id, ts, seq, shard, shard_seq: head.seq + (flaw === 'gap' ? 2 : 1) },
      ...{ entry_hash: `entry ${i}`, hash, prev_hash: flaw === 'link' ? 'another' : head.hash },
    };
  });
}

const stream = fc.array(item, { minLength: 30, maxLength: 80, size: 'max' }).map(eventsOf);

function run(events: readonly FlatEvent[], rules: readonly Rule[] = RULES): readonly Finding[] {
  const engine = createEngine(rules, undefined, OUTSIDE);
  return events.flatMap((event) => {
    const { findings, errors } = engine.take(event);
    expect(errors).toEqual([]);
    return findings;
  });
}

/** Within the tolerance a time that steps back is the newest so far. */
function seenOf(events: readonly FlatEvent[]): readonly Seen[] {
  let clock = 0;
  return events.map((event) => {
    const time = Date.parse(String(event.ts));
    const isLate = time < clock - 5_000;
    clock = Math.max(clock, time);
    return { event, at: isLate ? time : clock };
  });
}

const SUPPRESSION: Readonly<Record<string, number>> = { 'D06 always': 7 * DAY, 'D11 allowed': 0 };

/** `clause|key|count|event` of each finding that is told. */
function naively({ document, parameters }: Rule, seen: readonly Seen[]): readonly string[] {
  const told: (NaiveMatch & { readonly at: number })[] = [];
  return seen.flatMap(({ at }, i) => {
    const now =
      document.ref === 'D18' || document.ref === 'D18b' ? Math.max(...seen.slice(0, i + 1).map((each) => each.at)) : at;
    const matches = NAIVE[document.ref]?.(seen.slice(0, i + 1), parameters) ?? [];
    return matches.flatMap((match) => {
      const length = SUPPRESSION[`${document.ref} ${match.clause}`] ?? document.suppressionSeconds * 1_000;
      if (
        length > 0 &&
        told.some((other) => other.clause === match.clause && other.key === match.key && now < other.at + length)
      )
        return [];
      told.push({ ...match, at: now });
      return [`${match.clause}|${match.key}|${match.count}|${new Date(now).toISOString()}`];
    });
  });
}

const brief = ({ clause, key, count, window }: Finding) => `${clause ?? ''}|${key}|${count}|${window.to}`;

describe('the engine', () => {
  it('has a naive meaning for each rule', () => {
    expect(RULES.map(({ document }) => document.ref).filter((ref) => NAIVE[ref] === undefined)).toEqual([]);
  });

  it('finds what each rule means, on any stream', () => {
    const reached = new Set<string>();
    fc.assert(
      fc.property(stream, (events) => {
        const seen = seenOf(events);
        const findings = run(events);
        for (const rule of RULES) {
          const { ref } = rule.document;
          const mine = findings.filter((finding) => finding.ref === ref);
          for (const { clause } of mine) reached.add(`${ref} ${clause ?? ''}`.trim());
          // Several silences may be told at one checkpoint, in whatever order.
          expect(mine.map(brief).sort(), ref).toEqual([...naively(rule, seen)].sort());
        }
      }),
      { numRuns: RUNS },
    );
    // The streams are not so tame that nothing would be compared.
    expect(
      [...RULES.map(({ document }) => document.ref)].filter(
        (ref) => ![...reached].some((each) => each.split(' ')[0] === ref),
      ),
    ).toEqual([]);
  });

  it('finds the same when it is stopped and started again at any point', () => {
    fc.assert(
      fc.property(stream, fc.nat(), (events, where) => {
        const at = where % (events.length + 1);
        const first = createEngine(RULES, undefined, OUTSIDE);
        const before = events.slice(0, at).flatMap((event) => first.take(event).findings);
        const state = JSON.parse(JSON.stringify(first.state()));
        const second = createEngine(RULES, state, OUTSIDE);
        const after = events.slice(at).flatMap((event) => second.take(event).findings);
        expect([...before, ...after]).toEqual(run(events));
      }),
      { numRuns: RUNS },
    );
  });

  it('finds the same when events come again, in whatever order', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 10 }), (events, again) => {
        const twice = [...events];
        for (const [which, later] of again) {
          const event = events[which % events.length];
          const first = twice.findIndex((each) => Object.is(each, event));
          if (event !== undefined) twice.splice(first + 1 + (later % (twice.length - first)), 0, event);
        }
        expect(run(twice)).toEqual(run(events));
      }),
      { numRuns: RUNS },
    );
  });

  it('keeps no more than it may, however many keys there are', () => {
    const rules = FIRST.filter(({ document }) => ['D01', 'D03', 'D15'].includes(document.ref));
    const engine = createEngine(rules);
    const agents = 52_000;
    for (let i = 0; i < agents; i += 1)
      engine.take({
        kind: 'tool.call',
        event_id: `evt_${i}`,
        ts: '2026-06-16T14:00:00.000Z',
        agent_id: `agt_${i}`,
        run_id: `run_${i}`,
        tool: 'x',
        access: 'read',
        verdict: i % 2 === 0 ? 'deny' : 'allow',
      });
    const { rules: stats } = engine.stats();
    expect(stats.D15).toEqual({ keys: 26_000, evicted: 0 });
    expect(stats.D01).toEqual({ keys: 26_000, evicted: 0 });
    expect(stats.D03?.keys).toBeLessThanOrEqual(150_000);
    const many = createEngine(rules.filter(({ document }) => document.ref === 'D15'));
    for (let i = 0; i < agents; i += 1)
      many.take({
        kind: 'tool.call',
        event_id: `evt_${i}`,
        ts: '2026-06-16T14:00:00.000Z',
        agent_id: `agt_${i}`,
        run_id: `run_${i}`,
        tool: 'x',
        access: 'read',
        verdict: 'allow',
      });
    expect(many.stats().rules.D15).toEqual({ keys: 50_000, evicted: 2_000 });
  });

  it('drops what was seen long ago by its number, and is not blinded by a number that jumps', () => {
    const canary = FIRST.filter(({ document }) => document.ref === 'D13');
    const engine = createEngine(canary);
    const touch = (seq: number) => ({
      kind: 'tool.call',
      tool: 'canary_x',
      event_id: `evt_${seq}`,
      ts: '2026-06-16T14:00:00.000Z',
      seq,
      entry_hash: `entry ${seq}`,
    });
    const told = (seq: number) => engine.take(touch(seq)).findings.length;
    for (let seq = 1; seq <= 5_000; seq += 1) expect(told(seq)).toBe(1);
    expect([told(1), told(4_999)]).toEqual([0, 0]);
    expect([told(9_000_000), told(5_001), told(5_002)]).toEqual([1, 1, 1]);
  });

  it('goes on with the other rules when one throws, and says which', () => {
    const [rule, other] = FIRST;
    if (rule === undefined || other === undefined) throw new Error('there are no rules');
    const broken: Rule = {
      ...rule,
      start: () => ({
        ...{ kinds: undefined, keys: 0, evicted: 0, save: () => null, load: () => {} },
        take: () => {
          throw new Error('no such thing');
        },
      }),
    };
    const engine = createEngine([broken, other]);
    const event = { kind: 'tool.call', event_id: 'evt_1', ts: '2026-06-16T14:00:00.000Z' };
    expect(engine.take(event).errors).toEqual([
      { rule_id: rule.document.id, ref: 'D01', digest: rule.digest, event_id: 'evt_1', message: 'no such thing' },
    ]);
    // A record of an error must not give another.
    expect(engine.take({ ...event, kind: 'evaluator.error', event_id: 'evt_2' }).errors).toEqual([]);
    expect(Object.keys(engine.state().rules)).toHaveLength(2);
  });
});
