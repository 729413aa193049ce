/** Where the CPU of a call goes: the samples of a profile, each given to one step of the path. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ground } from './company.ts';
import type { LoadResult } from './load.ts';
import type { Subject } from './process.ts';
import type { Row } from './rows.ts';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The first pattern that fits the innermost file of ours, or of a package, on the stack names the step. */
const STEPS: readonly (readonly [step: string, files: RegExp])[] = [
  ['read: strict JSON', /gateway\/strict-json|gateway\/mcp\/body/],
  ['authenticate', /path\/authenticate|identity\/token-hash|agents\/principal/],
  ['decide', /packages\/policy\/|path\/decide|path\/policy-in-force/],
  ['validate against the pinned schema', /upstreams\/schema|\/ajv|upstreams\/definitions/],
  ['record: redact, canonical form, hash, chain, batch', /path\/redact|packages\/action-log|server\/src\/log\//],
  ['path: authorize, settle, calls in flight', /server\/src\/path\/|@opentelemetry/],
  ['metrics', /prom-client|observability/],
  ['forward: HTTP to the upstream', /undici/],
  ['forward: request and its answer', /src\/upstreams\//],
  ['database driver, for blocks', /node_modules\/pg/],
  ['MCP entrance', /gateway\//],
];
const HTTP = 'HTTP with the agent, sockets (Node.js)';

/** Rows of microseconds a call, the dearest step first; they add up to `cpu`. */
export async function profileSteps(
  ground: Ground,
  subject: Subject,
  load: () => Promise<LoadResult>,
  cpu: number,
): Promise<Row[]> {
  const file = process.env.BENCH_PROFILE ?? join(await ground.folder(), 'gateway.cpuprofile');
  await subject.ask('profile on');
  await load();
  await subject.ask(`profile off ${file}`);
  const profile: Profile = JSON.parse(readFileSync(file, 'utf8'));
  const shares = sharesOf(profile);
  return [...shares]
    .sort(([, a], [, b]) => b - a)
    .map(([step, share]) => ({ measure: `step: ${step}`, value: share * cpu, unit: 'µs' }));
}

/** Share of the busy time by step. */
function sharesOf({ nodes, samples, timeDeltas }: Profile): ReadonlyMap<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map<number, number>();
  for (const { id, children = [] } of nodes) for (const child of children) parents.set(child, id);
  const spent = new Map<string, number>();
  let busy = 0;
  for (const [i, id] of samples.entries()) {
    const step = stepOf(id, byId, parents);
    if (step === undefined) continue;
    const microseconds = timeDeltas[i] ?? 0;
    busy += microseconds;
    spent.set(step, (spent.get(step) ?? 0) + microseconds);
  }
  return new Map([...spent].map(([step, microseconds]) => [step, microseconds / busy]));
}

/** Undefined while the process was idle. */
function stepOf(
  sample: number,
  byId: ReadonlyMap<number, ProfileNode>,
  parents: ReadonlyMap<number, number>,
): string | undefined {
  let isHttp = false;
  for (let id: number | undefined = sample; id !== undefined; id = parents.get(id)) {
    const { functionName, url } = byId.get(id)?.callFrame ?? { functionName: '', url: '' };
    // `obey` is the subject's own, starting and stopping the profile.
    if (functionName === '(idle)' || functionName === 'obey') return undefined;
    if (functionName === '(garbage collector)') return 'garbage collection';
    if (url.startsWith('node:_http') || url.startsWith('node:net') || url.includes('stream')) isHttp = true;
    if (!url.includes('/')) continue;
    const isOurs = !url.startsWith('node:');
    if (!isOurs) continue;
    // What the entrance calls of Node's HTTP is the answer being written.
    const step = STEPS.find(([, files]) => files.test(url))?.[0];
    if (isHttp && (step === 'MCP entrance' || step === undefined)) return HTTP;
    return step ?? 'other';
  }
  return HTTP;
}
