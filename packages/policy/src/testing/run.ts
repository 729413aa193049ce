/** `hivekey policy test`: file contents in, results out. Reading files is the caller's. */
import { compilePolicy } from '../decide/compile.ts';
import { settle } from '../decide/settle.ts';
import { parsePolicyFile, readPolicyDocument } from '../documents/files.ts';
import { checkFit } from '../documents/fit.ts';
import { freezeFromDocument } from '../documents/freeze.ts';
import { checkGuards } from '../documents/guards.ts';
import { Problems } from '../documents/problems.ts';
import { roleFromDocument } from '../documents/role.ts';
import { readDocuments } from '../documents/text.ts';
import type { PolicyDocument, SourcesDocument } from '../documents/types.ts';
import type {
  Capability,
  Checked,
  CompiledPolicy,
  Decision,
  DecisionRequest,
  DocumentProblem,
  Freeze,
  Guard,
  MetPrerequisite,
  PolicySet,
  Role,
  StateView,
  TraceStep,
  UsedValue,
} from '../model.ts';
import { MemoryWindows } from './memory-windows.ts';
import { type EarlierCall, type Expectation, readTestFile, type TestCall, type TestCase } from './test-file.ts';

export interface PolicyTestFile {
  readonly path: string;
  readonly text: string;
}

/** Content of a file that a test refers to, as written there; undefined when there is none. */
export type ReadReference = (reference: string, from: string) => string | undefined;

export interface PolicyTestProblem extends DocumentProblem {
  readonly file: string;
}

export interface PolicyCaseResult {
  readonly name: string;
  readonly line?: number;
  readonly ok: boolean;
  /** One sentence for each thing that came out otherwise. */
  readonly differences: readonly string[];
  /** Absent for a case about the tool list. */
  readonly decision?: Decision;
}

export interface PolicyFileResult {
  readonly path: string;
  /** When there are any, no case was run. */
  readonly problems: readonly PolicyTestProblem[];
  readonly cases: readonly PolicyCaseResult[];
}

export interface PolicyTestReport {
  readonly ok: boolean;
  readonly passed: number;
  readonly failed: number;
  readonly files: readonly PolicyFileResult[];
}

/**
 * Runs every case of every file. A file that cannot be read, or that tests nothing, is a failure. Tests of a whole policy
 * are given it: what they refer to is in it, and documents written in place take the place of those of their name.
 */
export function runPolicyTests(files: readonly PolicyTestFile[], tested: ReadReference | PolicySet): PolicyTestReport {
  const results = files.map((file) => runFile(file, tested));
  const cases = results.flatMap((result) => result.cases);
  const passed = cases.filter(({ ok }) => ok).length;
  return {
    ok: files.length > 0 && passed === cases.length && results.every(({ problems }) => problems.length === 0),
    passed,
    failed: cases.length - passed,
    files: results,
  };
}

function runFile({ path, text }: PolicyTestFile, tested: ReadReference | PolicySet): PolicyFileResult {
  const beside = typeof tested === 'function' ? undefined : tested;
  const inFile = (problems: readonly DocumentProblem[], file = path) =>
    problems.map((problem) => ({ ...problem, file }));
  const { documents, problems: problemsOfText } = readDocuments(text);
  const found: PolicyTestProblem[] = inFile(problemsOfText);
  const cases: PolicyCaseResult[] = [];
  for (const document of documents) {
    const problems = new Problems(document.locate);
    const test = readTestFile(document.value, problems);
    const parts: PolicyDocument[] = [];
    for (const { path: at, value } of test?.policy ?? []) {
      if (typeof value !== 'string') {
        const part = readPolicyDocument(value, at, problems);
        if (part !== undefined) parts.push(part);
        continue;
      }
      if (typeof tested !== 'function') continue;
      const referred = tested(value, path);
      if (referred === undefined) {
        problems.add(at, 'file_missing', `${value} cannot be read`, 'Write the path as seen from this file.');
        continue;
      }
      const parsed = parsePolicyFile(referred);
      if (parsed.ok) parts.push(...parsed.value);
      else found.push(...inFile(parsed.problems, value));
    }
    const policy = compileParts(parts, beside ?? NOTHING, problems);
    found.push(...inFile(problems.list));
    if (test === undefined || policy === undefined || found.length > 0) continue;
    for (const each of test.cases) {
      const line = document.locate(each.path)?.line;
      cases.push({ ...runCase(each, policy), ...(line === undefined ? {} : { line }) });
    }
  }
  if (documents.length === 0 && found.length === 0)
    found.push({
      file: path,
      code: 'empty',
      message: 'the file holds no test',
      remedy: 'Write kind: PolicyTest.',
      path: '',
      line: 1,
      column: 1,
    });
  return { path, problems: found, cases: found.length > 0 ? [] : cases };
}

