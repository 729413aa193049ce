/**
 * `npm run demo`: scripted agents, the real gateway, three real MCP servers from npm, one company's sample data.
 * `--keep` leaves the server running so that the console can be looked at. `--audit` builds a whole quarter instead: audit/main.ts.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Finding, verifyExport } from '@hivekey/action-log';
import {
  type Agent,
  type Approval,
  type Containment,
  type FullApproval,
  HiveKey,
  HiveKeyError,
  type Key,
  type Token,
} from '@hivekey/sdk';
import { downloadExport } from '../commands/logs.ts';
import { folderSource } from '../export-folder.ts';
import { paint } from '../output.ts';
import { ScriptedAgent } from './agent.ts';
import { COLLEAGUE, FREEZE, OWNER, PAY, ROLES } from './policy.ts';
import { type DemoServer, startDemoServer } from './server.ts';
import { check, Stage } from './stage.ts';

const require = createRequire(import.meta.url);
const stage = new Stage();

/** How a package's server is started, without npx: quick and offline. */
function serverCommand(name: string, ...args: readonly string[]): string[] {
  const manifest = require.resolve(`${name}/package.json`);
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
  const program = typeof bin === 'string' ? bin : String(Object.values(bin)[0]);
  return [process.execPath, join(dirname(manifest), program), ...args];
}

interface Cast {
  readonly server: DemoServer;
  readonly admin: HiveKey;
  readonly folder: string;
  token(agent: string): Promise<string>;
}

async function setUp(server: DemoServer): Promise<Cast> {
  const admin = new HiveKey({ url: server.url, key: server.adminKey });
  const folder = join(server.folder, 'company-files');
  mkdirSync(folder);
  writeFileSync(join(folder, 'handbook.txt'), 'Sample file: holidays are 28 days.\n');
  writeFileSync(join(folder, 'signing.key'), 'Sample file: not a real key.\n');
  const servers = {
    files: serverCommand('@modelcontextprotocol/server-filesystem', folder),
    memory: serverCommand('@modelcontextprotocol/server-memory'),
    everything: serverCommand('@modelcontextprotocol/server-everything', 'stdio'),
  };
  for (const [namespace, command] of Object.entries(servers)) {
    const made = await admin.request<{ discovered: number; last_error: string | null }>('POST', '/v1/mcp/servers', {
      body: { namespace, command, default_access: 'read-write', trust_annotations: true },
    });
    check(made.last_error === null, `${namespace} can be started: ${made.last_error}`);
    stage.step(`MCP server ${namespace}`, `${made.discovered} tools discovered, granted to nobody`);
  }
  await admin.request('PUT', '/v1/capabilities/payments.pay', { body: PAY });
  for (const role of ROLES) await admin.request('PUT', `/v1/roles/${role.metadata.name}`, { body: role });
  for (const [name, role] of [
    ['notes-bot', 'demo-notes'],
    ['billing-bot', 'demo-billing'],
    ['worker-bot', 'demo-worker'],
  ]) {
    await admin.request<Agent>('POST', '/v1/agents', {
      body: { name, role, owner: OWNER, metadata: { sample: 'demo' } },
    });
    stage.step(`agent ${name}`, `wears ${role}, owned by ${OWNER}`);
  }
  return {
    server,
    admin,
    folder,
    token: async (agent) => (await admin.request<Token>('POST', '/v1/tokens', { body: { agent } })).token ?? '',
  };
}

async function showScope({ folder }: Cast, notes: ScriptedAgent): Promise<void> {
  stage.scene('Scope', 'What is not granted does not exist.');
  const tools = await notes.tools();
  stage.step('notes-bot lists its tools', tools.join(', '));
  check(tools.length === 5, 'notes-bot sees the five tools of its role');
  const hidden = await notes.call('files__move_file', {
    source: join(folder, 'handbook.txt'),
    destination: join(folder, 'gone.txt'),
  });
  const absent = await notes.call('files__no_such_tool', {});
  stage.step('it calls files__move_file, which exists and is not granted', hidden.text, 'red');
  stage.step('it calls files__no_such_tool', absent.text, 'red');
  check(
    hidden.text.replace('move_file', '') === absent.text.replace('no_such_tool', ''),
    'hidden and absent read the same',
  );
}

async function showGuards({ folder }: Cast, notes: ScriptedAgent): Promise<void> {
  stage.scene('Allow and deny', 'Conditions are checked before a byte goes upstream.');
  const allowed = await notes.call('files__read_text_file', { path: join(folder, 'handbook.txt') });
  stage.step('read handbook.txt', allowed.text, 'green');
  check(!allowed.isError && allowed.text.includes('28 days'), 'the file is read');
  const denied = await notes.call('files__read_text_file', { path: join(folder, 'signing.key') });
  stage.step('read signing.key', denied.text, 'red');
  check(denied.isError && !denied.text.includes('not a real key'), 'the key file is not read');
}

