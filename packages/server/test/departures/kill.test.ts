/** The process that is told that somebody has left is killed before it can do more than commit it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { newDatabase } from '../../../../test/setup/database.ts';
import { roleFile } from '../agents/world.ts';
import { clientOf } from '../api/client.ts';
import { type ServerProcess, startProcess } from '../start/process.ts';

const LEAVER = 'dana@acme.example';
const database = newDatabase();
let folder: string;
let server: ServerProcess;
let client: pg.Client;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hivekey-leave-'));
  server = await startProcess(folder, { HIVEKEY_DATABASE_URL: database.url });
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await server.end('SIGTERM');
  await client.end();
  await database.drop();
  await rm(folder, { recursive: true });
});

it('nothing of the leaver’s agents is alive after the next start', async () => {
  const adminKey = server.adminKey ?? '';
  const call = clientOf({ url: server.url, adminKey });
  await call('PUT', '/v1/capabilities/payments.pay', { body: { access: 'write' } });
  await call('POST', '/v1/roles', { body: roleFile('billing', ['payments.pay']) });
  const tokens: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    await call('POST', '/v1/agents', { body: { name, role: 'billing', owner: LEAVER } });
    tokens.push((await call('POST', '/v1/tokens', { body: { agent: name } })).body.token);
  }
  let isOver = false;
  let allowed = 0;
  const callers = tokens.map(async (key) => {
    while (!isOver) {
      const answer = await call('POST', '/v1/actions', { key, body: { action: 'payments.pay', arguments: {} } }).catch(
        () => undefined,
      );
      if (answer === undefined) return;
      if (answer.status === 200) allowed += 1;
    }
  });
  await vi.waitFor(() => expect(allowed).toBeGreaterThan(10), { interval: 1 });

  await client.query('LISTEN hivekey_departure');
  const { promise: isCommitted, resolve } = Promise.withResolvers<void>();
  client.once('notification', () => resolve());
  // What follows the commit cannot be finished: its last step waits for this.
  const hold = new pg.Client({ connectionString: database.url });
  await hold.connect();
  await hold.query('BEGIN; LOCK TABLE permits IN SHARE MODE');
  const answer = call('PATCH', `/v1/people/${LEAVER}`, { body: { active: false } }).catch(() => undefined);
  await isCommitted;
  await server.end('SIGKILL');
  await hold.end();
  expect(await answer).toBeUndefined();
  isOver = true;
  await Promise.all(callers);

  server = await startProcess(folder, { HIVEKEY_DATABASE_URL: database.url });
  const again = clientOf({ url: server.url, adminKey });
  for (const key of tokens) {
    const { status, body } = await again('POST', '/v1/actions', {
      key,
      body: { action: 'payments.pay', arguments: {} },
    });
    expect([status, body.error.code]).toEqual([401, 'agent_suspended']);
  }
  const { data } = (await again('GET', '/v1/transfer-tasks')).body;
  expect(data).toMatchObject([{ person: LEAVER, status: 'open', agents_waiting: 3, first_refusal_ms: null }]);
  // What the dead node left is completed by the next, permits that nobody holds any more included.
  await client.query("UPDATE transfer_tasks SET opened_at = opened_at - interval '1 minute'");
  await vi.waitFor(
    async () => {
      const { body } = await again('GET', `/v1/transfer-tasks/${data[0].id}`);
      expect(body.receipt.committed_at).toEqual(expect.any(String));
    },
    { timeout: 10_000, interval: 50 },
  );
  const { rows } = await client.query("SELECT DISTINCT state FROM permits WHERE state IN ('open', 'stopped')");
  expect(rows).toEqual([{ state: 'stopped' }]);
  const { rows: late } = await client.query(
    `SELECT FROM actions WHERE kind = 'tool.call' AND verdict = 'allow' AND seq > (SELECT seq FROM actions WHERE kind = 'person.left')`,
  );
  expect(late).toEqual([]);
}, 30_000);
