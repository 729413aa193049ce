import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/setup/database.ts';
import type { WorkspaceId } from '../../src/ids.ts';
import { readLedger } from '../../src/siem/ledger.ts';
import type { SinkSettings } from '../../src/siem/store.ts';
import { ensureWorkspace } from '../../src/workspace/index.ts';
import { type Behaviour, type Model, ModelReceiver, modelLog, modelSink } from './model.ts';
import { entries } from './receivers/stream.ts';

let database: TestDatabase;
let workspaceId: WorkspaceId;
beforeAll(async () => {
  database = await createTestDatabase();
  workspaceId = (await ensureWorkspace(database.pool, 'prod')).id;
});
afterAll(() => database.close());

/** What waits at the sink, by number. */
async function setAside({ sink }: Model): Promise<readonly number[]> {
  const { rows } = await database.pool.query<{ seq: number }>(
    `SELECT generate_series(first_seq, last_seq) AS seq FROM sink_dead_letters
      WHERE workspace_id = $1 AND sink_id = $2 AND status <> 'redriven' ORDER BY 1`,
    [workspaceId, sink.id],
  );
  return rows.map(({ seq }) => seq);
}

async function totals({ sink }: Model) {
  const days = await readLedger(database.pool, { workspaceId, sinkId: sink.id }, '2000-01-01', '2100-01-01');
  const sum = (of: (day: (typeof days)[number]) => number) => days.reduce((all, day) => all + of(day), 0);
  return {
    produced: sum(({ produced }) => produced),
    accepted: sum(({ accepted }) => accepted),
    rejected: sum(({ rejected }) => rejected),
    filtered: sum(({ filtered }) => filtered),
  };
}

/** Waits until the cursor is there, then ends the lane. */
async function runTo(model: Model, receiver: ModelReceiver, seq: number): Promise<void> {
  const over = new AbortController();
  const running = model.run(receiver, over.signal);
  let ended = false;
  running.finally(() => {
    ended = true;
  });
  while ((await model.stream()).cursorSeq < seq && !ended) await new Promise((resolve) => setTimeout(resolve, 2));
  over.abort();
  await running;
}

const behaviour = fc.constantFrom<Behaviour>('take', 'take', 'take_silently', 'lose', 'half', 'hang', 'too_large');
const kind = fc.constantFrom<Partial<SinkSettings>>(
  { kind: 'file', settings: { path: 'log.ndjson' } },
  { kind: 'webhook', settings: { url: 'https://siem.acme.example/', signing_secret_refs: ['vault://secret'] } },
);