async function showCaps(cast: Cast, notes: ScriptedAgent): Promise<void> {
  stage.scene('Caps', 'Sliding windows, exact: no hour holds more than three notes, no 24 hours more than $500.');
  for (let i = 1; i <= 4; i += 1) {
    const note = { entities: [{ name: `note ${i}`, entityType: 'note', observations: ['sample'] }] };
    const said = await notes.call('memory__create_entities', note);
    stage.step(`note ${i}`, said.isError ? said.text : 'kept', said.isError ? 'red' : 'green');
    check(said.isError === i > 3, 'the fourth note is refused');
  }
  const billing = new HiveKey({ url: cast.server.url, key: await cast.token('billing-bot') });
  const pay = (amount: number, to: string) =>
    billing.act('payments.pay', { to, amount }, async () => `paid $${amount}`);
  stage.step('billing-bot asks to pay $480 to vendor@acme.com', await pay(480, 'vendor@acme.com'), 'green');
  for (const [amount, to] of [
    [540, 'vendor@acme.com'],
    [5, 'mallory@evil.example'],
  ] as const) {
    const refusal = await pay(amount, to).catch((error: unknown) => error);
    check(refusal instanceof HiveKeyError && refusal.code === 'action_denied', `$${amount} to ${to} is refused`);
    stage.step(`$${amount} to ${to}`, refusal.message, 'red');
  }
}

async function showHold({ admin, server, folder }: Cast, notes: ScriptedAgent): Promise<void> {
  stage.scene('Hold', 'A person must decide first, on exactly this call, and it runs once.');
  const as = await keysOf(admin, server, [OWNER, COLLEAGUE]);
  const path = join(folder, 'new.txt');
  const call = notes.call('files__write_file', { path, content: 'sample' });
  const asked = await heldCall(admin);
  stage.step('write new.txt', `held: ${asked.id} waits for a person`, 'yellow');
  const refusal = await decide(as(OWNER), asked, 'approve').catch((error: unknown) => error);
  check(refusal instanceof HiveKeyError && refusal.code === 'approver_is_owner', 'the owner alone cannot approve');
  stage.step(`${OWNER}, who owns the agent, approves`, refusal.message, 'red');
  check(!existsSync(path), 'nothing was written while it waits');
  await decide(as(COLLEAGUE), asked, 'approve');
  const written = await call;
  stage.step(`${COLLEAGUE} approves`, written.text, 'green');
  check(!written.isError && readFileSync(path, 'utf8') === 'sample', 'the approved call ran');

  const other = notes.call('files__write_file', { path, content: 'something else' });
  const again = await heldCall(admin);
  check(again.id !== asked.id, 'other content is another call');
  await decide(as(COLLEAGUE), again, 'deny');
  const denied = await other;
  stage.step('the same file with other content is held anew, and denied', denied.text, 'red');
  check(denied.isError && readFileSync(path, 'utf8') === 'sample', 'the denied call did not run');
}

/** A client for each person, with a key of their own. */
async function keysOf(
  admin: HiveKey,
  { url }: DemoServer,
  people: readonly string[],
): Promise<(person: string) => HiveKey> {
  const clients = new Map<string, HiveKey>();
  for (const person of people) {
    if (person !== OWNER) await admin.request('POST', '/v1/people', { body: { email: person } });
    const { key } = await admin.request<Key>('POST', '/v1/keys', { body: { name: person.replace(/@.*/, ''), person } });
    clients.set(person, new HiveKey({ url, key: key ?? '' }));
  }
  return (person) => clients.get(person) ?? admin;
}

