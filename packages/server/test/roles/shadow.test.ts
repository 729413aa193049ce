/** Shadow from the document to the log: recorded, counted, listed, never enforced, never told to the agent. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openWorld, type World } from '../agents/world.ts';

let world: World;
let token: string;
const CAP = { id: 'cap', action: 'payments.pay', when: { field: 'sum(usd, 24h)', lte: '$5' }, effect: 'allow' };

beforeAll(async () => {
  world = await openWorld();
  await world.capability('payments.pay', { impact: { usd: { field: 'amount', currency: 'USD' } } });
  await world.role('support', ['payments.pay'], [{ ...CAP, mode: 'shadow' }]);
  await world.agent('payer');
  token = await world.token('payer');
});
afterAll(() => world.server.close());

const pay = async (amount: number) => (await world.act(token, 'payments.pay', { amount })).body;
const shadowed = (count: number) => world.events('kind=tool.call&shadow=true&limit=100', count);

async function metric(): Promise<string> {
  const text = await (
    await fetch(`${world.server.url}/metrics`, { headers: { authorization: `Bearer ${world.server.adminKey}` } })
  ).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith('hivekey_shadow_decisions_total'))
    .join('\n');
}

it('shows a guard in shadow as one', async () => {
  const role = await world.ok('GET', '/v1/roles/support');
  expect(role.guards).toMatchObject([{ id: 'cap', mode: 'shadow', sentence: expect.stringMatching(/^In shadow: /) }]);
  expect(role.document.guards).toMatchObject([{ mode: 'shadow' }]);
});

it('lets pass what the guard would have refused, and records it', async () => {
  for (const amount of [3, 3, 1]) {
    const answer = await pay(amount);
    expect(answer.decision.verdict).toBe('allow');
    expect(JSON.stringify(answer)).not.toContain('shadow');
  }
  const [third, second, ...more] = await shadowed(2);
  expect(more).toEqual([]);
  expect(third).toMatchObject({ impact: { usd: 100 }, shadow: [{ rule: 'cap' }] });
  expect(second).toMatchObject({
    verdict: 'allow',
    impact: { usd: 300 },
    shadow: [{ rule: 'cap', origin: 'support', result: 'deny', detail: expect.stringContaining('> $5.00') }],
  });
  expect(await metric()).toContain('verdict="allow",shadow="deny"} 2');
});

it('counts what ran, so that the window is right once the guard is enforced', async () => {
  await world.ok('PATCH', '/v1/roles/support', { guards: [CAP] });
  expect(await pay(2)).toMatchObject({ decision: { verdict: 'deny', reason_class: 'cap', rule: 'cap' } });
});

it('tries a change of a role beside it, until it is dropped', async () => {
  await world.ok('PATCH', '/v1/roles/support', { guards: [] });
  expect(await world.refused('GET', '/v1/roles/support/candidate')).toBe('candidate_not_found');
  const before = await world.ok('GET', '/v1/policies/current');
  const small = { id: 'small', action: 'payments.pay', when: { field: 'amount', gt: 5 }, effect: 'review' };
  const tried = await world.ok('PUT', '/v1/roles/support/candidate', { guards: [small] });
  expect(tried).toMatchObject({ role: 'support', author: 'key:first', document: { guards: [{ id: 'small' }] } });
  const during = await world.ok('GET', '/v1/policies/current');
  expect(during).toMatchObject({ hash: before.hash, revision: before.revision + 1 });

  expect(await pay(6)).toMatchObject({ decision: { verdict: 'allow' } });
  const events = await shadowed(3);
  expect(events[0]).toMatchObject({
    verdict: 'allow',
    shadow: [{ rule: 'small', origin: 'support', result: 'review' }],
  });

  await world.ok('PUT', '/v1/roles/support/candidate', { scope: { allow: [] } });
  await pay(6);
  expect((await shadowed(4))[0]).toMatchObject({ shadow: [{ rule: 'scope', result: 'deny' }] });

  await world.ok('DELETE', '/v1/roles/support/candidate');
  expect(await world.refused('DELETE', '/v1/roles/support/candidate')).toBe('candidate_not_found');
  await pay(6);
  await world.events('kind=tool.call&limit=100', 7);
  expect(await shadowed(4)).toHaveLength(4);
  const changes = await world.events('kind=role.changed&limit=100', 6);
  expect(changes.map(({ change }) => change)).toEqual(expect.arrayContaining(['candidate_tried', 'candidate_dropped']));
});

it('refuses a candidate of no role, and one that is no role', async () => {
  expect(await world.refused('PUT', '/v1/roles/none/candidate', { guards: [] })).toBe('role_not_found');
  expect(await world.refused('PUT', '/v1/roles/support/candidate', { guards: [{ ...CAP, mode: 'quiet' }] })).toBe(
    'role_invalid',
  );
});
