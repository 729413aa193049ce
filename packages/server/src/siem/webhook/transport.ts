/** Posts batches to one address. */
import { Poster, parseTarget } from '../../delivery/index.ts';
import { Failure } from '../../errors.ts';
import type { Secret } from '../../secret.ts';
import type { TransportDeps } from '../sink-type.ts';
import type { Batch, Delivery, OutgoingEvent, Transport } from '../transport.ts';
import type { WebhookSettings } from './index.ts';
import { signaturesOf } from './signatures.ts';

const PURPOSE = { code: 'sink', words: 'address of the sink', example: 'https://siem.acme.example/hivekey' } as const;
const TIMEOUT_MS = 30_000;
/** What says that a person must look: credentials, the address, or that nobody wants it any more. */
const HOLDING = new Set([401, 403, 404, 405, 407, 410]);

/** Throws `sink_url_invalid`, `sink_url_refused`, `sink_secret_invalid` and what a credential throws. */
export async function openWebhook(settings: WebhookSettings, deps: TransportDeps): Promise<Transport> {
  const target = parseTarget(settings.url, deps.rules, PURPOSE);
  const secrets = () => Promise.all(settings.signing_secret_refs.map((ref) => signingSecret(deps, ref)));
  await secrets();
  return new WebhookTransport(target.url, new Poster(target, deps.rules), secrets, deps);
}

async function signingSecret({ secret }: TransportDeps, ref: string): Promise<Secret> {
  const value = await secret(ref);
  if (/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/.test(value.reveal())) return value;
  throw new Failure(
    400,
    'sink_secret_invalid',
    `The value of ${ref} is not a signing secret.`,
    'Store whsec_ and 24 to 64 random bytes in base64.',
  );
}

class WebhookTransport implements Transport {
  readonly #url: URL;
  readonly #poster: Poster;
  readonly #secrets: () => Promise<readonly Secret[]>;
  readonly #deps: TransportDeps;

  constructor(url: URL, poster: Poster, secrets: () => Promise<readonly Secret[]>, deps: TransportDeps) {
    this.#url = url;
    this.#poster = poster;
    this.#secrets = secrets;
    this.#deps = deps;
  }

  async send(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    let secrets: readonly Secret[];
    try {
      secrets = await this.#secrets();
    } catch (error) {
      const code = error instanceof Failure ? error.code : 'credential_unavailable';
      return { kind: 'hold', code, why: 'the signing secret cannot be had' };
    }
    const body = bodyOf(batch.events);
    const timestamp = Math.floor(this.#deps.clock() / 1000);
    const answer = await this.#poster.post(this.#url, {
      headers: {
        'content-type': 'application/json',
        'user-agent': this.#deps.userAgent,
        'webhook-id': batch.id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signaturesOf(secrets, batch.id, timestamp, body),
      },
      body,
      signal,
      timeoutMs: TIMEOUT_MS,
    });
    if (answer.kind === 'unreachable') return { kind: 'retry', code: 'receiver_unreachable', why: answer.why };
    return verdictOf(answer.status, answer.headers['retry-after'], this.#deps.clock());
  }

  close(): Promise<void> {
    return this.#poster.close();
  }
}

/** `{"events":[…]}`: each event stands there with the bytes that it was made of. */
function bodyOf(events: readonly OutgoingEvent[]): string {
  return `{"events":[${events.map(({ body }) => body).join(',')}]}`;
}

function verdictOf(status: number, retryAfter: string | undefined, nowMs: number): Delivery {
  if (status >= 200 && status < 300) return { kind: 'taken', confirmed: true };
  const why = status === 410 ? 'the receiver wants no more (410)' : `the receiver answered ${status}`;
  if (status === 413) return { kind: 'split', code: 'too_large', why };
  if (status === 400 || status === 422) return { kind: 'split', code: 'event_refused', why };
  if (HOLDING.has(status)) return { kind: 'hold', code: status === 410 ? 'receiver_gone' : 'receiver_refuses', why };
  if (status >= 300 && status < 400)
    return { kind: 'hold', code: 'redirected', why: `${why}, and redirects are not followed` };
  const afterMs = retryAfterMs(retryAfter, nowMs);
  return { kind: 'retry', code: 'receiver_busy', why, ...(afterMs === undefined ? {} : { afterMs }) };
}

/** RFC 9110, 10.2.3: seconds, or a date. */
function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d{1,7}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, 3_600_000) : undefined;
}