const NOTHING: PolicySet = { revision: 1, roles: [], workspaceGuards: [], capabilities: [], freezes: [] };

/** One policy set from documents, beside another; undefined, with problems, when two of them contradict each other. */
function compileParts(
  parts: readonly PolicyDocument[],
  beside: PolicySet,
  problems: Problems,
): CompiledPolicy | undefined {
  const roles: Role[] = [];
  const workspaceGuards: Guard[] = [];
  const capabilities: Capability[] = [];
  const freezes: Freeze[] = [];
  let sources: SourcesDocument | undefined;
  const seen = new Set<string>();
  for (const part of parts) {
    if (part.kind === 'Role') take(roleFromDocument(part, 1), (role) => roles.push(role));
    else if (part.kind === 'Capability') capabilities.push(part.capability);
    else if (part.kind === 'Sources') sources = part;
    else if (part.kind === 'Freeze') take(freezeFromDocument(part, []), (freeze) => freezes.push(freeze));
    else take(checkGuards(part.guards, 'workspace'), (guards) => workspaceGuards.push(...guards));
    const name = part.kind === 'Capability' ? part.capability.name : 'metadata' in part ? part.metadata.name : '';
    const id = `${part.kind} ${name}`.trim();
    if (seen.has(id)) problems.add(['policy'], 'duplicate', `the policy has ${id} twice`, 'Keep one of the two.');
    seen.add(id);
  }
  const set: PolicySet = {
    ...beside,
    roles: merged(beside.roles, roles),
    workspaceGuards: seen.has('WorkspaceGuards') ? workspaceGuards : beside.workspaceGuards,
    capabilities: merged(beside.capabilities, capabilities),
    freezes: merged(beside.freezes ?? [], freezes),
    ...(sources === undefined ? {} : { sources }),
  };
  for (const { origin, guards } of [
    { origin: 'workspace', guards: workspaceGuards },
    ...roles.map((role) => ({ origin: role.name, guards: role.guards })),
  ])
    for (const { path, code, message, remedy } of checkFit(guards, set.capabilities))
      problems.add(['policy'], code, `${origin}, ${path}: ${message}`, remedy);
  return problems.none ? compilePolicy(set) : undefined;

  function take<T>(checked: Checked<T>, use: (value: T) => void): void {
    if (checked.ok) use(checked.value);
    else for (const { code, message, remedy } of checked.problems) problems.add(['policy'], code, message, remedy);
  }
}

function merged<T extends { readonly name: string }>(beside: readonly T[], own: readonly T[]): readonly T[] {
  return [...beside.filter(({ name }) => !own.some((each) => each.name === name)), ...own];
}

function runCase(test: TestCase, policy: CompiledPolicy): PolicyCaseResult {
  if (test.kind === 'tools') {
    const tools = [...policy.granted(test.roles)].sort();
    const differences = sameTexts(tools, test.tools) ? [] : [`the tools are ${words(tools)}, not ${words(test.tools)}`];
    return { name: test.name, ok: differences.length === 0, differences };
  }
  const world: World = { windows: new MemoryWindows(), state: test.state, met: [], used: [] };
  const differences: string[] = [];
  for (const earlier of [...test.earlier].sort((a, b) => b.agoSeconds - a.agoSeconds))
    for (let time = 0; time < earlier.times; time += 1) {
      const decision = carryOut(policy, earlier, world);
      if (decision.verdict !== 'deny') continue;
      differences.push(`the earlier call ${earlier.action} is denied (${decision.reason})`);
      break;
    }
  const { decision } = decideCall(policy, test.call, 0, world);
  differences.push(...compare(decision, test.expect));
  return { name: test.name, ok: differences.length === 0, differences, decision };
}

