/** A folder in Git against a real server: planned, asked for, approved, applied, drifted from, exported. */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HiveKey, type List, type PolicyApplication, type PolicyObject, type PolicyPlan } from '@hivekey/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { addWorkspace } from '../../server/test/agents/second-workspace.ts';
import { roleFile } from '../../server/test/agents/world.ts';
import { type ChangesWorld, openChanges, type Person } from '../../server/test/changes/world.ts';
import { exportTo, type LiveServer } from '../src/policy-code/export.ts';
import { loadFolder, sendFolder, sourceOf } from '../src/policy-code/load.ts';
import { MAIN, type Ran, runCli } from './run-cli.ts';

const ROOT = join(import.meta.dirname, '../../..');
const EXAMPLE = join(ROOT, 'examples/policy-as-code');

let world: ChangesWorld;
let dana: Person;
let lee: Person;
let home: string;
let policy: string;

beforeAll(async () => {
  world = await openChanges();
  dana = await world.person('dana', ['author', 'operator']);
  lee = await world.person('lee', ['reviewer']);
  home = mkdtempSync(join(tmpdir(), 'hivekey-policy-code-'));
  policy = join(home, 'repository', 'policy');
  cpSync(EXAMPLE, policy, { recursive: true });
  // They say what billing must answer, and what billing says is changed here.
  rmSync(join(policy, 'tests/billing.yaml'));
  git('init', '-q');
  git('remote', 'add', 'origin', 'https://dana:s3cret@git.acme.example/policy.git');
  commit('the example');
});
afterAll(async () => {
  await world.server.close();
  rmSync(home, { recursive: true, force: true });
});

const hivekey = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  runCli(args, { cwd: home, env: { HOME: home, HIVEKEY_URL: world.server.url, HIVEKEY_KEY: dana.key, ...env } });

const client = (): HiveKey => new HiveKey({ url: world.server.url, key: dana.key });

/** As the commands do it, in this process. */
async function planned(path = policy): Promise<PolicyPlan> {
  return sendFolder<PolicyPlan>(client(), 'plan', (await loadFolder(path, world.server.url)).folder);
}

async function applied(): Promise<PolicyApplication> {
  const loaded = await loadFolder(policy, world.server.url);
  return sendFolder(client(), 'apply', loaded.folder, { source: sourceOf(loaded, false) });
}

function git(...args: readonly string[]): string {
  const who = ['-c', 'user.name=Dana', '-c', 'user.email=dana@acme.example', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', ['-C', join(home, 'repository'), ...who, ...args], { encoding: 'utf8' }).trim();
}

function commit(message: string): string {
  git('add', '.');
  git('commit', '-qm', message);
  return git('rev-parse', 'HEAD');
}

const pathOf = (file: string): string => join(policy, file);
const put = (file: string, text: string): void => writeFileSync(pathOf(file), text);
const replace = (file: string, before: string, after: string): void =>
  put(file, readFileSync(pathOf(file), 'utf8').replace(before, after));

/** Every file below, by its name. */
function filesOf(folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    names.map(({ parentPath, name }) => [
      join(parentPath, name).slice(folder.length),
      readFileSync(join(parentPath, name), 'utf8'),
    ]),
  );
}

async function approve(id: string): Promise<void> {
  for (;;) {
    const change = await world.get({ id });
    if (change.preview?.state === 'running') continue;
    expect((await world.approve(lee, change)).status).toBe(200);
    return;
  }
}

const revision = async (): Promise<number> => (await world.ok('GET', '/v1/policies/current')).revision;

