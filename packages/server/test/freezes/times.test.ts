/** What a calendar of freezes shows. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import { type Client, clientOf } from '../api/client.ts';

let server: TestServer;
let call: Client;

const seconds = (text: string) => Date.parse(text) / 1000;
const times = (from: string, to: string) => call('GET', `/v1/freeze-times?from=${seconds(from)}&to=${seconds(to)}`);

async function write(name: string, schedule: object): Promise<void> {
  const head = { apiVersion: 'policy.hivekey.ai/v1', kind: 'Freeze', metadata: { name } };
  const scope = { classes: ['destructive'] };
  const { status } = await call('PUT', `/v1/freezes/${name}`, { body: { ...head, ...schedule, scope } });
  expect(status).toBe(200);
}

beforeAll(async () => {
  server = await startTestServer();
  call = clientOf(server);
  await write('weekends', {
    time_zone: 'Europe/Berlin',
    starts: '2031-03-28T18:00',
    ends: '2031-03-31T08:00',
    repeats: 'FREQ=WEEKLY;BYDAY=FR',
  });
  await write('year-end', { time_zone: 'UTC', starts: '2031-12-18T00:00', ends: '2032-01-05T00:00' });
});
afterAll(() => server.close());

test('each stretch within the span, whole, on the clock of its freeze', async () => {
  const { body } = await times('2031-03-30T00:00Z', '2031-04-12T00:00Z');
  expect(body.data).toEqual([
    // The clocks go forward in this one.
    {
      object: 'freeze_time',
      freeze: 'weekends',
      starts_at: seconds('2031-03-28T17:00Z'),
      ends_at: seconds('2031-03-31T06:00Z'),
    },
    {
      object: 'freeze_time',
      freeze: 'weekends',
      starts_at: seconds('2031-04-04T16:00Z'),
      ends_at: seconds('2031-04-07T06:00Z'),
    },
    {
      object: 'freeze_time',
      freeze: 'weekends',
      starts_at: seconds('2031-04-11T16:00Z'),
      ends_at: seconds('2031-04-14T06:00Z'),
    },
  ]);
});

test('of several freezes by their beginning; what ends as the span begins, or begins as it ends, is outside', async () => {
  const { body } = await times('2031-12-18T00:00Z', '2031-12-26T17:00Z');
  const told = body.data.map((each: { freeze: string }) => each.freeze);
  expect(told).toEqual(['year-end', 'weekends']);
  expect((await times('2032-01-05T07:00Z', '2032-01-09T17:00Z')).body.data).toEqual([]);
});

test.each([
  ['turned round', '2031-02-01T00:00Z', '2031-01-01T00:00Z'],
  ['empty', '2031-01-01T00:00Z', '2031-01-01T00:00Z'],
  ['too long', '2031-01-01T00:00Z', '2031-04-12T00:00Z'],
])('a span that is %s is refused', async (_, from, to) => {
  const { status, body } = await times(from, to);
  expect([status, body.error.code]).toEqual([400, 'request_invalid']);
});
