/** Posts batches; what is too old for the receiver is counted instead, since it would refuse it without a word. */
import { failureOf } from '../http/failure.ts';
import { jsonObject, quoted } from '../http/quote.ts';
import { gzipped, poolOf, Receiver } from '../http/receiver.ts';
import { below, sinkTarget } from '../http/settings.ts';
import { deliveryOf, meaningOf } from '../http/verdict.ts';
import type { TransportDeps } from '../sink-type.ts';
import type { Batch, Delivery, Transport } from '../transport.ts';
import { type DatadogSettings, datadogSink } from './index.ts';
import { isTooOld, logsBody } from './logs.ts';

const REMARK =
  'Datadog refuses events that are older than 18 hours: after a longer outage that part cannot be replayed there.';
const TOO_OLD = 'older than 18 hours: Datadog refuses such events, so they cannot be replayed there';

/** Throws `sink_url_invalid`, `sink_url_refused` and what a credential throws. */
export async function openDatadog(settings: DatadogSettings, deps: TransportDeps): Promise<Transport> {
  await deps.secret(settings.api_key_ref);
  const pool = poolOf(settings.url, settings.tls, deps, datadogSink.limits.window);
  return new DatadogTransport(settings, deps, new Receiver(pool, deps.userAgent));
}

class DatadogTransport implements Transport {
  readonly #settings: DatadogSettings;
  readonly #deps: TransportDeps;
  readonly #receiver: Receiver;
  readonly #path: string;

  constructor(settings: DatadogSettings, deps: TransportDeps, receiver: Receiver) {
    this.#settings = settings;
    this.#deps = deps;
    this.#receiver = receiver;
    this.#path = below(sinkTarget(settings.url, deps.rules).url, '/api/v2/logs');
  }

  async send({ events }: Batch, signal: AbortSignal): Promise<Delivery> {
    const nowMs = this.#deps.clock();
    const fresh = events.filter((event) => !isTooOld(event, nowMs));
    const old = events.length - fresh.length;
    if (fresh.length > 0) {
      const delivery = await this.#post(fresh, signal);
      if (delivery.kind !== 'taken') return delivery;
    }
    return old === 0 ? { kind: 'taken', confirmed: false } : { kind: 'short', rejected: old, why: TOO_OLD };
  }

  remarks(): readonly string[] {
    return [REMARK];
  }

  async close(): Promise<void> {
    await this.#receiver.close();
  }

  async #post(events: Batch['events'], signal: AbortSignal): Promise<Delivery> {
    try {
      const key = await this.#deps.secret(this.#settings.api_key_ref);
      const exchange = await this.#receiver.ask(this.#path, {
        headers: { 'dd-api-key': key.reveal(), 'content-type': 'application/json', 'content-encoding': 'gzip' },
        body: await gzipped(logsBody(events, this.#settings, this.#deps.sink)),
        signal,
      });
      if (exchange.kind === 'failed') return exchange.delivery;
      const { answer } = exchange;
      if (answer.status === 202) return { kind: 'taken', confirmed: false };
      return deliveryOf(meaningOf(answer.status), answer, this.#deps.clock(), saidIn(answer.body, [key]));
    } catch (error) {
      return failureOf(error, signal.aborted);
    }
  }
}

/** `{"errors":[{"detail":…}]}` */
function saidIn(body: Buffer, secrets: Parameters<typeof quoted>[1]): string {
  const errors = jsonObject(body)?.errors;
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  return typeof first === 'object' && first !== null && 'detail' in first ? quoted(first.detail, secrets) : '';
}
