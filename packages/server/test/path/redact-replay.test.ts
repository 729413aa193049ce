/** What the log masks, replay knows to be masked: a decision on redacted arguments is told only when it is that on the full ones. */
import { checkGuards, compilePolicy, type JsonValue, type PolicySet, Replay, type ReplayedCall } from '@hivekey/policy';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { redactArguments } from '../../src/path/redact.ts';

const FIELDS = ['plain', 'token', 'a.password', 'list', 'items[].v', 'long'];
const secretive = fc.constantFrom<JsonValue>(
  'x',
  'y',
  '***',
  'hk_live_0123456789abcdef',
  'Bearer abc',
  'https://user:pass@acme.example',
  'x'.repeat(600),
  1,
  true,
  null,
);
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  secretive,
  fc.array(secretive, { maxLength: 60 }),
  fc.dictionary(fc.constantFrom('password', 'v', 'hk_live_0123456789abcdef', 'w'), secretive),
);
const args = fc.record(
  {
    plain: value,
    token: value,
    a: fc.record({ password: secretive, open: secretive }),
    list: value,
    items: fc.array(fc.record({ v: secretive }), { maxLength: 3 }),
    long: value,
  },
  { requiredKeys: [] },
);
const condition = fc.record({
  field: fc.constantFrom(...FIELDS),
  operand: fc.constantFrom('x', '***', 1),
  operator: fc.constantFrom('eq', 'ne', 'contains'),
});

it('tells a verdict only where the full arguments give the same', () => {
  let told = 0;
  let untold = 0;
  fc.assert(
    fc.property(
      args,
      condition,
      fc.subarray(['plain', 'items[].v']),
      (full, { field, operator, operand }, sensitive) => {
        const guards = checkGuards(
          [{ id: 'g', action: 'tool.act', when: { field, [operator]: operand }, effect: 'allow', otherwise: 'review' }],
          'role',
        );
        if (!guards.ok) throw new Error(JSON.stringify(guards.problems));
        const role = { name: 'role', description: '', revision: 1, allow: ['tool.act'], guards: guards.value };
        const set: PolicySet = { revision: 1, roles: [role], workspaceGuards: [], capabilities: [] };
        const request = { workspaceId: 'w', agentId: 'a', ownerId: 'o', roles: ['role'], capability: 'tool.act' };
        const { verdict } = compilePolicy(set).evaluate({ ...request, arguments: full });
        const calls: ReplayedCall[] = [];
        const replay = new Replay({ set, isFromStart: true, onCall: (call) => calls.push(call) });
        const record = {
          kind: 'tool.call',
          ts: '2026-03-01T00:00:00.000Z',
          roles: ['role'],
          action: 'tool.act',
          verdict,
        };
        replay.add({ ...record, args: redactArguments(full, sensitive) }, 1);
        const after = calls[0]?.after;
        if (after === undefined || 'unreplayable' in after) {
          untold += 1;
          return;
        }
        told += 1;
        expect(after.verdict).toBe(verdict);
      },
    ),
    { numRuns: 2_000 },
  );
  expect(told).toBeGreaterThan(500);
  expect(untold).toBeGreaterThan(100);
});
