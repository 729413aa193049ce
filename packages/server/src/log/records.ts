/** From the values of the path to the records of the log. Pure; each kind's fields are in docs/reference/records.md. */
import { canonicalJson, type RecordKind } from '@hivekey/action-log';
import type { Decision, JsonObject, StateView } from '@hivekey/policy';
import type { EventId } from '../ids.ts';
import type { CallReference, Intent, Outcome, Reservation } from '../path/index.ts';
import type { Credit } from './credits.ts';
import { localTime } from './local-time.ts';

/** C2SP tlog-tiles: an entry has at most 65,535 bytes. */
const MAX_RECORD_BYTES = 65_535;
/** Of a call whose definition names no subjects. */
const NOTHING_SAID: NonNullable<Intent['about']> = {};
/** Room for the positions and the shard id, which are filled in last. */
const RESERVED_BYTES = 128;

/** What every record of a workspace carries. */
export interface LogIdentity {
  readonly workspace: string;
  readonly environment: string;
}

/**
 * A record in canonical form but for its positions, which are known only in the transaction. They are
 * text between the parts, so that the rest is written once, while an earlier batch is being committed.
 */
export interface RecordText {
  /** Up to `agent_seq`; ends with a comma, or is `{`. */
  readonly head: string;
  /** From there to `shard`. Ends with a comma. */
  readonly middle: string;
  /** After `shard_seq`. Begins with a comma. */
  readonly tail: string;
}

/** The canonical bytes of the record, as text. `agentSeq` only for a call. */
export function placeRecord(text: RecordText, shard: string, shardSeq: number, agentSeq?: number): string {
  const agent = agentSeq === undefined ? '' : `"agent_seq":${agentSeq},`;
  return `${text.head}${agent}${text.middle}"shard":"${shard}","shard_seq":${shardSeq}${text.tail}`;
}

/** Facts about a call that its result repeats. */
export interface CallFacts {
  readonly agentId: string;
  readonly agent: string;
  readonly owner: string;
  readonly callEventId: EventId;
  readonly action: string;
  readonly tool: string;
  readonly namespace?: string | undefined;
  readonly upstreamTool?: string | undefined;
  readonly access?: string | undefined;
  readonly destructive?: boolean | undefined;
  readonly sessionId?: string | undefined;
  readonly runId?: string | undefined;
  readonly chain?: CallReference['principal']['chain'];
  readonly synthetic?: true | undefined;
}

export function factsOf(
  principal: CallReference['principal'],
  action: CallReference['action'],
  callEventId: EventId,
): CallFacts {
  return {
    agentId: principal.agentId,
    agent: principal.agent,
    owner: principal.owner,
    callEventId,
    action: action.capability,
    tool: action.tool,
    namespace: action.namespace,
    upstreamTool: action.upstreamTool,
    access: action.access,
    destructive: action.destructive,
    sessionId: action.sessionId,
    runId: action.runId,
    chain: principal.chain,
    synthetic: principal.synthetic,
  };
}

/** `tool.call`: the decision about one action. */
export function callRecord(
  intent: Intent,
  decision: Decision,
  eventId: EventId,
  nowMs: number,
  approvalId?: string,
  reservations: readonly Reservation[] = [],
): RecordText {
  const text = callText(intent, decision, eventId, nowMs, intent.redactedArguments, approvalId, reservations);
  if (fits(text)) return text;
  const { shadow: _, ...rest } = decision;
  const slim = { ...rest, trace: [], reason: decision.reason.slice(0, 1024).toWellFormed() };
  const note = { '…': 'left out, the record would be too large' };
  return fitting(callText(intent, slim, eventId, nowMs, note, approvalId, reservations), 'tool.call');
}

/**
 * Written out field by field, in canonical order, because it is the one record that is made on the way of every
 * action: a third of the time that building an object and sorting its keys takes.
 */