/** What calls leave behind them. */
interface World {
  readonly windows: MemoryWindows;
  readonly state: StateView;
  met: MetPrerequisite[];
  used: UsedValue[];
}

/** Where nothing is said of the time; it matters only how long ago the earlier calls were. */
const SOME_DAY_MS = Date.UTC(2026, 0, 1);

/** An earlier call. What was held is taken as released, and what was allowed as done: it did run. */
function carryOut(policy: CompiledPolicy, call: EarlierCall, world: World): Decision {
  const { decision, evaluation } = decideCall(policy, call, -call.agoSeconds, world);
  if (decision.verdict === 'deny') return decision;
  const { charges, uses = [], meets = [], leaves = [] } = evaluation;
  const isReleased = decision.verdict === 'review';
  world.windows.charge(isReleased ? charges.filter(({ unattended }) => !unattended) : charges, -call.agoSeconds);
  const atMs = (world.state.atMs ?? SOME_DAY_MS) - call.agoSeconds * 1_000;
  const eventId = `earlier ${world.met.length + 1}`;
  const approved = isReleased ? { approvedAtMs: atMs } : {};
  world.met = [
    ...world.met.filter((each) => !uses.includes(each.eventId)),
    ...meets.map((key) => ({ key, eventId, doneAtMs: atMs, ...approved })),
  ];
  world.used = [
    ...world.used.filter(({ key }) => !leaves.includes(key)),
    ...leaves.map((key) => ({ key, eventId, usedAtMs: atMs })),
  ];
  return decision;
}

function decideCall(policy: CompiledPolicy, call: TestCall, atSeconds: number, { windows, state, met, used }: World) {
  const request: DecisionRequest = {
    workspaceId: 'workspace',
    agentId: call.agent,
    ownerId: call.owner,
    roles: call.roles,
    capability: call.action,
    arguments: call.arguments,
    sessionId: call.session,
  };
  // A freeze must be told the time; how long ago something was can be said without.
  const asksBack = policy.prerequisites(request).length > 0 || policy.usedValues(request).length > 0;
  const isTimed = state.atMs !== undefined || state.risks !== undefined || asksBack;
  const atMs = (state.atMs ?? SOME_DAY_MS) + atSeconds * 1_000;
  const evaluation = policy.evaluate(request, { ...state, prerequisites: met, used, ...(isTimed ? { atMs } : {}) });
  const usages = evaluation.demands.map((demand) => windows.usage(demand, atSeconds));
  return { decision: settle(evaluation, usages), evaluation };
}

function compare(decision: Decision, expect: Expectation): string[] {
  const differences: string[] = [];
  const differ = (what: string, actual: unknown, expected: unknown) => {
    if (expected !== undefined && actual !== expected)
      differences.push(`the ${what} is ${actual ?? 'absent'}, not ${expected} (${decision.reason})`);
  };
  differ('verdict', decision.verdict, expect.verdict);
  differ('class', decision.reasonClass, expect.class);
  differ('rule', decision.rule, expect.rule);
  differ('role', decision.role, expect.role);
  differ('remainder', decision.remaining, expect.remaining);
  differ('retry time', decision.retryAfterSeconds, expect.retryAfterSeconds);
  for (const [unit, amount] of Object.entries(expect.impact ?? {}))
    differ(`impact in ${unit}`, decision.impact[unit], amount);
  if (expect.trace !== undefined && !sameTexts(expect.trace.map(stepWords), decision.trace.map(stepWords)))
    differences.push(`the trace is ${words(decision.trace.map(stepWords))}, not ${words(expect.trace.map(stepWords))}`);
  return differences;
}

function stepWords({ rule, result }: Pick<TraceStep, 'rule' | 'result'>): string {
  return `${rule} ${result}`;
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

function words(texts: readonly string[]): string {
  return texts.length === 0 ? '(none)' : texts.join(', ');
}
