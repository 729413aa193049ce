/** Deciding on the command line, against a real server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Office, openOffice } from '../../server/test/approvals/office.ts';
import { type Ran, runCli } from './run-cli.ts';

let office: Office;
let home: string;
let token: string;
let key: string;
beforeAll(async () => {
  office = await openOffice();
  home = mkdtempSync(join(tmpdir(), 'hivekey-cli-approvals-'));
  await office.capability('deploy', { destructive: true });
  const guard = { id: 'ask', action: 'deploy', when: { field: 'target', exists: true }, effect: 'review' };
  await office.role('ops', ['deploy'], [guard]);
  ({ token } = await office.agent('ops-bot', 'ops'));
  await office.done('POST', '/v1/people', { email: 'erin@acme.example' });
});
afterAll(async () => {
  await office.close();
  rmSync(home, { recursive: true, force: true });
});

const hivekey = (args: readonly string[], as = office.server.adminKey): Promise<Ran> =>
  runCli(args, { env: { HOME: home, HIVEKEY_URL: office.server.url, HIVEKEY_KEY: as } });

async function held(target: string): Promise<string> {
  const { body } = await office.act(token, 'deploy', { target }, { prefer: 'respond-async' });
  return body.approval.id;
}

test('a key of a person is made, and decides', async () => {
  const made = await hivekey(['key', 'create', 'erin', '--person', 'erin@acme.example']);
  key = made.out.trim();
  expect(key).toMatch(/^hk_live_/);
  expect((await hivekey(['key', 'list'])).out).toContain('erin@acme.example');
  expect((await hivekey(['person', 'update', 'erin@acme.example', '--group', 'ops'])).code).toBe(0);

  const id = await held('staging');
  expect((await hivekey(['approval', 'list'])).out).toMatch(new RegExp(`${id}.*ops-bot.*deploy.*1 person`));
  const shown = await hivekey(['approval', 'get', id], key);
  expect(shown.out).toContain('"target": "staging"');
  expect(shown.out).toContain('you         may approve');
  const hash = /hash +(sha256:[0-9a-f]{64})/.exec(shown.out)?.[1] ?? '';

  const anonymous = await hivekey(['approval', 'approve', id, '--hash', hash]);
  expect([anonymous.code, anonymous.err]).toEqual([1, expect.stringContaining('belongs to none')]);
  const unread = await hivekey(['approval', 'approve', id], key);
  expect([unread.code, unread.err]).toEqual([2, expect.stringContaining('--hash')]);
  const approved = await hivekey(['approval', 'approve', id, '--hash', hash, '--reason', 'checked'], key);
  expect([approved.out, approved.code]).toEqual([`${id} is approved.\n`, 0]);
  const { body } = await office.call('GET', `/v1/approvals/${id}`);
  expect(body.decisions).toMatchObject([
    { person: 'erin@acme.example', channel: 'cli', reason: 'checked', groups: ['ops'] },
  ]);
});

test('a call is denied, and one is cancelled', async () => {
  const id = await held('production');
  const denied = await hivekey(['approval', 'deny', id, '--reason', 'not on a Friday'], key);
  expect([denied.out, denied.code]).toEqual([`${id} is denied.\n`, 0]);
  expect((await hivekey(['approval', 'list'])).out + (await hivekey(['approval', 'list'])).err).not.toContain(id);
  expect((await hivekey(['approval', 'list', '--all'])).out).toContain(id);
  const other = await held('moon');
  expect((await hivekey(['approval', 'cancel', other])).out).toBe(`${other} is cancelled.\n`);
});

test('a delegation is made, used and ended', async () => {
  const lee = await office.person('lee');
  const create = ['delegation', 'create', lee.email, '--reason', 'on leave'];
  const both = await hivekey([...create, '--for', '7d', '--until', '2030-01-01'], key);
  expect([both.code, both.err]).toEqual([2, expect.stringContaining('One of --for and --until')]);
  const made = await hivekey([...create, '--for', '7d', '--only', 'deploy', '--json'], key);
  const delegation: string = JSON.parse(made.out).id;
  expect((await hivekey(['delegation', 'list'])).out).toMatch(
    new RegExp(`${delegation}.*in force.*erin@acme.example.*${lee.email}.*deploy.*on leave`),
  );

  const id = await held('for erin');
  const shown = await hivekey(['approval', 'get', id], lee.key);
  expect(shown.out).toContain('for         erin@acme.example: may approve');
  const hash = /hash +(sha256:[0-9a-f]{64})/.exec(shown.out)?.[1] ?? '';
  const approved = await hivekey(['approval', 'approve', id, '--hash', hash, '--for', 'erin@acme.example'], lee.key);
  expect([approved.out, approved.code]).toEqual([`${id} is approved.\n`, 0]);
  expect((await hivekey(['approval', 'get', id])).out).toContain(`approved    ${lee.email} for erin@acme.example`);

  const ended = await hivekey(['delegation', 'end', delegation], lee.key);
  expect(ended.out).toBe(`${lee.email} does not decide for erin@acme.example any more.\n`);
  expect((await hivekey(['delegation', 'list'])).out).toBe('Nobody decides for anybody else.\n');
});

test('reminders are set from a file and shown', async () => {
  const rules = join(home, 'reminders.json');
  writeFileSync(
    rules,
    '[{"capability": "deploy", "remind_after_seconds": 900, "escalate": {"after_seconds": 1800, "to": ["security"]}}]',
  );
  const set = await hivekey(['approval', 'reminders', '--file', rules]);
  expect(set.out).toMatch(/deploy +after 900 s +after 1800 s to security/);
  writeFileSync(rules, '{}');
  expect((await hivekey(['approval', 'reminders', '--file', rules])).code).toBe(2);
});
