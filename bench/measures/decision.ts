/** One decision of the compiled policy, beside closures written by hand for the same rules. */
import {
  type CompiledPolicy,
  checkCapability,
  checkGuards,
  compilePolicy,
  type DecisionRequest,
  roleFromDocument,
} from '@hivekey/policy';
import { roleDocument } from '../company.ts';
import { median, quantile } from '../load.ts';
import { atMost, type Row } from '../rows.ts';
import type { Effort } from '../run.ts';

const ROLES = 100;
const CAPABILITIES = 1_000;
const ROLE_GUARDS = 2;
const WORKSPACE_GUARDS = 100;
const AGENTS = 10_000;
const GRANTS = 20;
const REQUESTS = 20_000;
const DECISIONS_A_RUN = 400_000;

type Verdict = 'allow' | 'deny' | 'review';
type Arguments = Readonly<Record<string, string | number>>;
interface Demand {
  readonly key: string;
  readonly limit: number;
  readonly amount: number;
}

/** The same rule twice: as a document, and as a person would write it. */
interface Rule {
  readonly action: string;
  readonly document: object;
  readonly judge: (args: Arguments, agentId: string, demands: Demand[]) => Verdict;
}

interface HandWritten {
  decide(request: DecisionRequest): { readonly verdict: Verdict; readonly demands: readonly Demand[] };
}

export async function benchDecision(_ground: unknown, { runs, scale }: Effort): Promise<Row[]> {
  const { compiled, byHand, requests } = makePolicy();
  for (const request of requests) {
    const ours = compiled.evaluate(request);
    const theirs = byHand.decide(request);
    if (ours.verdict !== theirs.verdict || ours.demands.length !== theirs.demands.length)
      throw new Error(`${request.capability}: ${ours.verdict} by the policy, ${theirs.verdict} by hand`);
  }
  const decisions = DECISIONS_A_RUN * scale;
  const means = { policy: [] as number[], byHand: [] as number[] };
  const spread = { p50: [] as number[], p99: [] as number[] };
  for (let run = -1; run < runs; run += 1) {
    const policy = microsecondsEach(requests, decisions, (request) => compiled.evaluate(request));
    const hand = microsecondsEach(requests, decisions, (request) => byHand.decide(request));
    const single = microsecondsOfEach(requests, (request) => compiled.evaluate(request));
    // The first is to warm up.
    if (run < 0) continue;
    means.policy.push(policy);
    means.byHand.push(hand);
    spread.p50.push(quantile(single, 0.5));
    spread.p99.push(quantile(single, 0.99));
  }
  const mean = median(means.policy);
  const baseline = median(means.byHand);
  const p50 = median(spread.p50);
  const p99 = median(spread.p99);
  return [
    {
      measure: 'decision, mean of a long run',
      value: mean,
      unit: 'µs',
      baseline: `hand-written closures: ${baseline.toPrecision(3)} µs`,
      ratio: mean / baseline,
      target: atMost(5, mean / baseline, 'ratio'),
    },
    {
      measure: 'decision, each timed by itself',
      value: p50,
      unit: 'µs',
      p99,
      target: { text: 'p50 ≤ 5 µs, p99 ≤ 25 µs', met: p50 <= 5 && p99 <= 25 },
    },
  ];
}

function microsecondsEach(
  requests: readonly DecisionRequest[],
  count: number,
  decide: (request: DecisionRequest) => { readonly verdict: Verdict },
): number {
  let denied = 0;
  const start = performance.now();
  for (let i = 0; i < count; i += 1) {
    const request = requests[i % requests.length];
    if (request !== undefined && decide(request).verdict === 'deny') denied += 1;
  }
  const elapsed = performance.now() - start;
  if (denied === 0 || denied === count) throw new Error('the requests are all alike');
  return (elapsed * 1000) / count;
}

/** Sorted. Includes the two readings of the clock. */
function microsecondsOfEach(
  requests: readonly DecisionRequest[],
  decide: (request: DecisionRequest) => unknown,
): Float64Array {
  const taken = new Float64Array(requests.length);
  for (const [i, request] of requests.entries()) {
    const start = process.hrtime.bigint();
    decide(request);
    taken[i] = Number(process.hrtime.bigint() - start) / 1000;
  }
  return taken.sort();
}

