/** An OTLP/HTTP receiver of logs in protobuf, read with the field numbers of opentelemetry-proto 1.x. JSON is refused. */
import { json, type Receiver, type ReceiverOptions, type Reply, startReceiver } from './receiver.ts';

const MAX_BYTES = 4 * 1024 * 1024;

interface OtlpLog {
  readonly timeUnixNano: bigint;
  readonly severityNumber: number;
  readonly eventName: string;
  readonly body: unknown;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly traceId: string;
}

export async function startOtlp(options: ReceiverOptions = {}): Promise<Receiver> {
  const answer = (body: Buffer, type: string | undefined, mostly: (count: number) => number): Reply => {
    if (type !== 'application/x-protobuf') return json(415, { message: 'only protobuf' });
    if (body.length > MAX_BYTES) return json(413, {});
    const logs = readRequest(body);
    if (logs.some((log) => typeof log.body === 'string' && log.body.includes('poison'))) return { status: 400 };
    const taken = logs.slice(0, mostly(logs.length));
    const events = taken.map((log) => ({
      id: String(log.attributes['event.id']),
      seq: typeof log.attributes['hivekey.seq'] === 'number' ? log.attributes['hivekey.seq'] : undefined,
      event: log,
    }));
    const headers = { 'content-type': 'application/x-protobuf' };
    return { status: 200, headers, body: responseOf(logs.length - taken.length), events };
  };
  return startReceiver(
    {
      isDelivery: (path) => path.endsWith('/v1/logs'),
      answer: ({ body, headers, path }) =>
        path.endsWith('/v1/logs') ? answer(body, headers['content-type'], (count) => count) : { status: 404 },
      half: ({ body, headers }) => answer(body, headers['content-type'], (count) => Math.ceil(count / 2)),
    },
    options,
  );
}

/** `ExportLogsServiceResponse`: empty, or with how many were not taken. */
function responseOf(rejected: number): Buffer {
  if (rejected === 0) return Buffer.alloc(0);
  const message = Buffer.from('some records were dropped');
  const partial = Buffer.concat([Buffer.from([0x08]), varint(rejected), Buffer.from([0x12, message.length]), message]);
  return Buffer.concat([Buffer.from([0x0a]), varint(partial.length), partial]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

type Field = readonly [number: number, value: bigint | Buffer];

/** Fields of a message, in order. */
function fieldsOf(bytes: Buffer): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const readVarint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('cut short');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error('cut short');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(readVarint());
    const number = tag >>> 3;
    switch (tag & 7) {
      case 0:
        fields.push([number, readVarint()]);
        break;
      case 1:
        fields.push([number, take(8)]);
        break;
      case 2:
        fields.push([number, take(Number(readVarint()))]);
        break;
      case 5:
        fields.push([number, take(4)]);
        break;
      default:
        throw new Error('no such wire type');
    }
  }
  return fields;
}

/** All values of a field that is a message, a string or bytes. */
function all(bytes: Buffer, number: number): readonly Buffer[] {
  return fieldsOf(bytes).flatMap(([each, value]) => (each === number && Buffer.isBuffer(value) ? [value] : []));
}

function readRequest(request: Buffer): readonly OtlpLog[] {
  return all(request, 1).flatMap((resourceLogs) => {
    const resource = attributesOf(all(resourceLogs, 1)[0] ?? Buffer.alloc(0), 1);
    return all(resourceLogs, 2).flatMap((scopeLogs) => all(scopeLogs, 2).map((record) => readRecord(record, resource)));
  });
}

function readRecord(record: Buffer, resource: OtlpLog['resource']): OtlpLog {
  const fields = new Map(fieldsOf(record));
  const bytes = (number: number): Buffer => {
    const value = fields.get(number);
    return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
  };
  const time = bytes(1);
  return {
    timeUnixNano: time.length === 8 ? time.readBigUInt64LE() : 0n,
    severityNumber: Number(fields.get(2) ?? 0),
    eventName: bytes(12).toString(),
    body: anyValue(bytes(5)),
    attributes: attributesOf(record, 6),
    resource,
    traceId: bytes(9).toString('hex'),
  };
}

function attributesOf(message: Buffer, number: number): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    all(message, number).map((pair) => [
      (all(pair, 1)[0] ?? Buffer.alloc(0)).toString(),
      anyValue(all(pair, 2)[0] ?? Buffer.alloc(0)),
    ]),
  );
}

function anyValue(message: Buffer): unknown {
  const [field] = fieldsOf(message);
  if (field === undefined) return undefined;
  const [number, value] = field;
  if (!Buffer.isBuffer(value)) return number === 2 ? value === 1n : Number(BigInt.asIntN(64, value));
  switch (number) {
    case 1:
      return value.toString();
    case 4:
      return value.readDoubleLE();
    case 5:
      return all(value, 1).map(anyValue);
    case 6:
      return attributesOf(value, 1);
    default:
      return value;
  }
}
