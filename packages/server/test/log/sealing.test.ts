import {
  checkNote,
  entryHash,
  formatHash,
  parseCheckpoint,
  parseVerifierKey,
  rootOf,
  sameHash,
  verifyProof,
} from '@hivekey/action-log';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/setup/database.ts';
import type { RunningLog } from '../../src/log/index.ts';
import type { Principal } from '../../src/path/types.ts';
import { audit } from './audit.ts';
import { createFixture, denial, type Fixture, intent, permitOf, record, until } from './fixture.ts';

let database: TestDatabase;
let fixture: Fixture;
let agent: Principal;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  fixture = await createFixture(database);
  agent = await fixture.addAgent('billing-bot');
});
afterEach(() => fixture.close());

/** The tree as the seals order the blocks, made again from the records alone. */
async function recomputed(): Promise<{ size: number; leaves: Uint8Array[] }> {
  const { rows } = await database.pool.query<{ first: number; count: number; records: Buffer }>(
    `SELECT s.first_global_seq AS first, s.count, b.records FROM log_seals s JOIN log_blocks b USING (workspace_id, shard_id, block)
      WHERE s.workspace_id = $1 ORDER BY s.first_global_seq`,
    [fixture.workspaceId],
  );
  let next = 1;
  const leaves = rows.flatMap(({ first, count, records }) => {
    expect(first).toBe(next);
    next += count;
    return records
      .toString()
      .split('\n')
      .map((line) => entryHash(Buffer.from(line)));
  });
  return { size: next - 1, leaves };
}

async function checkpoints(): Promise<{ size: number; note: string }[]> {
  const { rows } = await database.pool.query<{ size: number; note: string }>(
    'SELECT tree_size AS size, note FROM log_checkpoints WHERE workspace_id = $1 ORDER BY id',
    [fixture.workspaceId],
  );
  return rows;
}

function signed(log: RunningLog, note: string) {
  const checked = checkNote(note, [parseVerifierKey(log.verifierKey(fixture.workspaceId))]);
  if (checked.kind !== 'verified') throw new Error(checked.kind);
  const checkpoint = parseCheckpoint(checked.note.text);
  if (typeof checkpoint === 'string') throw new Error(checkpoint);
  return checkpoint;
}

describe('sealing', () => {
  test('by several nodes at once gives every block one place in one gapless tree', async () => {
    const logs = await Promise.all(['one', 'two', 'three'].map((nodeId) => fixture.open({ nodeId })));
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(
        logs.flatMap((log) => Array.from({ length: 40 }, () => record(log, intent(agent)).then(() => undefined))),
      );
      await Promise.all(logs.map((log) => log.catchUp(fixture.workspaceId)));
    }
    const { records, problems } = await audit(database.pool, fixture.workspaceId);
    expect(problems).toEqual([]);
    const { size, leaves } = await recomputed();
    expect([size, leaves.length]).toEqual([600, records.length]);
    const log = logs[0];
    if (log === undefined) throw new Error('there is no log');
    for (const { note } of await checkpoints()) {
      const checkpoint = signed(log, note);
      expect(sameHash(checkpoint.root, rootOf(leaves.slice(0, checkpoint.size)))).toBe(true);
      for (const { seq } of checkpoint.shards) expect(seq).toBeGreaterThan(0);
    }
    expect(signed(log, (await log.checkpoint(fixture.workspaceId))?.note ?? '').size).toBe(600);
    const { events } = await log.list(fixture.workspaceId, {}, { limit: 1000, order: 'asc' });
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 600 }, (_, i) => i + 1));
    expect(events.map(({ entry_hash }) => entry_hash)).toEqual(leaves.map(formatHash));
  });

  test('is signed while it grows and, less often, while it does not', async () => {
    const log = await fixture.open({ limits: { checkpointAfterMs: 1, idleCheckpointAfterMs: 50 } });
    await record(log, intent(agent));
    const first = await until(async () => (await checkpoints())[0]);
    expect(first.size).toBe(1);
    await until(async () => (await checkpoints()).filter(({ size }) => size === 1).length >= 3);
    await record(log, intent(agent));
    await until(async () => (await checkpoints()).some(({ size }) => size === 2));
    for (const { note } of await checkpoints()) signed(log, note);
  });

  test('goes on where a restart left it, whatever the sizes', async () => {
    for (const count of [1, 254, 1, 1, 300]) {
      const log = await fixture.open({ nodeId: 'one' });
      await Promise.all(Array.from({ length: count }, () => record(log, intent(agent, { evaluation: denial() }))));
      await log.close();
    }
    const log = await fixture.open({ nodeId: 'one' });
    const { leaves } = await recomputed();
    const checkpoint = signed(log, (await log.checkpoint(fixture.workspaceId))?.note ?? '');
    expect(checkpoint.size).toBe(557);
    expect(sameHash(checkpoint.root, rootOf(leaves))).toBe(true);
  });
});