function makePolicy(): {
  readonly compiled: CompiledPolicy;
  readonly byHand: HandWritten;
  readonly requests: readonly DecisionRequest[];
} {
  const names = Array.from({ length: CAPABILITIES }, (_, i) => `service${i % 50}.tool${i}`);
  const nameAt = (i: number): string => names[i % CAPABILITIES] ?? '';
  const roles = Array.from({ length: ROLES }, (_, i) => {
    const allow = Array.from({ length: GRANTS }, (__, grant) => nameAt(i * 10 + grant));
    const rules = Array.from({ length: ROLE_GUARDS }, (__, n) => ruleOf(i * ROLE_GUARDS + n, allow[n * 7] ?? ''));
    return { name: `role-${i}`, allow, rules };
  });
  const workspace = Array.from({ length: WORKSPACE_GUARDS }, (_, i) => ruleOf(i + 1_000, nameAt(i * 10 + 3)));

  const compiled = compilePolicy({
    revision: 1,
    roles: roles.map(({ name, allow, rules }) =>
      value(
        roleFromDocument(
          roleDocument(
            name,
            allow,
            rules.map(({ document }) => document),
          ),
          1,
        ),
      ),
    ),
    workspaceGuards: value(
      checkGuards(
        workspace.map(({ document }) => document),
        'workspace',
      ),
    ),
    capabilities: names.map((name) =>
      value(checkCapability({ name, description: '', access: 'write', destructive: false, impact: {} })),
    ),
  });
  // A fixed sequence, so that every run decides the same.
  let seed = 1;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const worn = Array.from({ length: AGENTS }, (_, i) => [`role-${i % ROLES}`, `role-${(i * 7 + 1) % ROLES}`]);
  const requests = Array.from({ length: REQUESTS }, (): DecisionRequest => {
    const agent = random(AGENTS);
    const granted = random(10) === 0 ? random(CAPABILITIES) : (agent % ROLES) * 10 + random(GRANTS);
    return {
      workspaceId: 'wsp_1',
      agentId: `agt_${agent}`,
      ownerId: `per_${agent % 500}`,
      roles: worn[agent] ?? [],
      capability: nameAt(granted),
      arguments: { rows: random(200), channel: `channel-${random(4)}`, branch: random(2) === 0 ? 'feature/x' : 'main' },
    };
  });
  return { compiled, byHand: byHand(roles, workspace), requests };
}

function ruleOf(i: number, action: string): Rule {
  const id = `guard-${i}`;
  switch (i % 4) {
    case 0:
      return {
        action,
        document: { id, action, when: { field: 'rows', lte: 100 }, effect: 'allow', otherwise: 'deny' },
        judge: ({ rows }) => (typeof rows === 'number' && rows <= 100 ? 'allow' : 'deny'),
      };
    case 1: {
      const channels = new Set(['channel-0', 'channel-1', 'channel-2']);
      return {
        action,
        document: { id, action, when: { field: 'channel', in: [...channels] }, effect: 'allow', otherwise: 'review' },
        judge: ({ channel }) => (typeof channel === 'string' && channels.has(channel) ? 'allow' : 'review'),
      };
    }
    case 2:
      return {
        action,
        document: { id, action, when: { field: 'branch', startsWith: 'feature/' }, effect: 'allow', otherwise: 'deny' },
        judge: ({ branch }) => (typeof branch === 'string' && branch.startsWith('feature/') ? 'allow' : 'deny'),
      };
    default:
      return {
        action,
        document: { id, action, when: { field: 'rate.per_day', lte: 500 }, effect: 'allow', otherwise: 'deny' },
        judge: (_args, agentId, demands) => {
          demands.push({ key: `agent/${agentId}/count/${action}`, limit: 500, amount: 1 });
          return 'allow';
        },
      };
  }
}

function byHand(
  roles: readonly { readonly name: string; readonly allow: readonly string[]; readonly rules: readonly Rule[] }[],
  workspace: readonly Rule[],
): HandWritten {
  const grants = new Map(roles.map(({ name, allow }) => [name, new Set(allow)]));
  const ofRole = new Map(roles.map(({ name, rules }) => [name, byAction(rules)]));
  const ofWorkspace = byAction(workspace);
  const none: readonly Rule['judge'][] = [];
  return {
    decide: ({ roles: worn, capability, arguments: args, agentId }) => {
      const demands: Demand[] = [];
      if (!worn.some((role) => grants.get(role)?.has(capability) === true)) return { verdict: 'deny', demands };
      let verdict: Verdict = 'allow';
      const given = args as Arguments;
      for (const judge of ofWorkspace.get(capability) ?? none)
        verdict = stricter(verdict, judge(given, agentId, demands));
      for (const role of worn)
        for (const judge of ofRole.get(role)?.get(capability) ?? none)
          verdict = stricter(verdict, judge(given, agentId, demands));
      return { verdict, demands: verdict === 'deny' ? [] : demands };
    },
  };
}

function byAction(rules: readonly Rule[]): ReadonlyMap<string, readonly Rule['judge'][]> {
  const found = new Map<string, Rule['judge'][]>();
  for (const { action, judge } of rules) found.set(action, [...(found.get(action) ?? []), judge]);
  return found;
}

function stricter(a: Verdict, b: Verdict): Verdict {
  if (a === 'deny' || b === 'deny') return 'deny';
  return a === 'review' || b === 'review' ? 'review' : 'allow';
}

function value<T>(
  checked:
    | { readonly ok: true; readonly value: T }
    | { readonly ok: false; readonly problems: readonly { readonly message: string }[] },
): T {
  if (checked.ok) return checked.value;
  throw new Error(checked.problems.map(({ message }) => message).join('; '));
}
