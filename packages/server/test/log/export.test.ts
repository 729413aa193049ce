import { type ExportSource, parseVerifierKey, type VerifyReport, verifyExport } from '@hivekey/action-log';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exportLog } from '../../src/log/export.ts';
import type { ExportOptions, LogExport, RunningLog } from '../../src/log/index.ts';
import type { Principal } from '../../src/path/types.ts';
import { createFixture, denial, type Fixture, intent, permitOf, record } from './fixture.ts';

let fixture: Fixture;
let log: RunningLog;
let agent: Principal;

beforeEach(async () => {
  fixture = await createFixture();
  log = await fixture.open();
  agent = await fixture.addAgent('billing-bot');
});
afterEach(() => fixture.close());

/** Allowed calls with their results, denials, and other records, from one node or another. */
async function fill(calls: number, by: RunningLog = log): Promise<void> {
  await Promise.all(
    Array.from({ length: calls }, async (_, i) => {
      const call = intent(agent, i % 4 === 0 ? { evaluation: denial() } : {});
      const recorded = await record(by, call);
      if (i % 4 !== 0) await by.recordOutcome(permitOf(call, recorded), { result: 'success', upstreamMs: 3 });
    }),
  );
}

async function all(chunks: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const read: Buffer[] = [];
  for await (const chunk of chunks) read.push(chunk);
  return read;
}

async function filesOf({ files }: LogExport): Promise<Map<string, Buffer>> {
  const read = new Map<string, Buffer>();
  for (const { path, size, chunks } of files) {
    const bytes = Buffer.concat(await all(chunks));
    expect(bytes.length, path).toBe(size);
    read.set(path, bytes);
  }
  return read;
}

function sourceOf(files: ReadonlyMap<string, Buffer>): ExportSource {
  return {
    size: async (path) => files.get(path)?.length,
    read: async function* (path, start, end) {
      yield files.get(path)?.subarray(start, end) ?? Buffer.alloc(0);
    },
  };
}

async function exportAndVerify(
  options?: ExportOptions,
  outside: readonly { name: string; note: string }[] = [],
): Promise<VerifyReport> {
  const exported = await log.export(fixture.workspaceId, options);
  return verifyExport(sourceOf(await filesOf(exported)), {
    trustedKey: parseVerifierKey(log.verifierKey(fixture.workspaceId)),
    ...(outside.length === 0 ? {} : { outsideCheckpoints: outside }),
  });
}

async function checkpoint(): Promise<string> {
  await log.catchUp(fixture.workspaceId);
  const newest = await log.checkpoint(fixture.workspaceId);
  if (newest === undefined) throw new Error('there is no checkpoint');
  return newest.note;
}

