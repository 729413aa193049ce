import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Administration, eventually, type TestAgent } from '../../packages/server/test/actions/workspace.ts';
import { CLUSTER_VARIABLE } from '../setup/cluster.ts';
import { act, type Fate, type Load, prepare, startLoad } from './load.ts';
import { allowed, expectIntents, verifiedCalls } from './log-check.ts';
import { freePort, killAll, type ServerProcess, startProcess } from './process.ts';
import { startUpstream, type Upstream } from './upstream.ts';

const IN_FLIGHT = 50;

let upstream: Upstream;
let first: ServerProcess;
let second: ServerProcess;
let administration: Administration;
const folders: string[] = [];
const database = `test_faults_${process.pid}`;
const cluster = new URL(process.env[CLUSTER_VARIABLE] ?? 'postgres://unset');

/** Two nodes on one database, with the same keys. */
beforeAll(async () => {
  upstream = await startUpstream();
  const settings = { HIVEKEY_DATABASE_URL: new URL(`/${database}`, cluster).href };
  for (let node = 0; node < 2; node += 1) folders.push(mkdtempSync(join(tmpdir(), 'hivekey-faults-')));
  const [here = '', there = ''] = folders;
  first = await startProcess(here, await freePort(), settings);
  for (const key of ['secret.key', 'log.key', 'admin.key']) cpSync(join(here, key), join(there, key));
  second = await startProcess(there, await freePort(), settings);
  administration = await prepare(first, upstream);
});
afterAll(async () => {
  await Promise.all([first.kill('SIGTERM'), second.kill('SIGTERM')]);
  killAll();
  await upstream.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  const admin = new pg.Client({ connectionString: new URL('/postgres', cluster).href });
  await admin.connect();
  await admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
  await admin.query(`DROP ROLE IF EXISTS hivekey_app_${database}`);
  await admin.end();
});

interface Attack {
  readonly agent: TestAgent;
  readonly load: Load;
  readonly held: readonly string[];
  readonly fates: Promise<readonly Fate[]>;
}

/** Calls that wait at the upstream, and others that come all the time. */
async function attack(node: ServerProcess, name: string): Promise<Attack> {
  const agent = await administration.agent(name, 'actor');
  const held = Array.from({ length: IN_FLIGHT }, (_, n) => `${name}-held-${n}`);
  const fates = Promise.all(held.map((id) => act(node.port, agent.token, id, true)));
  await eventually(async () => (held.every((id) => upstream.tally.some((each) => each.id === id)) ? true : undefined));
  const load = startLoad(node.port, agent.token, `${name}-load`, 16);
  await eventually(async () => (load.count('done') > 50 ? true : undefined));
  return { agent, load, held, fates };
}

/** After the order was answered: nothing begins, what was in flight is gone, everything later is refused and recorded. */
async function expectStopped(
  { agent, load, held, fates }: Attack,
  node: ServerProcess,
  orderedMs: number,
  returnedMs: number,
) {
  const sentLater = (): readonly string[] => load.sent.filter(({ atMs }) => atMs > returnedMs).map(({ id }) => id);
  await eventually(async () => (sentLater().filter((id) => load.fates.has(id)).length > 30 ? true : undefined));
  await load.stop();
  upstream.release();
  expect((await fates).filter(({ kind }) => kind === 'done')).toEqual([]);

  const mine = upstream.tally.filter(({ id }) => id.startsWith(agent.name));
  // A request that had left before may be read by the upstream later; then its caller is gone already.
  expect(mine.filter(({ atMs, abandoned }) => atMs > returnedMs && !abandoned)).toEqual([]);
  const late = new Set(sentLater());
  expect(mine.filter(({ id }) => late.has(id))).toEqual([]);
  for (const id of late)
    expect(load.fates.get(id)).toMatchObject({ kind: 'refused', status: 401, code: 'agent_revoked' });

  const calls = await verifiedCalls(node);
  expectIntents(upstream, calls);
  expect(allowed(calls).filter(({ results }) => results.length === 0)).toEqual([]);
  for (const id of held) expect(calls.get(id)?.[0]?.results).toEqual(['unknown']);
  return { calls, took: returnedMs - orderedMs };
}

async function revoke(agent: TestAgent) {
  const orderedMs = performance.now();
  const { body } = await administration.done('POST', `/v1/agents/${agent.name}/revoke`, { reason: 'drill' });
  return { receipt: body.receipt, orderedMs, returnedMs: performance.now() };
}

it(`lets no call begin after a revoke has returned, with ${IN_FLIGHT} in flight`, async () => {
  const attacked = await attack(first, 'alpha');
  const { receipt, orderedMs, returnedMs } = await revoke(attacked.agent);
  await expectStopped(attacked, first, orderedMs, returnedMs);
  // The receipt lists what was in flight, with its fate.
  const listed: { capability: string; fate: string }[] = receipt.calls;
  expect(listed.length).toBeGreaterThanOrEqual(IN_FLIGHT);
  expect(listed.filter(({ fate }) => fate === 'unknown').length).toBeGreaterThanOrEqual(IN_FLIGHT);
  expect(receipt.first_refusal_ms).toBeGreaterThan(0);
});

it('binds the other node too', async () => {
  const attacked = await attack(second, 'beta');
  const { receipt, orderedMs, returnedMs } = await revoke(attacked.agent);
  await expectStopped(attacked, second, orderedMs, returnedMs);
  expect(receipt.nodes).toHaveLength(2);
});
