/** The command against a real server, in the order a newcomer would use it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/setup/server.ts';
import { type CliOptions, type Ran, runCli } from './run-cli.ts';

let server: TestServer;
let home: string;

beforeAll(async () => {
  server = await startTestServer();
  home = mkdtempSync(join(tmpdir(), 'hivekey-cli-'));
});
afterAll(async () => {
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

const hivekey = (args: readonly string[], options: CliOptions = {}): Promise<Ran> =>
  runCli(args, { cwd: home, ...options, env: { HOME: home, HIVEKEY_URL: server.url, ...options.env } });

function file(name: string, text: string): string {
  const path = join(home, name);
  writeFileSync(path, text);
  return path;
}

const ROLE = `apiVersion: policy.hivekey.ai/v1
kind: Role
metadata:
  name: support-agent
  description: Reads the support inbox and replies
scope:
  allow:
    - mail.read
    - mail.send
guards: []
`;

test('without a key, the command says how to get one', async () => {
  const { code, err } = await hivekey(['agent', 'list']);
  expect(code).toBe(2);
  expect(err).toContain('hivekey login');
});

test('login refuses a wrong key and keeps a right one for its owner alone', async () => {
  const wrong = await hivekey(['login', '--key', 'hk_live_wrong']);
  expect(wrong.code).toBe(1);
  expect(wrong.err).toMatch(/key_invalid|unauthenticated|credential/);

  const right = await hivekey(['login', '--key', '-'], { input: `${server.adminKey}\n` });
  expect(right.err).toContain('mode 0600');
  expect(right.out).toBe('Authenticated as default · workspace prod\n');
  expect(right.code).toBe(0);
  expect(statSync(join(home, '.config/hivekey/login.json')).mode & 0o777).toBe(0o600);
});

test('a kept key is not sent to another server', async () => {
  const { code, err } = await hivekey(['agent', 'list'], { env: { HIVEKEY_URL: 'http://127.0.0.1:9' } });
  expect(code).toBe(2);
  expect(err).toContain('There is no admin key for http://127.0.0.1:9');
});

test('a server that is not there is exit 4', async () => {
  const { code, err } = await hivekey(['agent', 'list'], {
    env: { HIVEKEY_URL: 'http://127.0.0.1:9', HIVEKEY_KEY: 'x' },
  });
  expect(code).toBe(4);
  expect(err).toContain('no_answer');
});

describe('objects', () => {
  beforeAll(async () => {
    for (const name of ['mail.read', 'mail.send']) {
      const text = `apiVersion: policy.hivekey.ai/v1\nkind: Capability\nmetadata: { name: ${name} }\naccess: ${name === 'mail.read' ? 'read' : 'write'}\n`;
      const { code, err } = await hivekey(['capability', 'apply', '-f', file(`${name}.yaml`, text)]);
      expect(err).toBe('');
      expect(code).toBe(0);
    }
  });

  test('role apply creates, changes nothing, and updates', async () => {
    const path = file('support-agent.yaml', ROLE);
    expect((await hivekey(['role', 'apply', '-f', path])).out).toBe('Role support-agent created · rev 1 · 2 grants\n');
    expect((await hivekey(['role', 'apply', '-f', path])).out).toBe(
      'Role support-agent unchanged · rev 1 · 2 grants\n',
    );
    file('support-agent.yaml', ROLE.replace('    - mail.send\n', ''));
    expect((await hivekey(['role', 'apply', '-f', path])).out).toBe('Role support-agent updated · rev 2 · 1 grant\n');
    const old = JSON.parse((await hivekey(['role', 'get', 'support-agent', '--revision', '1', '--json'])).out);
    expect(old.allow).toEqual(['mail.read', 'mail.send']);
  });

  test('a wrong role file is told with file, line and column, and nothing is applied', async () => {
    const path = file('wrong.yaml', ROLE.replace('scope:', 'scop:'));
    const { code, err } = await hivekey(['role', 'apply', '-f', path]);
    expect(code).toBe(2);
    expect(err).toMatch(/wrong\.yaml:\d+:\d+ /);
  });

  test('agents are created, listed, changed', async () => {
    const made = await hivekey([
      'agent',
      'create',
      'helpdesk-bot',
      '--role',
      'support-agent',
      '--owner',
      'dana@acme.example',
      '--metadata',
      'team=it',
    ]);
    expect(made.out).toBe('Agent helpdesk-bot created · support-agent · owner dana@acme.example\n');
    expect(
      (await hivekey(['agent', 'create', 'helpdesk-bot', '--role', 'support-agent', '--owner', 'dana@acme.example']))
        .code,
    ).toBe(1);
    const list = JSON.parse((await hivekey(['agent', 'list', '--json'])).out);
    expect(list.object).toBe('list');
    expect(list.data).toMatchObject([
      { name: 'helpdesk-bot', role: 'support-agent', status: 'active', metadata: { team: 'it' } },
    ]);
    expect((await hivekey(['agent', 'update', 'helpdesk-bot', '--owner', 'kim@acme.example'])).out).toContain(
      'kim@acme.example',
    );
    expect((await hivekey(['agent', 'get', 'nobody'])).err).toContain('agent_not_found');
  });

  test('an agent is asked for by one, let in by another, and says who gave it what', async () => {
    const keys: string[] = [];
    for (const name of ['ann', 'bob']) {
      await hivekey(['person', 'add', `${name}@acme.example`]);
      keys.push((await hivekey(['key', 'create', name, '--person', `${name}@acme.example`])).out.trim());
    }
    const [ann = '', bob = ''] = keys;
    const asked = JSON.parse(
      (
        await hivekey(
          [
            ...['agent', 'request', 'mail-bot', '--role', 'support-agent', '--owner', 'dana@acme.example'],
            ...['--reason', 'answers mail', '--attributes', '{"model":"small-1"}', '--json'],
          ],
          { env: { HIVEKEY_KEY: ann } },
        )
      ).out,
    );
    expect(asked).toMatchObject({ status: 'requested', source: 'cli', attributes: { model: 'small-1' } });
    expect((await hivekey(['agent', 'requests'])).out).toContain('answers mail');
    expect((await hivekey(['agent', 'approve', asked.id], { env: { HIVEKEY_KEY: ann } })).err).toContain(
      'approver_is_requester',
    );
    expect((await hivekey(['agent', 'approve', asked.id], { env: { HIVEKEY_KEY: bob } })).out).toBe(
      'mail-bot is in.\n',
    );
    const { out } = await hivekey(['agent', 'authority', 'mail-bot']);
    expect(out).toMatch(/^mail-bot may do what support-agent/);
    expect(out).toMatch(/let in: +\S+ \S+ by key:bob/);
    expect(out).toContain('No record that its owner accepted it.');
    expect((await hivekey(['agent', 'versions', 'mail-bot'])).out).toContain('model: – → small-1');
    expect((await hivekey(['agent', 'unregistered'])).out).toBe('Nobody but agents has tried.\n');
    expect((await hivekey(['agent', 'settings', '--suspend-dormant', 'perhaps'])).code).toBe(2);
    expect((await hivekey(['agent', 'settings', '--dormant-days', '30'])).out).toContain('After 30 days');
    const ended = await hivekey(['agent', 'update', 'mail-bot', '--valid-until', '2999-01-01', '--json']);
    expect(JSON.parse(ended.out).valid_until).toBe(Date.parse('2999-01-01') / 1000);
    const endless = ['agent', 'update', 'mail-bot', '--valid-until', 'never', '--json'];
    expect((await hivekey(endless)).err).toContain('person_required');
    const { out: changed, err } = await hivekey(endless, { env: { HIVEKEY_KEY: bob } });
    expect(err).toBe('');
    expect(JSON.parse(changed).valid_until).toBe(null);
  });

  test('a token is alone on standard output', async () => {
    const { out, err, code } = await hivekey(['token', 'create', 'helpdesk-bot', '--expires', '1h']);
    expect(code).toBe(0);
    expect(out).toMatch(/^hk_agt_[0-9A-Za-z]{49}\n$/);
    expect(err).toContain('shown this once');
    const { data } = JSON.parse((await hivekey(['token', 'list', 'helpdesk-bot', '--json'])).out);
    expect(data).toMatchObject([{ status: 'live', last4: out.trim().slice(-4) }]);
    expect(JSON.stringify(data)).not.toContain(out.trim());
  });

  test('apply of a token mints it once', async () => {
    const path = file('token.yaml', 'agent: helpdesk-bot\nname: ci\n');
    expect((await hivekey(['token', 'apply', '-f', path])).out).toMatch(/^hk_agt_/);
    expect((await hivekey(['token', 'apply', '-f', path])).out).toMatch(/^Token ci of helpdesk-bot is live/);
  });

  test('dry run', async () => {
    const allowed = await hivekey(['policy', 'evaluate', 'helpdesk-bot', 'mail.read']);
    expect(allowed.out).toMatch(/^allow/);
    const denied = await hivekey(['policy', 'evaluate', 'helpdesk-bot', 'mail.send', '--arguments', '{}', '--json']);
    expect(JSON.parse(denied.out)).toMatchObject({ verdict: 'deny', reason_class: 'scope' });
  });

  test('a real MCP server is added, and its tools are granted to nobody', async () => {
    const manifest = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json');
    const program = join(dirname(manifest), 'dist/index.js');
    const { out, err, code } = await hivekey([
      'mcp-server',
      'add',
      'everything',
      '--trust-annotations',
      '--',
      process.execPath,
      program,
      'stdio',
    ]);
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toMatch(/^Discovered \d+ tools · namespaced as everything\.\*/);
    expect((await hivekey(['agent', 'tools', 'helpdesk-bot'])).out).not.toContain('everything');
  });

  test('a REST API is added from its document, approved and removed', async () => {
    const file = join(home, 'shop.yaml');
    writeFileSync(
      file,
      'openapi: 3.1.0\ninfo: { title: Shop, version: "1" }\npaths:\n  /orders: { get: { operationId: listOrders } }\n',
    );
    const endpoint = 'https://shop.acme.example/api';
    const added = await hivekey(['http-api', 'add', 'shop', '--endpoint', endpoint, '-f', file]);
    expect(added.err).toBe('');
    expect(added.out).toMatch(/^Registered shop\. Agents call it at \/http\/shop\n1 operations · 1 new/);
    expect((await hivekey(['http-api', 'list'])).out).toContain(endpoint);
    expect((await hivekey(['http-api', 'approve', 'shop', '--all'])).out).toContain('shop.listOrders · read · live');
    expect((await hivekey(['http-api', 'definitions', 'shop'])).out).toMatch(
      /shop\.listOrders +GET +\/orders +read +live/,
    );
    expect((await hivekey(['http-api', 'get', 'shop'])).out).toContain('1 live');
    expect((await hivekey(['http-api', 'refresh', 'shop', '-f', file])).out).toContain('0 new, 0 changed, 0 gone');
    expect((await hivekey(['http-api', 'off', 'shop', 'shop.listOrders'])).out).toContain('off');
    expect((await hivekey(['http-api', 'disable', 'shop'])).out).toContain('disabled');
    expect((await hivekey(['http-api', 'remove', 'shop'])).out).toContain('removed');
  });

  test('revoke prints the receipt, restore asks for a new token', async () => {
    const stopped = await hivekey(['revoke', 'helpdesk-bot', '--reason', 'test']);
    expect(stopped.code).toBe(0);
    expect(stopped.out).toMatch(/agent helpdesk-bot is stopped.*first refusal {2}[\d.]+ ms after the order/s);
    expect((await hivekey(['stops'])).out).toContain('agent helpdesk-bot');
    expect((await hivekey(['revoke', 'helpdesk-bot', '--tool', 'mail.read'])).code).toBe(2);
    const restored = await hivekey(['restore', 'helpdesk-bot']);
    expect(restored.out).toContain('is active');
    expect(restored.err).toContain('hivekey token create helpdesk-bot');
  });

  test('doctor finds nothing wrong', async () => {
    const { out, code } = await hivekey(['doctor']);
    expect(out).toContain('✓ log');
    expect(code).toBe(0);
  });
});