describe('where changes are not reviewed', () => {
  test('the example is applied at once, all of it, and then changes nothing', async () => {
    const first = await hivekey(['apply', policy]);
    expect(first.err).toContain('+ role billing');
    expect(first.err).toMatch(/ to add, 0 to change, 0 to remove; 0 as they are\./);
    expect(first.out).toMatch(/^CHG-1 is in force: \d+ objects/);
    const [change] = (await world.ok('GET', '/v1/changes')).data;
    expect(change).toMatchObject({ name: 'CHG-1', class: 'direct', status: 'activated' });
    expect(change.source).toMatchObject({
      repository: 'https://git.acme.example/policy.git',
      commit: git('rev-parse', 'HEAD'),
      author: 'Dana <dana@acme.example>',
      signature: { status: 'none', key: null },
    });

    const before = await revision();
    const again = await hivekey(['plan', policy]);
    expect(again.out).toMatch(/No changes: \d+ objects are live as the folder has them\.\nTests: \d+ hold\./);
    expect(again.code).toBe(0);
    expect(await applied()).toMatchObject({ change: null, operations: 0 });
    expect(await revision()).toBe(before);
  });

  test('an export of everything has no secret, is planned as no change, and is written again as the same bytes', async () => {
    const value = 'a-credential-that-nobody-sees';
    await world.ok('PUT', '/v1/secrets/shop-key', { value });
    await world.ok('POST', '/v1/http/apis', {
      namespace: 'shop',
      endpoint: 'https://shop.acme.example',
      credential_ref: 'vault://shop-key',
      document: {
        openapi: '3.1.0',
        info: { title: 'shop', version: '1' },
        paths: { '/x': { get: { operationId: 'read' } } },
      },
    });
    const [{ capability, pin }] = (await world.ok('GET', '/v1/http/apis/shop/operations')).data;
    await world.ok('POST', `/v1/http/apis/shop/operations/${capability}/approve`, { pin });
    await world.agent('billing-bot', { role: 'billing' });
    await world.ok('PATCH', '/v1/agent-settings', { warn_days: 9 });
    await world.ok('PUT', '/v1/workspace/sources', {
      apiVersion: 'policy.hivekey.ai/v1',
      kind: 'Sources',
      trusted: ['crm.*'],
      untrusted: [],
    });
    const exported = join(home, 'exported');
    expect((await hivekey(['policy', 'export', exported])).err).toBe('');
    const bytes = filesOf(exported);
    for (const file of [
      'servers/shop',
      'roles/billing',
      'assignments',
      'authority',
      'agent-settings',
      'sources',
      'definitions',
    ])
      expect(Object.keys(bytes)).toContain(`/${file}.yaml`);
    expect(bytes['/assignments.yaml']).toContain('  billing-bot:\n    - billing\n');
    expect(JSON.stringify(bytes)).toContain('vault://shop-key');
    expect(JSON.stringify(bytes)).not.toContain(value);

    expect(await planned(exported)).toMatchObject({ operations: [], words: [] });
    const live: LiveServer = {
      url: world.server.url,
      objects: async () => (await client().request<List<PolicyObject>>('GET', '/v1/policy-code/objects')).data,
      plan: (folder) => sendFolder(client(), 'plan', folder),
    };
    expect(await exportTo(exported, [], live)).toEqual([]);
    const again = await exportTo(join(home, 'again'), [], live);
    expect(Object.fromEntries(again.map(([file, text]) => [`/${file}`, text]))).toEqual(bytes);
  });

  test('a change of one line is one operation and one sentence', async () => {
    replace('roles/billing.yaml', '"sum(payments, 24h)", lte: $5000', '"sum(payments, 24h)", lte: $6000');
    const { code, out } = await hivekey(['plan', policy, '--json']);
    const { operations, words, findings } = JSON.parse(out);
    expect(findings).toEqual([]);
    expect(
      operations.map((each: { type: string; name: string; action: string }) => [each.action, each.type, each.name]),
    ).toEqual([['change', 'role', 'billing']]);
    expect(words).toHaveLength(1);
    expect(words[0]).toMatch(/billing.*\$5,000.*\$6,000/);
    expect(code).toBe(2);
    git('checkout', '-q', '--', 'policy');
  });

  test('what is edited here is drift, and an export brings it home beside files that stay', async () => {
    expect((await world.ok('GET', '/v1/policy-code')).drifted).toBe(false);
    await world.role('made-here');
    await world.ok('PATCH', '/v1/roles/read-only', { description: 'changed here' });
    await world.ok('DELETE', '/v1/breakers/probing');
    const drift = await hivekey(['plan', '--drift', '--json']);
    expect(drift.code).toBe(3);
    const states = JSON.parse(drift.out).objects.filter(({ state }: { state: string }) => state !== 'same');
    expect(states.map(({ type, name, state }: Record<string, string>) => `${type} ${name} ${state}`)).toEqual([
      'breaker probing removed_here',
      'role made-here not_in_git',
      'role read-only changed_here',
    ]);

    const kept = filesOf(policy);
    await hivekey(['policy', 'export', policy]);
    const now = filesOf(policy);
    const changed = Object.keys({ ...kept, ...now }).filter((file) => kept[file] !== now[file]);
    expect(changed.sort()).toEqual(['/breakers/probing.yaml', '/roles/made-here.yaml', '/roles/read-only.yaml']);
    expect((await planned()).operations).toEqual([]);

    git('checkout', '-q', '--', 'policy');
    git('clean', '-qfd');
    const undo = await hivekey(['apply', policy]);
    expect(undo.err).toContain('- role made-here  REMOVED');
    expect(undo.err).toContain('+ breaker probing');
    expect((await world.ok('GET', '/v1/policy-code')).drifted).toBe(false);
  });
});

