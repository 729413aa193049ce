/** Reviews that begin by themselves: by the calendar, once in a cycle, and by what has happened, once for each. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Answer } from '../api/client.ts';
import { openReviews, POLICY, type ReviewWorld } from './world.ts';

let world: ReviewWorld;

beforeAll(async () => {
  world = await openReviews();
  await world.capability('crm.read', { access: 'read' });
  await world.capability('payments.transfer', {
    impact: { usd: { field: 'amount', currency: 'USD' } },
    input_schema: { type: 'object', properties: { amount: { type: 'number' } }, required: ['amount'] },
  });
  await world.role('support', ['crm.read']);
});
afterAll(async () => {
  await world.closeSql();
  await world.server.close();
});

const write = (change: object) => world.ok('PUT', '/v1/review-policy', { ...POLICY, ...change, reason: 'a test' });

const EVENTS = { events: { ...POLICY.events, blast_radius_up: true, unused: true } };

/** What triggers keep everybody from doing. */
const edit = (statement: string) =>
  world.sql(`BEGIN; SET LOCAL session_replication_role = replica; ${statement}; COMMIT`);

/** Reviews of the kind, after a whole look that began just now. */
async function begun(kind: 'scheduled' | 'event'): Promise<Answer['body'][]> {
  await world.sql('UPDATE review_watch SET looked_at = NULL, claimed_until = NULL');
  await vi.waitFor(
    async () => {
      const { rows } = await world.sql(
        'SELECT FROM review_watch WHERE looked_at IS NOT NULL AND claimed_until IS NULL',
      );
      expect(rows).toHaveLength(1);
    },
    { timeout: 20_000, interval: 50 },
  );
  return (await world.ok('GET', `/v1/reviews?kind=${kind}`)).data;
}

const paying = (day: string) => [
  {
    id: 'day',
    action: 'payments.transfer',
    when: { field: 'sum(payments, 24h)', lte: day },
    effect: 'allow',
    otherwise: 'deny',
  },
];

it('what rose by more than half, and what nobody used in 90 days, is reviewed, once', async () => {
  await world.role('payer', ['payments.transfer'], paying('$100'));
  const payer = await world.agent('payer-bot', { role: 'payer' });
  const idle = await world.agent('idle-bot');
  const reviewed = await world.launch({ types: ['assignment'], agents: [payer.id, idle.id] });
  await world.keepRest(reviewed.id);
  await write(EVENTS);

  // Half as much again is not more than that.
  await world.ok('PATCH', '/v1/roles/payer', { guards: paying('$150') });
  await edit(`UPDATE use_cursors SET calls_from = now() - interval '91 days';
              UPDATE agent_roles SET granted_at = now() - interval '91 days' WHERE agent_id = '${idle.id}';
              UPDATE review_campaigns SET snapshot_at = now() - interval '91 days'`);
  const [unused, ...others] = await begun('event');
  expect(others).toEqual([]);
  expect(unused).toMatchObject({ cause: { event: 'unused', subject: idle.id }, status: 'running' });
  expect(await world.items(unused?.id)).toMatchObject([{ agent_id: idle.id, role: 'support', type: 'assignment' }]);

  await world.ok('PATCH', '/v1/roles/payer', { guards: paying('$151') });
  const risen = (await begun('event')).filter(({ id }) => id !== unused?.id);
  expect(risen).toMatchObject([{ cause: { event: 'blast_radius_up', subject: payer.id }, status: 'running' }]);
  expect((await world.items(risen[0]?.id)).map(({ agent_id }) => agent_id)).toEqual([payer.id]);
});

it('a cycle has one, which begins at its time; a policy that is younger waits for the next cycle', async () => {
  await write({ ...EVENTS, cycle: 'monthly', launch_days_before_end: 31, due_days: 9 });
  expect(await begun('scheduled')).toEqual([]);
  // And what happened has begun no second review.
  expect((await world.ok('GET', '/v1/reviews?kind=event')).data).toHaveLength(2);

  await edit(`UPDATE review_policies SET created_at = created_at - interval '40 days'`);
  const slot = new Date().toISOString().slice(0, 7);
  const [review, ...others] = await begun('scheduled');
  expect(others).toEqual([]);
  expect(review).toMatchObject({ cause: { kind: 'scheduled', slot }, status: 'running' });
  await world.ok('POST', `/v1/reviews/${review?.id}/void`, { reason: 'once is enough' }, { key: world.olga.key });
  expect(await begun('scheduled')).toMatchObject([{ id: review?.id, status: 'voided' }]);
});