describe('the log', () => {
  let folder: string;
  const edit = (change: (lines: string[]) => string[]): string => {
    const copy = `${folder}-${Math.random().toString(36).slice(2)}`;
    mkdirSync(copy);
    for (const name of ['manifest.json', 'checkpoint', 'checkpoints.jsonl', 'proof.json', 'verifier.key'])
      writeFileSync(join(copy, name), readFileSync(join(folder, name)));
    const lines = readFileSync(join(folder, 'entries.jsonl'), 'utf8').trimEnd().split('\n');
    writeFileSync(join(copy, 'entries.jsonl'), `${change(lines).join('\n')}\n`);
    return copy;
  };

  beforeAll(async () => {
    folder = join(home, 'audit');
    const { code, err } = await hivekey(['logs', 'export', '-o', folder]);
    expect(err).toBe('');
    expect(code).toBe(0);
  });

  test('is shown, newest last, with its verdicts', async () => {
    const { data } = JSON.parse((await hivekey(['logs', '--json', '--limit', '5'])).out);
    expect(data).toHaveLength(5);
    expect(data.map(({ seq }: { seq: number }) => seq)).toEqual(
      [...data.map(({ seq }: { seq: number }) => seq)].sort((a, b) => a - b),
    );
  });

  test('is asked how much there is, and written to files', async () => {
    const histogram = JSON.parse((await hivekey(['logs', 'histogram', '--bucket', 'day', '--json'])).out);
    expect(histogram).toMatchObject({ object: 'log_histogram', source: 'counted', bucket_seconds: 86_400 });
    const table = join(home, 'created.csv');
    expect((await hivekey(['logs', 'table', '--kind', 'agent.created', '-o', table])).code).toBe(0);
    expect(readFileSync(table, 'utf8')).toMatch(/^seq,ts,event_id,kind,/);
    // Only days that are over are copied, and there is none yet.
    const copied = JSON.parse(
      (await hivekey(['logs', 'copy', '-o', join(home, 'copy'), '--from', '1s', '--json'])).out,
    );
    expect(copied.days).toEqual([]);
  });

  test('has alerts and incidents, which people work on', async () => {
    const settings = file('alerts.json', JSON.stringify({ separate_duties: false }));
    expect(JSON.parse((await hivekey(['alerts', 'settings', settings])).out)).toMatchObject({ separate_duties: false });
    const person = JSON.parse((await hivekey(['person', 'list', '--json'])).out).data[0].email;
    const key = JSON.parse((await hivekey(['key', 'create', 'lead', '--person', person, '--json'])).out).key;
    const mine = (args: readonly string[]) => hivekey(args, { env: { HIVEKEY_KEY: key } });
    const opened = await mine(['incidents', 'open', 'Odd reads', '--reason', 'drill', '--exercise', '--json']);
    const { id, ...incident } = JSON.parse(opened.out);
    expect(incident).toMatchObject({ status: 'open', synthetic: true, lead: person });
    const known = ['--decision', 'An exercise.', '--root-cause', 'Planned.', '--reason', 'drill'];
    expect((await mine(['incidents', 'update', id, ...known])).out).toContain('Planned.');
    expect((await mine(['incidents', 'close', id, '--reason', 'done'])).out).toContain('closed');
  });

  test('lets an audit firm in, and shows what it did', async () => {
    const period = [
      '--from',
      '2026-07-01T00:00:00Z',
      '--to',
      '2026-10-01T00:00:00Z',
      '--expires',
      new Date(Date.now() + 86_400_000).toISOString(),
    ];
    const about = ['--domain', 'ledger.example', '--criterion', 'CC6.1', '--scope', 'Agents of finance.'];
    const opened = await hivekey(['engagements', 'open', 'Ledger', ...about, ...period, '--json']);
    const { id, ...engagement } = JSON.parse(opened.out);
    expect(engagement).toMatchObject({ status: 'open', period_to: '2026-10-01T00:00:00.000Z', criteria: ['CC6.1'] });
    expect((await hivekey(['engagements', 'add', id, 'ada@ledger.example'])).out).toContain('/sign-in#enrolment=');
    expect((await hivekey(['engagements', 'add', id, 'ada@acme.example'])).err).toContain('engagement_email');
    expect((await hivekey(['engagements', 'access', id])).out).toContain('person_added ada@ledger.example');
    expect((await hivekey(['engagements', 'end', id, '--reason', 'done'])).out).toContain('ended');
  });

  test('verifies with the key given by another way', async () => {
    const key = (await hivekey(['logs', 'key'])).out.trim();
    const { out, code } = await hivekey(['verify', folder, '--key', key]);
    expect(out).toMatch(/VERIFIED$/m);
    expect(code).toBe(0);
  });

  test('without a key it verifies, and says whose key it was', async () => {
    const { out, code } = await hivekey(['verify', folder]);
    expect(out).toContain('give yours with --key');
    expect(code).toBe(0);
  });

  test('with another key it does not', async () => {
    const other = 'hivekey/other+e32c90d4+AepWEuzBclFAUmnonACxaRw5JRDhklTLlHMJCnITdmRs';
    expect((await hivekey(['verify', folder, '--key', other])).code).not.toBe(0);
  });

  test.each([
    [
      'one flipped byte',
      (lines: string[]) => lines.with(3, (lines[3] ?? '').replace('"v":1', '"v":2')),
      /entry_edited|malformed/,
    ],
    ['one deleted line', (lines: string[]) => lines.toSpliced(4, 1), /entry_missing/],
    ['a cut tail', (lines: string[]) => lines.slice(0, -2), /tail_cut|entry_missing/],
    [
      'two swapped lines',
      (lines: string[]) => lines.with(2, lines[5] ?? '').with(5, lines[2] ?? ''),
      /entry_reordered/,
    ],
  ])('%s is named, exit 3', async (_, change, code) => {
    const ran = await hivekey(['verify', edit(change)]);
    expect(ran.out).toMatch(code);
    expect(ran.out).toContain('NOT VERIFIED');
    expect(ran.code).toBe(3);
  });

  test('the live log is held against the checkpoints outside the database', async () => {
    const { out, code } = await hivekey(['verify', '--live', '--checkpoints', join(server.config.data, 'checkpoints')]);
    expect(out).toMatch(/VERIFIED/);
    expect(code).toBe(0);
  });

  test('an export goes only into an empty folder', async () => {
    const { code, err } = await hivekey(['logs', 'export', '-o', folder]);
    expect(code).toBe(2);
    expect(err).toContain('is not empty');
  });

  test('one event is proven by itself', async () => {
    const { data } = JSON.parse((await hivekey(['logs', '--json', '--limit', '3'])).out);
    const proof = join(home, 'proof.json');
    await hivekey(['logs', 'proof', data[0].event_id, '-o', proof]);
    expect((await hivekey(['verify', proof])).code).toBe(0);
    writeFileSync(proof, readFileSync(proof, 'utf8').replace('\\"v\\":1', '\\"v\\":2'));
    expect((await hivekey(['verify', proof])).code).toBe(3);
  });

  test('what is not there is not verified', async () => {
    expect((await hivekey(['verify', join(home, 'nothing')])).code).toBe(2);
    mkdirSync(join(home, 'empty'));
    expect((await hivekey(['verify', join(home, 'empty')])).code).toBe(3);
  });
});

