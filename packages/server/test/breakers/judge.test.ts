import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { breakerDocument } from '../../src/breakers/breaker.ts';
import { type Activity, judgeTrial, tripReason } from '../../src/breakers/judge.ts';

const NOTHING: Activity = { calls: 0, denied: 0, probed: 0, ended: 0, failed: 0, spent: 0 };
const breaker = (change: object) =>
  breakerDocument.parse({ signal: 'denials', threshold: 0.5, window_seconds: 60, ...change });

describe('a breaker', () => {
  it.each<[string, object, Partial<Activity>, boolean]>([
    ['half of ten denied', {}, { calls: 10, denied: 5 }, true],
    ['less than half denied', {}, { calls: 10, denied: 4 }, false],
    ['all of nine denied, too few to judge', {}, { calls: 9, denied: 9 }, false],
    [
      'two of four failed, with four to judge',
      { signal: 'errors', min_calls: 4 },
      { calls: 9, ended: 4, failed: 2 },
      true,
    ],
    [
      'calls without an end are not judged',
      { signal: 'errors', min_calls: 4 },
      { calls: 9, ended: 3, failed: 3 },
      false,
    ],
    ['the third probe', { signal: 'probes', threshold: 3 }, { calls: 3, denied: 3, probed: 3 }, true],
    ['two probes', { signal: 'probes', threshold: 3 }, { calls: 30, denied: 30, probed: 2 }, false],
    ['the last cent', { signal: 'spend', threshold: 50_000, unit: 'usd' }, { calls: 1, spent: 50_000 }, true],
    ['a cent less', { signal: 'spend', threshold: 50_000, unit: 'usd' }, { calls: 1, spent: 49_999 }, false],
  ])('%s', (_, change, activity, trips) => {
    expect(tripReason(breaker(change), { ...NOTHING, ...activity }) !== undefined).toBe(trips);
  });

  it('on trial trips by one bad call, closes by enough good ones, and waits before', () => {
    const count = fc.nat({ max: 12 });
    fc.assert(
      fc.property(fc.constantFrom('denials', 'errors', 'probes'), count, count, (signal, good, bad) => {
        const document = breaker({ signal, trial_calls: 8, threshold: signal === 'probes' ? 5 : 0.5 });
        const calls = good + bad;
        const activity = { ...NOTHING, calls, denied: bad, probed: bad, ended: calls, failed: bad };
        const { kind } = judgeTrial(document, activity);
        expect(kind).toBe(bad > 0 ? 'trip' : good >= 8 ? 'close' : 'wait');
      }),
    );
  });

  it.each([
    [{ threshold: 1.5 }],
    [{ threshold: 0 }],
    [{ signal: 'probes', threshold: 2.5 }],
    [{ signal: 'spend', threshold: 5 }],
    [{ unit: 'usd' }],
    [{ action: 'kill', exit: 'automatic' }],
    [{ window_seconds: 86_401 }],
    [{ more: 1 }],
  ])('is refused: %j', (change) => {
    expect(
      breakerDocument.safeParse({ signal: 'denials', threshold: 0.5, window_seconds: 60, ...change }).success,
    ).toBe(false);
  });
});
