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

const MANY = Array.from({ length: 50 }, (_, n) => n);
const LONG = 'x'.repeat(513);
const SECRET = `sk-${'x'.repeat(24)}`;

it.each<[string, string, object]>([
  ['behind fifty other members', 'vendor', Object.fromEntries([...MANY.map((n) => [`n${n}`, n]), ['payee', 'vendor']])],
  ['behind fifty others in a list', 'vendor', { payee: [...MANY.map((n) => `other-${n}`), 'vendor'] }],
  ['longer than texts are kept', LONG, { payee: LONG }],
  ['like a credential', SECRET, { payee: SECRET }],
])('does not say that there was no call to a payee that was %s', async (name, payee, args) => {
  const capability = `payments.${name.replaceAll(' ', '_')}`;
  await office.capability(capability, {});
  const guard = { id: 'held', action: '*', when: { field: 'note', eq: 'held' }, effect: 'review' };
  await office.role(name.replaceAll(' ', '-'), [capability], [guard]);
  const bot = await office.agent(name.replaceAll(' ', '-'), name.replaceAll(' ', '-'));
  const history = async (n: number) => {
    const asked = { payee, note: 'held', n };
    const { body } = await office.act(bot.token, capability, asked, { prefer: 'respond-async' });
    return (await office.call('GET', `/v1/approvals/${body.approval.id}`)).body.history.payee;
  };
  // what else is left out of a call makes its payee no less known
  await office.act(bot.token, capability, { payee: 'another', note: LONG });
  const held = await eventually(async () => {
    const found = await history(1);
    return found.looked_at > 0 ? found : undefined;
  });
  expect(held).toMatchObject({ calls: [], looked_at: 1, complete: true });
  await office.act(bot.token, capability, { note: '', ...args });
  await eventually(async () => ((await history(2)).complete ? undefined : true));
});

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