describe('a proof', () => {
  test('of any event, new or old, is verified with nothing but the verifier key', async () => {
    const log = await fixture.open();
    const made = await Promise.all(Array.from({ length: 300 }, () => record(log, intent(agent))));
    const key = parseVerifierKey(log.verifierKey(fixture.workspaceId));
    for (const { eventId } of [made[0], made[150], made[299], await record(log, intent(agent))].filter(
      (each) => each !== undefined,
    )) {
      const proof = await log.prove(fixture.workspaceId, eventId);
      if (proof === undefined) throw new Error('there is no proof');
      expect(JSON.parse(proof.canonical).event_id).toBe(eventId);
      expect(verifyProof(proof, key)).toMatchObject({ isVerified: true, findings: [] });
      expect(
        verifyProof({ ...proof, canonical: proof.canonical.replace('"amount":40', '"amount":41') }, key).isVerified,
      ).toBe(false);
    }
    expect(await log.prove(fixture.workspaceId, 'evt_0000000000')).toBeUndefined();
  });
});

describe('the projection', () => {
  const rows = async () =>
    (
      await database.pool.query('SELECT to_jsonb(a) AS row FROM actions a WHERE workspace_id = $1 ORDER BY seq', [
        fixture.workspaceId,
      ])
    ).rows;

  test('made again from the blocks is what it was', async () => {
    const log = await fixture.open();
    const call = intent(agent);
    for (let i = 0; i < 60; i += 1) {
      const made = await record(log, call);
      if (i % 3 > 0) await log.recordOutcome(permitOf(call, made), { result: i % 3 === 1 ? 'success' : 'unknown' });
      if (i % 6 === 2) await log.recordOutcome(permitOf(call, made), { result: 'error', errorCode: 'upstream_error' });
    }
    await log.catchUp(fixture.workspaceId);
    const before = await rows();
    expect(await log.compareProjection(fixture.workspaceId)).toEqual([]);
    await log.rebuildProjection(fixture.workspaceId);
    expect(await rows()).toEqual(before);
    expect(await log.compareProjection(fixture.workspaceId)).toEqual([]);
  });

  test.each([
    [
      'a changed row',
      `UPDATE actions SET reason = 'x' WHERE seq = 2 AND workspace_id = $1`,
      [{ seq: 2, what: 'changed' }],
    ],
    [
      'a changed outcome',
      `UPDATE actions SET outcome = 'error' WHERE seq = 2 AND workspace_id = $1`,
      [{ seq: 2, what: 'outcome' }],
    ],
    ['a missing row', 'DELETE FROM actions WHERE seq = 2 AND workspace_id = $1', [{ seq: 2, what: 'missing' }]],
    [
      'a row too many',
      `INSERT INTO actions SELECT (jsonb_populate_record(a, '{"seq": 77}')).* FROM actions a WHERE seq = 2 AND workspace_id = $1`,
      [{ seq: 77, what: 'surplus' }],
    ],
  ])('is compared with the blocks, which finds %s', async (_what, sql, found) => {
    const log = await fixture.open();
    for (let i = 0; i < 3; i += 1) await record(log, intent(agent));
    await log.catchUp(fixture.workspaceId);
    await database.pool.query(sql, [fixture.workspaceId]);
    expect(await log.compareProjection(fixture.workspaceId)).toEqual(found);
    await log.rebuildProjection(fixture.workspaceId);
    expect(await log.compareProjection(fixture.workspaceId)).toEqual([]);
  });

  test('is followed from any place, through a filter, by a reader that misses nothing', async () => {
    const [log, other] = [await fixture.open(), await fixture.open()];
    for (let i = 0; i < 5; i += 1) await record(log, intent(agent));
    const stop = new AbortController();
    const seen: number[] = [];
    const following = (async () => {
      for await (const { seq } of log.follow(fixture.workspaceId, 3, { agent: 'billing-bot' }, stop.signal)) {
        seen.push(seq);
        if (seen.length === 43) stop.abort();
      }
    })();
    const second = await fixture.addAgent('other');
    for (let i = 0; i < 40; i += 1) {
      await record(i % 2 === 0 ? log : other, intent(agent));
      if (i % 8 === 0) await record(other, intent(second));
    }
    await following;
    const { events } = await log.list(fixture.workspaceId, { agent: 'billing-bot' }, { limit: 100, order: 'asc' });
    expect(seen).toEqual(events.map(({ seq }) => seq).filter((seq) => seq >= 3));
  });
});
