/** Behaviour tests: files of cases that say what a policy must answer. */
import { capabilityOf } from '../documents/names.ts';
import { type DocumentPath, listOf, objectOf, type Problems, quote, textOf } from '../documents/problems.ts';
import { checkHead } from '../documents/role.ts';
import { verdictOf } from '../documents/verdicts.ts';
import type { JsonObject, JsonValue, ReasonClass, RiskLevel, StateView, Verdict } from '../model.ts';
import { parseDuration } from '../values/duration.ts';
import { isObject, member } from '../values/json.ts';

const MAX_CASES = 5_000;
const MAX_EARLIER = 1_000;
const MAX_TIMES = 100_000;
const CLASSES: readonly ReasonClass[] = [
  'granted',
  'scope',
  'guard',
  'cap',
  'rate',
  'freeze',
  'containment',
  'credential',
  'error',
];
const WHO = ['agent', 'owner', 'session', 'roles'];
const EXPECTED = ['verdict', 'class', 'rule', 'role', 'remaining', 'retry_after', 'impact', 'trace'];

/** Who calls; the agent and the owner are names of the test's own. */
interface TestCaller {
  readonly agent: string;
  readonly owner: string;
  readonly session: string;
  readonly roles: readonly string[];
}

export interface TestCall extends TestCaller {
  readonly action: string;
  readonly arguments: JsonObject;
}

export interface EarlierCall extends TestCall {
  readonly agoSeconds: number;
  readonly times: number;
}

/** What is not given is not compared. */
export interface Expectation {
  readonly verdict: Verdict;
  readonly class?: ReasonClass;
  readonly rule?: string;
  readonly role?: string;
  readonly remaining?: number;
  readonly retryAfterSeconds?: number;
  readonly impact?: JsonObject;
  readonly trace?: readonly { readonly rule: string; readonly result: Verdict }[];
}

export type TestCase = { readonly name: string; readonly path: DocumentPath } & (
  | {
      readonly kind: 'call';
      readonly call: TestCall;
      /** When the call is made, and what else has a say in it. */
      readonly state: StateView;
      readonly earlier: readonly EarlierCall[];
      readonly expect: Expectation;
    }
  /** The tools that the roles together show, sorted. */
  | { readonly kind: 'tools'; readonly roles: readonly string[]; readonly tools: readonly string[] }
);

export interface TestFileReading {
  /** References to files, and documents written in place. */
  readonly policy: readonly { readonly path: DocumentPath; readonly value: JsonValue }[];
  readonly cases: readonly TestCase[];
}

export function readTestFile(value: JsonValue, problems: Problems): TestFileReading | undefined {
  const raw = objectOf(
    value,
    [],
    'the test',
    ['apiVersion', 'kind', 'description', 'policy', 'defaults', 'cases'],
    problems,
  );
  if (raw === undefined) return undefined;
  checkHead(raw, 'PolicyTest', [], problems);
  const description = member(raw, 'description');
  if (description !== undefined) textOf(description, ['description'], 'description', 2_000, problems);
  const policy = listOf(member(raw, 'policy') ?? [], ['policy'], 'policy', 1_000, problems) ?? [];
  const nobody: TestCaller = { agent: 'agent', owner: 'owner', session: 'session', roles: [] };
  const defaults = member(raw, 'defaults');
  const base = defaults === undefined ? nobody : readDefaults(defaults, nobody, problems);
  const items = listOf(member(raw, 'cases') ?? [], ['cases'], 'cases', MAX_CASES, problems) ?? [];
  if (items.length === 0) problems.add(['cases'], 'empty', 'the test has no cases', 'Write at least one.');
  const cases = items.map((item, i) => readCase(item, ['cases', i], base, problems));
  return {
    policy: policy.map((part, i) => ({ path: ['policy', i], value: part })),
    cases: cases.filter((each) => each !== undefined),
  };
}

function readDefaults(value: JsonValue, nobody: TestCaller, problems: Problems): TestCaller {
  const raw = objectOf(value, ['defaults'], 'defaults', WHO, problems);
  return raw === undefined ? nobody : readCaller(raw, ['defaults'], nobody, problems);
}

