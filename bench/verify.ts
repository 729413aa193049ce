/** How fast an export is verified, beside plain SHA-256 of the same bytes read from the same file. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXPORT_FILES, verifyExport } from '@hivekey/action-log';
import { folderSource, readRange, threadedParts } from '../packages/cli/src/export-folder.ts';
import { KEY, SHARD, writeExport } from './export.ts';
import { median } from './load.ts';
import { atLeast, type Row } from './rows.ts';

const ENTRIES = 200_000;
const RUNS = 7;
const AGENTS = 500;

/** Medians of interleaved runs, in one thread and in as many as the command line takes. */
export async function benchVerify(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'hivekey-bench-verify-'));
  try {
    const calls = new Map<number, number>();
    const bytes = await writeExport(folder, ENTRIES, (seq) => {
      const agent = (seq * 7919) % AGENTS;
      const agentSeq = (calls.get(agent) ?? 0) + 1;
      calls.set(agent, agentSeq);
      return callRecord(seq, agent, agentSeq);
    });
    const parts = await threadedParts(folder);
    const source = folderSource(folder);
    const verify = async (threads: typeof parts): Promise<void> => {
      const report = await verifyExport(source, {
        trustedKey: KEY.verifier,
        ...(threads === undefined ? {} : { parts: threads }),
      });
      if (!report.isVerified) throw new Error(`the export was not verified: ${JSON.stringify(report.findings[0])}`);
    };
    const path = join(folder, EXPORT_FILES.entries);
    const seconds = { hash: [] as number[], one: [] as number[], all: [] as number[] };
    for (let run = 0; run < RUNS; run += 1) {
      seconds.hash.push(await timed(() => hashFile(path, bytes)));
      seconds.one.push(await timed(() => verify(undefined)));
      if (parts !== undefined) seconds.all.push(await timed(() => verify(parts)));
    }
    const hash = median(seconds.hash);
    const row = (measure: string, taken: number): Row => ({
      measure,
      value: Math.round(bytes / 1e6 / taken),
      unit: 'MB/s',
      baseline: `SHA-256 of the same file in one thread, ${Math.round(bytes / 1e6 / hash)} MB/s`,
      ratio: hash / taken,
      target: atLeast(0.7, hash / taken, 'ratio'),
    });
    const threads = Math.min(availableParallelism(), parts?.count ?? 1);
    return [
      row('verify an export, one thread', median(seconds.one)),
      ...(parts === undefined ? [] : [row(`verify an export, ${threads} threads`, median(seconds.all))]),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function hashFile(path: string, bytes: number): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of readRange(path, 0, bytes)) hash.update(chunk);
  hash.digest();
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** A call with the fields that calls through MCP have. */
function callRecord(seq: number, agent: number, agentSeq: number): Readonly<Record<string, unknown>> {
  return {
    v: 1,
    event_id: `evt_01JZX${String(seq).padStart(21, '0')}`,
    kind: 'tool.call',
    ts: new Date(Date.UTC(2026, 5, 16) + seq * 3).toISOString(),
    workspace: 'acme-corp',
    env: 'prod',
    shard: SHARD,
    shard_seq: seq,
    agent_id: `agt_5Kd0pNa${String(agent).padStart(5, '0')}`,
    agent_seq: agentSeq,
    agent: 'billing-bot',
    owner: 'dana@acme.example',
    token_id: 'tok_5Kd0pNa81kQz',
    roles: ['Billing'],
    role: 'Billing',
    role_rev: 7,
    action: 'payments.pay',
    tool: 'payments__pay',
    namespace: 'payments',
    upstream_tool: 'createPayment',
    access: 'write',
    destructive: false,
    args: { amount: 40 + (seq % 100), to: 'vendor@acme.example', memo: `Invoice 2026-${seq}` },
    args_digest: `hmac-sha256:${'a'.repeat(64)}`,
    definition_pin: `sha256:${'b'.repeat(64)}`,
    entrance: 'mcp',
    latency_ms: 0.4,
    policy: `sha256:${'c'.repeat(64)}`,
    policy_revision: 12,
    provenance: 'untrusted',
    reason: 'granted',
    reason_class: 'granted',
    session_id: 'ses_5Kd0pNa81kQz',
    src_ip: '10.4.7.21',
    verdict: 'allow',
  };
}
