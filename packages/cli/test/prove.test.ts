/** Questions about the example roles, as a person asks them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ProofReport, prove, readPolicyTexts, readQuestionText } from '@hivekey/policy';
import { afterAll, expect, it } from 'vitest';
import { policyTexts } from '../src/prove/policy-files.ts';
import { BundledSolver } from '../src/prove/solver.ts';
import { runCli } from './run-cli.ts';

const EXAMPLES = fileURLToPath(new URL('../../../examples/policy-as-code', import.meta.url));
const solver = new BundledSolver({ timeoutMs: 60_000, memoryMb: 1_024 });
const home = mkdtempSync(join(tmpdir(), 'hivekey-prove-'));
afterAll(() => {
  solver.close();
  rmSync(home, { recursive: true, force: true });
});

const read = readPolicyTexts(policyTexts([EXAMPLES]));
if (!read.ok) throw new Error('the examples do not load');
const { set } = read;

async function ask(text: string): Promise<ProofReport> {
  const written = readQuestionText(text, new Set(['records_read', 'messages']));
  if (!written.ok || written.value.subject.kind === 'agent') throw new Error(text);
  const { subject } = written.value;
  return prove(set, { ...written.value, subject }, { solve: solver.solve, atMs: Date.parse('2026-03-02T12:00:00Z') });
}

it.each([
  'can role billing pay more than $1,000 at all',
  'can role billing pay more than $200 without a person',
  'can any agent pay more than $1,000 at all',
  'can any agent call crm.delete at all',
  'can any agent spend more than 1,000 records_read at all',
  'can role billing call mail.send where to.domain outside acme.com, *.acme.io at all',
  'can role billing call payments.pay where payee not in vendor@acme.com, hosting@acme.com at all',
  'can role support-agent call mail.send where cc exists without a person',
  'can role operations call db.query where sql contains ";" at all',
  'can role operations call vault.get where path not under /operations at all',
  'can role operations call vault.get where path under /operations/production without a person',
])(
  '%s: no',
  async (question) => {
    const { verdict, reasons } = await ask(question);
    expect({ verdict, reasons }).toEqual({ verdict: 'proved', reasons: [] });
  },
  120_000,
);

it.each<[question: string, capability: string, args: object]>([
  ['can role billing pay at least $200 without a person', 'payments.pay', { amount: 200 }],
  ['can role billing pay more than $200 at all', 'payments.pay', { amount: 200.01 }],
  ['can any agent spend at least 1,000 records_read at all', 'crm.search', { limit: 1_000 }],
  [
    'can role billing call payments.pay where payee not in vendor@acme.com without a person',
    'payments.pay',
    { to: 'hosting@acme.com' },
  ],
  ['can role support-agent call payments.refund held for a person', 'payments.refund', { amount_cents: 5_001 }],
  ['can role operations call deploy where target = production at all', 'deploy', { target: 'production' }],
])(
  '%s: yes',
  async (question, capability, args) => {
    const { verdict, counterExample } = await ask(question);
    expect(verdict).toBe('counter-example');
    expect(counterExample).toMatchObject({ capability, arguments: args, fitsSchema: true });
  },
  120_000,
);

const CODES = `apiVersion: policy.hivekey.ai/v1
kind: Role
metadata: { name: codes, description: Looks things up by letters }
scope: { allow: [lookup] }
guards:
  - { id: letters, action: lookup, when: { field: code, matches: '\\pL+' }, effect: allow, otherwise: deny }
  - { id: no-x, action: lookup, when: { field: code, startsWith: x }, effect: deny }
`;

it('says that it does not know what is not translated, and when time is over', async () => {
  const file = join(home, 'codes.yaml');
  writeFileSync(file, CODES);
  const unknown = await runCli([
    'prove',
    '-f',
    file,
    '--json',
    'can role codes call lookup where code contains 7 at all',
  ]);
  expect(unknown.code).toBe(3);
  expect(JSON.parse(unknown.out)).toMatchObject({ verdict: 'unknown', reasons: [expect.stringContaining('\\\\pL')] });
  const proved = await runCli([
    'prove',
    '-f',
    file,
    '--json',
    'can role codes call lookup where code starts with x at all',
  ]);
  expect(proved.code).toBe(0);
  const late = await prove(
    set,
    { subject: { kind: 'any' }, action: 'payments.*', where: [], outcome: 'reach' },
    { solve: solver.solve, atMs: 0, isOver: () => true },
  );
  expect(late.verdict).toBe('unknown');
}, 120_000);

it('does not rely on a role that an agent can leave off', async () => {
  const question = { action: 'lookup', where: [], outcome: 'reach' as const };
  const text = CODES.replace('name: codes', 'name: bare').replace(/guards:[\s\S]*/, 'guards: []\n');
  const guarding = CODES.replace('allow: [lookup]', 'allow: []')
    .replace(/- \{ id: letters.*\n/, '')
    .replace('startsWith: x', 'exists: true');
  const both = readPolicyTexts([
    { name: 'bare', text },
    { name: 'codes', text: guarding.replace('}, effect: deny }', '}, effect: deny, otherwise: deny }') },
  ]);
  if (!both.ok) throw new Error(JSON.stringify(both.problems));
  const roles = ['bare', 'codes'];
  const options = { solve: solver.solve, atMs: 0 };
  const worn = await prove(both.set, { ...question, subject: { kind: 'roles', roles } }, options);
  const narrowed = await prove(both.set, { ...question, subject: { kind: 'roles', roles, orFewer: true } }, options);
  expect([worn.verdict, narrowed.verdict]).toEqual(['proved', 'counter-example']);
}, 60_000);

it('ends a solver that takes too long, and starts another', async () => {
  const hasty = new BundledSolver({ timeoutMs: 1, memoryMb: 256 });
  expect(await hasty.solve('(check-sat)\n')).toEqual({ failed: expect.stringContaining('no answer') });
  hasty.close();
  expect(await solver.solve('(assert false)(check-sat)\n')).toContain('unsat');
}, 60_000);

it('tells 1 from all that is no counter-example, and prints what others can run', async () => {
  const found = await runCli([
    'prove',
    '-f',
    EXAMPLES,
    '--role',
    'billing',
    '--where',
    'amount >= $200',
    '--outcome',
    'allow',
    '--smt',
  ]);
  expect(found.code).toBe(1);
  expect(found.out).toContain('(check-sat)');
  expect(found.out).toContain('; ✗ counter-example');
  for (const line of found.out.split('\n').slice(-8)) expect(line).toMatch(/^(;.*)?$/);
  const missing = await runCli(['prove', '-f', EXAMPLES, 'can role nobody pay more than $1 at all']);
  expect(missing.code).toBe(2);
  expect(missing.err).toContain('has no role nobody');
  const unclear = await runCli(['prove', '-f', EXAMPLES, 'may anybody pay']);
  expect(unclear.code).toBe(2);
  const nowhere = await runCli(['prove', '--any-role', '--url', 'http://127.0.0.1:9'], {
    env: { HIVEKEY_KEY: 'hk_live_x' },
  });
  expect(nowhere.code).toBe(4);
}, 120_000);