test('policy tests pass, and a failing one is exit 3', async () => {
  const examples = new URL('../../../examples/policy-as-code/tests', import.meta.url).pathname;
  const good = await hivekey(['policy', 'test', examples]);
  expect(good.out).toMatch(/[1-9]\d* passed, 0 failed\n$/);
  expect(good.code).toBe(0);
  const nothing = await hivekey(['policy', 'test', file('none.yaml', '')]);
  expect(nothing.code).toBe(3);
});

test('lint tells errors from warnings by its exit code, and shows the place', async () => {
  const capability = file('pay.yaml', PAY);
  const guards = (list: string) => file('clerk.yaml', `role: clerk\nallow: [payments.pay]\n${list}`);
  const dead = await hivekey([
    ...['policy', 'lint', '-f', capability, '-f'],
    guards('guard payments_pay:\n  per_action_max: 1000\n  per_day_max: 500\n'),
  ]);
  expect(dead.code).toBe(3);
  expect(dead.out).toMatch(/clerk\.yaml:3:1 error dead clerk\/.*\n1 errors, 0 warnings, 0 notes/);

  const open = guards('guard payments_pay:\n  per_action_max: 1000\n');
  const lenient = await hivekey(['policy', 'lint', '-f', capability, '-f', open]);
  expect(lenient.code).toBe(0);
  expect(lenient.out).toContain('warning threshold_without_cap');
  expect((await hivekey(['policy', 'lint', '-f', capability, '-f', open, '--strict'])).code).toBe(3);

  const broken = await hivekey(['policy', 'lint', '-f', file('broken.yaml', 'role: clerk\nallow: [Bad Name]\n')]);
  expect(broken.code).toBe(3);
  expect(broken.out).toContain('broken.yaml:2:');

  const clean = await hivekey(['policy', 'lint', '-f', capability, '--json']);
  expect(JSON.parse(clean.out)).toEqual({ ok: true, findings: [] });
  expect(clean.code).toBe(0);
});

