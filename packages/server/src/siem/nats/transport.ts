/** Publishes to a subject that a stream holds, and waits for each acknowledgement. */
import { type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream';
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  headers,
  type NatsConnection,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import type { TransportDeps } from '../sink-type.ts';
import { addressOf } from '../socket/address.ts';
import { checkReceiver } from '../socket/guard.ts';
import { STOPPED, type Unsettled } from '../socket/problems.ts';
import { type HostPort, hostPortOf, printHostPort } from '../socket/settings.ts';
import { tlsOptions } from '../socket/tls-options.ts';
import type { Batch, Delivery, OutgoingEvent, Rejection, Transport } from '../transport.ts';
import type { NatsSettings } from './index.ts';
import { isRefusedForGood, natsProblem } from './problems.ts';
import { streamRemarks } from './stream-remarks.ts';

const CONNECT_MS = 5_000;
const ACK_MS = 15_000;
/** Nats-Msg-Id and Hivekey-Kind, with their values. */
const MOST_HEADER_BYTES = 512;

/** Throws `sink_address_refused`. */
export async function openNats(settings: NatsSettings, deps: TransportDeps): Promise<Transport> {
  const servers = settings.servers.flatMap((text) => hostPortOf(text) ?? []);
  for (const server of servers) checkReceiver(server, settings.tls !== null, deps.rules);
  return new NatsTransport(settings, servers, deps);
}

interface Session {
  readonly connection: NatsConnection;
  readonly stream: JetStreamClient;
  /** An acknowledgement means that it is on a disk. */
  readonly isDurable: boolean;
}

class NatsTransport implements Transport {
  readonly #settings: NatsSettings;
  readonly #servers: readonly HostPort[];
  readonly #deps: TransportDeps;
  #session: Session | undefined;
  #remarks: readonly string[] = [];
  /** The server that is asked next. */
  #next = 0;

  constructor(settings: NatsSettings, servers: readonly HostPort[], deps: TransportDeps) {
    this.#settings = settings;
    this.#servers = servers;
    this.#deps = deps;
  }

  async send({ events }: Batch, signal: AbortSignal): Promise<Delivery> {
    if (signal.aborted) return STOPPED;
    const opened = await this.#opened();
    if ('problem' in opened) return opened.problem;
    const stop = (): void => void this.#end();
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await this.#publish(opened.session, events, signal);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  remarks(): readonly string[] {
    return this.#remarks;
  }

  close(): Promise<void> {
    return this.#end();
  }

  async #publish(
    { connection, stream, isDurable }: Session,
    events: readonly OutgoingEvent[],
    signal: AbortSignal,
  ): Promise<Delivery> {
    const most = connection.info?.max_payload ?? Number.MAX_SAFE_INTEGER;
    const rejected: Rejection[] = [];
    const again: number[] = [];
    let duplicates = 0;
    let problem: Unsettled | undefined;
    // All at once: the connection keeps their order, and the answers come as they are stored.
    await Promise.all(
      events.map(async (event, index) => {
        try {
          const published = headers();
          published.set('Hivekey-Kind', event.kind);
          // The limit of the server is for headers and body together.
          if (Buffer.byteLength(event.body) + MOST_HEADER_BYTES > most) {
            rejected.push({ index, why: `the event is longer than the server takes (${most} bytes)` });
            return;
          }
          const { duplicate } = await stream.publish(this.#settings.subject, event.body, {
            msgID: event.id,
            headers: published,
            timeout: ACK_MS,
          });
          if (duplicate) duplicates++;
        } catch (error) {
          if (isRefusedForGood(error)) rejected.push({ index, why: 'the event is longer than the stream takes' });
          else {
            problem ??= natsProblem(error);
            again.push(index);
          }
        }
      }),
    );
    if (signal.aborted) return STOPPED;
    if (problem !== undefined && connection.isClosed()) await this.#end();
    if (problem !== undefined && again.length === events.length) return problem;
    if (rejected.length === 0 && again.length === 0) return { kind: 'taken', confirmed: isDurable, duplicates };
    const why = problem?.why ?? 'events are too long';
    const inOrder = (a: number, b: number): number => a - b;
    rejected.sort((a, b) => a.index - b.index);
    return { kind: 'partly', confirmed: isDurable, rejected, again: again.sort(inOrder), why };
  }

  async #opened(): Promise<{ readonly session: Session } | { readonly problem: Unsettled }> {
    if (this.#session !== undefined && !this.#session.connection.isClosed()) return { session: this.#session };
    const server = this.#servers[this.#next % this.#servers.length];
    if (server === undefined) return { problem: natsProblem(undefined) };
    let connection: NatsConnection | undefined;
    try {
      connection = await this.#connect(server);
      const settings = await this.#streamSettings(connection);
      if (settings === undefined) {
        await connection.close();
        const why = `no stream holds the subject ${this.#settings.subject}`;
        return { problem: { kind: 'hold', code: 'stream_missing', why } };
      }
      this.#remarks = settings.remarks;
      this.#session = { connection, stream: jetstream(connection), isDurable: settings.isDurable };
      return { session: this.#session };
    } catch (error) {
      this.#next++;
      await connection?.close();
      return { problem: natsProblem(error) };
    }
  }

  /** To an address that was looked at, and to that alone: what a cluster names by itself is not followed. */
  async #connect(server: HostPort): Promise<NatsConnection> {
    const { tls } = this.#settings;
    const address = await addressOf(server, this.#deps.rules);
    return connect({
      servers: printHostPort({ host: address, port: server.port }),
      name: this.#deps.userAgent,
      tls: tls === null ? null : await tlsOptions(server.host, tls, this.#deps),
      timeout: CONNECT_MS,
      ignoreClusterUpdates: true,
      // The shipper waits and tries again.
      reconnect: false,
      ...(await this.#authentication()),
    });
  }

  async #authentication(): Promise<{ readonly authenticator?: Authenticator }> {
    const { auth } = this.#settings;
    const reveal = async (ref: string): Promise<string> => (await this.#deps.secret(ref)).reveal();
    switch (auth.kind) {
      case 'none':
        return {};
      case 'password':
        return { authenticator: usernamePasswordAuthenticator(auth.user, await reveal(auth.password_ref)) };
      case 'token':
        return { authenticator: tokenAuthenticator(await reveal(auth.token_ref)) };
      case 'creds':
        return { authenticator: credsAuthenticator(Buffer.from(await reveal(auth.creds_ref))) };
    }
  }

  /** Undefined: there is no stream for the subject. */
  async #streamSettings(
    connection: NatsConnection,
  ): Promise<{ readonly remarks: readonly string[]; readonly isDurable: boolean } | undefined> {
    const manager = await jetstreamManager(connection, { checkAPI: false });
    const names: string[] = [];
    try {
      for await (const name of manager.streams.names(this.#settings.subject)) names.push(name);
      const [name] = names;
      if (name === undefined) return undefined;
      const { config } = await manager.streams.info(name);
      return { remarks: streamRemarks(config), isDurable: config.storage === 'file' };
    } catch (error) {
      // A user that may publish alone cannot ask; a server without JetStream answers nothing.
      const problem = natsProblem(error);
      if (problem.code !== 'receiver_refuses') throw error;
      return {
        remarks: ['Our user may not read the settings of the stream, so they are not checked.'],
        isDurable: false,
      };
    }
  }

  async #end(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.connection.close();
  }
}