describe('a stream to a receiver that fails in any way', () => {
  it('loses nothing, keeps the order, and never passes what is not settled', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }),
        fc.boolean(),
        fc.array(fc.array(behaviour, { maxLength: 12 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 3 }),
        kind,
        async (size, poison, names, lives, events, window, settings) => {
          const all = entries(1, size);
          const { log, drafts } = modelLog(database.pool, all);
          const model = await modelSink(database.pool, workspaceId, log, {
            ...settings,
            leaveOut: ['reads'],
            limits: { events, window, ageMs: 0 },
          });
          const isPoison = (seq: number): boolean => poison.includes(seq);
          const receiver = new ModelReceiver(lives.flat(), isPoison, names);
          const left: Promise<void>[] = [];
          const leftOver = new AbortController();
          // Each life is overtaken by the next one while it is at work, and goes on without its lease.
          for (const [place] of lives.entries()) {
            left.push(model.run(receiver, leftOver.signal));
            const until = Math.min(size, Math.ceil((size * (place + 1)) / (lives.length + 1)));
            while ((await model.stream()).cursorSeq < until) await new Promise((resolve) => setTimeout(resolve, 1));
            const { cursorSeq } = await model.stream();
            const aside = new Set(await setAside(model));
            const arrived = new Set(receiver.arrived.map(({ seq }) => seq));
            for (let seq = 1; seq <= cursorSeq; seq += 1) expect(arrived.has(seq) || aside.has(seq)).toBe(true);
          }
          // A life that has only begun may yet take the lease from the last one.
          do await runTo(model, receiver, size);
          while ((await model.stream()).cursorSeq < size);
          leftOver.abort();
          await Promise.all(left);

          const wanted = all.map(({ seq }) => seq);
          const aside = await setAside(model);
          expect(aside).toEqual(wanted.filter(isPoison));
          const first = receiver.arrived
            .flatMap(({ seq }) => seq ?? [])
            .filter((seq, at, seqs) => seqs.indexOf(seq) === at);
          expect(new Set(first)).toEqual(new Set(wanted.filter((seq) => !isPoison(seq))));
          // Several on their way, and a batch of which a part is to be sent again, come out of order; nothing else does.
          const isInOrder = (window === 1 || settings.kind === 'webhook') && !lives.flat().includes('half');
          if (isInOrder) expect(first).toEqual([...first].sort((a, b) => a - b));
          const bodies = Map.groupBy(receiver.arrived, ({ id }) => id);
          for (const same of bodies.values()) expect(new Set(same.map(({ body }) => body)).size).toBe(1);
          expect(await totals(model)).toEqual({
            produced: size,
            accepted: size - aside.length,
            rejected: aside.length,
            filtered: 0,
          });
          expect(drafts.filter((draft) => draft.kind === 'sink.dead_letter').length > 0).toBe(aside.length > 0);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('sets a number of a batch aside where it is not said which', async () => {
    const { log } = modelLog(database.pool, entries(1, 6));
    const model = await modelSink(database.pool, workspaceId, log, { limits: { events: 6, ageMs: 0 } });
    const receiver = new ModelReceiver(['short'], () => false, true);
    await runTo(model, receiver, 6);
    expect(await totals(model)).toEqual({ produced: 6, accepted: 4, rejected: 2, filtered: 0 });
    const { rows } = await database.pool.query(
      'SELECT first_seq, last_seq, entries, which, code FROM sink_dead_letters WHERE sink_id = $1',
      [model.sink.id],
    );
    expect(rows).toEqual([{ first_seq: 1, last_seq: 6, entries: 2, which: false, code: 'unnamed_refused' }]);
  });

  it('holds when nothing is taken of two hundred events one after the other', async () => {
    const { log } = modelLog(database.pool, entries(1, 300), 300);
    const model = await modelSink(database.pool, workspaceId, log, { limits: { events: 300, ageMs: 0 } });
    await model.run(new ModelReceiver([], () => true, true), new AbortController().signal);
    expect(await model.stream()).toMatchObject({ cursorSeq: 0, holdCode: 'receiver_refuses_all' });
    expect(await setAside(model)).toEqual([]);
  });

  it('sends a replay to its end, and no further', async () => {
    const { log, drafts } = modelLog(database.pool, entries(1, 20));
    const model = await modelSink(database.pool, workspaceId, log, { limits: { events: 4, ageMs: 0 } }, 21);
    const receiver = new ModelReceiver(['lose', 'take_silently'], () => false, true);
    const over = new AbortController();
    const replay = await model.order({ purpose: 'replay', fromSeq: 5, toSeq: 12 });
    const running = model.run(receiver, over.signal);
    const status = async () =>
      (await database.pool.query('SELECT status FROM sink_streams WHERE id = $1', [replay.id])).rows[0].status;
    while ((await status()) === 'running') await new Promise((resolve) => setTimeout(resolve, 2));
    over.abort();
    await running;
    expect([...new Set(receiver.arrived.map(({ seq }) => seq))]).toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
    expect(receiver.arrived.every(({ body }) => body.includes('"replayed":true'))).toBe(true);
    expect(drafts).toContainEqual(
      expect.objectContaining({ kind: 'sink.replayed', change: 'finished', replay_id: replay.id }),
    );
    expect((await totals(model)).produced).toBe(0);
  });

  it('counts nothing of what a replay sets aside, nor of sending that once more', async () => {
    const { log, drafts } = modelLog(database.pool, entries(1, 8));
    const model = await modelSink(database.pool, workspaceId, log, { limits: { events: 4, ageMs: 0 } });
    const orderOf = async (receiver: ModelReceiver, id: string): Promise<void> => {
      const over = new AbortController();
      const running = model.run(receiver, over.signal);
      const isRunning = async () =>
        (await database.pool.query(`SELECT FROM sink_streams WHERE id = $1 AND status = 'running'`, [id])).rowCount;
      while ((await isRunning()) !== 0) await new Promise((resolve) => setTimeout(resolve, 2));
      over.abort();
      await running;
    };
    // 3 is refused, 5 is taken; then a replay of both is refused.
    await runTo(model, new ModelReceiver([], (seq) => seq === 3, true), 8);
    const counted = { produced: 8, accepted: 7, rejected: 1, filtered: 0 };
    expect(await totals(model)).toEqual(counted);
    const replay = await model.order({ purpose: 'replay', fromSeq: 3, toSeq: 5 });
    await orderOf(new ModelReceiver([], (seq) => seq !== 4, true), replay.id);
    expect(await totals(model)).toEqual(counted);
    expect(drafts.at(-1)).toMatchObject({ change: 'finished' });
    expect(drafts.at(-2)).toMatchObject({ change: 'set_aside', replay_id: replay.id });

    // As replay.ts gives them: of each kind by itself.
    const redrive = async (where: string) => {
      const stream = await model.order({ purpose: 'redrive', fromSeq: 3, toSeq: 5 });
      await database.pool.query(
        `UPDATE sink_dead_letters SET status = 'redriving', redrive_id = $2 WHERE sink_id = $1 AND status = 'waiting' AND ${where}`,
        [model.sink.id, stream.id],
      );
      await orderOf(new ModelReceiver([], () => false, true), stream.id);
    };
    await redrive(`days = '{}'`);
    expect(await totals(model)).toEqual(counted);
    await redrive(`days <> '{}'`);
    expect(await totals(model)).toEqual({ ...counted, accepted: 8, rejected: 0 });
    expect(await setAside(model)).toEqual([]);
  });
});
