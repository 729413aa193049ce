/** Runs a rule on its samples: what a report on tested rules says of it. */
import { formatHash, sha256 } from '@hivekey/action-log';
import { parse } from 'yaml';
import { createEngine, ENGINE_VERSION } from '../engine.ts';
import { type Finding, type FlatEvent, LEVELS, type Level, type Outside, type Rule } from '../types.ts';
import { BadSample, readSample } from './samples.ts';

export const SAMPLES = ['attack', 'near-miss', 'benign'] as const;
export type SampleName = (typeof SAMPLES)[number];

/** The files beside a rule, as text. */
export interface RuleSamples {
  readonly expected: string;
  readonly samples: Readonly<Record<SampleName, string>>;
}

/** A finding that the attack must give; `near-miss` and `benign` give none. */
interface ExpectedFinding {
  readonly key: string;
  readonly level: Level;
  readonly clause?: string;
  readonly events: readonly string[];
}

/** What `expected.yaml` says. */
interface Expected {
  readonly findings: readonly ExpectedFinding[];
  /** Of D12b: event id → what the policy before says about that call. Others it allows. */
  readonly policyBefore: ReadonlyMap<string, 'deny' | 'review'>;
}

/** One rule of a report. */
export interface RuleTest {
  readonly rule_id: string;
  readonly ref: string;
  readonly version: number;
  /** As on findings of the rule. */
  readonly file_digest: string;
  readonly samples: Readonly<
    Record<SampleName, { readonly digest: string; readonly events: number; readonly fired: readonly FiredFinding[] }>
  >;
  readonly engine_version: string;
  readonly result: 'passed' | 'failed';
  /** In words; empty where it passed. */
  readonly failures: readonly string[];
  readonly duration_ms: number;
}

export interface FiredFinding {
  readonly id: string;
  readonly key: string;
  readonly level: Level;
  readonly clause?: string;
  readonly events: readonly string[];
}

/** `now` gives milliseconds, for the duration alone. Throws {@link BadSample} where a file cannot be read. */
export function testRule(rule: Rule, { expected, samples }: RuleSamples, now: () => number): RuleTest {
  const began = now();
  const { findings: wanted, policyBefore } = readExpected(expected);
  const outside: Outside = { decideAgain: (call) => policyBefore.get(String(call.event_id)) ?? 'allow' };
  const failures: string[] = [];
  const run = (name: SampleName) => {
    const events = readSample(samples[name]);
    const { fired, errors } = play(rule, events, outside);
    failures.push(...errors.map((error) => `${name}: it threw ${error}`));
    const differing =
      name === 'attack' ? differences(wanted, fired) : fired.map(({ events: of }) => `fired on ${of.join(', ')}`);
    failures.push(...differing.map((each) => `${name}: ${each}`));
    return { digest: formatHash(sha256(Buffer.from(samples[name]))), events: events.length, fired };
  };
  const ran = { attack: run('attack'), 'near-miss': run('near-miss'), benign: run('benign') };
  if (ran.attack.fired.length === 0) failures.push('attack: nothing fired');
  const { id, ref, version } = rule.document;
  return {
    ...{ rule_id: id, ref, version, file_digest: rule.fileDigest, samples: ran, engine_version: ENGINE_VERSION },
    ...{ result: failures.length === 0 ? 'passed' : 'failed', failures, duration_ms: Math.round(now() - began) },
  };
}

function play(rule: Rule, events: readonly FlatEvent[], outside: Outside) {
  const engine = createEngine([rule], undefined, outside);
  const taken = events.map((event) => engine.take(event));
  return {
    fired: taken.flatMap(({ findings }) => findings.map(firedFinding)),
    errors: taken.flatMap(({ errors }) => errors.map(({ message, event_id }) => `${message} on ${event_id}`)),
  };
}

function firedFinding({ id, key, level, clause, evidence }: Finding): FiredFinding {
  return { id, key, level, ...(clause === undefined ? {} : { clause }), events: evidence };
}

function differences(wanted: readonly ExpectedFinding[], fired: readonly FiredFinding[]): readonly string[] {
  const text = ({ key, level, clause, events }: ExpectedFinding) =>
    `${level}${clause === undefined ? '' : ` ${clause}`} of "${key}" on ${events.join(', ')}`;
  const left = fired.map((each) => text(each));
  const missing: string[] = [];
  for (const each of wanted.map(text)) {
    const at = left.indexOf(each);
    if (at < 0) missing.push(`not found: ${each}`);
    else left.splice(at, 1);
  }
  return [...missing, ...left.map((each) => `not expected: ${each}`)];
}

function readExpected(text: string): Expected {
  const bad = (what: string): never => {
    throw new BadSample(`expected.yaml: ${what}`);
  };
  const value: unknown = parse(text);
  if (!isMap(value) || !Array.isArray(value.attack)) return bad('attack must be a list of findings');
  const findings = value.attack.map((item: unknown, i): ExpectedFinding => {
    const map = isMap(item) ? item : bad(`finding ${i + 1} is no map`);
    const { key, level: name, clause, events } = map;
    const level = LEVELS.find((each) => each === name) ?? bad(`finding ${i + 1} has no level`);
    const ids = Array.isArray(events)
      ? events.filter((each) => typeof each === 'string')
      : bad(`finding ${i + 1} names no events`);
    return { key: String(key ?? ''), level, events: ids, ...(typeof clause === 'string' ? { clause } : {}) };
  });
  const before = isMap(value.policy_before) ? Object.entries(value.policy_before) : [];
  const policyBefore = new Map(
    before.flatMap(([id, verdict]) => (verdict === 'deny' || verdict === 'review' ? [[id, verdict] as const] : [])),
  );
  return { findings, policyBefore };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