function callText(
  { principal, action, argumentsDigest, provenance, about = NOTHING_SAID, approvalThreshold }: Intent,
  decision: Decision,
  eventId: EventId,
  nowMs: number,
  args: JsonObject,
  approvalId: string | undefined,
  reservations: readonly Reservation[],
): RecordText {
  const latencyMs = Math.max(0, Math.round((nowMs - action.receivedAtMs) * 10) / 10);
  const { hour, dayOfWeek } = localTime(nowMs, principal.timeZone ?? 'UTC');
  return {
    head: `{${text('access', action.access)}${text('action', action.capability)}${text('agent', principal.agent)}${text('agent_id', principal.agentId)}`,
    middle:
      `${json('agent_version', principal.agentVersion)}${text('approval_id', approvalId)}${json('approval_threshold', approvalThreshold)}"args":${canonicalJson(args)},${text('args_digest', argumentsDigest)}${chainText(principal.chain)}${chargesText('charges', reservations)}${text('definition_pin', action.definitionPin)}` +
      `${text('dest', about.dest)}${json('destructive', action.destructive)}${text('entrance', action.entrance)}${text('env', principal.environment)}` +
      `${text('event_id', eventId)}${json('external', about.external)}${isEmpty(decision.impact) ? '' : json('impact', decision.impact)}"kind":"tool.call",` +
      `${json('latency_ms', latencyMs)}"local_dow":${dayOfWeek},"local_hour":${hour},"mode":"${decision.shadow === undefined ? 'enforce' : 'shadow'}",${text('namespace', action.namespace)}` +
      `${decision.verdict === 'allow' ? '' : '"outcome":"not_attempted",'}${text('owner', principal.owner)}` +
      `${text('owner_label', principal.ownerLabel)}${text('payee', about.payee)}${text('policy', decision.policyHash)}` +
      `${json('policy_revision', decision.policyRevision)}${text('provenance', provenance ?? 'untrusted')}${text('reason', decision.reason)}` +
      `${text('reason_class', decision.reasonClass)}${text('resource', about.resource)}${text('role', decision.role)}${json('role_rev', decision.roleRevision)}` +
      `${json('roles', principal.roles)}${text('rule', decision.rule)}${text('run_id', action.runId)}${text('session_id', action.sessionId)}${json('shadow', decision.shadow)}`,
    tail:
      `,${text('src_ip', action.sourceAddress)}${json('state', stateOf(decision.read))}${json('synthetic', principal.synthetic)}${text('token_id', principal.tokenId)}${text('tool', action.tool)}` +
      `${decision.trace.length === 0 ? '' : json('trace', decision.trace)}${text('traceparent', action.traceparent)}` +
      `"ts":"${new Date(nowMs).toISOString()}",${text('upstream_tool', action.upstreamTool)}"v":1,` +
      `${text('verdict', decision.verdict)}"workspace":${canonicalJson(principal.workspace)}}`,
  };
}

/** What of the state had a say, so that the decision can be made again. */
function stateOf(read: StateView | undefined): JsonObject | undefined {
  if (read === undefined) return undefined;
  const { atMs, prerequisites, provenance, risks, used } = read;
  return {
    ...(atMs === undefined ? {} : { at: instant(atMs) }),
    ...(prerequisites === undefined
      ? {}
      : {
          prerequisites: prerequisites.map(({ key, eventId, doneAtMs, approvedAtMs }) => ({
            key,
            event_id: eventId,
            ...(doneAtMs === undefined ? {} : { done_at: instant(doneAtMs) }),
            ...(approvedAtMs === undefined ? {} : { approved_at: instant(approvedAtMs) }),
          })),
        }),
    ...(provenance === undefined ? {} : { provenance }),
    ...(risks === undefined
      ? {}
      : { risks: risks.map(({ id, level, untilMs }) => ({ id, level, until: instant(untilMs) })) }),
    ...(used === undefined
      ? {}
      : { used: used.map(({ key, eventId, usedAtMs }) => ({ key, event_id: eventId, at: instant(usedAtMs) })) }),
  };
}

/** On whose behalf, the first one first. */
function chainText(chain: CallFacts['chain']): string {
  return chain === undefined
    ? ''
    : json(
        'chain',
        chain.map(({ agent, agentId, owner }) => ({ agent, agent_id: agentId, owner })),
      );
}