describe('what is refused', () => {
  const roleOf = (name: string) => ({ type: 'role', name, document: roleFile(name) });

  test('every problem has its file and line, those that the server finds as well, and exit 1', async () => {
    put('assignments.yaml', 'apiVersion: policy.hivekey.ai/v1\nkind: Assignments\nagents:\n  nobody-bot: [billing]\n');
    put(
      'breakers/other.yaml',
      'apiVersion: policy.hivekey.ai/v1\nkind: Breaker\nmetadata: { name: other }\nspec:\n  signal: noise\n',
    );
    const { code, err } = await hivekey(['plan', policy]);
    expect(err).toContain('assignments.yaml:4:3 nobody here is called "nobody-bot"');
    expect(err).toMatch(/breakers\/other\.yaml:5:3 /);
    expect(code).toBe(1);
    rmSync(pathOf('assignments.yaml'));
    rmSync(pathOf('breakers/other.yaml'));
  });

  test('without a key a plan is 1, as 2 would say that something changes', async () => {
    const { code, err } = await hivekey(['plan', policy], { HIVEKEY_KEY: '' });
    expect(err).toContain('There is no admin key');
    expect(code).toBe(1);
  });

  test('nobody of another workspace is known here, and nothing that was applied there', async () => {
    const key = await addWorkspace(world.server);
    const body = { objects: [{ type: 'assignment', name: 'billing-bot', document: { roles: [] } }] };
    const answer = await world.call('POST', '/v1/policy-code/plan', { key, body });
    expect(answer.body.error.problems).toMatchObject([{ code: 'not_found', path: 'objects[0]' }]);
    expect((await world.call('GET', '/v1/policy-code', { key })).body).toMatchObject({ applied_at: null, objects: [] });
  });

  test('all of it is in force, or nothing: a role that is worn does not go, and nothing else comes', async () => {
    const body = { owns: ['role'], objects: [roleOf('comes-alone')] };
    const answer = await world.call('POST', '/v1/policy-code/apply', { key: dana.key, body });
    expect(answer.body.error).toMatchObject({
      code: 'change_invalid',
      problems: [{ id: 'billing', code: 'role_worn' }],
    });
    expect((await world.call('GET', '/v1/roles/comes-alone', {})).status).toBe(404);
    const [{ id }] = (await world.ok('GET', '/v1/changes?status=draft')).data;
    await world.post(dana, { id }, 'withdraw');
  });

  test('a draft that is edited is not what the commit says any more', async () => {
    const body = {
      owns: ['role'],
      objects: [roleOf('edited')],
      source: { repository: 'r', commit: '0'.repeat(40), author: 'x', signature: { status: 'none', key: null } },
    };
    await world.call('POST', '/v1/policy-code/changes', { key: dana.key, body });
    const [{ id, source }] = (await world.ok('GET', '/v1/changes?status=draft')).data;
    expect(source).toEqual(body.source);
    const operations = [{ type: 'role', id: 'smuggled', document: roleFile('smuggled') }];
    const edited = await world.call('PUT', `/v1/changes/${id}`, { key: dana.key, body: { operations } });
    expect(edited.body.source).toBeNull();
    expect((await world.post(dana, { id }, 'submit')).status).toBe(200);
    const plan = await world.call('POST', '/v1/policy-code/plan', {
      key: dana.key,
      body: { ...body, source: undefined },
    });
    expect(plan.body.change).toBeNull();
    expect((await world.post(dana, { id }, 'activate')).status).toBe(200);
    expect((await world.ok('GET', '/v1/policy-code')).commit).toBe(git('rev-parse', 'HEAD'));
    expect(await applied()).toMatchObject({ operations: 1 });
  });

  test('a guard that fits no argument is told by the plan, and refuses the change', async () => {
    const guard = {
      id: 'typo',
      action: 'payments.pay',
      when: { field: 'amuont', lte: 5 },
      effect: 'allow',
      otherwise: 'deny',
    };
    const document = roleFile('typo', ['payments.pay'], [guard]);
    const body = { objects: [{ type: 'role', name: 'typo', document }] };
    const plan = await world.call('POST', '/v1/policy-code/plan', { key: dana.key, body });
    expect(plan.body.findings).toMatchObject([{ level: 'error', message: expect.stringContaining('amuont') }]);
    const posted = await world.call('POST', '/v1/policy-code/changes', { key: dana.key, body });
    expect(posted.status).toBe(422);
    const [{ id }] = (await world.ok('GET', '/v1/changes?status=draft')).data;
    await world.post(dana, { id }, 'withdraw');
  });

  test('more than a person reads is asked for in parts', async () => {
    const body = { objects: Array.from({ length: 101 }, (_, i) => roleOf(`role-${i}`)) };
    const answer = await world.call('POST', '/v1/policy-code/changes', { key: dana.key, body });
    expect([answer.status, answer.body.error.code]).toEqual([422, 'policy_code_too_large']);
  });

  test('a folder never says where a key goes', async () => {
    const asked: string[] = [];
    const elsewhere = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    const address = elsewhere.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    replace('hivekey.yaml', 'owns:', `url: ${url}\nowns:`);
    const { code, err } = await hivekey(['plan', policy, '--post']);
    elsewhere.close();
    expect(err).toContain(`is for ${url}, and this is ${world.server.url}`);
    expect(code).toBe(1);
    expect(asked).toEqual([]);
    git('checkout', '-q', '--', 'policy');
  });

  test('files that are not as committed are not posted, unless the change may name no commit', async () => {
    replace('roles/billing.yaml', '$1000', '$900');
    const refused = await hivekey(['plan', policy, '--post']);
    expect(refused.err).toMatch(/not as in the commit [0-9a-f]{12}: roles\/billing\.yaml/);
    expect(refused.code).toBe(1);
    const { out } = await hivekey(['plan', policy, '--post', '--allow-dirty', '--json']);
    const change = await world.get({ id: JSON.parse(out).change.id });
    expect(change.source).toBeNull();
    expect(change.justification).toContain('not those of a commit');
    await world.post(dana, change, 'withdraw');
    git('checkout', '-q', '--', 'policy');
  });
});