function readCaller(raw: JsonObject, path: DocumentPath, base: TestCaller, problems: Problems): TestCaller {
  const name = (key: 'agent' | 'owner' | 'session') => {
    const value = member(raw, key);
    return value === undefined ? base[key] : (textOf(value, [...path, key], key, 200, problems) ?? base[key]);
  };
  const roles = member(raw, 'roles');
  return {
    agent: name('agent'),
    owner: name('owner'),
    session: name('session'),
    roles: roles === undefined ? base.roles : readNames(roles, [...path, 'roles'], 'roles', problems),
  };
}

function readNames(value: JsonValue, path: DocumentPath, what: string, problems: Problems): readonly string[] {
  const items = listOf(value, path, what, 1_000, problems) ?? [];
  return items.map((item, i) => textOf(item, [...path, i], 'a name', 200, problems) ?? '');
}

function readCase(value: JsonValue, path: DocumentPath, base: TestCaller, problems: Problems): TestCase | undefined {
  const isTools = isObject(value) && Object.hasOwn(value, 'tools');
  const known = isTools
    ? ['name', 'roles', 'tools']
    : ['name', ...WHO, 'action', 'arguments', 'at', 'provenance', 'risk', 'earlier', 'expect'];
  const raw = objectOf(value, path, 'a case', known, problems);
  if (raw === undefined) return undefined;
  const name = textOf(member(raw, 'name'), [...path, 'name'], 'name', 300, problems) ?? '';
  const caller = readCaller(raw, path, base, problems);
  if (isTools) {
    const tools = readNames(member(raw, 'tools') ?? [], [...path, 'tools'], 'tools', problems);
    return { kind: 'tools', name, path, roles: caller.roles, tools: [...tools].sort() };
  }
  const call = readCall(raw, path, caller, problems);
  const earlier = listOf(member(raw, 'earlier') ?? [], [...path, 'earlier'], 'earlier', MAX_EARLIER, problems) ?? [];
  const calls = earlier.map((item, i) => readEarlier(item, [...path, 'earlier', i], call ?? caller, problems));
  const expect = readExpectation(member(raw, 'expect'), [...path, 'expect'], problems);
  const state = readState(raw, path, problems);
  if (call === undefined || expect === undefined) return undefined;
  return { kind: 'call', name, path, call, state, earlier: calls.filter((each) => each !== undefined), expect };
}

function readCall(raw: JsonObject, path: DocumentPath, caller: TestCaller, problems: Problems): TestCall | undefined {
  const action = capabilityOf(member(raw, 'action'), [...path, 'action'], problems);
  const args = member(raw, 'arguments') ?? {};
  if (!isObject(args)) {
    problems.add([...path, 'arguments'], 'type', 'arguments must be a map', 'Write one argument a line.');
    return undefined;
  }
  return action === undefined ? undefined : { ...caller, action, arguments: args };
}

const LEVELS: readonly RiskLevel[] = ['low', 'medium', 'high', 'critical'];
const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})$/;

function readState(raw: JsonObject, path: DocumentPath, problems: Problems): StateView {
  const at = member(raw, 'at');
  const atMs = typeof at === 'string' && INSTANT.test(at) ? Date.parse(at) : Number.NaN;
  if (at !== undefined && Number.isNaN(atMs))
    problems.add(
      [...path, 'at'],
      'bad_time',
      `${quote(at)} is no time`,
      'Write it with its offset: "2026-12-20T12:00:00+01:00".',
    );
  const provenance = member(raw, 'provenance');
  if (provenance !== undefined && provenance !== 'trusted' && provenance !== 'untrusted')
    problems.add(
      [...path, 'provenance'],
      'bad_provenance',
      `${quote(provenance)} is no provenance`,
      'Write trusted or untrusted.',
    );
  const risk = member(raw, 'risk');
  const level = LEVELS.find((each) => each === risk);
  if (risk !== undefined && risk !== 'none' && level === undefined)
    problems.add(
      [...path, 'risk'],
      'bad_level',
      `${quote(risk)} is no level of risk`,
      `Write none, ${LEVELS.join(', ')}.`,
    );
  return {
    ...(risk === 'none' ? { risks: [] } : {}),
    ...(level === undefined ? {} : { risks: [{ id: 'risk', level, untilMs: Number.MAX_SAFE_INTEGER }] }),
    ...(Number.isNaN(atMs) ? {} : { atMs }),
    ...(provenance === 'trusted' || provenance === 'untrusted' ? { provenance } : {}),
  };
}

