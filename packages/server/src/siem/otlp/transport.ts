/** Posts protobuf, and reads how many records were not taken: the SDK's exporter leaves that out, and retries by itself. */
import type { IExportLogsPartialSuccess, ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import type { Secret } from '../../secret.ts';
import { failureOf } from '../http/failure.ts';
import { isObject, jsonObject, quoted } from '../http/quote.ts';
import { type Answer, gzipped, poolOf, Receiver } from '../http/receiver.ts';
import { sinkTarget } from '../http/settings.ts';
import { deliveryOf, type Meaning } from '../http/verdict.ts';
import type { TransportDeps } from '../sink-type.ts';
import type { Batch, Delivery, Transport } from '../transport.ts';
import { type OtlpSettings, otlpSink } from './index.ts';
import { logRecordOf, type Origin } from './log-record.ts';

/** Of a request, before compression. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;

/** Throws `sink_url_invalid`, `sink_url_refused` and what a credential throws. */
export async function openOtlp(settings: OtlpSettings, deps: TransportDeps): Promise<Transport> {
  const { url } = sinkTarget(settings.url, deps.rules);
  await headersOf(settings, deps);
  const [{ ProtobufLogsSerializer: serializer }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/otlp-transformer'),
    import('@opentelemetry/resources'),
  ]);
  const { workspace, env } = deps.sink;
  const resource = resourceFromAttributes({
    'service.name': 'hivekey',
    'service.namespace': workspace,
    'deployment.environment.name': env,
  });
  const origin: Origin = { resource, instrumentationScope: { name: 'hivekey.action' } };
  const receiver = new Receiver(poolOf(settings.url, settings.tls, deps, otlpSink.limits.window), deps.userAgent);
  const path = (url.pathname === '/' ? '/v1/logs' : url.pathname) + url.search;
  return new OtlpTransport({ settings, deps, receiver, serializer, origin, path });
}

interface Parts {
  readonly settings: OtlpSettings;
  readonly deps: TransportDeps;
  readonly receiver: Receiver;
  readonly serializer: typeof ProtobufLogsSerializer;
  readonly origin: Origin;
  readonly path: string;
}

class OtlpTransport implements Transport {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async send({ events }: Batch, signal: AbortSignal): Promise<Delivery> {
    const { settings, deps, receiver, serializer, origin, path } = this.#parts;
    try {
      const { headers, secrets } = await headersOf(settings, deps);
      const isOtlp = deps.sink.format === 'otlp';
      const request = serializer.serializeRequest(events.map((event) => logRecordOf(event, isOtlp, origin)));
      if (request === undefined || request.length > MAX_REQUEST_BYTES)
        return { kind: 'split', code: 'too_large', why: 'the request is larger than 4 MiB' };
      const exchange = await receiver.ask(path, {
        headers: { ...headers, 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' },
        body: await gzipped(request),
        signal,
      });
      if (exchange.kind === 'failed') return exchange.delivery;
      return this.#read(exchange.answer, events.length, secrets);
    } catch (error) {
      return failureOf(error, signal.aborted);
    }
  }

  async close(): Promise<void> {
    await this.#parts.receiver.close();
  }

  #read(answer: Answer, sent: number, secrets: readonly Secret[]): Delivery {
    const nowMs = this.#parts.deps.clock();
    if (answer.status < 200 || answer.status >= 300) return deliveryOf(meaningOfStatus(answer.status), answer, nowMs);
    const partial = this.#partial(answer.body);
    if (partial === 'unreadable') return deliveryOf('broken', answer, nowMs);
    const rejected = Math.min(Math.max(partial.rejectedLogRecords ?? 0, 0), sent);
    if (rejected === 0) return { kind: 'taken', confirmed: false };
    const said = quoted(partial.errorMessage, secrets);
    return {
      kind: 'short',
      rejected,
      why: `the receiver took the batch without ${rejected} of its records${said === '' ? '' : `: ${said}`}`,
    };
  }

  /** Some answer in JSON whatever they were asked in, some with nothing at all. */
  #partial(body: Buffer): IExportLogsPartialSuccess | 'unreadable' {
    try {
      return this.#parts.serializer.deserializeResponse(body).partialSuccess ?? {};
    } catch {
      const json = jsonObject(body);
      if (json === undefined) return 'unreadable';
      const { partialSuccess } = json;
      if (!isObject(partialSuccess)) return {};
      const { rejectedLogRecords: rejected, errorMessage } = partialSuccess;
      return {
        rejectedLogRecords: Number(rejected ?? 0) || 0,
        ...(typeof errorMessage === 'string' ? { errorMessage } : {}),
      };
    }
  }
}

/** OTLP 1.x, "Failures": these four are to be tried again, and nothing else as it is. */
function meaningOfStatus(status: number): Meaning {
  if (status === 429 || status === 502 || status === 503 || status === 504) return 'busy';
  if (status === 400) return 'event';
  if (status === 413) return 'large';
  if (status === 401 || status === 403) return 'credential';
  return status >= 300 && status < 400 ? 'redirected' : 'settings';
}

/** At each request: a credential may have been replaced. Throws what it throws. */
async function headersOf(
  { headers }: OtlpSettings,
  { secret }: TransportDeps,
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly secrets: readonly Secret[] }> {
  const secrets = await Promise.all(headers.map(({ value_ref: ref }) => secret(ref)));
  const values = headers.map(({ name }, index) => [name.toLowerCase(), secrets[index]?.reveal() ?? ''] as const);
  return { headers: Object.fromEntries(values), secrets };
}
