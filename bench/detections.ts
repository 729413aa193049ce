/**
 * `node scripts/run.mjs bench/detections.ts`: events a second through all shipped rules, and what their memory takes
 * with 50,000 agents; writes bench/detections.md.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createEngine, type FlatEvent, loadRules, shippedRules } from '@hivekey/detections';
import { readMachine } from './machine.ts';

const RUNS = 5;
const EVENTS = 300_000;
const FEW_AGENTS = 2_000;
const MANY_AGENTS = 50_000;
const START = Date.parse('2026-06-16T08:00:00.000Z');
const MIB = 1024 * 1024;

interface Run {
  readonly eventsPerSecond: number;
  readonly stateMib: number;
  readonly saveMs: number;
  readonly findings: number;
}

interface Measured extends Run {
  readonly heapMib: number;
}

/** A number that looks random and is the same each time. */
function mixed(i: number): number {
  const x = Math.imul(i ^ (i >>> 15), 0x2c1b3c6d);
  return ((x ^ (x >>> 12)) >>> 0) % 1_000_000;
}

/** Half calls, half results; one call in ten refused, one in twenty spends, one in a thousand events is of another kind. */
function eventAt(i: number, agents: number, stepMs: number): FlatEvent {
  const n = i >> 1;
  const agent = mixed(n) % agents;
  const common = {
    event_id: `evt_${i.toString(36).padStart(26, '0')}`,
    ts: new Date(START + i * stepMs).toISOString(),
    ...{ seq: i + 1, shard: `shd_${i % 4}`, shard_seq: (i >> 2) + 1, workspace: 'acme', env: 'prod' },
    ...{ entry_hash: `sha256:${i}`, prev_hash: i < 4 ? 'sha256:zero' : `sha256:link${i - 4}`, hash: `sha256:link${i}` },
    ...{ agent_id: `agt_${agent}`, agent: `agent-${agent}`, owner: `owner-${agent % 500}@acme.example` },
  };
  if (i % 1_000 === 999)
    return { ...common, kind: 'approval.decided', person: `person-${n % 50}`, decision: 'approve', dwell_ms: 20_000 };
  if (i % 2 === 1)
    return {
      ...common,
      kind: 'tool.result',
      call_event_id: `evt_${(i - 1).toString(36).padStart(26, '0')}`,
      outcome: 'success',
      bytes_out: 400,
    };
  const isDenied = n % 10 === 3;
  const spends = n % 20 === 7;
  return {
    ...common,
    kind: 'tool.call',
    verdict: isDenied ? 'deny' : 'allow',
    reason_class: isDenied ? 'guard' : 'granted',
    tool: `tool_${agent % 40}`,
    action: `server.tool_${agent % 40}`,
    namespace: 'server',
    role: `role-${agent % 200}`,
    access: n % 3 === 0 ? 'write' : 'read',
    ...{ destructive: n % 50 === 0, external: n % 15 === 0, provenance: n % 12 === 0 ? 'untrusted' : 'trusted' },
    ...(spends ? { amount_minor: 100 + (n % 900), payee: `payee-${agent % 300}` } : {}),
    ...(n % 15 === 0 ? { dest: `d${agent % 20}.example` } : {}),
    token_id: `tok_${agent}`,
    run_id: `run_${agent}_${n >> 16}`,
    src_ip: `10.${agent % 200}.0.7`,
    ...{ local_hour: 11, local_dow: 2, mode: 'enforce', tool_digest: `sha256:tool_${agent % 40}` },
  };
}

/** Collected, so that what is measured is what is kept. */
function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function measure(agents: number, stepMs: number): Run & { readonly text: string } {
  const { rules } = loadRules(shippedRules());
  // Made beforehand: what is measured is the engine.
  const events = Array.from({ length: EVENTS }, (_, i) => eventAt(i, agents, stepMs));
  const warm = createEngine(rules);
  for (const event of events.slice(0, 50_000)) warm.take(event);
  const engine = createEngine(rules);
  let findings = 0;
  const began = processorMs();
  for (const event of events) findings += engine.take(event).findings.length;
  const ms = processorMs() - began;
  const saving = processorMs();
  const text = JSON.stringify(engine.state());
  return {
    eventsPerSecond: EVENTS / (ms / 1_000),
    stateMib: text.length / MIB,
    saveMs: processorMs() - saving,
    findings,
    text,
  };
}

/** Of a state that was read back: it shares no strings with the events. */
function heldMib(text: string): number {
  const { rules } = loadRules(shippedRules());
  createEngine(rules, JSON.parse(text));
  const before = heap();
  const engine = createEngine(rules, JSON.parse(text));
  const held = heap() - before;
  if (engine.stats().events !== 0) throw new Error('a state that was read back has taken no events');
  return held / MIB;
}

/** Of this thread's work and its collector's: other work on the machine does not count. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function median(of: readonly Measured[], figure: (each: Measured) => number): number {
  return of.map(figure).sort((a, b) => a - b)[of.length >> 1] ?? 0;
}

function row(name: string, of: readonly Measured[]): string {
  const whole = (value: number) => Math.round(value).toLocaleString('en-GB');
  const figures = [
    whole(median(of, ({ eventsPerSecond }) => eventsPerSecond)),
    whole(Math.min(...of.map(({ eventsPerSecond }) => eventsPerSecond))),
    median(of, ({ heapMib }) => heapMib).toFixed(1),
    median(of, ({ stateMib }) => stateMib).toFixed(1),
    whole(median(of, ({ saveMs }) => saveMs)),
    whole(median(of, ({ findings }) => findings)),
  ];
  return `| ${[name, ...figures].join(' | ')} |`;
}

const [, , mode, agents = '', step = ''] = process.argv;
if (mode === 'measure') {
  const { text, ...run } = measure(Number(agents), Number(step));
  process.stdout.write(JSON.stringify({ ...run, heapMib: heldMib(text) } satisfies Measured));
} else {
  const self = fileURLToPath(import.meta.url);
  const cases = [
    { name: '2,000 agents, 100 events/s', agents: FEW_AGENTS, step: 10 },
    { name: '50,000 agents, 100 events/s', agents: MANY_AGENTS, step: 10 },
  ];
  const rows = cases.map((each) => {
    const runs = Array.from({ length: RUNS }, (): Measured => {
      const { stdout } = spawnSync(
        process.execPath,
        ['--expose-gc', self, 'measure', String(each.agents), String(each.step)],
        { encoding: 'utf8', maxBuffer: MIB },
      );
      return JSON.parse(stdout);
    });
    return row(each.name, runs);
  });
  const { rules } = loadRules(shippedRules());
  const { facts: lines, warning } = readMachine();
  const facts = [...lines.map((line) => `- ${line}`), ...(warning === undefined ? [] : ['', warning])].join('\n');
  writeFileSync(
    new URL('detections.md', import.meta.url),
    `# Detections

Written by \`node scripts/run.mjs bench/detections.ts\`; nothing in it is entered by hand.

${facts}

All ${rules.length} shipped rules over ${EVENTS.toLocaleString('en-GB')} events in one thread, each figure the median of ${RUNS} processes: half calls, half results, one call in ten refused. Events a second are by processor time. State is the JSON that is saved with the cursor, memory what the heap holds more when it was read back.

| | events/s | slowest | memory MiB | state MiB | to save, ms | findings |
|---|--:|--:|--:|--:|--:|--:|
${rows.join('\n')}
`,
  );
}
