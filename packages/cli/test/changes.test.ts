/** A change from the draft to force on the command line, by two people. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ChangesWorld, newRole, openChanges, type Person } from '../../server/test/changes/world.ts';
import { type Ran, runCli } from './run-cli.ts';

let world: ChangesWorld;
let home: string;
let ana: Person;
let rita: Person;
beforeAll(async () => {
  world = await openChanges();
  home = mkdtempSync(join(tmpdir(), 'hivekey-cli-changes-'));
  ana = await world.person('ana', ['author']);
  rita = await world.person('rita', ['reviewer']);
});
afterAll(async () => {
  await world.server.close();
  rmSync(home, { recursive: true, force: true });
});

const hivekey = (args: readonly string[], key = world.server.adminKey): Promise<Ran> =>
  runCli(args, { env: { HOME: home, HIVEKEY_URL: world.server.url, HIVEKEY_KEY: key } });

test('is drafted, submitted, read, approved as it was read, and activated once', async () => {
  const settings = join(home, 'settings.json');
  writeFileSync(
    settings,
    JSON.stringify({ ...(await world.ok('GET', '/v1/change-settings')), mode: 'reviewed', replay_days: 0 }),
  );
  const set = await hivekey(['change', 'settings', '-f', settings]);
  expect([set.code, set.out]).toEqual([0, expect.stringContaining('of everything are reviewed')]);

  const file = join(home, 'change.json');
  const role = newRole(['own.read']);
  writeFileSync(file, JSON.stringify({ title: 'a reader', operations: [role] }));
  const drafted = await hivekey(['change', 'draft', '-f', file, '--why', 'asked for'], ana.key);
  expect([drafted.code, drafted.out]).toEqual([0, expect.stringContaining('CHG-1 is drafted')]);
  const submitted = await hivekey(['change', 'submit', 'CHG-1'], ana.key);
  expect(submitted.out).toContain('CHG-1 is submitted; missing 1 person.');
  expect((await hivekey(['changes', 'list', '--waiting'])).out).toMatch(/CHG-1 .*submitted.*high.*a reader/);

  const read = await hivekey(['change', 'show', 'CHG-1'], rita.key);
  expect(read.out).toContain(`adds        role ${role.id}`);
  expect(read.out).toMatch(/^you +may approve$/m);
  const hashOf = (what: string) => new RegExp(`^${what} +(sha256:[0-9a-f]{64})$`, 'm').exec(read.out)?.[1] ?? '';
  const hashes = ['--content-hash', hashOf('content'), '--preview-hash', hashOf('preview')];
  expect((await hivekey(['change', 'approve', 'CHG-1'], rita.key)).code).toBe(2);
  expect((await hivekey(['change', 'approve', 'CHG-1', ...hashes], rita.key)).out).toContain('CHG-1 is approved.');
  expect((await hivekey(['change', 'activate', 'CHG-1'], ana.key)).out).toContain('CHG-1 is activated.');
  const again = await hivekey(['change', 'activate', 'CHG-1'], ana.key);
  expect([again.code, again.err]).toEqual([1, expect.stringContaining('change_activated')]);
});