const PAY = `apiVersion: policy.hivekey.ai/v1
kind: Capability
metadata: { name: payments.pay }
access: write
impact: { usd: { field: amount, currency: USD } }
`;

describe('tests of the policy', () => {
  const TEST = `apiVersion: policy.hivekey.ai/v1
kind: PolicyTest
cases:
  - { name: nobody deploys, action: deploy, expect: deny }
  - { name: everybody deploys, action: deploy, expect: allow }
`;

  test('are kept, listed and removed', async () => {
    const path = file('deploying.yaml', TEST);
    const kept = await hivekey(['policy', 'tests', 'put', 'deploying', '-f', path]);
    expect(kept.err).toBe('');
    expect(kept.out).toMatch(/✗ deploying: 1 passed, 1 failed\n +everybody deploys\n/);
    const [listed] = JSON.parse((await hivekey(['policy', 'tests', '--json'])).out).data;
    expect(listed).toMatchObject({ name: 'deploying', document: TEST });
    const broken = await hivekey(['policy', 'tests', 'put', 'x', '-f', file('broken.yaml', 'kind: PolicyTest')]);
    expect(broken.err).toContain('policy_test_invalid');
    expect((await hivekey(['policy', 'tests', 'remove', 'deploying'])).out).toContain('deploying is removed');
    expect((await hivekey(['policy', 'tests'])).out).toContain('There are no tests.');
  });
});

