/** nats-server with JetStream, as integrations/nats configures it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type JetStreamManager, jetstream, jetstreamManager, type StreamConfig } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Certificate } from '../../../../../test/setup/certificates.ts';
import { freePort, listening, type Program, removeFolder, run, temporaryFolder } from './program.ts';
import type { ReceiverOptions } from './rsyslog.ts';

const SHIPPED = new URL('../../../../../integrations/nats/', import.meta.url);
const shipped = (name: string): Promise<string> => readFile(fileURLToPath(new URL(name, SHIPPED)), 'utf8');

export interface NatsReceiver extends AsyncDisposable {
  readonly port: number;
  /** Of the user of the sink, and of one that may do anything. */
  readonly password: string;
  readonly adminPassword: string;
  /** As an administrator of it. */
  manage<Result>(work: (manager: JetStreamManager) => Promise<Result>): Promise<Result>;
  /** Makes a stream of another name and subject than the shipped one, weaker or stricter. */
  addStream(changed: Partial<StreamConfig>): Promise<void>;
  /** Bodies and ids in the order in which they were stored. */
  stored(stream: string): Promise<readonly { readonly id: string; readonly body: string }[]>;
  /** Hears of the id of each as it is stored, until the server is disposed of. */
  follow(stream: string, onId: (id: string) => void): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** `maxBytes`: of the shipped stream. */
export async function startNats(
  { ca, server }: ReceiverOptions,
  client: Certificate,
  maxBytes = 10_000_000,
): Promise<NatsReceiver> {
  const folder = await temporaryFolder();
  const path = (name: string): string => join(folder, name);
  const port = await freePort();
  const [password, adminPassword] = ['a-password-of-the-sink', 'a-password-of-the-admin'];
  // Of more than a test may take up, a part.
  const stream: unknown = JSON.parse((await shipped('stream.json')).replace('107374182400', String(maxBytes)));
  await writeFile(path('ca.pem'), ca);
  await writeFile(path('receiver.pem'), server.certificate);
  await writeFile(path('receiver.key'), server.key);
  await writeFile(
    path('nats-server.conf'),
    (await shipped('nats-server.conf'))
      .replaceAll('/etc/hivekey', folder)
      .replace('/var/lib/nats', path('data'))
      .replace('0.0.0.0:4222', `127.0.0.1:${port}`)
      .replace('"$HIVEKEY_NATS_PASSWORD"', `"${password}"`)
      .replace('"$NATS_ADMIN_PASSWORD"', `"${adminPassword}"`),
  );
  let program: Program | undefined;
  const kill = async (): Promise<void> => program?.kill();
  const start = async (): Promise<void> => {
    program = run('usr/sbin/nats-server', { args: ['-c', path('nats-server.conf')] });
    await listening(port, program);
  };
  const asAdministrator = (): Promise<NatsConnection> =>
    connect({
      servers: `127.0.0.1:${port}`,
      user: 'admin',
      pass: adminPassword,
      tls: { ca, cert: client.certificate, key: client.key },
    });
  const followers: NatsConnection[] = [];
  const manage: NatsReceiver['manage'] = async (work) => {
    const connection = await asAdministrator();
    try {
      return await work(await jetstreamManager(connection));
    } finally {
      await connection.close();
    }
  };
  const addStream = (changed: Partial<StreamConfig>): Promise<void> =>
    manage(async (manager) => {
      await manager.streams.add({ ...(isSettings(stream) ? stream : {}), ...changed, name: changed.name ?? 'HIVEKEY' });
    });
  await start();
  await addStream({});
  return {
    port,
    password,
    adminPassword,
    manage,
    addStream,
    stored: (name) =>
      manage(async (manager) => {
        const { state } = await manager.streams.info(name);
        const events = [];
        for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
          const message = await manager.streams.getMessage(name, { seq });
          if (message !== null) events.push({ id: message.header.get('Nats-Msg-Id'), body: message.string() });
        }
        return events;
      }),
    follow: async (name, onId) => {
      const connection = await asAdministrator();
      followers.push(connection);
      const consumer = await jetstream(connection).consumers.get(name);
      await consumer.consume({ callback: (message) => onId(message.headers?.get('Nats-Msg-Id') ?? '') });
    },
    kill,
    start,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(followers.map((connection) => connection.close()));
      await kill();
      await removeFolder(folder);
    },
  };
}

function isSettings(value: unknown): value is Partial<StreamConfig> {
  return typeof value === 'object' && value !== null;
}
