import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, test } from 'vitest';
import {
  Calendar,
  checkFreeze,
  compilePolicy,
  type Freeze,
  type FreezeDocument,
  freezeFromDocument,
  type PolicySet,
  policyHash,
} from '../src/index.ts';

const HOUR = 3_600_000;
const ms = (text: string) => Date.parse(text);
const BASE = {
  apiVersion: 'policy.hivekey.ai/v1',
  kind: 'Freeze',
  metadata: { name: 'year-end' },
  time_zone: 'Europe/Berlin',
  starts: '2026-12-18T18:00',
  ends: '2027-01-04T08:00',
  scope: { classes: ['destructive'] },
} as const;

function freeze(change: object = {}, overrides: Freeze['overrides'] = []): Freeze {
  const read = freezeFromDocument({ ...BASE, ...change }, overrides);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.value;
}

describe('a calendar', () => {
  test.each<[string, Partial<FreezeDocument>, string, boolean]>([
    ['one-off, the moment before', {}, '2026-12-18T16:59:59.999Z', false],
    ['one-off, as it begins', {}, '2026-12-18T17:00:00Z', true],
    ['one-off, the last moment', {}, '2027-01-04T06:59:59.999Z', true],
    ['one-off, as it ends', {}, '2027-01-04T07:00:00Z', false],
    [
      'begins in the hour that is skipped: at the earlier reading',
      { starts: '2026-03-29T02:30', ends: '2026-03-29T12:00' },
      '2026-03-29T00:30:00Z',
      true,
    ],
    [
      'ends in the hour that is skipped: at the later reading',
      { starts: '2026-03-29T00:00', ends: '2026-03-29T02:30' },
      '2026-03-29T01:29:59Z',
      true,
    ],
    [
      'begins in the hour that comes twice: at the first',
      { starts: '2026-10-25T02:30', ends: '2026-10-25T12:00' },
      '2026-10-25T00:30:00Z',
      true,
    ],
    [
      'ends in the hour that comes twice: at the second',
      { starts: '2026-10-25T00:00', ends: '2026-10-25T02:30' },
      '2026-10-25T01:29:59Z',
      true,
    ],
    ['… and not after it', { starts: '2026-10-25T00:00', ends: '2026-10-25T02:30' }, '2026-10-25T01:30:00Z', false],
    [
      'weekends, in winter time',
      { starts: '2026-01-02T18:00', ends: '2026-01-05T08:00', repeats: 'FREQ=WEEKLY;BYDAY=FR' },
      '2026-02-06T17:00:00Z',
      true,
    ],
    [
      'weekends, in summer time',
      { starts: '2026-01-02T18:00', ends: '2026-01-05T08:00', repeats: 'FREQ=WEEKLY;BYDAY=FR' },
      '2026-07-03T16:00:00Z',
      true,
    ],
    [
      'weekends, on a Wednesday',
      { starts: '2026-01-02T18:00', ends: '2026-01-05T08:00', repeats: 'FREQ=WEEKLY;BYDAY=FR' },
      '2026-07-01T16:00:00Z',
      false,
    ],
    [
      'a repeated start in the skipped hour is not left out',
      { starts: '2026-03-01T02:30', ends: '2026-03-01T04:00', repeats: 'FREQ=DAILY' },
      '2026-03-29T01:10:00Z',
      true,
    ],
    [
      'the last Friday of a month',
      { starts: '2026-01-30T00:00', ends: '2026-01-31T00:00', repeats: 'FREQ=MONTHLY;BYDAY=-1FR' },
      '2026-02-27T12:00:00Z',
      true,
    ],
    [
      'after COUNT',
      { starts: '2026-01-01T00:00', ends: '2026-01-01T12:00', repeats: 'FREQ=DAILY;COUNT=3' },
      '2026-01-04T05:00:00Z',
      false,
    ],
    [
      'UNTIL in UTC includes a start at it',
      { starts: '2026-01-01T00:00', ends: '2026-01-01T12:00', repeats: 'FREQ=DAILY;UNTIL=20260103T230000Z' },
      '2026-01-04T05:00:00Z',
      true,
    ],
    [
      'UNTIL a day, to its end',
      { starts: '2026-01-01T09:00', ends: '2026-01-01T12:00', repeats: 'FREQ=DAILY;UNTIL=20260103' },
      '2026-01-03T09:00:00Z',
      true,
    ],
    [
      'a zone without a change of clocks',
      { time_zone: 'Asia/Tokyo', starts: '2026-03-29T00:00', ends: '2026-03-29T01:00' },
      '2026-03-28T15:30:00Z',
      true,
    ],
    [
      'a zone that skips a whole day',
      { time_zone: 'Pacific/Apia', starts: '2011-12-30T12:00', ends: '2011-12-31T01:00' },
      '2011-12-30T10:30:00Z',
      true,
    ],
  ])('%s', (_, change, at, inForce) => {
    expect(new Calendar(freeze(change)).at(ms(at)).inForce).toBe(inForce);
  });

  test('stretches follow each other without a gap, and touching occurrences are one', () => {
    const calendar = new Calendar(
      freeze({ starts: '2026-01-01T00:00', ends: '2026-01-02T00:00', repeats: 'FREQ=DAILY;COUNT=5' }),
    );
    expect(calendar.at(ms('2026-01-03T12:00:00Z'))).toMatchObject({
      inForce: true,
      untilMs: ms('2026-01-05T23:00:00Z'),
    });
    const weekly = new Calendar(
      freeze({ starts: '2026-01-02T18:00', ends: '2026-01-05T08:00', repeats: 'FREQ=WEEKLY' }),
    );
    let at = ms('2026-03-01T00:00:00Z');
    let before: boolean | undefined;
    for (let i = 0; i < 20; i += 1) {
      const { inForce, fromMs, untilMs } = weekly.at(at);
      expect([fromMs <= at, untilMs > at, inForce !== before]).toEqual([true, true, true]);
      before = inForce;
      at = untilMs;
    }
  });

  test('agrees with one that tries every day, at any time in any zone', () => {
    const zones = [
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
      'America/St_Johns',
      'UTC',
    ];
    const property = fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: 0, max: 24 * 60 - 1 }),
      fc.integer({ min: 1, max: 40 * 60 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 400 * 24 * 3_600 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (timeZone, minute, lengthMinutes, interval, second, part) => {
        const first = Temporal.PlainDateTime.from('2026-01-01T00:00').add({ minutes: minute });
        const starts = first.toString({ smallestUnit: 'second' });
        const ends = first.add({ minutes: lengthMinutes }).toString({ smallestUnit: 'second' });
        const atMs = ms('2026-01-01T00:00:00Z') + second * 1_000;
        const { inForce, fromMs, untilMs } = new Calendar({
          timeZone,
          starts,
          ends,
          repeats: `FREQ=DAILY;INTERVAL=${interval}`,
        }).at(atMs);
        const isIn = (time: number) => {
          for (let day = 0; day <= 405; day += interval) {
            const from = first.add({ days: day });
            const begin = from.toZonedDateTime(timeZone, { disambiguation: 'earlier' }).epochMilliseconds;
            const end = from
              .add({ minutes: lengthMinutes })
              .toZonedDateTime(timeZone, { disambiguation: 'later' }).epochMilliseconds;
            if (begin <= time && time < end) return true;
          }
          return false;
        };
        expect(inForce).toBe(isIn(atMs));
        const earlier = Math.max(fromMs, atMs - 30 * 24 * HOUR);
        expect(isIn(Math.floor(earlier + part * (atMs - earlier)))).toBe(inForce);
        expect(fromMs <= atMs && atMs < untilMs).toBe(true);
        if (Number.isFinite(untilMs) && untilMs < ms('2027-01-20T00:00:00Z')) {
          expect(isIn(untilMs - 1)).toBe(inForce);
          expect(isIn(untilMs)).toBe(!inForce);
        }
      },
    );
    fc.assert(property, { numRuns: 150 });
  });
});

