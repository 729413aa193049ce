/** Records of a log as they would have been made under a policy: payments of many agents, and their results. */
import { compilePolicy, type Decision, type PolicySet, readPolicyTexts, settle } from '@hivekey/policy';
import { SHARD } from './export.ts';

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

export function policyWith(cap: string): PolicySet {
  const read = readPolicyTexts([{ name: 'policy', text: policyText(cap) }]);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.set;
}

export interface LogShape {
  /** Of the first record, epoch milliseconds. */
  readonly startMs: number;
  readonly stepMs: number;
}

/** Asked for in order from 1. */
export function recordsUnder(
  set: PolicySet,
  { startMs, stepMs }: LogShape,
): (seq: number) => Readonly<Record<string, unknown>> {
  const policy = compilePolicy(set);
  const windows = new Map<string, Sliding>();
  const agentSeqs = new Map<number, number>();
  let last: { readonly id: string; readonly decision: Decision } | undefined;
  return (seq) => {
    const atMs = startMs + seq * stepMs;
    const base = {
      v: 1,
      event_id: `evt_01JZX${String(seq).padStart(21, '0')}`,
      ts: new Date(atMs).toISOString(),
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
      evaluation.demands.map(({ key, windowSeconds }) => ({
        used: windows.get(key)?.used(atMs - windowSeconds * 1_000) ?? 0,
      })),
    );
    if (decision.verdict === 'allow')
      for (const { key, amount } of evaluation.charges) {
        const window = windows.get(key) ?? new Sliding();
        windows.set(key, window);
        window.add(atMs, amount);
      }
    last = { id: base.event_id, decision };
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

/** All windows of one counter here are of one length. */
class Sliding {
  readonly #entries: { readonly atMs: number; readonly amount: number }[] = [];
  #first = 0;
  #total = 0;

  add(atMs: number, amount: number): void {
    this.#entries.push({ atMs, amount });
    this.#total += amount;
  }

  used(edgeMs: number): number {
    for (let entry = this.#entries[this.#first]; entry !== undefined && entry.atMs <= edgeMs; ) {
      this.#total -= entry.amount;
      this.#first += 1;
      entry = this.#entries[this.#first];
    }
    return this.#total;
  }
}
