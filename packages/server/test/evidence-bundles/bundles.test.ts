/** Bundles of a server that runs as people run it: made, checked, made again after a kill, refused, and disposed of. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BundleSource, parseFileManifest, timestampRequest, verifyBundle } from '@hivekey/evidence';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, killAll, type ServerProcess, startProcess } from '../../../../test/faults/process.ts';
import { migratedDatabase } from '../../../../test/setup/database.ts';
import { makeAuthority, type TestAuthority } from '../../../evidence/test/bundle/authority.ts';
import { askTimestamp } from '../../src/evidence-bundles/authority.ts';
import { eventually } from '../actions/workspace.ts';
import { addWorkspace } from '../agents/second-workspace.ts';
import { type Answer, clientOf } from '../api/client.ts';

const folder = mkdtempSync(join(tmpdir(), 'hivekey-bundles-'));
const data = join(folder, 'data');
let database: Awaited<ReturnType<typeof migratedDatabase>>;
let outside: pg.Client;
let authority: TestAuthority;
let authorityServer: Server;
let settings: Record<string, string>;
let server: ServerProcess;
/** What the authority is asked to stamp; another test has it stamp something else. */
let stamped: (request: Buffer) => Uint8Array = (request) => request;
let period: { from: string; to: string };
let first: Answer['body'];

