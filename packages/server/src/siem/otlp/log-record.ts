/** From a line of a batch to what the OpenTelemetry serializer takes. */
import type { ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import { isObject, jsonObject } from '../http/quote.ts';
import type { OutgoingEvent } from '../transport.ts';

export type LogRecord = Parameters<typeof ProtobufLogsSerializer.serializeRequest>[0][number];
/** Where records come from; records of one request share the objects, by which the serializer groups them. */
export type Origin = Pick<LogRecord, 'resource' | 'instrumentationScope'>;

type Value = string | number | boolean | Uint8Array | null | undefined | Value[] | { [key: string]: Value };

/** A line in OTLP's JSON form becomes the record that it says; a line of another format, the body of a record. */
export function logRecordOf(event: OutgoingEvent, isOtlp: boolean, origin: Origin): LogRecord {
  const line = isOtlp ? jsonObject(event.body) : undefined;
  const hrTime: [number, number] = [Math.floor(event.time / 1000), (event.time % 1000) * 1_000_000];
  const common = { hrTime, hrTimeObserved: hrTime, droppedAttributesCount: 0, ...origin };
  if (line === undefined)
    return {
      ...common,
      eventName: `hivekey.${event.kind}`,
      body: event.body,
      attributes: {
        'event.id': event.id,
        ...(event.item.type === 'entry' ? { 'hivekey.seq': event.item.seq } : {}),
      },
    };
  const { severityNumber, severityText, eventName, body, attributes, traceId, spanId, flags } = line;
  return {
    ...common,
    ...(typeof severityNumber === 'number' ? { severityNumber } : {}),
    ...(typeof severityText === 'string' ? { severityText } : {}),
    ...(typeof eventName === 'string' ? { eventName } : {}),
    ...(typeof traceId === 'string' && typeof spanId === 'string'
      ? { spanContext: { traceId, spanId, traceFlags: typeof flags === 'number' ? flags : 0 } }
      : {}),
    body: plainOf(body) ?? null,
    attributes: attributesOf(attributes),
  };
}

function attributesOf(list: unknown): LogRecord['attributes'] {
  const attributes: Record<string, Value> = {};
  for (const pair of Array.isArray(list) ? list : []) {
    if (isObject(pair) && typeof pair.key === 'string') attributes[pair.key] = plainOf(pair.value);
  }
  return attributes;
}

/** OTLP's AnyValue in JSON: integers of 64 bits are strings, bytes base64. */
function plainOf(value: unknown): Value {
  if (!isObject(value)) return undefined;
  const { stringValue, boolValue, intValue, doubleValue, bytesValue, arrayValue, kvlistValue } = value;
  if (typeof stringValue === 'string') return stringValue;
  if (typeof boolValue === 'boolean') return boolValue;
  if (typeof intValue === 'string' || typeof intValue === 'number') return Number(intValue);
  if (typeof doubleValue === 'number') return doubleValue;
  if (typeof bytesValue === 'string') return Buffer.from(bytesValue, 'base64');
  if (isObject(arrayValue)) return Array.isArray(arrayValue.values) ? arrayValue.values.map(plainOf) : [];
  if (!isObject(kvlistValue) || !Array.isArray(kvlistValue.values)) return undefined;
  return Object.fromEntries(
    kvlistValue.values.flatMap((pair: unknown) =>
      isObject(pair) && typeof pair.key === 'string' ? [[pair.key, plainOf(pair.value)]] : [],
    ),
  );
}