describe('change freezes', () => {
  const FREEZE = `apiVersion: policy.hivekey.ai/v1
kind: Freeze
metadata: { name: long-weekend }
time_zone: Europe/Berlin
starts: "2026-01-02T18:00"
ends: "2026-12-31T08:00"
repeats: FREQ=YEARLY
scope: { actions: [nothing.here] }
`;

  test('are applied, listed, lifted by two administrators, and removed', async () => {
    const path = file('freeze.yaml', FREEZE);
    const applied = await hivekey(['freeze', 'apply', '-f', path]);
    expect(applied.out).toMatch(/^Freeze long-weekend created · Denied from 2026-01-02 18:00/);
    const [listed] = JSON.parse((await hivekey(['freeze', 'list', '--json'])).out).data;
    expect(listed.name).toBe('long-weekend');
    expect((await hivekey(['freeze', 'get', 'long-weekend'])).out).toContain('time_zone: Europe/Berlin');

    const keyOf = async (name: string) =>
      JSON.parse((await hivekey(['key', 'create', name, '--person', `${name}@acme.example`, '--json'])).out).key;
    for (const name of ['mira', 'noor']) await hivekey(['person', 'add', `${name}@acme.example`]);
    const [mira, noor] = [await keyOf('mira'), await keyOf('noor')];
    const ask = ['freeze', 'override', 'long-weekend', '--minutes', '5', '--reason', 'a fire', '--json'];
    expect((await hivekey(ask)).err).toContain('person_required');
    const { id } = JSON.parse((await hivekey(ask, { env: { HIVEKEY_KEY: mira } })).out);
    const own = await hivekey(['freeze', 'approve', 'long-weekend', id], { env: { HIVEKEY_KEY: mira } });
    expect(own.err).toContain('override_own');
    const approved = await hivekey(['freeze', 'approve', 'long-weekend', id], { env: { HIVEKEY_KEY: noor } });
    expect(approved.out).toContain('Freeze long-weekend is lifted until');
    expect((await hivekey(['freeze', 'overrides', 'long-weekend'])).out).toContain('a fire');
    expect((await hivekey(['freeze', 'remove', 'long-weekend'])).out).toBe('Freeze long-weekend is removed.\n');
    expect((await hivekey(['freeze', 'end', 'long-weekend', id])).code).toBe(1);
  });

  test('a wrong file is told with file, line and column', async () => {
    const { code, err } = await hivekey([
      'freeze',
      'apply',
      '-f',
      file('wrong-freeze.yaml', FREEZE.replace('YEARLY', 'NEVER')),
    ]);
    expect(code).toBe(2);
    expect(err).toMatch(/wrong-freeze\.yaml:7:\d+ /);
  });
});