describe('a document', () => {
  test('is written back in one form', () => {
    const read = checkFreeze({
      ...BASE,
      starts: '2026-12-18 18:00',
      repeats: 'RRULE:FREQ=YEARLY',
      scope: { actions: ['deploy', 'crm.*', 'deploy'], environments: ['prod'] },
    });
    expect(read).toEqual({
      ok: true,
      value: {
        ...BASE,
        starts: '2026-12-18T18:00:00',
        ends: '2027-01-04T08:00:00',
        repeats: 'FREQ=YEARLY',
        scope: { actions: ['crm.*', 'deploy'], environments: ['prod'] },
      },
    });
    expect(freeze().sentence).toBe(
      'Denied from 2026-12-18 18:00 to 2027-01-04 08:00 (Europe/Berlin): destructive actions.',
    );
  });

  test.each<[string, object, string]>([
    ['an offset for a time zone', { time_zone: '+01:00' }, 'bad_time_zone'],
    ['a time zone that is not there', { time_zone: 'Mars/Olympus' }, 'bad_time_zone'],
    ['a day that is not there', { starts: '2026-02-30T00:00' }, 'bad_time'],
    ['a time in UTC', { starts: '2026-12-18T18:00:00Z' }, 'bad_time'],
    ['an end before the start', { ends: '2026-12-18T17:00' }, 'ends_first'],
    ['an end at the start', { ends: '2026-12-18T18:00' }, 'ends_first'],
    ['years on end', { ends: '2029-01-01T00:00' }, 'too_long'],
    ['a start outside its rule', { repeats: 'FREQ=WEEKLY;BYDAY=MO' }, 'starts_outside'],
    ['a rule that never comes', { repeats: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30' }, 'bad_rule'],
    ['a rule by the hour', { repeats: 'FREQ=HOURLY' }, 'bad_rule'],
    ['a rule with times of day', { repeats: 'FREQ=DAILY;BYHOUR=9,17' }, 'bad_rule'],
    ['a rule with a second DTSTART', { repeats: 'FREQ=DAILY\nDTSTART:20200101T000000Z' }, 'bad_rule'],
    ['a part given twice', { repeats: 'FREQ=DAILY;COUNT=2;COUNT=3' }, 'bad_rule'],
    ['no scope', { scope: {} }, 'empty'],
    ['only environments', { scope: { environments: ['prod'] } }, 'empty'],
    ['an empty list', { scope: { actions: [] } }, 'empty'],
    ['a class that is not there', { scope: { classes: ['dangerous'] } }, 'bad_class'],
    ['a field that is not there', { timezone: 'UTC' }, 'unknown_field'],
  ])('%s is refused', (_, change, code) => {
    const read = checkFreeze({ ...BASE, ...change });
    expect(read.ok ? [] : read.problems.map((problem) => problem.code)).toContain(code);
  });
});

const SET: PolicySet = {
  revision: 7,
  roles: [
    { name: 'ops', description: '', revision: 1, allow: ['crm.delete', 'crm.read', 'deploy', 'unlisted'], guards: [] },
    { name: 'lead', description: '', revision: 1, allow: [], guards: [] },
  ],
  workspaceGuards: [],
  capabilities: [
    { name: 'crm.delete', description: '', access: 'write', destructive: true, impact: {} },
    { name: 'crm.read', description: '', access: 'read', destructive: false, impact: {} },
    { name: 'deploy', description: '', access: 'write', destructive: false, impact: {} },
  ],
};

function decide(freezes: readonly Freeze[], capability: string, at: string | undefined, roles = ['ops']) {
  const request = { workspaceId: 'w', agentId: 'a', ownerId: 'o', roles, capability, arguments: {} };
  return compilePolicy({ ...SET, freezes }).evaluate(request, at === undefined ? {} : { atMs: ms(at) });
}

const DURING = '2026-12-20T12:00:00Z';
const BEFORE = '2026-12-01T12:00:00Z';

describe('a decision', () => {
  test('in a freeze is a denial that names it, its end and when to come back', () => {
    const evaluation = decide([freeze()], 'crm.delete', DURING);
    expect(evaluation).toMatchObject({
      verdict: 'deny',
      reasonClass: 'freeze',
      rule: 'freeze year-end',
      reason: 'freeze: year-end is in force until 2027-01-04 08:00 Europe/Berlin',
      retryAfterSeconds: (ms('2027-01-04T07:00:00Z') - ms(DURING)) / 1_000,
      read: { atMs: ms(DURING) },
      holds: { fromMs: ms('2026-12-18T17:00:00Z'), untilMs: ms('2027-01-04T07:00:00Z') },
    });
    expect(decide([freeze()], 'crm.delete', BEFORE)).toMatchObject({
      verdict: 'allow',
      trace: [],
      holds: { untilMs: ms('2026-12-18T17:00:00Z') },
    });
  });

  test('that no freeze concerns depends on no time', () => {
    const evaluation = decide([freeze()], 'crm.read', DURING);
    expect(evaluation.verdict).toBe('allow');
    expect(Object.keys(evaluation)).not.toContain('holds');
    expect(Object.keys(evaluation)).not.toContain('read');
  });

  test('without the time is made as in every freeze', () => {
    expect(decide([freeze()], 'crm.delete', undefined)).toMatchObject({ verdict: 'deny', reasonClass: 'freeze' });
  });

  test.each<[object, string, string[], 'allow' | 'deny']>([
    [{ classes: ['destructive'] }, 'crm.delete', ['ops'], 'deny'],
    [{ classes: ['destructive'] }, 'deploy', ['ops'], 'allow'],
    // nobody said what it is
    [{ classes: ['destructive'] }, 'unlisted', ['ops'], 'deny'],
    [{ classes: ['write'] }, 'deploy', ['ops'], 'deny'],
    [{ classes: ['write'] }, 'crm.read', ['ops'], 'allow'],
    [{ classes: ['read'] }, 'crm.read', ['ops'], 'deny'],
    [{ actions: ['crm.*'] }, 'crm.read', ['ops'], 'deny'],
    [{ actions: ['crm.*'] }, 'deploy', ['ops'], 'allow'],
    [{ actions: ['crm.*'], classes: ['destructive'] }, 'crm.read', ['ops'], 'allow'],
    [{ actions: ['*'] }, 'crm.read', ['ops'], 'deny'],
    [{ roles: ['lead'] }, 'deploy', ['ops'], 'allow'],
    // a role that is worn counts, whether or not it is the one that grants
    [{ roles: ['lead'] }, 'deploy', ['ops', 'lead'], 'deny'],
  ])('with the scope %j, %s by %j: %s', (scope, capability, roles, verdict) => {
    expect(decide([freeze({ scope })], capability, DURING, roles).verdict).toBe(verdict);
  });

  test('under an override is made without the freeze, which the trace still names, until the override ends', () => {
    const override = { id: 'ovr_1', fromMs: ms(DURING) - HOUR, untilMs: ms(DURING) + HOUR };
    const lifted = freeze({}, [override]);
    expect(decide([lifted], 'crm.delete', DURING)).toMatchObject({
      verdict: 'allow',
      trace: [
        { rule: 'freeze year-end', result: 'allow', detail: 'lifted until 2026-12-20 14:00 Europe/Berlin by ovr_1' },
      ],
      holds: { fromMs: override.fromMs, untilMs: override.untilMs },
    });
    const after = new Date(override.untilMs).toISOString();
    expect(decide([lifted], 'crm.delete', after)).toMatchObject({
      verdict: 'deny',
      holds: { fromMs: override.untilMs },
    });
    // it lifts its own freeze alone
    const other = freeze({ metadata: { name: 'audit' } });
    expect(decide([lifted, other], 'crm.delete', DURING)).toMatchObject({ verdict: 'deny', rule: 'freeze audit' });
  });

  test('holds for the whole of the time it says', () => {
    const weekly = freeze({
      starts: '2026-01-02T18:00',
      ends: '2026-01-05T08:00',
      repeats: 'FREQ=WEEKLY',
      scope: { actions: ['*'] },
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 365 * 86_400 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (second, part) => {
          const first = decide(
            [weekly, freeze()],
            'crm.delete',
            new Date(ms('2026-06-01T00:00:00Z') + second * 1_000).toISOString(),
          );
          const now = ms('2026-06-01T00:00:00Z') + second * 1_000;
          const from = Math.max(first.holds?.fromMs ?? now, now - 1e10);
          const until = Math.min(first.holds?.untilMs ?? now, now + 1e10);
          const at = Math.floor(from + part * (until - from - 1));
          const again = decide([weekly, freeze()], 'crm.delete', new Date(at).toISOString());
          expect([again.verdict, again.reason]).toEqual([first.verdict, first.reason]);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('the hash covers schedule, scope and overrides, and a policy without freezes keeps its hash', () => {
    const hash = (...freezes: Freeze[]) => policyHash({ ...SET, freezes });
    const override = { id: 'ovr_1', fromMs: 1, untilMs: 2 };
    const hashes = [
      policyHash(SET),
      hash(freeze()),
      hash(freeze({ ends: '2027-01-05T08:00' })),
      hash(freeze({ repeats: 'FREQ=YEARLY' })),
      hash(freeze({ scope: { classes: ['write'] } })),
      hash(freeze({}, [override])),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(hash()).toBe(policyHash(SET));
    expect(hash(freeze({ metadata: { name: 'other', description: 'words' } }))).toBe(hash(freeze()));
  });
});

describe('a freeze of changes', () => {
  const changes = (scope: object) => freeze({ scope });

  test('denies no action, and is not in the policy hash', () => {
    const only = changes({ changes: ['role', '*'] });
    expect(only.sentence).toBe('Denied from 2026-12-18 18:00 to 2027-01-04 08:00 (Europe/Berlin): changes of policy.');
    expect(only.scope.changes).toEqual(['*', 'role']);
    const set: PolicySet = {
      revision: 1,
      roles: [{ name: 'Billing', description: '', revision: 1, allow: ['payments.pay'], guards: [] }],
      workspaceGuards: [],
      capabilities: [{ name: 'payments.pay', description: '', access: 'write', destructive: true, impact: {} }],
    };
    const call = { workspaceId: 'w', agentId: 'a', ownerId: 'o', roles: ['Billing'], capability: 'payments.pay' };
    const atMs = ms('2026-12-24T12:00:00Z');
    const verdict = (freezes: readonly Freeze[]) =>
      compilePolicy({ ...set, freezes }).evaluate({ ...call, arguments: {} }, { atMs, risks: [] }).verdict;
    expect([verdict([only]), verdict([changes({ changes: ['*'], classes: ['destructive'] })])]).toEqual([
      'allow',
      'deny',
    ]);
    expect(policyHash({ ...set, freezes: [only] })).toBe(policyHash(set));
  });

  test('names what is under change control', () => {
    const read = checkFreeze({ ...BASE, scope: { changes: ['rolle'] } });
    expect(read.ok ? [] : read.problems.map(({ code }) => code)).toEqual(['bad_change']);
  });
});