/** The call that waits, once it does. */
async function heldCall(admin: HiveKey): Promise<FullApproval> {
  for (let i = 0; i < 400; i += 1) {
    const { data } = await admin.request<{ data: readonly Approval[] }>('GET', '/v1/approvals', {
      query: { status: 'pending' },
    });
    if (data[0] !== undefined) return admin.request<FullApproval>('GET', `/v1/approvals/${data[0].id}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('no call was held');
}

function decide(person: HiveKey, { id, hash }: FullApproval, decision: 'approve' | 'deny'): Promise<unknown> {
  return person.request('POST', `/v1/approvals/${id}/decide`, { body: { decision, hash, reason: 'demo' } });
}

async function showFreeze({ admin, folder }: Cast, notes: ScriptedAgent): Promise<void> {
  stage.scene('Freeze', 'While a change freeze is in force nothing in its scope happens, whoever approves.');
  await admin.request('PUT', `/v1/freezes/${FREEZE.metadata.name}`, { body: FREEZE });
  const frozen = await notes.call('files__write_file', { path: join(folder, 'late.txt'), content: 'sample' });
  stage.step('write late.txt', frozen.text, 'red');
  check(frozen.isError && frozen.text.includes(FREEZE.metadata.name), 'the denial names the freeze');
}

async function showRevoke({ admin, server }: Cast, token: string): Promise<void> {
  stage.scene('Revoke', 'One move cuts an agent off everywhere, calls in flight included.');
  const worker = await ScriptedAgent.connect('worker-bot', server.url, token);
  const echo = await worker.call('everything__echo', { message: 'at work' });
  stage.step('worker-bot echoes', echo.text, 'green');
  check(!echo.isError, 'worker-bot can work');
  const jobs = Array.from({ length: 5 }, () =>
    worker.call('everything__trigger-long-running-operation', { duration: 60, steps: 6 }),
  );
  await recordedCalls(admin, 6);
  const stop = await admin.request<Containment>('POST', '/v1/agents/worker-bot/revoke', { body: { reason: 'demo' } });
  stage.step(
    'five long jobs run; worker-bot is revoked',
    `first refusal ${stop.receipt.first_refusal_ms} ms after the order`,
  );
  for (const { capability, fate } of stop.receipt.calls)
    stage.step(`  ${capability}`, fate.replaceAll('_', ' '), 'red');
  check(stop.receipt.calls.length === 5, 'all five jobs were cut off');
  check(
    (await Promise.all(jobs)).every(({ isError }) => isError),
    'no job answers',
  );
  const after = await worker.call('everything__echo', { message: 'still there?' });
  stage.step('it tries again', after.text, 'red');
  check(after.isError, 'nothing works any more');
  await worker.close();
}

/** Waits until so many calls of worker-bot are on the log. */
async function recordedCalls(admin: HiveKey, calls: number): Promise<void> {
  for (let i = 0; i < 200; i += 1) {
    const { data } = await admin.request<{ data: readonly unknown[] }>('GET', '/v1/audit/events', {
      query: { agent: 'worker-bot', kind: 'tool.call', limit: 50 },
    });
    if (data.length >= calls) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('the jobs did not start');
}

async function showProof({ admin, server }: Cast): Promise<void> {
  stage.scene('Proof', 'The log is checked by someone who has no server, no database and no trust in us.');
  const { key } = await admin.request<{ key: string }>('GET', '/v1/audit/key');
  const folder = join(server.folder, 'audit');
  await downloadExport(admin, folder);
  const good = await verifyExport(folderSource(folder));
  stage.step(
    `hivekey verify audit (key ${key.slice(0, 24)}…)`,
    good.isVerified ? `verified, ${good.entries?.count} entries` : say(good.findings),
    good.isVerified ? 'green' : 'red',
  );
  check(good.isVerified, `the export verifies: ${say(good.findings)}`);
  const path = join(folder, 'entries.jsonl');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace('"verdict":"deny"', '"verdict":"DENY"'));
  const edited = await verifyExport(folderSource(folder));
  stage.step('someone turns one denial into something else', say(edited.findings), 'red');
  check(!edited.isVerified, 'the edit is noticed');
  const lines = text.trimEnd().split('\n');
  writeFileSync(path, `${lines.slice(0, -3).join('\n')}\n`);
  const cut = await verifyExport(folderSource(folder));
  stage.step('someone cuts the last three entries off', say(cut.findings), 'red');
  check(!cut.isVerified, 'the cut is noticed');
  writeFileSync(path, text);
}

function say(findings: readonly Finding[]): string {
  return findings
    .filter(({ fatal }) => fatal)
    .slice(0, 2)
    .map(({ code, place }) => `${code} at ${place}`)
    .join(', ');
}

async function play(server: DemoServer): Promise<void> {
  stage.say('All that follows is sample data, run through the real gateway.');
  const cast = await setUp(server);
  const notes = await ScriptedAgent.connect('notes-bot', server.url, await cast.token('notes-bot'));
  await showScope(cast, notes);
  await showGuards(cast, notes);
  await showCaps(cast, notes);
  await showHold(cast, notes);
  await showFreeze(cast, notes);
  await showRevoke(cast, await cast.token('worker-bot'));
  await showProof(cast);
  await notes.close();
}

async function show(): Promise<void> {
  const keep = process.argv.includes('--keep');
  process.stdout.write('Starting a HiveKey of its own for the demo …\n');
  const server = await startDemoServer();
  try {
    await play(server);
    process.stdout.write(`\n${paint('green', 'All of it happened as said.')}\n`);
    if (keep) {
      process.stdout.write(
        `Console ${server.url}/ · admin key ${server.adminKey}\nCtrl-C ends it and removes its data.\n`,
      );
      await new Promise((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
      });
    } else process.stdout.write('To look around in the console afterwards: npm run demo -- --keep\n');
  } catch (error) {
    process.stderr.write(`\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  } finally {
    await server.stop();
  }
}

if (process.argv.includes('--audit')) await (await import('./audit/main.ts')).showAudit();
else await show();