test('a channel is set, tried, listed and removed, and an account in Slack written down', async () => {
  expect((await hivekey(['channel', 'list'])).out).toBe('None is set.\n');
  const set = await hivekey(['channel', 'email', '--host', 'localhost', '--from', 'hivekey@acme.example']);
  expect(set.out).toBe('email is set. Try it: hivekey channel test email\n');
  expect((await hivekey(['channel', 'list'])).out).toContain('localhost:587 as hivekey@acme.example');
  // A relay on this machine takes the operator's word.
  const tried = await hivekey(['channel', 'test', 'email', '--to', 'dana@acme.example']);
  expect(tried).toMatchObject({ code: 1, out: expect.stringContaining('the address is loopback') });
  expect((await hivekey(['channel', 'messages'])).out).toBe('None was given up.\n');
  expect((await hivekey(['channel', 'retry', 'msg_none'])).code).toBe(1);
  const slack = [
    'channel',
    'slack',
    '--bot-token-ref',
    'vault://none',
    '--signing-secret-ref',
    'vault://none',
    '--channel',
    'C012AB3CD',
  ];
  expect((await hivekey(slack)).err).toContain('credential_unavailable');
  expect((await hivekey(['channel', 'remove', 'email'])).out).toBe('email is removed.\n');
  await hivekey(['person', 'add', 'slacker@acme.example']);
  const update = ['person', 'update', 'slacker@acme.example', '--json', '--slack'];
  expect(JSON.parse((await hivekey([...update, 'T012AB3CD/U045EF6GH'])).out).slack).toEqual({
    team: 'T012AB3CD',
    user: 'U045EF6GH',
  });
  expect(JSON.parse((await hivekey([...update, 'none'])).out).slack).toBeNull();
  expect((await hivekey([...update, 'erin'])).code).toBe(2);
});

