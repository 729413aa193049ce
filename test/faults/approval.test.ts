/** Approved calls over two nodes, one of which is killed at any moment: each reaches the upstream once, or its fate is said to be unknown. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '@hivekey/policy';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { administer, eventually } from '../../packages/server/test/actions/workspace.ts';
import { type Decider, deciderOf } from '../../packages/server/test/approvals/office.ts';
import { modern, send } from '../../packages/server/test/gateway-mcp/wire-client.ts';
import { newDatabase } from '../setup/database.ts';
import { freePort, killAll, type ServerProcess, startProcess } from './process.ts';
import { startUpstream, type Upstream } from './upstream.ts';

const KILLS = 4;
const CALLS = 8;

let upstream: Upstream;
let database: ReturnType<typeof newDatabase>;
const folders: string[] = [];
beforeAll(async () => {
  upstream = await startUpstream();
  database = newDatabase();
});
afterAll(async () => {
  killAll();
  await upstream.close();
  await database.drop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'hivekey-approval-'));
  folders.push(made);
  return made;
}

function start(data: string, port: number): Promise<ServerProcess> {
  return startProcess(data, port, { HIVEKEY_DATABASE_URL: database.url, HIVEKEY_HOLD_SECONDS: '1' });
}

function arrivals(id: string): number {
  return upstream.tally.filter((each) => each.id === id).length;
}

it(`runs each once through ${KILLS} kills, and says where it does not know`, { timeout: 240_000 }, async () => {
  const [first, second] = [folder(), folder()];
  const ports = [await freePort(), await freePort()] as const;
  let victim = await start(first, ports[0]);
  for (const key of ['secret.key', 'log.key', 'admin.key']) cpSync(join(first, key), join(second, key));
  const survivor = await start(second, ports[1]);
  const office = administer(survivor);

  await office.done('POST', '/v1/mcp/servers', {
    namespace: 'work',
    endpoint: upstream.url,
    default_access: 'read-write',
  });
  const { body: definitions } = await office.call('GET', '/v1/mcp/servers/work/definitions');
  for (const { capability, pin } of definitions.data)
    await office.done('POST', `/v1/mcp/servers/work/definitions/${capability}/approve`, { pin, access: 'write' });
  const guard = { id: 'ask', action: 'work.act', when: { field: 'id', exists: true }, effect: 'review' };
  await office.role('worker', ['work.act'], [guard]);
  const bot = await office.agent('worker-bot', 'worker');
  await office.done('POST', '/v1/people', { email: 'erin@acme.example' });
  const { body: key } = await office.done('POST', '/v1/keys', { name: 'erin', person: 'erin@acme.example' });
  const erin: Decider = deciderOf(
    { server: { ...survivor, stop: async () => undefined } as never },
    'erin@acme.example',
    key.key,
  );

  /** The text of the answer; of a client that was cut off, none. */
  async function call(port: number, id: string): Promise<string | undefined> {
    const request = modern(bot.token, 'tools/call', { name: 'work__act', arguments: { id } });
    const answer = await send(port, request).catch(() => undefined);
    const message = answer?.events.find(({ result }) => result !== undefined) ?? answer?.json;
    const content = (message?.result as JsonObject | undefined)?.content as JsonObject[] | undefined;
    return content?.[0]?.text as string | undefined;
  }

  const fates = new Map<string, string>();
  for (let kill = 0; kill < KILLS; kill += 1) {
    const ids = Array.from({ length: CALLS }, (_, i) => `kill-${kill}-${i}`);
    await Promise.all(ids.map((id) => call(ports[1], id)));
    const { body: held } = await office.call('GET', '/v1/approvals?status=pending&limit=200');
    expect(held.data.length).toBe(CALLS);
    for (const { id } of held.data) await erin.approve(id);
    // All of them at once on both nodes; one node dies somewhere in between.
    const running = ids.flatMap((id) => [call(ports[0], id), call(ports[1], id)]);
    const enough = upstream.tally.length + kill;
    await eventually(async () => (upstream.tally.length >= enough ? true : undefined));
    await victim.kill('SIGKILL');
    await Promise.all(running);
    victim = await start(first, ports[0]);
    for (const id of ids) {
      const text = await eventually(async () => {
        const told = await call(ports[kill % 2] ?? ports[1], id);
        return told === undefined || /^(Pending|Approved as \S+ and being)/.test(told) ? undefined : told;
      });
      fates.set(id, text);
    }
  }

  const counted = { done: 0, unknown: 0 };
  for (const [id, text] of fates) {
    const known = text === `done ${id}` || text.includes('and executed (success)');
    if (known) counted.done += 1;
    else counted.unknown += 1;
    expect([id, known ? '' : text]).toEqual([
      id,
      known ? '' : expect.stringContaining('not known whether it took effect'),
    ]);
    // Never twice; and what is said to be done was done.
    expect([id, arrivals(id)]).toEqual([id, known ? 1 : expect.toBeOneOf([0, 1])]);
  }
  expect(counted.done + counted.unknown).toBe(KILLS * CALLS);
  expect(counted.done).toBeGreaterThan(0);
  const { body: open } = await office.call('GET', '/v1/approvals?status=released');
  expect(open.data).toEqual([]);
  await victim.kill('SIGTERM');
  await survivor.kill('SIGTERM');
});
