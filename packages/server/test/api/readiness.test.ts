/** What the API says when actions cannot be recorded. */
import pg from 'pg';
import { expect, it } from 'vitest';
import { newDatabase } from '../../../../test/setup/database.ts';
import { startTestServer } from '../../../../test/setup/server.ts';
import { Secret } from '../../src/secret.ts';
import { breakableLink } from '../log/breakable-link.ts';
import { clientOf } from './client.ts';

it('refuses while the database is away, without losing its head, and recovers by itself', async () => {
  const database = newDatabase();
  const link = await breakableLink(database.url);
  const server = await startTestServer({ databaseUrl: new Secret(link.url) });
  const call = clientOf(server);
  try {
    expect((await call('GET', '/readyz')).status).toBe(200);
    link.down();
    const notReady = await call('GET', '/readyz');
    expect(notReady.status).toBe(503);
    expect(notReady.body).toMatchObject({ ready: false, problems: expect.arrayContaining(['database_unreachable']) });
    expect((await call('GET', '/healthz')).status).toBe(200);
    for (const [method, path, body] of [
      ['GET', '/v1/workspace', undefined],
      ['POST', '/v1/keys', { name: 'ops' }],
      ['POST', '/v1/session', { key: server.adminKey }],
    ] as const) {
      const answer = await call(method, path, body === undefined ? {} : { body });
      expect([answer.status, answer.body.error.code]).toEqual([503, 'log_unavailable']);
      expect(answer.headers.get('retry-after')).toBe('1');
    }
    link.up();
    await expect
      .poll(async () => (await call('GET', '/readyz')).body, { timeout: 10_000 })
      .toMatchObject({ ready: true });
    await expect.poll(async () => (await call('GET', '/v1/system')).body.nodes_heard, { timeout: 10_000 }).toBe(true);
    // What was refused had no effect.
    expect((await call('POST', '/v1/keys', { body: { name: 'ops' } })).status).toBe(201);
  } finally {
    await server.close();
    await link.close();
    await database.drop();
  }
});

it('is not ready while checkpoints are not copied out of the database', async () => {
  const server = await startTestServer({ checkpoint_file: '/nonexistent/checkpoints' });
  const call = clientOf(server);
  const owner = new pg.Client({ connectionString: server.ownerUrl });
  await owner.connect();
  try {
    const copies = async () => (await call('GET', '/v1/system')).body.log.copies;
    await expect.poll(copies).toEqual([expect.objectContaining({ last_error: expect.stringContaining('ENOENT') })]);
    // It may take a moment; that is nothing to stop for.
    expect((await call('GET', '/readyz')).status).toBe(200);
    await owner.query(
      `INSERT INTO log_checkpoints (workspace_id, tree_size, root, note, created_at)
       SELECT id, 1, '', '', now() - interval '2 minutes' FROM workspaces`,
    );
    const { status, body } = await call('GET', '/readyz');
    expect([status, body.problems]).toEqual([503, ['checkpoint_copies_stale']]);
    expect((await copies())[0].behind_seconds).toBeGreaterThan(60);
  } finally {
    await owner.end();
    await server.close();
  }
});