test('a person is invited and given roles; what nobody signed does not hold', async () => {
  await hivekey(['person', 'add', 'guest@acme.example']);
  const invited = await hivekey(['person', 'invite', 'guest@acme.example']);
  expect(invited.out).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/sign-in#invitation=\w{43}$/m);
  const update = ['person', 'update', 'guest@acme.example', '--role', 'viewer', '--role', 'approver', '--json'];
  expect(JSON.parse((await hivekey(update)).out).roles).toEqual(['approver', 'viewer']);
  const signed = file('signed.json', JSON.stringify([{ decision: '{}' }]));
  const verified = await hivekey(['decision', 'verify', signed]);
  expect([verified.code, verified.out]).toEqual([3, expect.stringContaining('broken')]);
});

test('sources are marked, and risk signals raised, listed and cleared', async () => {
  const sources = file('sources.yaml', 'apiVersion: policy.hivekey.ai/v1\nkind: Sources\ntrusted: [crm.*]\n');
  expect((await hivekey(['sources', 'apply', '-f', sources])).out).toMatch(
    /1 trusted · 0 untrusted · the rest untrusted/,
  );
  expect((await hivekey(['sources', 'get'])).out).toContain('- crm.*');
  const raised = await hivekey(['risk', 'raise', 'tool', 'mail.send', 'low', '--expires', '2h', '--json']);
  const { id } = JSON.parse(raised.out);
  expect((await hivekey(['risk', 'list'])).out).toContain('tool mail.send');
  expect((await hivekey(['risk', 'clear', id])).out).toBe(`Signal ${id} about mail.send is cleared.\n`);
  expect((await hivekey(['risk', 'list'])).out).toBe('There are none.\n');
  const wrong = file('transmitter.json', '{"name": "edr", "issuer": "x"}');
  expect((await hivekey(['risk', 'transmitter', wrong])).code).toBe(1);
  expect((await hivekey(['risk', 'transmitters'])).out).toBe('There are none.\n');
});

test('what a leaver leaves behind is offered and taken over', async () => {
  const role = file('mover.yaml', ROLE.replace('support-agent', 'mover'));
  await hivekey(['role', 'apply', '-f', role]);
  await hivekey(['agent', 'create', 'moving-bot', '--role', 'mover', '--owner', 'omar@acme.example']);
  await hivekey(['person', 'add', 'nia@acme.example']);
  const left = await hivekey(['people', 'deactivate', 'omar@acme.example']);
  expect(left.out).toBe('omar@acme.example is inactive.\n');
  const task = /ttk_\w+/.exec(left.err)?.[0] ?? '';
  expect((await hivekey(['transfers', 'list'])).out).toContain('1 of 1');
  const offered = await hivekey(['transfers', 'propose', task, 'nia@acme.example', '--reason', 'new team', '--json']);
  const offer = JSON.parse(offered.out).data[0].id;
  expect(await hivekey(['transfers', 'accept', offer])).toMatchObject({
    code: 1,
    err: expect.stringContaining('transfer_not_yours'),
  });
  const { key } = JSON.parse((await hivekey(['key', 'create', 'nia', '--person', 'nia@acme.example', '--json'])).out);
  expect(await hivekey(['transfers', 'accept', offer], { env: { HIVEKEY_KEY: key } })).toMatchObject({
    code: 0,
    out: 'moving-bot is yours.\n',
  });
  expect((await hivekey(['transfer', 'show', task])).out).toMatch(
    /moving-bot +suspended +nia@acme\.example .*accepted/,
  );
  expect((await hivekey(['owner', 'deputies', 'moving-bot', 'oncall'])).out).toBe(
    'oncall stand in for the owner of moving-bot.\n',
  );
  expect((await hivekey(['owner', 'show', 'moving-bot'])).out).toMatch(
    /omar@acme\.example +nia@acme\.example .*new team/,
  );
  expect((await hivekey(['owner', 'orphans'])).out).toContain('deputies gone');
  expect((await hivekey(['owner', 'settings', '--acceptance', 'required'])).out).toContain('when the new one accepts');
});

