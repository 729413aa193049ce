/**
 * OpenTelemetry log records, with attributes of the GenAI conventions (in development: they change with the format's
 * version here and nowhere else). A call is a log record, not a span.
 */
import type { StreamEvent } from './event.ts';
import type { FlatValue } from './flat.ts';
import { endingOf, type Level, levelOf, messageOf, subjectOf, textOf } from './kinds.ts';
import { jsonLine } from './line.ts';
import { agentOf } from './who.ts';

/** As the SDKs' serializers take it: `hrTime` is [epochSeconds, nanoseconds]. */
export interface OtlpRecord {
  /** Epoch milliseconds. */
  readonly time: number;
  readonly severityNumber: number;
  readonly severityText: string;
  /** `hivekey.<kind>` */
  readonly eventName: string;
  /** The exact record, or a sentence where it does not travel. */
  readonly body: string;
  readonly attributes: Readonly<Record<string, FlatValue>>;
  /** W3C Trace Context of the call, where it came with one. */
  readonly trace: { readonly traceId: string; readonly spanId: string; readonly flags: number } | undefined;
}

/** Numbers of the logs data model: INFO, INFO2, WARN, ERROR, FATAL. */
const SEVERITIES: Readonly<Record<Level, readonly [number, string]>> = {
  informational: [9, 'INFO'],
  low: [9, 'INFO'],
  medium: [13, 'WARN'],
  high: [17, 'ERROR'],
  critical: [21, 'FATAL'],
};

/** Fields that stand whole in attributes of the conventions. */
const MOVED = new Set(['event_id', 'agent', 'agent_id', 'session_id', 'model', 'model_provider']);
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

function otlpRecord(event: StreamEvent): OtlpRecord {
  const { kind, fields, time, raw } = event;
  const held = kind === 'tool.call' && fields.verdict === 'review';
  const [severityNumber, severityText] = SEVERITIES[held ? 'medium' : levelOf(event)];
  const [, traceId, spanId, flags] = TRACEPARENT.exec(textOf(fields.traceparent)) ?? [];
  return {
    time,
    severityNumber,
    severityText,
    eventName: `hivekey.${kind}`,
    body: raw ?? messageOf(event),
    attributes: { ...conventional(event), ...own(event) },
    trace:
      traceId === undefined || spanId === undefined || flags === undefined
        ? undefined
        : { traceId, spanId, flags: Number.parseInt(flags, 16) },
  };
}

/** One log record in OTLP's JSON form. */
export function otlpLine(event: StreamEvent): string {
  const { time, severityNumber, severityText, eventName, body, attributes, trace } = otlpRecord(event);
  const nanos = `${time}000000`;
  return jsonLine({
    timeUnixNano: nanos,
    observedTimeUnixNano: nanos,
    severityNumber,
    severityText,
    eventName,
    body: { stringValue: body },
    attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) })),
    ...(trace === undefined ? {} : { traceId: trace.traceId, spanId: trace.spanId, flags: trace.flags }),
  });
}

function conventional(event: StreamEvent): Record<string, FlatValue> {
  const { kind, id, fields } = event;
  const subject = subjectOf(kind);
  const agent = agentOf(event);
  const { tool, call_event_id: callEvent, session_id: session, model, model_provider: provider } = fields;
  const isCall = subject === 'call' || subject === 'result';
  return {
    'event.id': id,
    ...(isCall ? { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.call.id': callEvent ?? id } : {}),
    ...(tool === undefined ? {} : { 'gen_ai.tool.name': tool, 'gen_ai.tool.type': 'extension' }),
    ...(agent === undefined ? {} : { 'gen_ai.agent.id': agent.id, 'gen_ai.agent.name': agent.name }),
    ...(session === undefined ? {} : { 'gen_ai.conversation.id': session }),
    ...(model === undefined ? {} : { 'gen_ai.request.model': model }),
    ...(provider === undefined ? {} : { 'gen_ai.provider.name': provider }),
    ...(isCall && fields.entrance === 'mcp' ? { 'mcp.method.name': 'tools/call' } : {}),
    ...(isCall && endingOf(event) === 'failure'
      ? { 'error.type': textOf(fields.error_code ?? fields.reason_class) || 'failure' }
      : {}),
  };
}

function own({ fields, more, place, replayed, omitted }: StreamEvent): Record<string, FlatValue> {
  const attributes: Record<string, FlatValue> = {};
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined && !MOVED.has(name)) attributes[`hivekey.${name}`] = value;
  }
  for (const name in more) {
    const value = more[name];
    if (value !== undefined) attributes[`hivekey.more.${name}`] = value;
  }
  if (place !== undefined) {
    attributes['hivekey.seq'] = place.seq;
    attributes['hivekey.entry_hash'] = place.entryHash;
    attributes['hivekey.prev_hash'] = place.prevHash;
    attributes['hivekey.hash'] = place.hash;
  }
  if (replayed) attributes['hivekey.replayed'] = true;
  if (omitted.length > 0) attributes['hivekey.omitted'] = omitted;
  return attributes;
}

type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly arrayValue: { readonly values: readonly AnyValue[] } };

function anyValue(value: FlatValue): AnyValue {
  switch (typeof value) {
    case 'string':
      return { stringValue: value };
    case 'boolean':
      return { boolValue: value };
    case 'number':
      // 64-bit integers are strings in the JSON of protobuf.
      return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
    default:
      return { arrayValue: { values: value.map((each) => ({ stringValue: each })) } };
  }
}
