/** `@opensearch-project/opensearch`, with requests signed for AWS where that is wanted. */
import { type AgentOptions, Agent as PlainAgent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import { AddressRefused } from '../../upstreams/index.ts';
import { ADDRESS_REFUSED, NO_MACHINE_CREDENTIALS } from '../http/failure.ts';
import { loaded } from '../http/loaded.ts';
import { bytesOf, connectionOptions, REQUEST_MS } from '../http/receiver.ts';
import { machineCredentials, sinkTarget } from '../http/settings.ts';
import type { TransportDeps } from '../sink-type.ts';
import { MAX_ANSWER_BYTES } from './bulk.ts';
import { type ElasticSettings, elasticSink } from './index.ts';
import { type BulkClient, Undelivered } from './transport.ts';

/** Credentials are asked for anew after this. */
const SIGNING_MS = 300_000;

/** Throws `sink_url_invalid`, `sink_url_refused`, `sink_credentials_missing`, `sink_client_missing` and what a credential throws. */
export async function openOpenSearch(settings: ElasticSettings, deps: TransportDeps): Promise<BulkClient> {
  const { Client, Connection, Transport } = await loaded(
    '@opensearch-project/opensearch',
    () => import('@opensearch-project/opensearch'),
  );
  const { auth } = settings;
  const base = auth.method !== 'aws' ? { Connection, Transport } : await signing(auth, settings.url, deps);

  /** Says nothing on the console when a connection ends in the middle of an answer, as that of the library does. */
  class QuietConnection extends base.Connection {
    override request(...[params, done]: Parameters<InstanceType<typeof Connection>['request']>) {
      const request = super.request(params, (error, response) => {
        if (response !== null) {
          request.removeAllListeners('error');
          request.on('error', () => undefined);
        }
        done(error, response);
      });
      return request;
    }
  }

  const { url, port } = sinkTarget(settings.url, deps.rules);
  const { certificate, key_ref: keyRef } = settings.tls;
  const options = connectionOptions(port, settings.tls, deps.rules);
  const watch = new LookupWatch(options.lookup);
  const common: AgentOptions = { keepAlive: true, maxSockets: elasticSink.limits.window };
  const key = certificate === null || keyRef === null ? undefined : await deps.secret(keyRef);
  const agent =
    url.protocol === 'http:'
      ? new PlainAgent({ ...common, lookup: watch.lookup })
      : new TlsAgent({
          ...common,
          ...options,
          lookup: watch.lookup,
          ...(key === undefined || certificate === null ? {} : { cert: certificate, key: key.reveal() }),
        });
  const client = new Client({
    node: settings.url,
    Connection: QuietConnection,
    Transport: base.Transport,
    agent: () => agent,
    maxRetries: 0,
    resurrectStrategy: 'none',
    requestTimeout: REQUEST_MS,
  });
  return {
    post: async ({ path, query, headers, body, signal }) => {
      const own = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]);
      const asked = client.transport.request(
        { method: 'POST', path, querystring: { ...query }, bulkBody: body },
        { headers: { ...headers, 'content-type': 'application/x-ndjson' }, maxRetries: 0, asStream: true },
      );
      // Gives nothing back: what a listener gives back is awaited, and this can be, and then rejects once more.
      const abort = (): void => {
        asked.abort();
      };
      own.addEventListener('abort', abort);
      if (own.aborted) abort();
      try {
        const { statusCode, headers: answered, body: stream } = await asked;
        return { status: statusCode ?? 0, headers: answered ?? {}, body: await bytesOf(stream, MAX_ANSWER_BYTES) };
      } catch (error) {
        throw watch.refused ? new Undelivered(ADDRESS_REFUSED) : named(error);
      } finally {
        own.removeEventListener('abort', abort);
      }
    },
    close: async () => {
      agent.destroy();
    },
  };
}

/** Throws `sink_credentials_missing`. The credentials of the machine are found by the SDK of AWS. */
async function signing(
  { credentials, region, service }: Extract<ElasticSettings['auth'], { readonly method: 'aws' }>,
  url: string,
  { rules, secret }: TransportDeps,
) {
  const { AwsSigv4Signer } = await import('@opensearch-project/opensearch/aws');
  if (credentials === null) {
    machineCredentials(url, rules);
    return AwsSigv4Signer({ region, service });
  }
  const { access_key_id: accessKeyId, secret_access_key_ref: keyRef, session_token_ref: sessionRef } = credentials;
  return AwsSigv4Signer({
    region,
    service,
    getCredentials: async () => ({
      accessKeyId,
      secretAccessKey: (await secret(keyRef)).reveal(),
      ...(sessionRef === null ? {} : { sessionToken: (await secret(sessionRef)).reveal() }),
      expiration: new Date(Date.now() + SIGNING_MS),
    }),
  });
}

/** Remembers what the client does not pass on: that it was we who refused the address. */
class LookupWatch {
  refused = false;
  readonly lookup: LookupFunction;

  constructor(guarded: LookupFunction) {
    this.lookup = (host, options, done) =>
      guarded(host, options, (error, ...found) => {
        this.refused = error instanceof AddressRefused;
        done(error, ...found);
      });
  }
}

/** The client gives on the words of an error and not its code. */
function named(error: unknown): Error {
  const words = error instanceof Error ? error.message : '';
  const name = error instanceof Error ? error.name : 'Error';
  // Of AWS: the machine has none.
  if (name === 'CredentialsProviderError') return new Undelivered(NO_MACHINE_CREDENTIALS);
  const code = /certificate|altnames/i.test(words)
    ? 'CERT_REFUSED'
    : name === 'TimeoutError' || name === 'RequestAbortedError'
      ? 'TimeoutError'
      : (/\b(E[A-Z]{4,20})\b/.exec(words)?.[1] ?? name);
  return Object.assign(new Error('not delivered'), { code });
}
