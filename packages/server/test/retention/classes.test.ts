/** Every kind of record has one class, or is kept for ever; and no period can be too short. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  CLASSES,
  classOf,
  floorDays,
  isShorter,
  KEEP_ALL,
  patternsOf,
  periodsProblem,
  type RetentionClass,
} from '../../src/retention/classes.ts';

/** All that there are. */
const KINDS = [
  ...readFileSync(new URL('../../../action-log/src/records.ts', import.meta.url), 'utf8').matchAll(
    /^ {2}\| '([a-z_]+\.[a-z_]+)'/gm,
  ),
].map(([, kind = '']) => kind);

const like = (pattern: string, text: string): boolean =>
  new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('\\_', '_').replaceAll('%', '.*')}$`).test(text);

describe('a kind', () => {
  it.each<readonly [kind: string, of: RetentionClass | undefined]>([
    ['tool.call', 'calls'],
    ['tool.result', 'results'],
    ['tool.changed', 'policy'],
    ['tool_limit.changed', 'policy'],
    ['policy_code.applied', 'policy'],
    ['approval.decided', 'approvals'],
    ['breaker.changed', 'policy'],
    ['breaker.tripped', 'security'],
    ['alert.opened', 'security'],
    ['agent.created', 'administrative'],
    ['something.new', 'administrative'],
    ['log.read', 'reads'],
    ['system.started', 'system'],
    ['log.pruned', undefined],
    ['log.redacted', undefined],
    ['hold.covers', undefined],
    ['retention.settings', undefined],
  ])('%s is of %s', (kind, of) => {
    expect(classOf(kind)).toBe(of);
  });

  it('is selected by the patterns of its class and of no other', () => {
    expect(KINDS.length).toBeGreaterThan(150);
    for (const kind of KINDS)
      expect([
        kind,
        CLASSES.filter((each) => {
          const { like: some, notLike } = patternsOf(each);
          return some.some((pattern) => like(pattern, kind)) && !notLike.some((pattern) => like(pattern, kind));
        }),
      ]).toEqual([kind, [classOf(kind)].filter((each) => each !== undefined)]);
  });
});

describe('periods', () => {
  it.each(CLASSES)('of %s have a floor, and are shorter when they are', (each) => {
    const floor = floorDays(each, 'prod');
    const at = (days: number) => ({ ...KEEP_ALL, [each]: days });
    expect(floor).toBeGreaterThanOrEqual(90);
    expect(periodsProblem(at(floor), 'prod') === undefined).toBe(each !== 'results');
    expect(periodsProblem(at(floor - 1), 'prod')).toContain(each);
    expect(isShorter(KEEP_ALL, at(floor))).toBe(true);
    expect(isShorter(at(floor), KEEP_ALL)).toBe(false);
    expect(isShorter(at(floor), at(floor))).toBe(false);
  });
});