/** Statements as the owner of the schema, who can switch off the triggers. */
async function asOwner(...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: fixture.database.ownerUrl });
  await client.connect();
  try {
    await client.query("SET session_replication_role = 'replica'");
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

const codes = ({ findings }: VerifyReport) => findings.filter(({ fatal }) => fatal).map(({ code }) => code);

describe('an export', () => {
  test('of the whole log is verified, with checkpoints that were kept before and after', async () => {
    await fill(30);
    const early = await checkpoint();
    const other = await fixture.open({ nodeId: 'other' });
    await Promise.all([fill(60), fill(60, other)]);
    const late = await checkpoint();
    const report = await exportAndVerify({}, [
      { name: 'early', note: early },
      { name: 'late', note: late },
    ]);
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({
      isVerified: true,
      isWhole: true,
      log: { origin: `hivekey/${fixture.workspaceId}`, first: 1, last: 262, treeSize: 262 },
      entries: { count: 262, agents: 1, shards: 2 },
      checkpoints: { outside: 2, outsideCompared: 2 },
    });
  });

  test('of a period holds the run of entries of that time, and proves it in the signed tree', async () => {
    await fill(20);
    const early = await checkpoint();
    const from = new Date();
    await fill(20);
    const to = new Date(Date.now() + 1);
    await new Promise((resolve) => setTimeout(resolve, 2));
    const middle = await checkpoint();
    await fill(20);
    const exported = await log.export(fixture.workspaceId, { from, to });
    expect(exported).toMatchObject({ first: 36, treeSize: 105 });
    expect(exported.last).toBeGreaterThanOrEqual(70);
    for (const proveSizes of [[], [35]]) {
      const report = await exportAndVerify({ from, to, proveSizes }, [
        { name: 'early', note: early },
        { name: 'middle', note: middle },
      ]);
      expect(codes(report)).toEqual([]);
      expect(report).toMatchObject({ isVerified: true, isWhole: false, checkpoints: { outsideCompared: 2 } });
    }
  });

  test('shows that a checkpoint far outside the period is of the same log, when it is asked to', async () => {
    await fill(8);
    const early = await checkpoint();
    await fill(8);
    await log.catchUp(fixture.workspaceId);
    const from = new Date();
    await fill(8);
    const outside = [{ name: 'early', note: early }];
    const size = Number(early.split('\n')[1]);
    // The export brings that checkpoint itself only by luck of the choice.
    await asOwner(`DELETE FROM log_checkpoints WHERE tree_size = ${size}`);
    expect(codes(await exportAndVerify({ from }, outside))).toEqual(['checkpoint_not_compared']);
    expect(codes(await exportAndVerify({ from, proveSizes: [size] }, outside))).toEqual([]);
  });

  test('is refused for a time without entries and for an empty log', async () => {
    await expect(log.export(fixture.workspaceId)).rejects.toMatchObject({ status: 404, code: 'log_range_empty' });
    await fill(4);
    const from = new Date(Date.now() + 60_000);
    await expect(log.export(fixture.workspaceId, { from })).rejects.toMatchObject({ code: 'log_range_empty' });
    await expect(log.export(fixture.workspaceId, { proveSizes: [0.5] })).rejects.toMatchObject({
      code: 'proof_sizes_invalid',
    });
  });

  test('is read in pieces, whatever the size of the log', async () => {
    await fill(600);
    const exported = await log.export(fixture.workspaceId);
    const entries = exported.files.at(-1);
    if (entries === undefined) throw new Error('there are no entries');
    const chunks = await all(entries.chunks);
    expect(chunks.length).toBeGreaterThan(1);
    expect(Buffer.concat(chunks).length).toBe(entries.size);
  });
});

describe('what the owner of the database changed is found in an export', () => {
  const EDIT = `UPDATE log_blocks SET records = convert_to(replace(convert_from(records, 'UTF8'), '"amount":40', '"amount":41'), 'UTF8')`;

  test('a changed record', async () => {
    await fill(12);
    await asOwner(EDIT);
    expect(codes(await exportAndVerify())).toContain('entry_edited');
  });

  test('a changed record whose hash was changed with it', async () => {
    await record(log, intent(agent));
    await log.catchUp(fixture.workspaceId);
    await asOwner(EDIT, `UPDATE log_blocks SET entry_hashes = sha256('\\x00'::bytea || records) WHERE count = 1`);
    expect(codes(await exportAndVerify())).toEqual(expect.arrayContaining(['root_mismatch']));
  });

  test('a deleted block', async () => {
    await fill(12);
    await log.catchUp(fixture.workspaceId);
    await log.record(fixture.workspaceId, { kind: 'system.started' });
    await fill(4);
    await log.catchUp(fixture.workspaceId);
    await asOwner(`DELETE FROM log_blocks WHERE count = 1 AND convert_from(records, 'UTF8') LIKE '%system.started%'`);
    const report = await exportAndVerify();
    expect(codes(report)).toEqual(expect.arrayContaining(['entry_missing', 'root_mismatch']));
    expect(report.findings[0]).toMatchObject({ code: 'entry_missing', place: 'seq 22' });
  });

  test('a tail that was cut together with its seals and checkpoints, by a checkpoint kept elsewhere', async () => {
    await fill(8);
    const early = await checkpoint();
    await fill(8);
    const kept = await checkpoint();
    const size = Number(early.split('\n')[1]);
    await asOwner(
      `DELETE FROM log_blocks b USING log_seals s WHERE (b.shard_id, b.block) = (s.shard_id, s.block) AND s.first_global_seq > ${size}`,
      `DELETE FROM log_seals WHERE first_global_seq > ${size}`,
      `DELETE FROM log_tiles`,
      `DELETE FROM log_checkpoints WHERE tree_size > ${size}`,
    );
    const trustedKey = parseVerifierKey(log.verifierKey(fixture.workspaceId));
    const files = await filesOf(await exportLog(fixture.database.pool, fixture.workspaceId, trustedKey));
    expect(await verifyExport(sourceOf(files), { trustedKey })).toMatchObject({ isVerified: true });
    const report = await verifyExport(sourceOf(files), {
      trustedKey,
      outsideCheckpoints: [{ name: 'kept', note: kept }],
    });
    expect(codes(report)).toEqual(['tail_cut']);
  });
});
