/** The sample company of `npm run demo -- --audit`, one day of it: the same builder, fewer agents. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyExport } from '@hivekey/action-log';
import { HiveKey } from '@hivekey/sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newDatabase } from '../../../test/setup/database.ts';
import { downloadExport } from '../src/commands/logs.ts';
import { buildSample, settingsOf } from '../src/demo/audit/build.ts';
import { AGENTS } from '../src/demo/audit/company.ts';
import type { Counts } from '../src/demo/audit/counts.ts';
import { type SampleServer, startServer } from '../src/demo/audit/server.ts';
import { folderSource } from '../src/export-folder.ts';

const PERIOD = { from: '2026-07-01T00:00:00.000Z', to: '2026-07-02T00:00:00.000Z' };

const data = mkdtempSync(join(tmpdir(), 'hivekey-sample-'));
const { url: databaseUrl, drop } = newDatabase();
let counts: Counts;
let server: SampleServer | undefined;
let hivekey: HiveKey;

beforeAll(async () => {
  const agents = AGENTS.filter(({ name }) => ['ap-bot', 'refund-nights', 'report-bot'].includes(name));
  counts = await buildSample({ data, databaseUrl, ...PERIOD, agents, callsAnHour: 9, say: () => undefined });
  server = await startServer({ data, port: 0, databaseUrl, more: settingsOf(data) });
  hivekey = new HiveKey({ url: server.url, key: readFileSync(join(data, 'admin.key'), 'utf8').trim() });
}, 240_000);
afterAll(async () => {
  await server?.stop();
  await drop();
  rmSync(data, { recursive: true, force: true });
});

it('has entries in every hour, and counts that are sums of each other', () => {
  expect(counts).toMatchObject({ agents: 3, active: 3, hours: 24, hours_covered: 24 });
  expect(counts.entries).toBeGreaterThan(400);
  expect(counts.held).toBe(counts.approved + counts.denied + counts.expired + counts.cancelled);
});

it('is a log that verifies with no server, and goes on on the real clock', async () => {
  const folder = join(data, 'export');
  await downloadExport(hivekey, folder);
  const { isVerified, findings } = await verifyExport(folderSource(folder));
  expect(findings.filter(({ fatal }) => fatal)).toEqual([]);
  expect(isVerified).toBe(true);
  const { data: last } = await hivekey.request<{ data: { ts: string }[] }>('GET', '/v1/audit/events', {
    query: { limit: 1 },
  });
  expect(Date.now() - Date.parse(last[0]?.ts ?? '')).toBeLessThan(600_000);
});

it('says of itself that it is made up: in its name, on each record, and in each header', async () => {
  expect(await hivekey.request('GET', '/v1/workspace')).toMatchObject({
    name: 'Acme (sample data)',
    environment: 'sample',
  });
  const { data: records } = await hivekey.request<{ data: { env: string }[] }>('GET', '/v1/audit/events', {
    query: { limit: 200 },
  });
  expect(new Set(records.map(({ env }) => env))).toEqual(new Set(['sample']));
  const { tables } = await hivekey.request<{ tables: { header: { sample_data: boolean } }[] }>(
    'GET',
    '/v1/evidence/reports/agents',
    { query: PERIOD },
  );
  expect(tables.map(({ header }) => header.sample_data)).not.toContain(false);
});
