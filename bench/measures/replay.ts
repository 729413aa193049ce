/** Replay of a policy over an exported log of 100,000 entries, as `hivekey policy replay --log` does it. */
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EXPORT_FILES } from '@hivekey/action-log';
import { compilePolicy, type Decision, type PolicySet, readPolicyTexts, settle } from '@hivekey/policy';
import { replayFolder } from '../../packages/cli/src/replay.ts';
import type { Ground } from '../company.ts';
import { KEY, SHARD, writeExport } from '../export.ts';
import { atMost, type Row } from '../rows.ts';
import type { Effort } from '../run.ts';

const ENTRIES = 100_000;
const AGENTS = 200;
/** Every third entry is the result of a call. */
const RESULT_EVERY = 3;

const policyText = (cap: string) => `apiVersion: policy.hivekey.ai/v1
kind: Capability
metadata: { name: payments.pay }
access: write
impact: { usd: { field: amount, currency: USD } }
---
apiVersion: policy.hivekey.ai/v1
kind: Role
metadata: { name: billing }
scope: { allow: [payments.pay] }
guards:
  - { id: payees, action: payments.pay, when: { field: payee, in: [vendor@acme.example, hosting@acme.example] }, effect: allow }
  - { id: cap, action: payments.pay, when: { field: "sum(payments, 24h)", lte: ${cap} }, effect: allow }
  - { id: pace, action: payments.pay, when: { field: rate.per_day, lte: 100000, scope: workspace }, effect: allow }
  - { id: threshold, action: payments.pay, when: { field: amount, gt: $90 }, effect: review }
`;

function policyWith(cap: string): PolicySet {
  const read = readPolicyTexts([{ name: 'policy', text: policyText(cap) }]);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.set;
}

export async function benchReplay(_: Ground, { runs, scale }: Effort): Promise<Row[]> {
  const count = Math.round(ENTRIES * scale);
  const folder = await mkdtemp(join(tmpdir(), 'hivekey-bench-replay-'));
  try {
    const policy = policyWith('$10000');
    await writeExport(folder, count, recordsUnder(policy));
    const seconds = { replay: [] as number[], parse: [] as number[] };
    let heap = 0;
    for (let run = 0; run < runs; run += 1) {
      seconds.parse.push(await timed(() => parseOnly(join(folder, EXPORT_FILES.entries))));
      seconds.replay.push(
        await timed(async () => {
          const report = await replayFolder({ folder, set: policy, since: undefined, key: KEY.verifier, limit: 100 });
          if (report.calls === 0 || report.same !== report.calls) throw new Error(JSON.stringify(report));
        }),
      );
      heap = Math.max(heap, process.memoryUsage().heapUsed);
    }
    const tighter = await replayFolder({
      folder,
      set: policyWith('$5000'),
      since: undefined,
      key: KEY.verifier,
      limit: 0,
    });
    const [replay, parse] = [median(seconds.replay), median(seconds.parse)];
    return [
      {
        measure: `replay of ${count} entries, verified first; every verdict the same`,
        value: replay,
        unit: 's',
        baseline: `reading and parsing the same lines, ${parse.toFixed(2)} s`,
        ratio: Math.round((replay / parse) * 10) / 10,
      },
      {
        measure: 'heap in use after a replay',
        value: Math.round(heap / 1e6),
        unit: 'MB',
        target: atMost(300, heap / 1e6, 'MB'),
      },
      { measure: 'calls changed by half the cap', value: tighter.changed, unit: 'calls' },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Calls as they would have been recorded under the policy, within a day, so that no window loses any. */
function recordsUnder(set: PolicySet): (seq: number) => Readonly<Record<string, unknown>> {
  const policy = compilePolicy(set);
  const totals = new Map<string, number>();
  const agentSeqs = new Map<number, number>();
  let last: { readonly id: string; readonly agent: number; readonly decision: Decision } | undefined;
  return (seq) => {
    const base = {
      v: 1,
      event_id: `evt_01JZX${String(seq).padStart(21, '0')}`,
      ts: new Date(Date.UTC(2026, 5, 16) + seq * 500).toISOString(),
      workspace: 'acme-corp',
      env: 'prod',
      shard: SHARD,
      shard_seq: seq,
    };
    if (seq % RESULT_EVERY === 0 && last?.decision.verdict === 'allow')
      return { ...base, kind: 'tool.result', call_event_id: last.id, outcome: 'success' };
    const agent = (seq * 7919) % AGENTS;
    const args = { amount: 1 + (seq % 97), payee: seq % 13 === 0 ? 'other@example.net' : 'vendor@acme.example' };
    const agentId = `agt_5Kd0pNa${String(agent).padStart(5, '0')}`;
    const owner = 'dana@acme.example';
    const request = {
      workspaceId: 'acme-corp',
      agentId,
      ownerId: owner,
      roles: ['billing'],
      capability: 'payments.pay',
      arguments: args,
    };
    const evaluation = policy.evaluate(request);
    const decision = settle(
      evaluation,
      evaluation.demands.map(({ key }) => ({ used: totals.get(key) ?? 0 })),
    );
    if (decision.verdict === 'allow')
      for (const { key, amount } of evaluation.charges) totals.set(key, (totals.get(key) ?? 0) + amount);
    last = { id: base.event_id, agent, decision };
    const agentSeq = (agentSeqs.get(agent) ?? 0) + 1;
    agentSeqs.set(agent, agentSeq);
    const { verdict, reason, reasonClass, rule, impact } = decision;
    return {
      ...base,
      kind: 'tool.call',
      agent: `payer-${agent}`,
      agent_id: agentId,
      agent_seq: agentSeq,
      owner,
      roles: ['billing'],
      action: 'payments.pay',
      tool: 'payments.pay',
      args,
      impact,
      verdict,
      reason,
      reason_class: reasonClass,
      ...(rule === undefined ? {} : { rule }),
      policy: decision.policyHash,
      policy_revision: decision.policyRevision,
    };
  };
}

async function parseOnly(path: string): Promise<void> {
  for await (const line of createInterface({ input: createReadStream(path) })) JSON.parse(line);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
