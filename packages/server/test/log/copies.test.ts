import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  checkNote,
  consistencyProof,
  nodesFromTiles,
  parseCheckpoint,
  parseVerifierKey,
  signingKey,
  verifyConsistency,
} from '@hivekey/action-log';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LogHealth, RunningLog } from '../../src/log/index.ts';
import { tileLoader } from '../../src/log/tree-store.ts';
import type { Principal } from '../../src/path/types.ts';
import { createFixture, denial, type Fixture, intent, record, until } from './fixture.ts';
import { startWitness, type Witness } from './witness-server.ts';

let fixture: Fixture;
let agent: Principal;

beforeEach(async () => {
  fixture = await createFixture();
  agent = await fixture.addAgent('billing-bot');
});
afterEach(() => fixture.close());

const call = () => intent(agent, { evaluation: denial() });
const keyOf = (log: RunningLog) => parseVerifierKey(log.verifierKey(fixture.workspaceId));

function signed(log: RunningLog, note: string) {
  const checked = checkNote(note, [keyOf(log)]);
  if (checked.kind !== 'verified') throw new Error(checked.kind);
  const checkpoint = parseCheckpoint(checked.note.text);
  if (typeof checkpoint === 'string') throw new Error(checkpoint);
  return checkpoint;
}

/** The copy that has failed, once there is one. */
function failedCopy(log: RunningLog): Promise<LogHealth['copies'][number]> {
  return until(async () => (await log.health()).copies.find(({ lastError }) => lastError !== null));
}

describe('in a file', () => {
  const file = () => join(fixture.folder, 'checkpoints.jsonl');
  const lines = async () =>
    (await readFile(file(), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line): { workspace: string; tree_size: number; note: string } => JSON.parse(line));

  async function filled(records: number): Promise<RunningLog> {
    const log = await fixture.open({ nodeId: 'one', checkpointFile: file() });
    for (let i = 0; i < records; i += 1) await record(log, call());
    await log.close();
    return log;
  }

  /** What somebody with the rights of a superuser can do. */
  async function tamper(sql: readonly string[]): Promise<void> {
    const owner = new pg.Client({ connectionString: fixture.database.ownerUrl });
    await owner.connect();
    const tables = ['log_blocks', 'log_seals', 'log_tiles', 'log_checkpoints'];
    for (const table of tables) await owner.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
    for (const each of sql) await owner.query(each, [fixture.workspaceId]);
    for (const table of tables) await owner.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
    await owner.end();
  }

  test('are in the file, signed, each adding to the one before; also after a line that a crash tore', async () => {
    const log = await filled(3);
    await writeFile(file(), '{"workspace":"torn', { flag: 'a' });
    await filled(2);
    const good = (await readFile(file(), 'utf8')).split('\n').filter((line) => line.endsWith('}'));
    const sizes = good.map((line) => signed(log, JSON.parse(line).note).size);
    expect(sizes.at(-1)).toBe(5);
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    await fixture.open({ nodeId: 'one', checkpointFile: file() });
  });

  test.each([
    [
      'entries that were cut off',
      [
        'DELETE FROM log_checkpoints WHERE workspace_id = $1 AND tree_size > 3',
        'DELETE FROM log_seals WHERE workspace_id = $1 AND first_global_seq > 3',
        'DELETE FROM log_blocks WHERE workspace_id = $1 AND first_seq > 3',
        `UPDATE log_shards SET next_block = 4, next_seq = 4, head = (SELECT b.head FROM log_blocks b WHERE b.workspace_id = $1 AND block = 3)
          WHERE workspace_id = $1`,
      ],
      'has a signed checkpoint of 5',
    ],
    [
      'entries that were replaced',
      [`UPDATE log_blocks SET entry_hashes = decode(repeat('ab', 32), 'hex') WHERE workspace_id = $1 AND block = 2`],
      'are not those whose checkpoint',
    ],
  ])('keep a start from going on over %s', async (_what, sql, cause) => {
    await filled(5);
    await tamper(sql);
    const start = fixture.open({ nodeId: 'one', checkpointFile: file() });
    await expect(start).rejects.toMatchObject({ code: 'log_tail_cut', message: expect.stringContaining(cause) });
  });

  test('that this key did not sign are told apart from a cut log', async () => {
    await filled(2);
    const other = signingKey(`hivekey/${fixture.workspaceId}`, new Uint8Array(32).fill(1));
    const start = fixture.open({ nodeId: 'one', checkpointFile: file(), signingKey: other.privateKey });
    await expect(start).rejects.toMatchObject({ code: 'checkpoint_file_invalid' });
  });

  test('that cannot be written are reported and hold up nothing', async () => {
    const log = await fixture.open({ nodeId: 'one', checkpointFile: join(fixture.folder, 'missing', 'file') });
    await record(log, call());
    await log.catchUp(fixture.workspaceId);
    expect(await failedCopy(log)).toMatchObject({ treeSize: 0, lastError: expect.stringContaining('ENOENT') });
    await record(log, call());
  });

  test('that cannot be read keep a start from going on', async () => {
    const start = fixture.open({ nodeId: 'one', checkpointFile: fixture.folder });
    await expect(start).rejects.toMatchObject({ code: 'checkpoint_file_unreadable' });
  });

  test('show by themselves that the log only grew', async () => {
    const log = await filled(4);
    await filled(300);
    const copies = await lines();
    const [older, newer] = [copies[0], copies.at(-1)].map((line) => signed(log, line?.note ?? ''));
    if (older === undefined || newer === undefined) throw new Error('there are no checkpoints');
    const nodes = nodesFromTiles(newer.size, tileLoader(fixture.database.pool, fixture.workspaceId));
    const path = await consistencyProof(older.size, newer.size, nodes);
    expect(verifyConsistency(older.size, older.root, newer.size, newer.root, path)).toBe(true);
  });
});

