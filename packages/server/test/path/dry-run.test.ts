/** The dry run equals the live decision on the same state. */
import { toldToAgent } from '@hivekey/policy';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AgentId, PersonId } from '../../src/ids.ts';
import { actionOf, createPathFixture, type PathFixture } from './fixture.ts';

let fixture: PathFixture;
let bots = 0;

beforeAll(async () => {
  fixture = await createPathFixture();
  await fixture.declare('payments.pay', 'write', { usd: { field: 'amount', currency: 'USD' } });
  await fixture.declare('mail.send', 'write');
  await fixture.declare('crm.read', 'read');
});
afterAll(() => fixture.close());

const guards = [
  { id: 'day', action: 'payments.pay', when: { field: 'sum(payments, 24h)', lte: 100 }, effect: 'allow' },
  {
    id: 'hour',
    action: 'payments.pay',
    when: { field: 'rate.per_hour', lte: 6 },
    effect: 'allow',
    otherwise: 'review',
  },
  { id: 'big', action: 'payments.pay', when: { field: 'amount', gt: 40 }, effect: 'review' },
  { id: 'mails', action: 'mail.send', when: { field: 'rate.per_day', lte: 3 }, effect: 'allow' },
  { id: 'team', action: 'mail.send', when: { field: 'rate.per_day', lte: 5, scope: 'role' }, effect: 'allow' },
];

const step = fc.oneof(
  fc.record({ capability: fc.constant('payments.pay'), amount: fc.integer({ min: -1, max: 60 }) }),
  fc.record({ capability: fc.constant('payments.pay'), amount: fc.constantFrom('5', null, 1e300, 0.001) }),
  fc.record({ capability: fc.constantFrom('mail.send', 'crm.read', 'nothing.at.all'), amount: fc.constant(0) }),
);

test('whatever was done before, and whatever is asked', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.subarray(['day', 'hour', 'big', 'mails', 'team']),
      fc.array(fc.tuple(step, fc.nat({ max: 1 })), { minLength: 1, maxLength: 14 }),
      async (chosen, steps) => {
        bots += 1;
        const role = `Role-${bots}`;
        await fixture.setRole(
          role,
          ['payments.pay', 'mail.send'],
          guards.filter(({ id }) => chosen.includes(id)),
        );
        const agents = [await fixture.addBot(`one-${bots}`, [role]), await fixture.addBot(`two-${bots}`, [role])];
        for (const [{ capability, amount }, which] of steps) {
          const agent = agents[which];
          if (agent === undefined) throw new Error('no such agent');
          const action = actionOf(capability, { amount });
          const dry = await fixture.path.dryRun(agent.principal, action);
          const live = await fixture.path.authorize(agent.token, agent.principal, async () => action);
          if (!('decision' in live) || 'kind' in dry) throw new Error('undecided');
          // People see all of it, the agent what it may know.
          const { retryAfterSeconds: dryRetry = 0, ...dryDecision } = toldToAgent(dry);
          const { retryAfterSeconds: liveRetry = 0, ...liveDecision } = live.decision;
          expect(dryDecision).toEqual(liveDecision);
          expect(Math.abs(dryRetry - liveRetry)).toBeLessThanOrEqual(1);
        }
      },
    ),
    { numRuns: 25 },
  );
});

test('records nothing, reserves nothing, and knows the newest policy without having been told', async () => {
  const { path } = await fixture.node();
  await fixture.setRole('Fresh', ['payments.pay'], [guards[0] ?? {}]);
  const { principal } = await fixture.addBot('dry-bot', ['Fresh']);
  const pay = actionOf('payments.pay', { amount: 100 });
  for (let i = 0; i < 3; i += 1) expect(await path.dryRun(principal, pay)).toMatchObject({ verdict: 'allow' });
  await fixture.setRole('Fresh', []);
  expect(await path.dryRun(principal, pay)).toMatchObject({ verdict: 'deny', reasonClass: 'scope' });
  await fixture.log.catchUp(fixture.workspaceId);
  const { events } = await fixture.log.list(fixture.workspaceId, { agent: 'dry-bot' }, { limit: 10, order: 'asc' });
  expect(events).toEqual([]);
});

test('of a set of roles that no agent wears sees empty windows', async () => {
  await fixture.setRole('Planned', ['payments.pay'], [guards[0] ?? {}]);
  const subject = {
    workspaceId: fixture.workspaceId,
    agentId: '' as AgentId,
    ownerId: '' as PersonId,
    roles: ['Planned'],
  };
  expect(await fixture.path.dryRun(subject, actionOf('payments.pay', { amount: 100 }))).toMatchObject({
    verdict: 'allow',
  });
  expect(await fixture.path.dryRun(subject, actionOf('payments.pay', { amount: 101 }))).toMatchObject({
    verdict: 'deny',
    reasonClass: 'cap',
    remaining: 10_000,
  });
});
