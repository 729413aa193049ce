/** The node that evaluates is killed again and again, and another takes over: each finding is told once. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newDatabase } from '../../../../test/setup/database.ts';
import { eventually } from '../actions/workspace.ts';
import { roleFile } from '../agents/world.ts';
import { clientOf } from '../api/client.ts';
import { type ServerProcess, startProcess } from '../start/process.ts';

const AGENTS = 8;
const DENIALS = 10;
const database = newDatabase();
const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'hivekey-kill-')));
let client: pg.Client;
let node: ServerProcess;

const start = (folder: string) => startProcess(folder, { HIVEKEY_DATABASE_URL: database.url });

beforeAll(async () => {
  node = await start(folders[0] ?? '');
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await node.end('SIGTERM');
  await client.end();
  await database.drop();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

it('under kill -9 and failover', { timeout: 120_000 }, async () => {
  const adminKey = node.adminKey ?? '';
  let call = clientOf({ url: node.url, adminKey });
  await call('PUT', '/v1/capabilities/crm.read', { body: { access: 'read' } });
  await call('POST', '/v1/roles', { body: roleFile('Support', ['crm.read']) });
  const tokens: string[] = [];
  for (let n = 0; n < AGENTS; n += 1) {
    await call('POST', '/v1/agents', { body: { name: `bot-${n}`, role: 'Support', owner: 'dana@acme.example' } });
    tokens.push((await call('POST', '/v1/tokens', { body: { agent: `bot-${n}` } })).body.token);
  }
  const denied = tokens.map(() => 0);
  /** Each agent once more; a call that was cut off is made again. */
  const burst = async (times: number): Promise<void> => {
    for (let n = 0; n < times; n += 1)
      await Promise.all(
        tokens.map(async (key, i) => {
          const answer = await call('POST', '/v1/actions', { key, body: { action: 'vault.get', arguments: {} } }).catch(
            () => undefined,
          );
          if (answer?.status === 403) denied[i] = (denied[i] ?? 0) + 1;
        }),
      );
  };
  const findings = async (): Promise<number> =>
    (await client.query("SELECT count(*)::int AS n FROM detection_findings WHERE detection = 'D01'")).rows[0].n;
  for (const key of ['secret.key', 'log.key']) cpSync(join(folders[0] ?? '', key), join(folders[1] ?? '', key));

  await burst(DENIALS / 2);
  // In the middle of what will be found, with state that is not saved yet.
  await node.end('SIGKILL');
  // The same node, then another one: the lease of who died is over.
  for (const folder of [folders[0] ?? '', folders[1] ?? '']) {
    await client.query("UPDATE detection_evaluators SET lease_until = now() - interval '1 second'");
    node = await start(folder);
    call = clientOf({ url: node.url, adminKey });
    await burst(DENIALS / 2);
    if (folder === folders[0]) {
      await eventually(async () => ((await findings()) > 0 ? true : undefined));
      await node.end('SIGKILL');
    }
  }
  expect(Math.min(...denied)).toBeGreaterThanOrEqual(DENIALS);
  await eventually(async () => ((await findings()) >= AGENTS ? true : undefined), 30_000);
  const { rows: heads } = await client.query('SELECT next_seq - 1 AS head FROM projection_cursor');
  await eventually(async () => {
    const { rows } = await client.query('SELECT next_seq FROM detection_evaluators');
    return Number(rows[0].next_seq) > Number(heads[0].head) ? true : undefined;
  }, 30_000);
  await call('GET', '/v1/audit/checkpoint');

  const told = await eventually(async () => {
    const { body } = await call('GET', '/v1/audit/events?kind=detection.fired&limit=200');
    const list = body.data.filter(({ detection }: { detection: string }) => detection === 'D01');
    return list.length >= AGENTS ? list : undefined;
  });
  expect(told.map(({ agent }: { agent: string }) => agent).sort()).toEqual(tokens.map((_, n) => `bot-${n}`));
  expect(new Set(told.map(({ finding_id: id }: { finding_id: string }) => id)).size).toBe(AGENTS);
  const { rows: alerts } = await client.query("SELECT repeats FROM alerts WHERE source = 'detection' AND rule = 'D01'");
  expect(alerts).toHaveLength(AGENTS);
});
