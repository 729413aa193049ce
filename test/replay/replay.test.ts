/** A log that a server recorded, and a policy over its export: the same again, and exactly what a change changes. */
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PolicySet } from '@hivekey/policy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReplayReport, replayFolder } from '../../packages/cli/src/replay.ts';
import { runCli } from '../../packages/cli/test/run-cli.ts';
import { loadPolicySet } from '../../packages/server/src/roles/index.ts';
import { actionOf, createPathFixture, type PathFixture } from '../../packages/server/test/path/fixture.ts';

/** `bench/measures/replay.ts` has 100,000; with HIVEKEY_REPLAY_ENTRIES it is that many here, too. */
const ENTRIES = Number(process.env.HIVEKEY_REPLAY_ENTRIES ?? 16_000);
/** Cents that an agent may spend, and what a candidate would let it. */
const CAP = ENTRIES * 3;
const TIGHTER = ENTRIES;
const AGENTS = 40;
const AT_ONCE = 400;

let base: PathFixture;
let folder: string;
let set: PolicySet;
/** Payments in the order of each agent, in cents, and what came of them. */
const made: { agent: number; cents: number; verdict: string }[] = [];

beforeAll(async () => {
  base = await createPathFixture();
  folder = mkdtempSync(join(tmpdir(), 'hivekey-replay-'));
  await base.declare('payments.pay', 'write', { usd: { kind: 'field', field: 'amount', currency: 'USD' } });
  await base.declare('mail.send', 'write');
  await base.setRole(
    'billing',
    ['payments.pay', 'mail.send'],
    [
      {
        id: 'cap',
        action: 'payments.pay',
        when: { field: 'sum(payments, 24h)', lte: `$${CAP / 100}` },
        effect: 'allow',
      },
      { id: 'each', action: 'payments.pay', when: { field: 'amount', gt: '$9' }, effect: 'review' },
      { id: 'shared', action: '*', when: { field: 'count(24h)', lte: ENTRIES, scope: 'workspace' }, effect: 'allow' },
      { id: 'domains', action: 'mail.send', when: { field: 'to.domain', in: ['acme.com'] }, effect: 'allow' },
    ],
  );
  const bots = await Promise.all(Array.from({ length: AGENTS }, (_, n) => base.addBot(`payer-${n}`, ['billing'])));
  let entries = 0;
  let asked = 0;
  const work = async (worker: number): Promise<void> => {
    const agent = worker % AGENTS;
    const bot = bots[agent];
    if (bot === undefined) return;
    while (entries < ENTRIES) {
      const n = asked;
      asked += 1;
      const cents = 1 + ((n * 7919) % 1000);
      const isMail = n % 5 === 0;
      const args = isMail
        ? { to: n % 3 === 0 ? 'x@acme.com' : 'x@evil.example', password: 'secret' }
        : { amount: cents / 100 };
      const action = actionOf(isMail ? 'mail.send' : 'payments.pay', args);
      const authorization = await base.path.authorize(bot.token, bot.principal, async () => action);
      if (!('decision' in authorization)) throw new Error(authorization.kind);
      entries += 1;
      made.push({ agent, cents: isMail ? 0 : cents, verdict: authorization.decision.verdict });
      if (authorization.kind !== 'permit') continue;
      entries += 1;
      await base.path.settle(authorization, n % 11 === 0 ? { result: 'not_attempted' } : { result: 'success' });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, worker) => work(worker)));
  ({ set } = await loadPolicySet(base.database.pool, base.workspaceId));
  mkdirSync(join(folder, 'export'));
  for (const { path, chunks } of (await base.log.export(base.workspaceId)).files)
    await pipeline(Readable.from(chunks), createWriteStream(join(folder, 'export', path)));
}, 180_000);
afterAll(async () => {
  await base.close();
  rmSync(folder, { recursive: true, force: true });
});

const over = (policy: PolicySet, since?: string): Promise<ReplayReport> =>
  replayFolder({ folder: join(folder, 'export'), set: policy, since, key: undefined, limit: 10 });

/** The policy with another limit in one of its guards. */
function withLimit(id: string, limit: number): PolicySet {
  return {
    ...set,
    roles: set.roles.map((role) => ({
      ...role,
      guards: role.guards.map((guard) =>
        guard.id === id && 'kind' in guard.when ? { ...guard, when: { ...guard.when, limit } } : guard,
      ),
    })),
  };
}

