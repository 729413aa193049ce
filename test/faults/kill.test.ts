import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../../packages/server/test/actions/workspace.ts';
import { type Load, prepare, startLoad } from './load.ts';
import { allowed, expectIntents, verifiedCalls } from './log-check.ts';
import { freePort, killAll, type ServerProcess, startProcess } from './process.ts';
import { startUpstream, type Upstream } from './upstream.ts';

const KILLS = 10;

let upstream: Upstream;
let data: string;
let server: ServerProcess | undefined;
beforeAll(async () => {
  upstream = await startUpstream();
  data = mkdtempSync(join(tmpdir(), 'hivekey-faults-'));
});
afterAll(async () => {
  // Stops the embedded database too.
  await server?.kill('SIGTERM');
  killAll();
  await upstream.close();
  rmSync(data, { recursive: true, force: true });
});

it(`loses nothing when it is killed ${KILLS} times under load`, { timeout: 240_000 }, async () => {
  const port = await freePort();
  server = await startProcess(data, port);
  const { agent1: agent } = await prepare(server, upstream);
  const loads: Load[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const load = startLoad(port, agent.token, `kill-${kill}`, 16);
    loads.push(load);
    // Each time at another moment of the burst.
    const enough = upstream.tally.length + 20 + 7 * kill;
    await eventually(async () => (upstream.tally.length >= enough ? true : undefined));
    await server.kill('SIGKILL');
    await load.stop();
    server = await startProcess(data, port);
  }

  const calls = await verifiedCalls(server);
  expectIntents(upstream, calls);
  // What was acknowledged is on the log.
  const acknowledged = loads.flatMap(({ fates }) =>
    [...fates].filter(([, { kind }]) => kind === 'done').map(([id]) => id),
  );
  expect(acknowledged.length).toBeGreaterThan(KILLS * 10);
  expect(acknowledged.filter((id) => calls.get(id)?.[0]?.verdict !== 'allow')).toEqual([]);
  // Calls cut off by a kill have a fate: unknown, unless it was known by then.
  expect(allowed(calls).filter(({ results }) => results.length === 0)).toEqual([]);
  expect(loads.every((load) => load.count('broken') > 0)).toBe(true);
});
