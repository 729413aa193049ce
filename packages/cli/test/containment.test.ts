/** Two people, receipts and drills on the command line, against a real server. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWorld, type World } from '../../server/test/agents/world.ts';
import { type Ran, runCli } from './run-cli.ts';

let world: World;
let home: string;
const keys = new Map<string, string>();
beforeAll(async () => {
  world = await openWorld();
  home = mkdtempSync(join(tmpdir(), 'hivekey-cli-containment-'));
  await world.capability('notes.add');
  await world.role('support', ['notes.add']);
  await world.agent('helpdesk-bot');
  for (const name of ['dana', 'lee']) {
    // The owner of an agent is a person already.
    if (name === 'lee') await world.ok('POST', '/v1/people', { email: `${name}@acme.example` });
    keys.set(name, (await world.ok('POST', '/v1/keys', { name, person: `${name}@acme.example` })).key);
  }
});
afterAll(async () => {
  await world.server.close();
  rmSync(home, { recursive: true, force: true });
});

const hivekey = (args: readonly string[], as = 'dana'): Promise<Ran> =>
  runCli(args, { env: { HOME: home, HIVEKEY_URL: world.server.url, HIVEKEY_KEY: keys.get(as) ?? '' } });

test('a drill is scheduled and held, and a rehearsal passes or fails by its target', async () => {
  await hivekey(['containment', '--target-ms', '60000']);
  const scheduled = await hivekey([
    'drill',
    'schedule',
    'yearly',
    '--starts',
    '2090-01-02T09:00',
    '--repeats',
    'FREQ=YEARLY',
  ]);
  expect([scheduled.code, scheduled.out]).toEqual([0, expect.stringContaining('yearly is held next on')]);
  const run = await hivekey(['drill', 'run', 'yearly']);
  expect([run.code, run.out]).toEqual([0, expect.stringContaining('1 of 1 refused')]);
  expect((await hivekey(['drill', 'list'])).out).toMatch(/yearly.*any.*passed/);
  await hivekey(['containment', '--target-ms', '1']);
  const slow = await hivekey(['drill', 'run', '--agent', 'helpdesk-bot']);
  expect([slow.code, slow.out]).toEqual([3, expect.stringContaining('failed: too_slow')]);
  expect((await hivekey(['drill', 'history'])).out.trim().split('\n')).toHaveLength(3);
  expect((await hivekey(['drill', 'run'])).code).toBe(2);
  expect((await hivekey(['drill', 'remove', 'yearly'])).code).toBe(0);
});

test('one proposes to kill, another confirms, and anybody checks the receipt', async () => {
  const set = await hivekey(['containment', '--two-to-kill', 'agent', '--two-to-lift', 'agent']);
  expect([set.code, set.out]).toEqual([0, expect.stringContaining('two to kill    agent')]);
  const asked = await hivekey(['kill', 'helpdesk-bot', '--reason', 'odd mails']);
  const id = /prp_\w+/.exec(asked.out)?.[0] ?? '';
  expect([asked.code, asked.out]).toEqual([0, expect.stringContaining('quarantine')]);
  expect((await hivekey(['proposal', 'list'])).out).toContain(id);
  expect((await hivekey(['proposal', 'confirm', id])).err).toContain('dana@acme.example has proposed this');
  const done = await hivekey(['proposal', 'confirm', id], 'lee');
  const stop = /stop_\w+/.exec(done.out)?.[0] ?? '';
  expect([done.code, stop]).toEqual([0, expect.stringMatching(/^stop_/)]);

  const file = join(home, 'receipt.json');
  await hivekey(['receipt', 'get', stop, '-o', file]);
  const { key } = await world.ok('GET', '/v1/audit/key');
  const good = await hivekey(['receipt', 'verify', file, '--key', key]);
  expect([good.code, good.out]).toEqual([0, expect.stringContaining('VERIFIED')]);
  writeFileSync(file, readFileSync(file, 'utf8').replace('odd mails', 'odd males'));
  const bad = await hivekey(['receipt', 'verify', file, '--key', key]);
  expect([bad.code, bad.out]).toEqual([3, expect.stringContaining('NOT VERIFIED')]);

  const back = await hivekey(['restore', 'helpdesk-bot']);
  const restore = /prp_\w+/.exec(back.out)?.[0] ?? '';
  expect((await hivekey(['proposal', 'withdraw', restore, '--reason', 'not yet'])).code).toBe(0);
  expect((await hivekey(['proposal', 'confirm', restore], 'lee')).err).toContain('withdrawn');
});