describe('at a witness', () => {
  let witness: Witness;
  afterEach(() => witness.close());

  async function witnessed(size: number): Promise<void> {
    await until(async () => [...witness.seen.values()].some((seen) => seen.size === size));
  }

  test('are cosigned, and the cosignature is kept with the checkpoint', async () => {
    const log = await fixture.open();
    witness = await startWitness([keyOf(log)]);
    const watched = await fixture.open({ witnessUrl: `${witness.url}/`, limits: { checkpointAfterMs: 1 } });
    for (const count of [3, 5, 300]) {
      await Promise.all(Array.from({ length: count }, () => record(watched, call())));
      await watched.catchUp(fixture.workspaceId);
    }
    await witnessed(308);
    const cosigned = await until(async () => {
      const note = (await watched.checkpoint(fixture.workspaceId))?.note ?? '';
      const checked = checkNote(note, [keyOf(log), witness.key]);
      return checked.kind === 'verified' && checked.signers.length === 2 && checked;
    });
    expect(cosigned.signers.map(({ type }) => type)).toEqual([0x01, 0x04]);
    expect(new Set(witness.statuses)).toEqual(new Set([200]));
  });

  test('that has seen more than this node knows is told from where it stands; nothing is lost while it is away', async () => {
    const log = await fixture.open({ nodeId: 'one' });
    witness = await startWitness([keyOf(log)]);
    const { url } = witness;
    const first = await fixture.open({ nodeId: 'two', witnessUrl: url });
    await record(first, call());
    await first.catchUp(fixture.workspaceId);
    await witnessed(1);
    await first.close();
    await fixture.database.pool.query('DELETE FROM checkpoint_copies');
    witness.broken = { status: 503, body: 'out of order' };
    const next = await fixture.open({ nodeId: 'two', witnessUrl: url });
    await record(next, call());
    await next.catchUp(fixture.workspaceId);
    const failed = await failedCopy(next);
    expect(failed.lastError).toBe('the witness refused the checkpoint: status 503');
    witness.broken = undefined;
    await next.close();
    await witnessed(2);
    expect(witness.statuses).toContain(409);
  });

  test.each([
    ['no signature', ''],
    ['another text', '\n— witness.example/1 AAAAAAAAAAA=\n'],
    ['nonsense', 'thank you'],
  ])('that answers with %s does not count as a copy', async (_what, body) => {
    witness = await startWitness([]);
    witness.broken = { status: 200, body };
    const log = await fixture.open({ witnessUrl: witness.url });
    await record(log, call());
    await log.catchUp(fixture.workspaceId);
    const failed = await failedCopy(log);
    expect(failed).toMatchObject({ treeSize: 0, lastError: expect.stringContaining('the witness refused') });
    expect((await log.checkpoint(fixture.workspaceId))?.note).not.toContain('witness');
  });
});
