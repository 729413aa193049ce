import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type HecReceiver, hecCode, startHec } from '../../../../test/receivers/hec.ts';
import { AckLedger } from '../../src/siem/splunk/ack-ledger.ts';
import { Cookies } from '../../src/siem/splunk/cookies.ts';
import { splunkSettings } from '../../src/siem/splunk/index.ts';
import { openSplunk } from '../../src/siem/splunk/transport.ts';
import { Width } from '../../src/siem/splunk/width.ts';
import type { Delivery, Transport } from '../../src/siem/transport.ts';
import { batchOf, splunk } from './receivers/http-kinds.ts';
import { NEVER, testDeps } from './receivers/stream.ts';

const TAKEN = { kind: 'taken', confirmed: true };
const UNSURE = { kind: 'taken', confirmed: false };
const BUSY = { kind: 'retry', code: 'receiver_busy' };
const CREDENTIAL = { kind: 'hold', code: 'credential_refused' };
const SETTINGS = { kind: 'hold', code: 'receiver_refuses' };
const SPLIT = { kind: 'split', code: 'event_refused' };

describe('codes', () => {
  let sink: Awaited<ReturnType<typeof splunk>>;
  beforeAll(async () => {
    sink = await splunk({ acknowledge: false }, { settings: { acknowledge: false } });
  });
  afterAll(() => sink[Symbol.asyncDispose]());

  const CASES: readonly (readonly [status: number, code: number, expected: object])[] = [
    [200, 0, UNSURE],
    [200, 24, UNSURE],
    [200, 25, UNSURE],
    [401, 2, CREDENTIAL],
    [401, 3, CREDENTIAL],
    [403, 1, CREDENTIAL],
    [403, 4, CREDENTIAL],
    [400, 21, CREDENTIAL],
    [403, 21, CREDENTIAL],
    [400, 22, CREDENTIAL],
    [403, 22, CREDENTIAL],
    // Of several, and without a number.
    [400, 5, SPLIT],
    [400, 6, SPLIT],
    [400, 12, SPLIT],
    [400, 13, SPLIT],
    [400, 15, SPLIT],
    [400, 7, SETTINGS],
    [400, 10, SETTINGS],
    [400, 11, SETTINGS],
    [400, 14, SETTINGS],
    [400, 16, SETTINGS],
    [429, 26, BUSY],
    [429, 27, BUSY],
    [500, 8, BUSY],
    [503, 9, BUSY],
    [503, 18, BUSY],
    [503, 19, BUSY],
    [503, 20, BUSY],
    [503, 23, BUSY],
    // Not in the table: the status alone tells.
    [400, 99, { kind: 'retry', code: 'answer_unreadable' }],
    [200, 99, { kind: 'retry', code: 'answer_unreadable' }],
    [503, 99, BUSY],
    // A refusal that says success is none.
    [403, 0, CREDENTIAL],
  ];
  test.each(CASES)('HTTP %i with code %i', async (status, code, expected) => {
    sink.receiver.faults.push(hecCode(status, code));
    expect(await sink.transport.send(batchOf('ocsf-1.8.0', 1, 2), NEVER)).toMatchObject(expected);
  });

  test.each([
    [413, { kind: 'split', code: 'too_large' }],
    [415, SETTINGS],
    [404, SETTINGS],
    [400, { kind: 'retry', code: 'answer_unreadable' }],
    [200, { kind: 'retry', code: 'answer_unreadable' }],
  ])('HTTP %i with a page', async (status, expected) => {
    sink.receiver.faults.push({ status, body: '<html>proxy</html>' });
    expect(await sink.transport.send(batchOf('ocsf-1.8.0', 1, 2), NEVER)).toMatchObject(expected);
  });

  test('a record that is named is given up after it was refused alone', async () => {
    const poisoned = batchOf('ocsf-1.8.0', 10, 14, [13]);
    const delivery = await sink.transport.send(poisoned, NEVER);
    expect(delivery).toMatchObject({ kind: 'partly', rejected: [{ index: 3 }], again: [0, 1, 2, 4] });
    expect(sink.receiver.requests.slice(-2).map(({ body }) => body.toString().split('\n').length)).toEqual([5, 1]);
  });

  test('a number that names the wrong record gives up none: halves are sent', async () => {
    const before = sink.receiver.stored.size;
    // Counted from 1: the record behind the one that is meant.
    sink.receiver.faults.push(hecCode(400, 6, { 'invalid-event-number': 3 }));
    expect(await sink.transport.send(batchOf('ocsf-1.8.0', 20, 24), NEVER)).toMatchObject(SPLIT);
    expect(sink.receiver.stored.size - before).toBe(1);
    sink.receiver.faults.push(hecCode(400, 6, { 'invalid-event-number': 77 }));
    expect(await sink.transport.send(batchOf('ocsf-1.8.0', 20, 24), NEVER)).toMatchObject(SPLIT);
    // What became of the one alone counts when it was not about it.
    sink.receiver.faults.push(hecCode(400, 6, { 'invalid-event-number': 1 }), hecCode(503, 9));
    expect(await sink.transport.send(batchOf('ocsf-1.8.0', 20, 24), NEVER)).toMatchObject(BUSY);
  });

  test('an event says when and what it is, with flat fields, and the event itself is not touched', async () => {
    sink.receiver.events.splice(0);
    const batch = batchOf('ocsf-1.8.0', 30, 30);
    const [event] = batch.events;
    expect(await sink.transport.send(batch, NEVER)).toMatchObject(UNSURE);
    expect(sink.receiver.events[0]?.event).toEqual({
      time: (event?.time ?? 0) / 1000,
      source: 'hivekey',
      sourcetype: 'hivekey:ocsf',
      index: 'agents',
      fields: { event_id: event?.id, seq: '30' },
      event: JSON.parse(event?.body ?? ''),
    });
    expect(sink.receiver.requests.at(-1)?.body.toString()).toContain(`"event":${event?.body}}`);
  });

  test('a line of CEF is a string there', async () => {
    await using cef = await splunk({ acknowledge: false }, { settings: { acknowledge: false }, format: 'cef' });
    const batch = batchOf('cef', 1, 1);
    await cef.transport.send(batch, NEVER);
    expect(cef.receiver.events[0]?.event).toMatchObject({ sourcetype: 'hivekey:cef', event: batch.events[0]?.body });
  });
});

