/** What an agent writes into its calls does not make its approvals unreadable. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../actions/workspace.ts';
import { type Office, openOffice } from './office.ts';

/** As much as the log keeps of one call: texts up to 512 characters, lists up to 50 items. */
const NOTE = Array.from({ length: 50 }, () => 'x'.repeat(500));
const CALLS = 120;

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.close());

it('looks through as many earlier calls as a few megabytes hold, and says so', async () => {
  await office.capability('payments.pay', {});
  const guard = { id: 'held', action: '*', when: { field: 'payee', eq: 'vendor' }, effect: 'review' };
  await office.role('payer', ['payments.pay'], [guard]);
  const bot = await office.agent('pay-bot', 'payer');
  for (let n = 0; n < CALLS; n += 10)
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        office.act(bot.token, 'payments.pay', { payee: `other-${n + i}`, a: NOTE, b: NOTE }),
      ),
    );
  const { body } = await office.act(bot.token, 'payments.pay', { payee: 'vendor' }, { prefer: 'respond-async' });
  const payee = await eventually(async () => {
    const { body: whole } = await office.call('GET', `/v1/approvals/${body.approval.id}`);
    return whole.history.payee.complete ? undefined : whole.history.payee;
  });
  expect(payee.looked_at).toBeGreaterThan(50);
  expect(payee.looked_at).toBeLessThan(100);
});