describe('where changes are reviewed', () => {
  async function posted(): Promise<{ readonly id: string; readonly name: string }> {
    const loaded = await loadFolder(policy, world.server.url);
    const source = sourceOf(loaded, false);
    const { change } = await sendFolder<PolicyPlan>(client(), 'changes', loaded.folder, { source });
    if (change === null) throw new Error('nothing was asked for');
    return change;
  }

  /** The commit, by a key that Git here knows as Dana's. */
  function sign(): void {
    const key = join(home, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'dana', '-f', key]);
    writeFileSync(join(home, 'signers'), `dana@acme.example ${readFileSync(`${key}.pub`, 'utf8')}`);
    git('config', 'gpg.format', 'ssh');
    git('config', 'user.signingkey', `${key}.pub`);
    git('config', 'gpg.ssh.allowedSignersFile', join(home, 'signers'));
    git('commit', '-q', '--amend', '--no-edit', '-S');
  }

  /** A change of the same role that comes from elsewhere. */
  async function editOtherwise(): Promise<void> {
    const { document } = await world.ok('GET', '/v1/roles/billing');
    const operation = { type: 'role', id: 'billing', document: { ...document, metadata: { name: 'billing' } } };
    const { id } = await world.submitted(dana, { operations: [operation] });
    await approve(id);
    expect((await world.post(dana, { id }, 'activate')).status).toBe(200);
  }

  beforeAll(async () => {
    expect((await world.settings({ mode: 'reviewed' })).status).toBe(200);
  });

  test('a commit is asked for once, applied when somebody else has approved it, and not before', async () => {
    replace('roles/billing.yaml', 'lte: $5000', 'lte: $6000');
    const sha = commit('raise');
    const { code, out } = await hivekey(['plan', policy, '--post', '--json', '--reason', 'as agreed']);
    expect(code).toBe(2);
    const { change } = JSON.parse(out);
    expect(change.status).toBe('submitted');
    expect(await posted()).toEqual(change);
    expect(await world.get(change)).toMatchObject({
      class: 'normal',
      justification: 'as agreed',
      source: { commit: sha, author: 'Dana <dana@acme.example>' },
      operations: [{ type: 'role', id: 'billing' }],
    });

    const early = await hivekey(['apply', policy]);
    expect(early.err).toContain(`policy_code_waiting: ${change.name} is submitted`);
    expect(early.code).toBe(1);
    expect((await world.approve(dana, await world.get(change))).status).toBe(403);

    const waiting = hivekey(['apply', policy, '--wait', '1m']);
    await approve(change.id);
    expect(await waiting).toMatchObject({
      code: 0,
      out: `${change.name} is in force: 1 object as the folder has them.\n`,
    });
    expect(await world.ok('GET', '/v1/policy-code')).toMatchObject({
      commit: sha,
      change: change.name,
      drifted: false,
    });
  });

  test('another commit with the same content is applied with the same approval, and is on the log', async () => {
    replace('roles/billing.yaml', 'lte: $6000', 'lte: $5500');
    commit('lower');
    sign();
    const change = await posted();
    expect((await world.get(change)).source.signature).toEqual({
      status: 'good',
      key: expect.stringMatching(/^SHA256:/),
    });
    await approve(change.id);
    git('commit', '-q', '--amend', '-m', 'squashed');
    const sha = git('rev-parse', 'HEAD');
    expect(await applied()).toMatchObject({ change: change.name, operations: 1 });
    expect(await world.ok('GET', '/v1/policy-code')).toMatchObject({ commit: sha, change: change.name });
    const records = await world.events('kind=policy_code.applied', 1);
    expect(records.find((record) => record.commit === sha)).toMatchObject({ change: change.name, signature: 'none' });
  });

  test('what was planned on something that is not there any more is refused as stale', async () => {
    replace('roles/billing.yaml', 'lte: $5500', 'lte: $5400');
    commit('lower again');
    const plan = join(home, 'plan.json');
    await hivekey(['plan', policy, '--out', plan]);
    const change = await posted();
    await approve(change.id);
    await editOtherwise();
    await expect(applied()).rejects.toMatchObject({
      code: 'policy_code_stale',
      message: expect.stringContaining(`${change.name} was planned from these files`),
    });
    const stale = await hivekey(['apply', policy, '--plan', plan]);
    expect(stale.err).toContain('policy_code_stale: What the folder would');
    expect(stale.code).toBe(1);
    await world.post(dana, change, 'withdraw');
  });

  test('what nobody asked for is not applied', async () => {
    replace('roles/billing.yaml', 'lte: $5400', 'lte: $5300');
    commit('unasked');
    await expect(applied()).rejects.toMatchObject({ code: 'policy_code_not_approved' });
  });
});

