/** Posts batches. The receiver takes all of one or nothing, and does not say which event it did not like. */
import { failureOf } from '../http/failure.ts';
import { isObject, jsonObject, quoted } from '../http/quote.ts';
import { type Answer, gzipped, poolOf, Receiver } from '../http/receiver.ts';
import { below, machineCredentials, sinkTarget } from '../http/settings.ts';
import { deliveryOf, meaningOf } from '../http/verdict.ts';
import type { TransportDeps } from '../sink-type.ts';
import type { Batch, Delivery, Transport } from '../transport.ts';
import { eventsImport, logsImport } from './import-body.ts';
import { type SecopsSettings, secopsSink } from './index.ts';
import { openMachineTokens } from './machine-tokens.ts';
import { AccountTokens, type TokenSource } from './tokens.ts';

/**
 * Throws `sink_url_invalid`, `sink_url_refused`, `sink_credentials_missing`, `sink_client_missing`, `sink_secret_invalid`,
 * and what a credential throws.
 */
export async function openSecops(settings: SecopsSettings, deps: TransportDeps): Promise<Transport> {
  const { credentials_ref: ref, url, tls } = settings;
  if (ref === null) machineCredentials(url, deps.rules);
  const tokens = ref === null ? await openMachineTokens() : await AccountTokens.open(ref, settings, deps);
  const receiver = new Receiver(poolOf(url, tls, deps, secopsSink.limits.window), deps.userAgent);
  return new SecopsTransport(settings, deps, receiver, tokens);
}

class SecopsTransport implements Transport {
  readonly #settings: SecopsSettings;
  readonly #deps: TransportDeps;
  readonly #receiver: Receiver;
  readonly #tokens: TokenSource;
  readonly #path: string;

  constructor(settings: SecopsSettings, deps: TransportDeps, receiver: Receiver, tokens: TokenSource) {
    this.#settings = settings;
    this.#deps = deps;
    this.#receiver = receiver;
    this.#tokens = tokens;
    const { api_version: version, instance, log_type: type, url } = settings;
    const method = this.#isUdm ? 'events:import' : `logTypes/${type}/logs:import`;
    this.#path = below(sinkTarget(url, deps.rules).url, `/${version}/${instance}/${method}`);
  }

  async send({ events }: Batch, signal: AbortSignal): Promise<Delivery> {
    try {
      const given = await this.#tokens.token();
      if (given.kind === 'none') return given.delivery;
      const { token } = given;
      const body = this.#isUdm ? eventsImport(events) : logsImport(events, this.#settings);
      const exchange = await this.#receiver.ask(this.#path, {
        headers: {
          authorization: `Bearer ${token.reveal()}`,
          'content-type': 'application/json',
          'content-encoding': 'gzip',
        },
        body: await gzipped(body),
        signal,
      });
      if (exchange.kind === 'failed') return exchange.delivery;
      const { answer } = exchange;
      if (answer.status === 401) this.#tokens.forget();
      if (isTaken(answer)) return { kind: 'taken', confirmed: false };
      const error = jsonObject(answer.body)?.error;
      const said = quoted(isObject(error) ? error.message : undefined, [token]);
      return deliveryOf(meaningOf(answer.status), answer, this.#deps.clock(), said);
    } catch (error) {
      return failureOf(error, signal.aborted);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#receiver.close(), this.#tokens.close()]);
  }

  get #isUdm(): boolean {
    return this.#deps.sink.format === 'udm';
  }
}

/** The method answers with an empty object. */
function isTaken({ status, body }: Answer): boolean {
  return status === 200 && (body.length === 0 || jsonObject(body) !== undefined);
}