describe(`a log of ${ENTRIES} entries`, () => {
  it('gives every verdict again', async () => {
    const report = await over(set);
    expect(report).toMatchObject({ calls: made.length, same: made.length, changed: 0, unreplayable: 0, changes: [] });
    expect(report.log.last).toBeGreaterThanOrEqual(ENTRIES);
    expect(report.log.root).toMatch(/^sha256:/);
    expect(made.filter(({ verdict }) => verdict === 'deny').length).toBeGreaterThan(ENTRIES / 100);
    expect(made.filter(({ verdict }) => verdict === 'review').length).toBeGreaterThan(ENTRIES / 100);
  });

  it('yields exactly the difference of a changed cap', async () => {
    const candidate = withLimit('cap', TIGHTER);
    const report = await over(candidate);
    // Told by the log alone, in the order of the log, without the engine.
    const expected = await changesByHand(TIGHTER);
    expect(report).toMatchObject({ ...expected, unreplayable: 0 });
    expect(report.changed).toBeGreaterThan(ENTRIES / 100);
    expect(report.policy).not.toBe((await over(set)).policy);
  });

  it('is a gate: exit 3 where verdicts change, from an export alone', async () => {
    const document = (cap: string) => `apiVersion: policy.hivekey.ai/v1
kind: Capability
metadata: { name: payments.pay }
access: write
impact: { usd: { field: amount, currency: USD } }
---
apiVersion: policy.hivekey.ai/v1
kind: Capability
metadata: { name: mail.send }
access: write
---
apiVersion: policy.hivekey.ai/v1
kind: Role
metadata: { name: billing }
scope: { allow: [payments.pay, mail.send] }
guards:
  - { id: cap, action: payments.pay, when: { field: "sum(payments, 24h)", lte: ${cap} }, effect: allow }
  - { id: each, action: payments.pay, when: { field: amount, gt: $9 }, effect: review }
  - { id: shared, action: "*", when: { field: "count(24h)", lte: ${ENTRIES}, scope: workspace }, effect: allow }
  - { id: domains, action: mail.send, when: { field: to.domain, in: [acme.com] }, effect: allow }
`;
    const gate = (cap: string) => {
      writeFileSync(join(folder, 'policy.yaml'), document(cap));
      const args = ['--log', join(folder, 'export'), '-f', join(folder, 'policy.yaml'), '--fail-on-change'];
      return runCli(['policy', 'replay', ...args], { env: { HOME: folder } });
    };
    const same = await gate(`$${CAP / 100}`);
    expect(same.out).toContain('0 changed, 0 cannot be replayed');
    expect(same.code).toBe(0);
    const tighter = await gate(`$${TIGHTER / 100}`);
    expect(tighter.code).toBe(3);
    expect(tighter.out).toMatch(/allow → deny {2}cap/);
    expect(tighter.out).toContain(`root sha256:`);
  });
});

/** Each agent's payments against a cap, the naive way. */
async function changesByHand(limit: number) {
  const used = new Map<string, number>();
  const charged = new Map<string, { agent: string; cents: number }>();
  let changed = 0;
  let calls = 0;
  const { files } = await base.log.export(base.workspaceId);
  const entries = files.find(({ path }) => path === 'entries.jsonl');
  let text = '';
  for await (const chunk of entries?.chunks ?? []) {
    const lines = `${text}${chunk}`.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      const { record } = JSON.parse(line);
      if (record.kind === 'tool.result' && record.outcome === 'not_attempted') {
        const call = charged.get(record.call_event_id);
        if (call !== undefined) used.set(call.agent, (used.get(call.agent) ?? 0) - call.cents);
      }
      if (record.kind !== 'tool.call') continue;
      calls += 1;
      if (record.action !== 'payments.pay') continue;
      const cents = record.impact.usd;
      const spent = used.get(record.agent) ?? 0;
      const after = spent + cents > limit ? 'deny' : cents > 900 ? 'review' : 'allow';
      if (after === 'allow') {
        used.set(record.agent, spent + cents);
        charged.set(record.event_id, { agent: record.agent, cents });
      }
      if (after !== record.verdict) changed += 1;
    }
  }
  return { calls, changed, same: calls - changed };
}