describe('CI', () => {
  function script(...args: readonly string[]): Promise<Ran> {
    const child = spawn('sh', [join(ROOT, 'examples/ci/generic.sh'), ...args], {
      env: {
        PATH: process.env.PATH ?? '',
        HOME: home,
        HIVEKEY_URL: world.server.url,
        HIVEKEY_KEY: dana.key,
        HIVEKEY: `${process.execPath} --disable-warning=ExperimentalWarning ${MAIN}`,
        HIVEKEY_PLAN: join(home, 'plan.txt'),
      },
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
  }

  test('the script plans, applies and looks for drift in any shell', async () => {
    expect(await script('plan', policy, 'as agreed')).toMatchObject({ code: 0 });
    const text = readFileSync(join(home, 'plan.txt'), 'utf8');
    const [, name] = /(CHG-\d+) asks for exactly this, and is submitted/.exec(text) ?? [];
    const applying = script('apply', policy);
    await approve(name ?? '');
    expect(await applying).toMatchObject({ code: 0, out: expect.stringContaining(`${name} is in force`) });
    expect(await script('drift')).toMatchObject({ code: 0 });
    expect(await script('push')).toMatchObject({ code: 64 });
  });

  test('the workflow uses pinned actions, keeps what others write out of its scripts, and runs the script', () => {
    const workflow = parse(readFileSync(join(ROOT, 'examples/ci/github-actions.yaml'), 'utf8'), { version: '1.2' });
    expect(Object.keys(workflow)).toEqual(['name', 'on', 'permissions', 'env', 'jobs']);
    expect(workflow.permissions).toEqual({ contents: 'read' });
    const steps = Object.values<{ steps: Record<string, string>[] }>(workflow.jobs).flatMap((job) => job.steps);
    const scripts = steps.flatMap(({ run = '' }) => (run === '' ? [] : [run]));
    for (const { uses } of steps)
      if (uses !== undefined) expect(uses).toMatch(/^actions\/(checkout|setup-node)@v\d+\.\d+\.\d+$/);
    for (const script of scripts) expect(script).not.toContain('${{');
    expect(
      scripts.filter((script) => script.startsWith('sh .github/hivekey.sh')).map((script) => script.split(' ')[2]),
    ).toEqual(['plan', 'apply', 'drift']);
  });
});
