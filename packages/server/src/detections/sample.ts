/**
 * The samples of a rule, made into events of a test: of agents, people and times that belong to the test alone. Whoever
 * was one person or one value in the sample is one in the test, so that what a rule compares stays as it was.
 */
import { createHmac, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { canonicalJson, type LogRecord, parseJson, type RecordKind } from '@hivekey/action-log';
import type { JsonObject, ReasonClass } from '@hivekey/policy';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { RecordDraft } from '../log/index.ts';
import type { Outcome, SyntheticCall } from '../path/index.ts';

/** More is a flood, not a test. */
const MAX_EVENTS = 500;
const MAX_AGENTS = 5;

/** Of these a test may make records up. What a record of another kind says is believed by parts of HiveKey themselves. */
const KINDS: ReadonlySet<string> = new Set<RecordKind>([
  'agent.created',
  'agent.restored',
  'agent.revoked',
  'agent.woke',
  'approval.cancelled',
  'approval.decided',
  'approval.expired',
  'approval.granted',
  'approval.refused',
  'approval.released',
  'approval.requested',
  'break_glass.used',
  'change.activated',
  'channel.changed',
  'evaluator.error',
  'freeze.changed',
  'key.created',
  'log.exported',
  'log.read',
  'management.refused',
  'person.changed',
  'policy.changed',
  'role.changed',
  'session.started',
  'sink.changed',
  'sink.paused',
  'sink.resumed',
  'sink.skipped',
  'token.minted',
  'token.revoked',
  'tool.changed',
  'webhook.changed',
]);

export interface TestAgent {
  readonly id: string;
  readonly name: string;
}

export interface TestIdentity {
  readonly testId: string;
  readonly workspaceId: WorkspaceId;
  /** E-mail of who stands as the owner of its agents. */
  readonly owner: string;
  /** As many as `agentsIn` asks for. */
  readonly agents: readonly TestAgent[];
  /** Of the digest of arguments. */
  readonly digest: KeyObject;
}

export type Step =
  | { readonly kind: 'call'; readonly agent: TestAgent; readonly call: SyntheticCall; readonly flat: LogRecord }
  | { readonly kind: 'record'; readonly draft: RecordDraft; readonly flat: LogRecord };

/** The sample of a shipped rule; `file` is the name of its folder. Throws `live_test_impossible`. */
export async function shippedSample(file: string, kind: 'attack' | 'benign'): Promise<readonly LogRecord[]> {
  const folder = new URL('../rules/', import.meta.resolve('@hivekey/detections'));
  const text = await readFile(new URL(`${file}/${kind}.ndjson`, folder), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): LogRecord => {
      const { record }: { readonly record?: LogRecord } = parseJson(line);
      if (record === undefined) throw impossible('it waits for signed checkpoints, which no test makes up');
      return record;
    });
}

/** Names of the agents that make calls, in their order. */
export function agentsIn(records: readonly LogRecord[]): readonly string[] {
  return [...new Set(records.flatMap(({ agent_id: id }) => (typeof id === 'string' ? [id] : [])))];
}

/** Throws `live_test_impossible` for what cannot be made up. */
export function stepsOf(records: readonly LogRecord[], identity: TestIdentity, nowMs: number): readonly Step[] {
  if (records.length === 0 || records.length > MAX_EVENTS)
    throw impossible(`it has ${records.length} events, and a test has 1 to ${MAX_EVENTS}`);
  if (agentsIn(records).length > MAX_AGENTS) throw impossible(`it is of more than ${MAX_AGENTS} agents`);
  const results = new Map(
    records.filter(({ kind }) => kind === 'tool.result').map((record) => [String(record.call_event_id), record]),
  );
  const rename = renamerOf(records, identity);
  return records.flatMap((record, i): Step[] => {
    if (record.kind === 'tool.result') return [];
    const shiftMs = nowMs + i - Date.parse(record.ts);
    const flat = rename(record, shiftMs, identity.testId);
    const agent = identity.agents.find(({ id }) => id === flat.agent_id) ?? identity.agents[0];
    if (record.kind === 'tool.call') {
      if (agent === undefined) throw impossible('a call of it has no agent');
      return [{ kind: 'call', agent, call: callOf(flat, results.get(record.event_id), nowMs), flat }];
    }
    if (!KINDS.has(record.kind)) throw impossible(`records of the kind ${record.kind} are never made up`);
    return [{ kind: 'record', draft: draftOf(flat), flat }];
  });
}

export function impossible(why: string): Failure {
  return new Failure(
    409,
    'live_test_impossible',
    `The rule cannot be tested live with this sample: ${why}.`,
    'Run its samples with hivekey detections test, and submit the report.',
  );
}

const E_MAIL = /[a-z0-9._+-]+@[a-z0-9.-]+\.[a-z]{2,}/g;
const TIME = /"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/g;

