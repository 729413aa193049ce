/** A node is killed in the middle of activating a change: all of it is in force afterwards, or nothing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { administer, eventually } from '../../packages/server/test/actions/workspace.ts';
import { roleFile } from '../../packages/server/test/agents/world.ts';
import { REVIEWED } from '../../packages/server/test/changes/world.ts';
import { newDatabase } from '../setup/database.ts';
import { freePort, killAll, startProcess } from './process.ts';

let database: ReturnType<typeof newDatabase>;
const folder = mkdtempSync(join(tmpdir(), 'hivekey-change-'));
let outside: pg.Client;
beforeAll(async () => {
  database = newDatabase();
  outside = new pg.Client({ connectionString: database.url });
});
afterAll(async () => {
  killAll();
  await outside.end();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const count = async (text: string): Promise<number> => {
  const { rows } = await outside.query<{ count: string }>(text);
  return Number(rows[0]?.count);
};

it('applies nothing of what it could not finish, and all of it when asked again', { timeout: 120_000 }, async () => {
  const port = await freePort();
  const start = () => startProcess(folder, port, { HIVEKEY_DATABASE_URL: database.url });
  const victim = await start();
  const office = administer(victim);
  const person = async (name: string, roles: readonly string[]): Promise<string> => {
    const email = `${name}@acme.example`;
    await office.done('POST', '/v1/people', { email });
    return (await office.done('POST', '/v1/keys', { name, person: email, roles })).body.key;
  };
  const [author, reviewer] = [await person('ana', ['author']), await person('rita', ['reviewer'])];
  await office.done('PUT', '/v1/change-settings', REVIEWED);
  const names = ['one', 'two', 'three'];
  const operations = names.map((id) => ({ type: 'role', id, document: roleFile(id) }));
  const { body: draft } = await office.call('POST', '/v1/changes', {
    body: { title: 'three roles', operations },
    key: author,
  });
  const path = `/v1/changes/${draft.id}`;
  const { body: change } = await office.call('POST', `${path}/submit`, { body: {}, key: author });
  const hashes = { content_hash: change.content_hash, preview_hash: change.preview.hash };
  const approved = await office.call('POST', `${path}/approve`, { body: hashes, key: reviewer });
  expect(approved.body.status).toBe('approved');

  await outside.connect();
  const versions = await count('SELECT count(*) FROM object_versions');
  // Activating gets as far as the new policy revision, which comes after the roles and their versions, and waits there.
  await outside.query('BEGIN');
  await outside.query('LOCK TABLE policy_revisions IN SHARE MODE');
  const activating = office.call('POST', `${path}/activate`, { body: {}, key: author }).catch(() => undefined);
  await eventually(async () => {
    const waiting = await count(
      `SELECT count(*) FROM pg_locks WHERE relation = 'policy_revisions'::regclass AND NOT granted`,
    );
    return waiting > 0 ? true : undefined;
  });
  await victim.kill('SIGKILL');
  await outside.query('ROLLBACK');
  expect(await activating).toBeUndefined();

  const restarted = await start();
  const again = administer(restarted);
  expect((await again.call('GET', path)).body).toMatchObject({ status: 'approved', versions: [], policy: null });
  expect(await count('SELECT count(*) FROM roles')).toBe(0);
  expect(await count('SELECT count(*) FROM object_versions')).toBe(versions);

  const { body: done } = await again.call('POST', `${path}/activate`, { body: {}, key: author });
  expect(done).toMatchObject({ status: 'activated', versions: names.map((id) => ({ id, version: 1 })).sort(byId) });
  expect(await count('SELECT count(*) FROM roles')).toBe(3);
  expect(await count(`SELECT count(*) FROM policy_revisions WHERE policy_hash = '${done.policy.after}'`)).toBe(1);
  await restarted.kill('SIGTERM');
});

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}
