/** Sends rows by Azure's clients, one call after another and without their retries. */
import type { LogsIngestionClient } from '@azure/monitor-ingestion';
import type { Secret } from '../../secret.ts';
import { failureOf, STOPPED } from '../http/failure.ts';
import { loaded } from '../http/loaded.ts';
import { isObject, jsonObject, quoted } from '../http/quote.ts';
import { type Answer, poolOf, Receiver } from '../http/receiver.ts';
import { machineCredentials, type TlsSettings } from '../http/settings.ts';
import { deliveryOf, type Meaning, meaningOf } from '../http/verdict.ts';
import type { TransportDeps } from '../sink-type.ts';
import type { Batch, Delivery, Transport } from '../transport.ts';
import { AzureHttp } from './azure-http.ts';
import type { SentinelSettings } from './index.ts';
import { callBytes, MAX_CALL_BYTES, rowOf } from './rows.ts';
import { clientTokens, machineIdentity, Tokens } from './tokens.ts';

const CLOUDS = {
  public: { authority: 'https://login.microsoftonline.com', audience: 'https://monitor.azure.com' },
  us_government: { authority: 'https://login.microsoftonline.us', audience: 'https://monitor.azure.us' },
  china: { authority: 'https://login.chinacloudapi.cn', audience: 'https://monitor.azure.cn' },
} as const;

/** Throws `sink_url_invalid`, `sink_url_refused`, `sink_credentials_missing`, `sink_client_missing` and what a credential throws. */
export async function openSentinel(settings: SentinelSettings, deps: TransportDeps): Promise<Transport> {
  if (settings.credential === null) machineCredentials(settings.endpoint, deps.rules);
  else await deps.secret(settings.credential.client_secret_ref);
  const [{ LogsIngestionClient: Client }, identity] = await Promise.all([
    loaded('@azure/monitor-ingestion', () => import('@azure/monitor-ingestion')),
    loaded('@azure/identity', () => import('@azure/identity')),
  ]);
  const { authority, audience } = CLOUDS[settings.cloud];
  const over = (url: string, tls: TlsSettings): AzureHttp =>
    new AzureHttp(new Receiver(poolOf(url, tls, deps, 1), deps.userAgent), new URL(url).origin);
  const tokens =
    settings.credential === null
      ? new Tokens({ deps, open: machineIdentity(identity) })
      : clientTokens(settings.credential, settings.authority?.url ?? authority, { identity, settings, deps, over });
  const http = over(settings.endpoint, settings.tls);
  const client = new Client(settings.endpoint, tokens, {
    audience,
    httpClient: http,
    userAgentOptions: { userAgentPrefix: deps.userAgent },
    retryOptions: { maxRetries: 0 },
    redirectOptions: { maxRetries: 0 },
  });
  return new SentinelTransport({ deps, settings, client, http, tokens });
}

interface Parts {
  readonly settings: SentinelSettings;
  readonly deps: TransportDeps;
  readonly client: LogsIngestionClient;
  readonly http: AzureHttp;
  readonly tokens: Tokens;
}

class SentinelTransport implements Transport {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async send({ events }: Batch, signal: AbortSignal): Promise<Delivery> {
    const { settings, client, http, tokens } = this.#parts;
    if (signal.aborted) return STOPPED;
    // The client would make several calls of it, of which some are stored and some are not.
    if (callBytes(events) > MAX_CALL_BYTES)
      return { kind: 'split', code: 'too_large', why: 'the call is larger than 1 MB' };
    const rows = events.map(rowOf);
    http.last = {};
    tokens.problem = undefined;
    try {
      await client.upload(settings.rule_id, settings.stream, rows, { maxConcurrency: 1, abortSignal: signal });
    } catch {
      return this.#why(signal);
    }
    // The client resolves for a call that it left out because it was aborted.
    return http.last.answer?.status === 204 ? { kind: 'taken', confirmed: false } : this.#why(signal);
  }

  async close(): Promise<void> {
    await Promise.all([this.#parts.http.close(), this.#parts.tokens.close()]);
  }

  /** From what passed by, not from the client's errors, which keep less of it. */
  async #why(signal: AbortSignal): Promise<Delivery> {
    const { deps, http, tokens } = this.#parts;
    if (signal.aborted) return STOPPED;
    const { answer, failed } = http.last;
    if (failed !== undefined) return failed;
    if (tokens.problem !== undefined) return tokens.problem;
    if (answer === undefined) return failureOf(undefined, false);
    const { code, said } = errorIn(answer, tokens.given);
    return deliveryOf(meaningOfAnswer(answer, code), answer, deps.clock(), said);
  }
}

/** A refusal that names the stream or the rule would come for every event. */
const OF_SETTINGS = /stream|rule|dcr|version|transform|audience|endpoint/i;

function meaningOfAnswer({ status }: Answer, code: string): Meaning {
  return meaningOf(status, status === 400 && OF_SETTINGS.test(code) ? { 400: 'settings' } : {});
}

function errorIn(
  { body, headers }: Answer,
  secrets: readonly Secret[],
): { readonly code: string; readonly said: string } {
  const error = jsonObject(body)?.error;
  const { code, message }: Readonly<Record<string, unknown>> = isObject(error) ? error : {};
  const named = typeof code === 'string' ? code : headers['x-ms-error-code'];
  return { code: typeof named === 'string' ? named : '', said: quoted(message, secrets) };
}