/** Replaces what belongs to somebody, one by one and everywhere alike. */
function renamerOf(records: readonly LogRecord[], { testId, workspaceId, owner, agents, digest }: TestIdentity) {
  const names = new Map<string, string>();
  const note = (from: unknown, to: string): void => {
    if (typeof from === 'string' && from !== '') names.set(from, to);
  };
  for (const [i, id] of agentsIn(records).entries()) {
    const agent = agents[i];
    if (agent === undefined) continue;
    note(id, agent.id);
    note(records.find((record) => record.agent_id === id)?.agent, agent.name);
  }
  for (const record of records) {
    if (record.kind === 'tool.call') {
      note(record.owner, owner);
      const keyed = createHmac('sha256', digest)
        .update(`${workspaceId}\0${canonicalJson(argsOf(record))}`)
        .digest('hex');
      note(record.args_digest, `hmac-sha256:${keyed}`);
    }
  }
  for (const record of records)
    for (const address of JSON.stringify(record).match(E_MAIL) ?? [])
      if (!names.has(address))
        names.set(address, `person-${names.size}.${testId.slice(-6).toLowerCase()}@test.invalid`);
  // The longer first: one name may be part of another.
  const inOrder = [...names].sort(([a], [b]) => b.length - a.length);
  return (record: LogRecord, shiftMs: number, runId: string): LogRecord => {
    let text = JSON.stringify(record).replaceAll(TIME, (time) =>
      JSON.stringify(new Date(Date.parse(parseJson(time)) + shiftMs).toISOString()),
    );
    for (const [from, to] of inOrder) text = text.replaceAll(from, to);
    const renamed: LogRecord = parseJson(text);
    return { ...renamed, run_id: runId, synthetic: true };
  };
}

function argsOf({ args }: LogRecord): JsonObject {
  return typeof args === 'object' && args !== null && !Array.isArray(args) ? (args as JsonObject) : {};
}

function callOf(record: LogRecord, result: LogRecord | undefined, nowMs: number): SyntheticCall {
  const text = (field: string): string | undefined => textOf(record[field]);
  const flag = (field: string): boolean | undefined => {
    const value = record[field];
    return typeof value === 'boolean' ? value : undefined;
  };
  const verdict = text('verdict');
  const access = text('access');
  const external = flag('external');
  const threshold = record.approval_threshold;
  const subjects = Object.fromEntries(
    (['payee', 'dest', 'resource'] as const).flatMap((subject) => {
      const value = text(subject);
      return value === undefined ? [] : [[subject, value]];
    }),
  );
  const destructive = flag('destructive');
  const namespace = text('namespace');
  const pin = text('definition_pin');
  return {
    action: {
      entrance: 'actions',
      capability: text('action') ?? '',
      tool: text('tool') ?? text('action') ?? '',
      arguments: argsOf(record),
      runId: text('run_id') ?? '',
      sessionId: text('session_id'),
      sourceAddress: text('src_ip'),
      ...(access === 'read' || access === 'write' ? { access } : {}),
      ...(destructive === undefined ? {} : { destructive }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(pin === undefined ? {} : { definitionPin: pin }),
    },
    decision: {
      verdict: verdict === 'allow' || verdict === 'review' ? verdict : 'deny',
      reasonClass: reasonClassOf(text('reason_class')),
      reason: `test: ${text('reason') ?? ''}`,
      impact: impactOf(record.impact),
    },
    about: { ...subjects, ...(external === undefined ? {} : { external }) },
    provenance: text('provenance') === 'trusted' ? 'trusted' : 'untrusted',
    approvalThreshold: typeof threshold === 'number' ? threshold : undefined,
    approvalId: text('approval_id'),
    timeZone: zoneOf(record.local_hour, nowMs),
    tokenId: text('token_id'),
    outcome: result === undefined ? undefined : outcomeOf(result),
  };
}

const REASON_CLASSES = [
  'granted',
  'scope',
  'guard',
  'cap',
  'rate',
  'freeze',
  'containment',
  'credential',
  'error',
] as const;

function reasonClassOf(text: string | undefined): ReasonClass {
  return REASON_CLASSES.find((each) => each === text) ?? 'error';
}

function impactOf(value: unknown): Readonly<Record<string, number>> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([, amount]) => typeof amount === 'number'));
}

/** Where it is that hour now. */
function zoneOf(hour: unknown, nowMs: number): string | undefined {
  if (typeof hour !== 'number') return undefined;
  const ahead = (((hour - new Date(nowMs).getUTCHours() + 36) % 24) - 12) as number;
  // POSIX counts westwards: UTC+3 is Etc/GMT-3.
  if (ahead === 0) return 'UTC';
  return ahead > 0 ? `Etc/GMT-${ahead}` : `Etc/GMT+${-ahead}`;
}

function outcomeOf(record: LogRecord): Outcome {
  const number = (field: string): number | undefined => {
    const value = record[field];
    return typeof value === 'number' ? value : undefined;
  };
  const [bytesIn, bytesOut, rowsOut] = [number('bytes_in'), number('bytes_out'), number('rows_out')];
  return {
    result: record.outcome === 'success' ? 'success' : 'error',
    ...(bytesIn === undefined ? {} : { bytesIn }),
    ...(bytesOut === undefined ? {} : { bytesOut }),
    ...(rowsOut === undefined ? {} : { rowsOut }),
  };
}

/** What the writer gives to each record is not the sample's to say. */
const WRITERS_OWN = ['v', 'event_id', 'ts', 'workspace', 'env', 'shard', 'shard_seq', 'agent_seq'];

function draftOf(record: LogRecord): RecordDraft {
  const rest = Object.fromEntries(Object.entries(record).filter(([field]) => !WRITERS_OWN.includes(field)));
  return { ...rest, kind: record.kind };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
