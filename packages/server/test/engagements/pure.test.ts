/** What needs no server: domains, clocks, masks, and decisions made again. */
import { canonicalJson } from '@hivekey/action-log';
import { type PolicySet, policyHash } from '@hivekey/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRelated } from '../../src/engagements/domains.ts';
import { hiddenAt, maskRecord } from '../../src/engagements/masks.ts';
import { redecide } from '../../src/engagements/redecide.ts';
import { ACTS, clocksOf, type Moment, move, type RequestStatus } from '../../src/engagements/request.ts';

describe('domains', () => {
  it.each([
    ['acme.example', 'acme.example', true],
    ['audit.acme.example', 'acme.example', true],
    ['acme.example', 'mail.acme.example', true],
    ['notacme.example', 'acme.example', false],
    ['acme.example.evil.example', 'acme.example', false],
  ])('%s and %s', (one, other, expected) => {
    expect(isRelated(one, other)).toBe(expected);
    expect(isRelated(other, one)).toBe(expected);
  });
});

/** Any walk that the rules allow, with the times between its acts. */
const walks = fc
  .array(
    fc.record({
      act: fc.constantFrom(...ACTS),
      side: fc.constantFrom('firm' as const, 'customer' as const),
      afterMs: fc.nat(1e9),
    }),
  )
  .map((tries) => {
    const acts: Moment[] = [{ act: 'opened', atMs: 1_000 }];
    let status: RequestStatus = 'open';
    let atMs = 1_000;
    for (const { act, side, afterMs } of tries) {
      const moved = move(status, act, side);
      if (moved.kind !== 'moved') continue;
      atMs += afterMs;
      status = moved.status;
      acts.push({ act, atMs });
    }
    return { acts, status, endMs: atMs };
  });

describe('clocks of a request', () => {
  it('add up to the time in which it waited for anybody, and only one runs', () => {
    fc.assert(
      fc.property(walks, fc.nat(1e9), ({ acts, status, endMs }, laterMs) => {
        const at = clocksOf(acts, endMs);
        const later = clocksOf(acts, endMs + laterMs);
        const waits = status === 'open' || status === 'returned' ? 'customer' : status === 'provided' ? 'firm' : null;
        expect(later.waits_for).toBe(waits);
        const grown = {
          customer: later.customer_seconds - at.customer_seconds,
          firm: later.firm_seconds - at.firm_seconds,
        };
        for (const side of ['customer', 'firm'] as const)
          expect(Math.abs(grown[side] - (waits === side ? laterMs / 1000 : 0))).toBeLessThanOrEqual(1);
        expect(later.customer_seconds + later.firm_seconds).toBeLessThanOrEqual((endMs + laterMs - 1_000) / 1000);
      }),
    );
  });
});

describe('masks', () => {
  it('hide every value of the arguments, and give back each by its pointer and no other', () => {
    const args = fc.dictionary(fc.string({ maxLength: 6 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 });
    fc.assert(
      fc.property(args, fc.string({ minLength: 1 }), (given, payee) => {
        const record = { kind: 'tool.call', action: 'mail.send', args: given, payee };
        const { masked, ...shown } = maskRecord(record);
        expect(JSON.stringify(shown.args).replaceAll('"[hidden]"', '')).toBe(
          JSON.stringify(given, (_key, value) =>
            value === null || typeof value !== 'object' ? '[hidden]' : value,
          ).replaceAll('"[hidden]"', ''),
        );
        expect(masked).toContain('/payee');
        expect(new Set(masked).size).toBe(masked.length);
        for (const pointer of masked) expect(hiddenAt(record, pointer)).not.toBeUndefined();
        for (const pointer of ['/action', '/args', '/kind', '/payee/x'])
          expect(hiddenAt(record, pointer)).toBeUndefined();
      }),
    );
  });
});

describe('a decision made again', () => {
  const set: PolicySet = {
    revision: 1,
    roles: [{ name: 'support', description: '', revision: 1, allow: [], guards: [] }],
    workspaceGuards: [],
    capabilities: [],
  };
  const archived = (hash = policyHash(set)) => ({
    revision: 1,
    hash,
    set,
    stoppedTools: [],
    createdUs: '0',
    author: 'key:ops',
  });
  const record = (more: object) =>
    canonicalJson({
      v: 1,
      kind: 'tool.call',
      event_id: 'evt_1',
      ts: '2026-08-01T10:00:00.000Z',
      workspace: 'acme',
      agent: 'mailer',
      agent_id: 'agt_1',
      owner: 'dana@acme.example',
      roles: ['support'],
      action: 'mail.send',
      args: {},
      verdict: 'deny',
      reason_class: 'scope',
      reason: 'scope: capability not granted',
      ...more,
    });

  it('matches, differs, or says why it cannot be repeated', () => {
    expect(redecide(archived(), record({}), 1)).toMatchObject({ result: 'match', again: { verdict: 'deny' } });
    expect(
      redecide(archived(), record({ verdict: 'allow', reason_class: 'granted', reason: 'granted' }), 1),
    ).toMatchObject({
      result: 'differs',
      recorded: { verdict: 'allow' },
      again: { verdict: 'deny' },
    });
    expect(redecide(undefined, record({}), 1)).toMatchObject({ result: 'not_repeatable' });
    expect(redecide(archived(`sha256:${'0'.repeat(64)}`), record({}), 1)).toMatchObject({
      result: 'not_repeatable',
      detail: expect.stringContaining('does not have its hash'),
    });
    expect(redecide(archived(), record({ args: { '…': '60 members' } }), 1)).toMatchObject({
      result: 'not_repeatable',
      detail: expect.stringContaining('arguments'),
    });
  });
});