/** The counters' entries that a call is part of, or what it gives back of them. */
function chargesText(field: 'charges' | 'credits', charges: readonly (Reservation | Credit)[]): string {
  if (charges.length === 0) return '';
  return json(
    field,
    charges.map(({ amount, key, version }) => ({ amount, key, version })),
  );
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

// What may not stand in a JSON string as it is, and surrogates, which canonicalJson looks at more closely.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what JSON escapes
const NEEDS_CARE = /["\\\u0000-\u001f\ud800-\udfff]/;

function text(field: string, value: string | undefined): string {
  if (value === undefined) return '';
  return NEEDS_CARE.test(value) ? json(field, value) : `"${field}":"${value}",`;
}

function json(field: string, value: unknown): string {
  return value === undefined ? '' : `"${field}":${canonicalJson(value)},`;
}

/** `tool.result`: how an allowed call ended. Written out like its call, for the same reason. */
export function resultRecord(
  call: CallFacts,
  outcome: Outcome,
  identity: LogIdentity,
  eventId: EventId,
  nowMs: number,
  credits: readonly Credit[] = [],
): RecordText {
  const record = {
    head: '{',
    middle:
      `${text('access', call.access)}${text('action', call.action)}${text('agent', call.agent)}${text('agent_id', call.agentId)}` +
      `${json('bytes_in', outcome.bytesIn)}${json('bytes_out', outcome.bytesOut)}${text('call_event_id', call.callEventId)}${chainText(call.chain)}${chargesText('credits', credits)}${json('destructive', call.destructive)}` +
      `${text('env', identity.environment)}${text('error_code', outcome.errorCode)}${text('event_id', eventId)}` +
      `"kind":"tool.result",${text('namespace', call.namespace)}${text('outcome', outcome.result)}${text('owner', call.owner)}` +
      `${json('rows_out', outcome.rowsOut)}${text('run_id', call.runId)}${text('session_id', call.sessionId)}`,
    tail:
      `,${json('spent', outcome.spent)}${json('synthetic', call.synthetic)}${text('tool', call.tool)}${text('tool_reference', outcome.toolReference)}"ts":"${new Date(nowMs).toISOString()}",${json('upstream_code', outcome.upstreamCode)}` +
      `${json('upstream_ms', outcome.upstreamMs)}${text('upstream_tool', call.upstreamTool)}"v":1,` +
      `"workspace":${canonicalJson(identity.workspace)}}`,
  };
  return fitting(record, 'tool.result');
}

/** The fields the writer itself gives to a record. */
const WRITERS_OWN = new Set(['v', 'event_id', 'ts', 'workspace', 'env', 'shard', 'shard_seq', 'agent_seq']);

/** Any record but a call. Fields whose value is `undefined` are left out; a draft may not set the writer's own. */
export function looseRecord(
  draft: { readonly kind: RecordKind; readonly [field: string]: unknown },
  identity: LogIdentity,
  eventId: EventId,
  nowMs: number,
): RecordText {
  const middle: Record<string, unknown> = { env: identity.environment, event_id: eventId };
  const tail: Record<string, unknown> = {
    ts: new Date(nowMs).toISOString(),
    v: 1,
    workspace: identity.workspace,
  };
  for (const [field, value] of Object.entries(draft)) {
    if (WRITERS_OWN.has(field)) throw new TypeError(`a ${draft.kind} record may not set ${field}`);
    if (field < 'shard') middle[field] = value;
    else if (field > 'shard_seq') tail[field] = value;
    else throw new TypeError(`a record has no field ${field}`);
  }
  return fitting(textOf(middle, tail), draft.kind);
}

function fitting(record: RecordText, kind: RecordKind): RecordText {
  if (!fits(record)) throw new RangeError(`a ${kind} record is larger than ${MAX_RECORD_BYTES} bytes`);
  return record;
}

function textOf(middle: object, tail: object): RecordText {
  return {
    head: '{',
    middle: `${canonicalJson(defined(middle)).slice(1, -1)},`,
    tail: `,${canonicalJson(defined(tail)).slice(1)}`,
  };
}

function defined(fields: object): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(fields)) if (value !== undefined) kept[field] = value;
  return kept;
}

function fits({ head, middle, tail }: RecordText): boolean {
  const characters = head.length + middle.length + tail.length + RESERVED_BYTES;
  if (3 * characters <= MAX_RECORD_BYTES) return true;
  return (
    Buffer.byteLength(head) + Buffer.byteLength(middle) + Buffer.byteLength(tail) + RESERVED_BYTES <= MAX_RECORD_BYTES
  );
}

function isEmpty(fields: object): boolean {
  for (const _ in fields) return false;
  return true;
}