/** An earlier call repeats the call of its case but for what it states. */
function readEarlier(
  value: JsonValue,
  path: DocumentPath,
  base: TestCall | TestCaller,
  problems: Problems,
): EarlierCall | undefined {
  const raw = objectOf(value, path, 'an earlier call', ['ago', 'times', ...WHO, 'action', 'arguments'], problems);
  if (raw === undefined) return undefined;
  const ago = member(raw, 'ago');
  const agoSeconds = ago === '0s' ? 0 : typeof ago === 'string' ? parseDuration(ago) : undefined;
  if (agoSeconds === undefined)
    problems.add(
      [...path, 'ago'],
      'bad_duration',
      `${quote(ago)} is no time span`,
      'Write how long ago it was: 90s, 15m, 3h or 2d.',
    );
  const times = member(raw, 'times') ?? 1;
  if (typeof times !== 'number' || !Number.isInteger(times) || times < 1 || times > MAX_TIMES) {
    problems.add([...path, 'times'], 'bad_amount', `${quote(times)} is no number of calls`, `Write 1 to ${MAX_TIMES}.`);
    return undefined;
  }
  const inherited = 'action' in base ? { action: base.action, arguments: base.arguments } : {};
  const call = readCall({ ...inherited, ...raw }, path, readCaller(raw, path, base, problems), problems);
  return call === undefined || agoSeconds === undefined ? undefined : { ...call, agoSeconds, times };
}

function readExpectation(
  value: JsonValue | undefined,
  path: DocumentPath,
  problems: Problems,
): Expectation | undefined {
  if (typeof value === 'string') {
    const verdict = verdictOf(value, path, problems);
    return verdict === undefined ? undefined : { verdict };
  }
  const raw = objectOf(value, path, 'expect', EXPECTED, problems);
  if (raw === undefined) return undefined;
  const verdict = verdictOf(member(raw, 'verdict'), [...path, 'verdict'], problems);
  const named = member(raw, 'class');
  const reasonClass = CLASSES.find((each) => each === named);
  if (named !== undefined && reasonClass === undefined)
    problems.add([...path, 'class'], 'bad_class', `${quote(named)} is no reason class`, `Write ${CLASSES.join(', ')}.`);
  const impact = member(raw, 'impact');
  if (impact !== undefined && !isObject(impact))
    problems.add([...path, 'impact'], 'type', 'impact must be a map', 'Write usd: 54000, in minor units.');
  const trace = member(raw, 'trace');
  const rule = textMember(raw, 'rule', path, problems);
  const role = textMember(raw, 'role', path, problems);
  const remaining = countMember(raw, 'remaining', path, problems);
  const retryAfterSeconds = countMember(raw, 'retry_after', path, problems);
  if (verdict === undefined) return undefined;
  return {
    verdict,
    ...(reasonClass === undefined ? {} : { class: reasonClass }),
    ...(rule === undefined ? {} : { rule }),
    ...(role === undefined ? {} : { role }),
    ...(remaining === undefined ? {} : { remaining }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(isObject(impact) ? { impact } : {}),
    ...(trace === undefined ? {} : { trace: readTrace(trace, [...path, 'trace'], problems) }),
  };
}

function textMember(raw: JsonObject, key: string, path: DocumentPath, problems: Problems): string | undefined {
  const value = member(raw, key);
  return value === undefined ? undefined : textOf(value, [...path, key], key, 200, problems);
}

function countMember(raw: JsonObject, key: string, path: DocumentPath, problems: Problems): number | undefined {
  const value = member(raw, key);
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  problems.add(
    [...path, key],
    'bad_amount',
    `${quote(value)} is no amount`,
    'Write a whole number from 0; for money, in minor units.',
  );
  return undefined;
}

/** `[R1: allow, R2: deny]`, a list of one-member maps. */
function readTrace(value: JsonValue, path: DocumentPath, problems: Problems) {
  const items = listOf(value, path, 'trace', 1_000, problems) ?? [];
  return items.flatMap((item, i) => {
    const [entry, second] = isObject(item) ? Object.entries(item) : [];
    if (entry === undefined || second !== undefined) {
      problems.add([...path, i], 'type', 'a step of the trace is a rule and its verdict', 'Write - R2: deny.');
      return [];
    }
    const result = verdictOf(entry[1], [...path, i, entry[0]], problems);
    return result === undefined ? [] : [{ rule: entry[0], result }];
  });
}