test('credentials are stored from standard input, staged, tried, promoted, rewrapped and removed, and never shown', async () => {
  const value = 'sk-value-of-the-command-line';
  const told: string[] = [];
  const run = async (args: readonly string[], input?: string): Promise<Ran> => {
    const ran = await hivekey(args, input === undefined ? {} : { input });
    told.push(ran.out, ran.err);
    return ran;
  };
  expect((await run(['secret', 'set', 'crm', '--expires', '5d'], `${value}-1\n`)).out).toBe(
    'vault://crm · version 1\n',
  );
  const staged = await run(['secret', 'set', 'crm', '--stage', '--json'], `${value}-2\n`);
  expect(JSON.parse(staged.out)).toMatchObject({ version: 1, expiry: 'soon' });
  expect((await run(['secret', 'test', 'crm', '--version', '2'])).code).toBe(0);
  expect((await run(['secret', 'test', 'crm', '--version', '9'])).code).toBe(3);
  const warned = await run(['doctor']);
  const promoted = await run(['secret', 'promote', 'crm', '2', '--overlap', '0s']);
  expect(warned.out).toContain('hivekey secret set crm');
  expect(promoted.out).toBe('vault://crm · version 2\n');
  expect((await run(['secret', 'retire', 'crm', '2'])).err).toContain('secret_version_current');
  expect((await run(['secret', 'get', 'crm'])).out).toContain('no agent can reach it');
  const rewrapped = await run(['secret', 'rewrap']);
  expect([rewrapped.code, rewrapped.out]).toEqual([0, expect.stringContaining('rewrap done: 1 of 1')]);
  expect((await run(['secret', 'rewrap', '--key', 'env://NOT_ALLOWED'])).err).toContain('key_unusable');
  expect((await run(['secret', 'keys'])).out).toContain('derived · 1 versions');
  expect((await run(['secret', 'remove', 'crm'])).code).toBe(0);
  expect((await run(['secret', 'list'])).out).toBe('There are no stored credentials.\n');
  expect(told.join('')).not.toContain(value);
});

test('what to try for a way past the gateway is every host that is registered', async () => {
  const api = { namespace: 'shop', endpoint: 'https://shop.acme.example:8443/api', credential_ref: 'vault://crm' };
  const oauth = { token_url: 'https://idp.acme.example/token', client_id: 'hivekey' };
  const made = await fetch(`${server.url}/v1/http/apis`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...api, injection: { oauth } }),
  });
  expect(made.status).toBe(201);
  const { code, out } = await hivekey(['doctor', '--targets']);
  expect(code).toBe(0);
  const { object, gateway, hosts } = JSON.parse(out);
  expect([object, gateway]).toEqual(['bypass_targets', server.url]);
  expect(hosts).toEqual(expect.arrayContaining(['idp.acme.example:443', 'shop.acme.example:8443']));
});

test('questions about the policy in force are answered by proof or by a call', async () => {
  const role = file('prover.yaml', ROLE.replace('support-agent', 'prover').replace('    - mail.read\n', ''));
  await hivekey(['role', 'apply', '-f', role]);
  await hivekey(['agent', 'create', 'prover-bot', '--role', 'prover', '--owner', 'dana@acme.example']);
  const found = await hivekey(['prove', 'can agent prover-bot call mail.send without a person', '--json']);
  expect(JSON.parse(found.out)).toMatchObject({ counter_example: { capability: 'mail.send', roles: ['prover'] } });
  expect(found.code).toBe(1);
  const proved = await hivekey(['prove', '--agent', 'prover-bot', '--action', 'mail.read', '--outcome', 'reach']);
  expect([proved.code, proved.out]).toEqual([0, expect.stringContaining('Nothing of that kind is granted.')]);
  expect((await hivekey(['prove', 'can agent nobody-bot call mail.send'])).code).toBe(3);
});

test('sinks are added, tried, read, paused and deleted', async () => {
  const env = { HIVEKEY_KEY: server.adminKey };
  const run = (...args: readonly string[]) => hivekey(['sinks', ...args], { env });
  await hivekey(['secret', 'set', 'siem'], { env, input: `whsec_${Buffer.alloc(32, 3).toString('base64')}` });
  // Nothing listens there.
  const settings = JSON.stringify({ url: 'https://siem.acme.invalid/hook', signing_secret_refs: ['vault://siem'] });
  const tried = await run('add', 'siem', 'webhook', '--settings', settings, '--test');
  expect([tried.code, tried.out]).toEqual([
    3,
    expect.stringContaining('did not take it: the receiver cannot be reached'),
  ]);
  const added = await run('add', 'siem', 'webhook', '--settings', settings, '--from-seq', '1');
  expect(added.out).toBe('siem gets the log from entry 1 on: https://siem.acme.invalid/hook.\n');
  expect((await run('list')).out).toContain('webhook');
  expect((await run('pause', 'siem', '--reason', 'not there yet')).out).toBe('siem is paused.\n');
  expect((await run('show', 'siem')).out).toContain('paused');
  expect((await run('ledger', 'siem', '--prove')).code).toBe(3);
  expect((await run('dead-letters', 'siem')).out).toBe('Nothing is set aside.\n');
  expect((await run('delete', 'siem', '--reason', 'over')).code).toBe(0);
});
