import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../src/database/index.ts';

let folder: string;
const stops: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hivekey-embedded-'));
  stops.push(() => rm(folder, { recursive: true, force: true }));
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function start(data: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const server = await startEmbeddedPostgres(data);
  stops.push(server.stop);
  return server;
}

/** One statement on a connection of its own. */
async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: new URL('/postgres', url).href });
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}

const pidFile = (data: string) => join(data, 'postgres', 'postmaster.pid');

describe('the embedded PostgreSQL', () => {
  test('that runs already is taken over, and its data is there after a stop', async () => {
    const first = await start(folder);
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const again = await start(folder);
    expect(again.url).toBe(first.url);
    await again.stop();
    const later = await start(folder);
    expect(await query(later.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  test('starts over a postmaster.pid whose process id is somebody else’s by now', async () => {
    const first = await start(folder);
    const left = await readFile(pidFile(folder), 'utf8');
    await first.stop();
    const other: ChildProcess = spawn('sleep', ['60'], { cwd: '/' });
    stops.push(async () => other.kill());
    await writeFile(pidFile(folder), left.replace(/^\d+/, String(other.pid)));
    const { url } = await start(folder);
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('of a copied folder is another server, also while the original runs', async () => {
    const original = await start(folder);
    const copy = `${folder}-copy`;
    stops.push(() => rm(copy, { recursive: true, force: true }));
    await query(original.url, 'CHECKPOINT');
    await cp(folder, copy, { recursive: true, preserveTimestamps: true });
    const { uid, gid } = await stat(join(folder, 'postgres'));
    await chownAll(copy, uid, gid);
    const second = await start(copy);
    expect(new URL(second.url).port).not.toBe(new URL(original.url).port);
    await query(second.url, 'CREATE TABLE only_here ()');
    expect(await query(original.url, `SELECT to_regclass('only_here')::text AS found`)).toEqual([{ found: null }]);
  });

  test('that cannot start says why in one sentence', async () => {
    const first = await start(folder);
    await first.stop();
    await writeFile(join(folder, 'postgres', 'postgresql.conf'), 'nonsense = 1\n');
    await expect(startEmbeddedPostgres(folder)).rejects.toMatchObject({
      code: 'embedded_postgres_failed',
      message: expect.stringMatching(/nonsense/),
    });
  });
});

/** `cp` gives the copy to whoever runs it; PostgreSQL wants its own account. */
async function chownAll(path: string, uid: number, gid: number): Promise<void> {
  const chown = spawn('chown', ['-R', `${uid}:${gid}`, path]);
  await new Promise((done) => chown.once('exit', done));
}
