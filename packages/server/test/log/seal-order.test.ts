import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sealOrder } from '../../src/log/seal-order.ts';
import { createFixture, type Fixture, intent, record } from './fixture.ts';

describe('the order of sealing', () => {
  test('is that of the ordinals, and never changes the order within a shard', () => {
    const shard = fc.array(fc.nat(), { maxLength: 20 });
    fc.assert(
      fc.property(fc.array(shard, { maxLength: 5 }), (ordinals) => {
        const shards = new Map(
          ordinals.map((each, i) => [
            `shd_${i}`,
            each.map((ordinal, block) => ({ shardId: `shd_${i}`, block, ordinal })),
          ]),
        );
        const order = sealOrder(shards);
        expect(order).toHaveLength(ordinals.flat().length);
        for (const [shardId, blocks] of shards)
          expect(order.filter((each) => each.shardId === shardId)).toEqual(blocks);
        const isSorted = ordinals.every((each) => each.every((ordinal, i) => i === 0 || (each[i - 1] ?? 0) <= ordinal));
        const merged = order.map(({ ordinal }) => ordinal);
        if (isSorted) expect(merged).toEqual(merged.toSorted((a, b) => a - b));
      }),
    );
  });
});

describe('calls of one agent over several nodes', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await createFixture();
  });
  afterAll(() => fixture.close());

  test('stand in the log in their order, also when there is more to seal than is read at once', async () => {
    const [one, two] = [await fixture.open({ nodeId: 'one' }), await fixture.open({ nodeId: 'two' })];
    const agent = await fixture.addAgent('billing-bot');
    const other = await fixture.addAgent('other-bot');
    const { pool } = fixture.database;
    const sealing = await pool.connect();
    await sealing.query(`SELECT pg_advisory_lock(hashtextextended('hivekey seal ' || $1, 0))`, [fixture.workspaceId]);
    // Many blocks on one node, and the agent's next call on the other, which has few.
    for (let i = 0; i < 300; i += 1) await record(one, intent(other));
    for (let i = 0; i < 20; i += 1) await record(i % 2 === 0 ? one : two, intent(agent));
    await sealing.query(`SELECT pg_advisory_unlock(hashtextextended('hivekey seal ' || $1, 0))`, [fixture.workspaceId]);
    sealing.release();
    await one.catchUp(fixture.workspaceId);
    const { events } = await one.list(fixture.workspaceId, { agent: 'billing-bot' }, { limit: 100, order: 'asc' });
    expect(events.map(({ record: { agent_seq } }) => agent_seq)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });
});
