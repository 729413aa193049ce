import type { LogRecord } from '@hivekey/action-log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { filterWords, isLeftOut, LEFT_OUT_NAMES } from '../../src/siem/filter.ts';
import { retryAfterMs } from '../../src/siem/retry.ts';
import { Tally } from '../../src/siem/tally.ts';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the time to the next attempt', () => {
  it('is anything up to a minute, and not before the receiver wants it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), random, fc.nat(7_200_000), (failures, share, floorMs) => {
        const ms = retryAfterMs(failures, share);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(Math.min(60_000, 500 * 2 ** Math.min(failures, 30)));
        expect(retryAfterMs(failures, share, floorMs)).toBe(Math.max(ms, Math.min(floorMs, 3_600_000)));
      }),
    );
  });
});

describe('a gap', () => {
  it('is counted on each day that it touches, and not twice', () => {
    fc.assert(
      fc.property(fc.nat(20_000), fc.integer({ min: 1, max: 400_000 }), (startMinutes, seconds) => {
        const fromMs = Date.parse('2026-06-01T00:00:00Z') + startMinutes * 60_000;
        const tally = new Tally();
        tally.gap(fromMs, fromMs + seconds * 1000);
        const days = tally.days();
        expect(days.reduce((sum, day) => sum + day.gap_seconds, 0)).toBe(seconds);
        for (const day of days) expect(day.gap_seconds).toBeLessThanOrEqual(86_400);
        expect(days[0]?.day).toBe(new Date(fromMs).toISOString().slice(0, 10));
      }),
    );
  });
});

describe('a filter', () => {
  const record = (fields: Partial<LogRecord>): LogRecord => ({
    ...{
      v: 1,
      event_id: 'evt_1',
      ts: '2026-06-01T00:00:00.000Z',
      workspace: 'acme',
      env: 'prod',
      shard: 's',
      shard_seq: 1,
    },
    ...{ kind: 'tool.call', ...fields },
  });

  it.each<[string, Partial<LogRecord>]>([
    ['a refused read', { access: 'read', verdict: 'deny' }],
    ['a held read', { access: 'read', verdict: 'review' }],
    ['an allowed write', { access: 'write', verdict: 'allow' }],
    ['the stream', { kind: 'sink.skipped' }],
    ['policy', { kind: 'policy.changed' }],
    ['a role', { kind: 'role.changed' }],
    ['a revocation', { kind: 'agent.revoked' }],
    ['a finding', { kind: 'detection.fired' }],
    ['an export of the log', { kind: 'log.exported' }],
    ['a difference', { kind: 'drift.checked', findings: 1 }],
  ])('never takes %s away', (_, fields) => {
    expect(isLeftOut(LEFT_OUT_NAMES, record(fields))).toBe(false);
  });

  it.each<[(typeof LEFT_OUT_NAMES)[number], Partial<LogRecord>]>([
    ['reads', { access: 'read', verdict: 'allow' }],
    ['reads', { kind: 'tool.result', access: 'read' }],
    ['results', { kind: 'tool.result', access: 'write' }],
    ['log_reads', { kind: 'log.read' }],
    ['sessions', { kind: 'session.ended' }],
    ['token_issues', { kind: 'token.issued' }],
    ['drift_checks', { kind: 'drift.checked', findings: 0 }],
  ])('takes %s away where it is named, and not else', (name, fields) => {
    expect(isLeftOut([name], record(fields))).toBe(true);
    expect(
      isLeftOut(
        LEFT_OUT_NAMES.filter((each) => each !== name && each !== 'results' && each !== 'reads'),
        record(fields),
      ),
    ).toBe(false);
  });

  it('says in words what is not sent', () => {
    expect(filterWords([], [])).toBeNull();
    expect(filterWords(['reads'], ['args'])).toBe(
      'not sent: allowed calls that read, and their results. fields that are not sent: args',
    );
  });
});