beforeAll(async () => {
  database = await migratedDatabase();
  outside = new pg.Client({ connectionString: database.url });
  await outside.connect();
  mkdirSync(join(folder, 'authority'));
  authority = makeAuthority(join(folder, 'authority'));
  authorityServer = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    response.setHeader('content-type', 'application/timestamp-reply');
    response.end(authority.answer(stamped(Buffer.concat(parts))));
  });
  const port = await new Promise<number>((resolve) => {
    authorityServer.listen(0, '127.0.0.1', () => {
      const address = authorityServer.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  settings = {
    HIVEKEY_DATABASE_URL: database.url,
    HIVEKEY_LOG_LEVEL: 'warn',
    HIVEKEY_TIMESTAMP_URL: `http://127.0.0.1:${port}`,
    HIVEKEY_TIMESTAMP_CA: join(folder, 'authority', 'root.pem'),
  };
  server = await startProcess(data, await freePort(), settings);
  const from = new Date().toISOString();
  await ok('POST', '/v1/roles', {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Role',
    metadata: { name: 'support' },
    scope: { allow: ['crm.read'] },
    guards: [],
  });
  await ok('PUT', '/v1/capabilities/crm.read', { access: 'read' });
  await ok('POST', '/v1/agents', { name: 'crm-bot', role: 'support', owner: 'dana@acme.example' });
  const { token } = await ok('POST', '/v1/tokens', { agent: 'crm-bot' });
  const call = clientOf(server);
  const read = await call('POST', '/v1/actions', { key: token, body: { action: 'crm.read', arguments: {} } });
  // What is open at the end of a period ends later, and then is told otherwise.
  await call('POST', `/v1/actions/${read.body.permit.id}/outcome`, { key: token, body: { result: 'success' } });
  await call('POST', '/v1/actions', { key: token, body: { action: 'crm.delete', arguments: {} } });
  await new Promise((resolve) => setTimeout(resolve, 5));
  period = { from, to: new Date().toISOString() };
});
afterAll(async () => {
  killAll();
  authorityServer.close();
  await outside.end();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function ok(method: string, path: string, body?: object): Promise<Answer['body']> {
  const answer = await clientOf(server)(method, path, body === undefined ? {} : { body });
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

async function refused(method: string, path: string, body?: object): Promise<string> {
  return (await clientOf(server)(method, path, body === undefined ? {} : { body })).body.error?.code;
}

const ended = (id: string): Promise<Answer['body']> =>
  eventually(async () => {
    const bundle = await ok('GET', `/v1/evidence/bundles/${id}`);
    return bundle.status === 'building' ? undefined : bundle;
  }, 240_000);

/** Downloads and unpacks; the folder of the bundle. */
async function taken({ id, name, sha256 }: Answer['body']): Promise<string> {
  const response = await fetch(`${server.url}/v1/evidence/bundles/${id}/download`, {
    headers: { authorization: `Bearer ${server.adminKey}` },
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const digest = createHash('sha256').update(bytes).digest();
  expect(digest.toString('hex')).toBe(sha256);
  expect(response.headers.get('repr-digest')).toBe(`sha-256=:${digest.toString('base64')}:`);
  execFileSync('tar', ['xf', '-', '-C', folder], { input: bytes });
  return join(folder, name);
}

function sourceOf(root: string): BundleSource {
  return {
    list: async function* () {
      for (const each of readdirSync(root, { recursive: true, withFileTypes: true })) {
        if (each.isDirectory()) continue;
        const path = join(each.parentPath, each.name);
        yield { path: path.slice(root.length + 1), isPlain: each.isFile(), bytes: readFileSync(path).length };
      }
    },
    read: (path) => createReadStream(join(root, path)),
  };
}

/** What an agent did is counted by whole days, and today is not over; where controls stand says when their sources were last seen. */
const TELLS_NOW = /\/(q3_activity|controls)\.csv$/;

const tablesOf = (root: string): ReadonlyMap<string, string> =>
  new Map(
    parseFileManifest(readFileSync(join(root, 'MANIFEST.sha256'), 'utf8'))
      ?.filter(({ path }) => path.endsWith('.csv') && path.includes('/') && !TELLS_NOW.test(path))
      .map(({ path, sha256 }) => [path, sha256]),
  );

test('A bundle has every report, signed and time-stamped, and tools that know nothing of us verify it', {
  timeout: 300_000,
}, async () => {
  const asked = await ok('POST', '/v1/evidence/bundles', period);
  expect(asked).toMatchObject({ status: 'building', version: 1, changes: null });
  expect(await refused('POST', '/v1/evidence/bundles', period)).toBe('bundle_building');
  first = await ended(asked.id);
  expect(first).toMatchObject({ status: 'ready', failure: null });
  expect(first.timestamped_at).toBeGreaterThan(0);

  const root = await taken(first);
  const { body: published } = await clientOf(server)('GET', '/.well-known/hivekey-evidence-key', { key: null });
  expect(published.fingerprint).toBe(first.key_fingerprint);
  const report = await verifyBundle(sourceOf(root), published.fingerprint);
  expect(report.defects).toEqual([]);
  expect(report).toMatchObject({ isVerified: true, log: { isVerified: true } });
  for (const script of [
    ['sh', 'verify.sh'],
    ['python3', 'verify.py'],
  ] as const)
    expect(
      execFileSync(script[0], [join(root, 'verify', script[1]), published.fingerprint], { encoding: 'utf8' }),
    ).toMatch(/VERIFIED\n$/);

  // Every report that there is, with the number of rows that the API gives.
  const index = readFileSync(join(root, 'INDEX.csv'), 'utf8');
  for (const { id, tables } of (await ok('GET', '/v1/evidence/reports')).data) {
    const query = new URLSearchParams(period);
    const summary = await ok('GET', `/v1/evidence/reports/${id}?${query}`);
    for (const { name, row_count: rows } of summary.tables) {
      const line = index.split('\n').find((each) => each.includes(`/${name}.csv,`) && each.startsWith(`${id}/`));
      expect(line, `${id}/${name} of ${tables.length}`).toContain(`/${name}.csv,${rows},${period.from}`);
    }
  }

  // Nothing that an auditor says, in what people read.
  const readme = readFileSync(join(root, 'README.html'), 'utf8');
  expect(readme).toContain('Management&#39;s self-assessment. Not an auditor&#39;s opinion.');
  for (const path of parseFileManifest(readFileSync(join(root, 'MANIFEST.sha256'), 'utf8')) ?? [])
    if (/\.(csv|html|json|jsonl)$/.test(path.path))
      expect(readFileSync(join(root, path.path), 'utf8'), path.path).not.toMatch(
        /\bcompliant\b|\bcertified\b|passed SOC 2|auditor concluded/i,
      );
});

test('Another version says why, and after a kill in the middle it is built anew, by the key that is now', {
  timeout: 500_000,
}, async () => {
  expect(await refused('POST', '/v1/evidence/bundles', period)).toBe('reason_required');
  const { fingerprint } = await ok('POST', '/v1/evidence/key/rotate', { reason: 'its year is over' });
  expect(fingerprint).not.toBe(first.key_fingerprint);

  // Its time is over, and it is held.
  await ok('POST', '/v1/people', { email: 'lee@acme.example' });
  const { key } = await ok('POST', '/v1/keys', { name: 'lee', person: 'lee@acme.example', roles: ['admin'] });
  const hold = await clientOf(server)('POST', '/v1/legal-holds', {
    key,
    body: { kind: 'evidence', matter: 'audit', reason: 'fieldwork', scope: period },
  });
  expect(hold.status).toBe(201);
  await outside.query('UPDATE evidence_bundles SET dispose_at = clock_timestamp() WHERE id = $1', [first.id]);

  // A report waits, and so does the bundle.
  await outside.query('BEGIN');
  await outside.query('LOCK TABLE samples IN ACCESS EXCLUSIVE MODE');
  const { id } = await ok('POST', '/v1/evidence/bundles', { ...period, reason: 'the auditor asked again' });
  await eventually(
    async () => ((await ok('GET', `/v1/evidence/bundles/${id}`)).step.endsWith('/samples') ? true : undefined),
    240_000,
  );
  expect(readdirSync(join(data, 'evidence', readdirSync(join(data, 'evidence'))[0] ?? ''))).toContain(`${id}.building`);
  await server.kill('SIGKILL');
  await outside.query('ROLLBACK');
  server = await startProcess(data, server.port, settings);

  const second = await ended(id);
  expect(second).toMatchObject({ status: 'ready', version: 2, key_fingerprint: fingerprint });
  const [before, after] = [join(folder, first.name), await taken(second)];
  // What is over has the same rows, whenever it is told.
  expect(Object.fromEntries(tablesOf(after))).toEqual(Object.fromEntries(tablesOf(before)));
  expect(second.changes).toMatchObject({ added: 0, removed: 0 });
  expect(readFileSync(join(after, 'README.html'), 'utf8')).toContain('the auditor asked again');
  expect((await verifyBundle(sourceOf(after), fingerprint)).defects).toEqual([]);
  // Each by the key of its time.
  expect((await verifyBundle(sourceOf(before), first.key_fingerprint)).isVerified).toBe(true);
  expect((await verifyBundle(sourceOf(before), fingerprint)).defects).toMatchObject([{ code: 'key_differs' }]);
  const workspace = readdirSync(join(data, 'evidence'))[0] ?? '';
  expect(readdirSync(join(data, 'evidence', workspace)).sort()).toEqual([`${first.id}.tar`, `${id}.tar`].sort());

  const kinds = (await ok('GET', '/v1/audit/events?kind=evidence.key_changed&limit=10')).data.map(
    ({ change, fingerprint: of }: Answer['body']) => [change, of],
  );
  expect(kinds).toEqual(
    expect.arrayContaining([
      ['added', first.key_fingerprint],
      ['added', fingerprint],
      ['retired', first.key_fingerprint],
    ]),
  );
});

test('Nobody of another workspace learns of it', async () => {
  const key = await addWorkspace({ config: { data }, ownerUrl: database.url });
  const call = clientOf(server);
  expect((await call('GET', '/v1/evidence/bundles', { key })).body.data).toEqual([]);
  for (const path of [`/v1/evidence/bundles/${first.id}`, `/v1/evidence/bundles/${first.id}/download`])
    expect((await call('GET', path, { key })).body.error.code).toBe('bundle_not_found');
});

test('A time-stamp that is of something else is none', async () => {
  const [url, certificates] = [settings.HIVEKEY_TIMESTAMP_URL ?? '', authority.certificate];
  const manifest = Buffer.from('a manifest');
  expect((await askTimestamp({ url, certificates }, manifest)).at).toMatch(/Z$/);
  stamped = () => timestampRequest(Buffer.from('something else'), 1n);
  await expect(askTimestamp({ url, certificates }, manifest)).rejects.toMatchObject({ code: 'timestamp_failed' });
  await expect(askTimestamp({ url: 'http://127.0.0.1:1', certificates }, manifest)).rejects.toMatchObject({
    code: 'timestamp_failed',
  });
});

test('A log that does not verify ends it', { timeout: 300_000 }, async () => {
  // Whoever owns the database can do what no role of ours may.
  await outside.query("SET session_replication_role = 'replica'");
  await outside.query(
    `UPDATE log_blocks SET records = convert_to(replace(convert_from(records, 'UTF8'), '"verdict":"deny"', '"verdict":"none"'), 'UTF8')`,
  );
  const unverified = await ended(
    (await ok('POST', '/v1/evidence/bundles', { ...period, reason: 'to see it refused' })).id,
  );
  expect(unverified).toMatchObject({ status: 'failed', failure: { code: 'log_unverified' } });
  expect(await refused('GET', `/v1/evidence/bundles/${unverified.id}/download`)).toBe('bundle_not_ready');
});

test('Its file is deleted when its time is over, and not before a hold has ended', { timeout: 30_000 }, async () => {
  const file = join(data, 'evidence', readdirSync(join(data, 'evidence'))[0] ?? '', `${first.id}.tar`);
  // Rounds have looked since its time was over, each after it had built what there was to build.
  expect(existsSync(file)).toBe(true);
  await outside.query('UPDATE legal_holds SET until = clock_timestamp()');
  await eventually(async () =>
    (await ok('GET', `/v1/evidence/bundles/${first.id}`)).status === 'disposed' ? true : undefined,
  );
  expect(existsSync(file)).toBe(false);
});