describe('acknowledgement', () => {
  let receiver: HecReceiver;
  const open: Transport[] = [];
  beforeAll(async () => {
    receiver = await startHec();
  });
  afterEach(async () => {
    receiver.stuck = false;
    receiver.faults.splice(0);
    await Promise.all(open.splice(0).map((transport) => transport.close()));
  });
  afterAll(() => receiver[Symbol.asyncDispose]());

  /** `patienceMs`: how long an acknowledgement is waited for. */
  const connect = async (patienceMs = 60_000): Promise<Transport> => {
    const settings = splunkSettings.parse({ url: receiver.url, token_ref: 'vault://hec' });
    const deps = testDeps({ secrets: { 'vault://hec': receiver.token }, format: 'native' });
    const transport = await openSplunk(settings, deps, patienceMs);
    open.push(transport);
    return transport;
  };
  const send = (transport: Transport, seq: number, signal = NEVER): Promise<Delivery> =>
    transport.send(batchOf('native', seq, seq), signal);
  const count = (seq: number): number => receiver.stored.get(`evt_${String(seq).padStart(26, '0')}`) ?? 0;

  test('is asked for on one channel, with the cookies of the receiver, and is the proof', async () => {
    receiver.channels.clear();
    receiver.cookies.splice(0);
    const transport = await connect();
    expect(await send(transport, 1)).toEqual(TAKEN);
    expect(await send(transport, 2)).toEqual(TAKEN);
    expect(receiver.channels.size).toBe(1);
    expect([...receiver.channels][0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(receiver.cookies).toEqual([undefined, 'route=indexer-1']);
  });

  test('nothing is taken while it does not come, and the signal ends the waiting', async () => {
    receiver.stuck = true;
    const transport = await connect();
    const before = receiver.polls.count;
    const stop = new AbortController();
    const sending = send(transport, 3, stop.signal);
    await expect.poll(() => receiver.polls.count).toBeGreaterThan(before + 2);
    stop.abort();
    expect(await sending).toMatchObject({ kind: 'retry', code: 'stopped' });
    expect(count(3)).toBe(0);
  });

  test('what was accepted and lost is sent once more', async () => {
    const transport = await connect(200);
    receiver.faults.push('lost');
    expect(await send(transport, 4)).toEqual({ ...TAKEN, duplicates: 1 });
    expect(count(4)).toBe(1);
  });

  test('what is never acknowledged is sent twice and no more; acknowledgements are waited for again when they come', async () => {
    const transport = await connect(200);
    receiver.faults.push('lost', 'lost');
    const from = receiver.requests.length;
    expect(await send(transport, 5)).toEqual({ ...UNSURE, duplicates: 1 });
    expect(receiver.requests.length - from).toBe(2);
    expect(transport.remarks?.()).toEqual([expect.stringContaining('load balancer')]);
    // Now it does not wait, so nothing stands still, and nothing is sent twice.
    for (let seq = 6; seq < 14; seq += 1) expect(await send(transport, seq)).toEqual(UNSURE);
    await expect.poll(() => send(transport, 15)).toEqual(TAKEN);
    expect(count(13)).toBe(1);
    expect(transport.remarks?.()).toEqual([]);
  });

  test('a receiver that counts anew has forgotten what waited: it is sent again at once', async () => {
    const transport = await connect();
    for (const seq of [20, 21]) expect(await send(transport, seq)).toEqual(TAKEN);
    receiver.stuck = true;
    const waiting = send(transport, 22);
    const before = receiver.polls.count;
    await expect.poll(() => receiver.polls.count).toBeGreaterThan(before + 1);
    // What was read and not indexed is gone.
    receiver.restart();
    receiver.stuck = false;
    expect(await send(transport, 23)).toEqual(TAKEN);
    expect(await waiting).toEqual({ ...TAKEN, duplicates: 1 });
    expect([count(22), count(23)]).toEqual([1, 1]);
  });

  test('several at once are settled each by its own id', async () => {
    const transport = await connect();
    const sent = await Promise.all([30, 31, 32, 33, 34, 35, 36, 37].map((seq) => send(transport, seq)));
    expect(sent).toEqual(sent.map(() => TAKEN));
    expect([30, 31, 32, 33, 34, 35, 36, 37].map(count)).toEqual(sent.map(() => 1));
  });

  test('a token without acknowledgement is said to be so: nothing is confirmed', async () => {
    await using none = await splunk({ acknowledge: false });
    expect(await none.transport.send(batchOf('ocsf-1.8.0', 1, 2), NEVER)).toEqual(UNSURE);
    expect(none.transport.remarks?.()).toEqual([expect.stringContaining('no acknowledgement')]);
  });

  test('who may not ask any more waits for a person', async () => {
    await using sink = await splunk();
    sink.receiver.stuck = true;
    const sending = sink.transport.send(batchOf('ocsf-1.8.0', 1, 2), NEVER);
    await expect.poll(() => sink.receiver.polls.count).toBeGreaterThan(0);
    sink.secrets['vault://hec'] = 'another-token-than-before';
    expect(await sending).toMatchObject(CREDENTIAL);
  });

  test('closing ends what waits', async () => {
    receiver.stuck = true;
    const transport = await connect();
    const before = receiver.polls.count;
    const sending = send(transport, 40);
    await expect.poll(() => receiver.polls.count).toBeGreaterThan(before);
    await transport.close();
    expect(await sending).toMatchObject({ kind: 'retry' });
  });

  test('fewer at once while the receiver says that it fills up', async () => {
    receiver.acceptWith = 24;
    const transport = await connect();
    expect(await Promise.all([50, 51, 52].map((seq) => send(transport, seq)))).toEqual([TAKEN, TAKEN, TAKEN]);
    receiver.acceptWith = 0;
  });
});

describe('of the acknowledgement ids', () => {
  test('a batch is settled by an answer about itself alone, whenever the receiver restarts', () => {
    // The receiver: counts up, forgets all at a restart. Posts overlap; answers come in any order.
    const step = fc.oneof(
      fc.record({ do: fc.constant('post' as const) }),
      fc.record({ do: fc.constant('answer' as const), which: fc.nat(7) }),
      fc.record({ do: fc.constant('restart' as const) }),
      fc.record({ do: fc.constant('poll' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ledger = new AckLedger<{ readonly life: number }>();
        let life = 0;
        let next = 0;
        let forgotten = 0;
        let added = 0;
        let settled = 0;
        const posted: { mark: ReturnType<typeof ledger.mark>; id: number; batch: { life: number } }[] = [];
        for (const each of steps) {
          if (each.do === 'post') posted.push({ mark: ledger.mark(), id: next++, batch: { life } });
          if (each.do === 'restart') {
            // Posts that were under way end with their connection.
            posted.splice(0);
            life += 1;
            next = 0;
          }
          if (each.do === 'answer') {
            const [one] = posted.splice(each.which % Math.max(posted.length, 1), 1);
            if (one === undefined) continue;
            added += 1;
            const gone = ledger.add(one.mark, one.id, one.batch);
            forgotten += gone.length;
            // What is said to be forgotten was answered before, by this life or an earlier one; never what was just added.
            expect(gone).not.toContain(one.batch);
          }
          if (each.do === 'poll' && posted.length === 0)
            for (const [id, batch] of ledger.waiting()) {
              // It knows the ids of this life that were given out; it is believed of those that no later life gave out.
              if (id >= next || batch.life !== life) continue;
              expect(ledger.take(id, batch)).toBe(true);
              expect(ledger.take(id, batch)).toBe(false);
              settled += 1;
            }
        }
        expect(added).toBe(forgotten + settled + ledger.waiting().length);
      }),
      { numRuns: 300 },
    );
  });

  test('ids that come out of order are of one count', () => {
    const ledger = new AckLedger<string>();
    const [first, second] = [ledger.mark(), ledger.mark()];
    expect(ledger.add(second, 1, 'b')).toEqual([]);
    expect(ledger.add(first, 0, 'a')).toEqual([]);
    const third = ledger.mark();
    expect(ledger.add(third, 0, 'c')).toEqual(['b', 'a']);
    expect(ledger.take(0, 'a')).toBe(false);
    expect(ledger.take(0, 'c')).toBe(true);
  });
});

test('cookies are kept by name, given back, and end', () => {
  const cookies = new Cookies();
  expect(cookies.header()).toEqual({});
  cookies.take(['a=1; Path=/', 'b=2; Secure']);
  cookies.take('a=3');
  expect(cookies.header()).toEqual({ cookie: 'a=3; b=2' });
  cookies.take(['a=; Max-Age=0', 'b=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT', '=nothing', 'c'.repeat(5_000)]);
  expect(cookies.header()).toEqual({});
  for (let each = 0; each < 40; each += 1) cookies.take(`n${each}=1`);
  expect(cookies.header().cookie?.split('; ')).toHaveLength(20);
});

test('the width halves, grows by one, and lets in in order', async () => {
  const width = new Width(4);
  const entered: number[] = [];
  const enter = (each: number) => void width.enter().then(() => entered.push(each));
  for (let each = 0; each < 6; each += 1) enter(each);
  await pause(0);
  expect(entered).toEqual([0, 1, 2, 3]);
  width.leave('crowded');
  width.leave('crowded');
  width.leave('nothing');
  await pause(0);
  // Of one: the fourth is still within.
  expect(entered).toHaveLength(4);
  width.leave('room');
  await pause(0);
  expect(entered).toEqual([0, 1, 2, 3, 4, 5]);
});
