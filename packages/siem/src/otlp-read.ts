/** A log record in OTLP's JSON form, read back: by the transport that encodes it as protobuf, and from a receiver's copy. */
import type { FlatValue } from './flat.ts';
import { below, isObject, readJson } from './json.ts';
import type { OtlpRecord } from './otlp.ts';

/** Undefined: the line is no log record. */
export function readOtlpLine(line: string): OtlpRecord | undefined {
  return readOtlp(readJson(line));
}

export function readOtlp(record: unknown): OtlpRecord | undefined {
  const body = below(record, 'body', 'stringValue');
  const list = below(record, 'attributes');
  if (!isObject(record) || typeof body !== 'string' || !Array.isArray(list)) return undefined;
  const { severityNumber, severityText, eventName, timeUnixNano, traceId, spanId, flags } = record;
  return {
    time: Number(String(timeUnixNano ?? '0').slice(0, -6)) || 0,
    severityNumber: typeof severityNumber === 'number' ? severityNumber : 0,
    severityText: typeof severityText === 'string' ? severityText : '',
    eventName: typeof eventName === 'string' ? eventName : '',
    body,
    attributes: attributesOf(list),
    trace:
      typeof traceId === 'string' && traceId !== '' && typeof spanId === 'string'
        ? { traceId, spanId, flags: typeof flags === 'number' ? flags : 0 }
        : undefined,
  };
}

function attributesOf(list: readonly unknown[]): Record<string, FlatValue> {
  const attributes: Record<string, FlatValue> = {};
  for (const each of list) {
    const key = below(each, 'key');
    const value = flatOf(below(each, 'value'));
    if (typeof key === 'string' && value !== undefined) attributes[key] = value;
  }
  return attributes;
}

function flatOf(value: unknown): FlatValue | undefined {
  if (!isObject(value)) return undefined;
  const { stringValue, boolValue, intValue, doubleValue } = value;
  if (typeof stringValue === 'string') return stringValue;
  if (typeof boolValue === 'boolean') return boolValue;
  if (typeof intValue === 'string' || typeof intValue === 'number') return Number(intValue);
  if (typeof doubleValue === 'number') return doubleValue;
  const values = below(value, 'arrayValue', 'values');
  if (!Array.isArray(values)) return undefined;
  return values.map((each) => below(each, 'stringValue')).filter((each): each is string => typeof each === 'string');
}
