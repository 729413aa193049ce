/** The mock cluster of librdkafka, which kcat runs: brokers that keep what they are given in memory, in the clear. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect as dial, type Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { Certificate } from '../../../../../test/setup/certificates.ts';
import { environment, run, unpacked } from './program.ts';

interface Consumed {
  readonly key: string;
  readonly headers: string;
  readonly body: string;
  readonly partition: number;
}

export interface KafkaReceiver extends AsyncDisposable {
  /** `127.0.0.1:port` of each broker. */
  readonly servers: readonly string[];
  /** Makes a topic; the cluster makes those that kcat asks for. */
  addTopic(topic: string): void;
  /** Everything in a topic, partition by partition. */
  consumed(topic: string): readonly Consumed[];
  /** Hears of everything in a topic as it comes, in pieces of text that end anywhere, until the cluster is disposed of. */
  follow(topic: string, onText: (text: string) => void): void;
}

export async function startKafka(brokers: number): Promise<KafkaReceiver> {
  const args = ['-P', '-b', '127.0.0.1:1', '-t', 'x', '-X', `test.mock.num.brokers=${brokers}`, '-d', 'mock'];
  const program = run('usr/bin/kcat', { args });
  let found: string | undefined;
  for (const end = Date.now() + 10_000; found === undefined && Date.now() < end; ) {
    found = /bootstrap\.servers=(\S+)/.exec(program.said())?.[1];
    if (found === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (found === undefined) throw new Error(`no brokers: ${program.said()}`);
  const servers = found.split(',');
  const kcat = (...given: string[]): string => {
    const { stdout, stderr, status } = spawnSync(unpacked('usr/bin/kcat'), ['-b', found, ...given], {
      encoding: 'utf8',
      env: environment(),
      maxBuffer: 64 * 1024 * 1024,
    });
    if (status !== 0) throw new Error(stderr);
    return stdout;
  };
  const followers: (() => Promise<unknown>)[] = [];
  return {
    servers,
    addTopic: (topic) => void kcat('-L', '-t', topic),
    consumed: (topic) =>
      kcat('-C', '-e', '-q', '-t', topic, '-f', '%p\\t%k\\t%h\\t%s\\n')
        .split('\n')
        .slice(0, -1)
        .map((line) => {
          const [partition, key = '', headers = '', body = ''] = line.split('\t');
          return { partition: Number(partition), key, headers, body };
        }),
    follow: (topic, onText) => {
      const args = ['-b', found, '-C', '-u', '-q', '-o', 'beginning', '-t', topic, '-X', 'fetch.wait.max.ms=5'];
      const child = spawn(unpacked('usr/bin/kcat'), args, { env: environment(), stdio: ['ignore', 'pipe', 'ignore'] });
      const ended = once(child, 'exit');
      child.stdout.setEncoding('utf8').on('data', onText);
      followers.push(() => {
        child.kill('SIGKILL');
        return ended;
      });
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(followers.map((end) => end()));
      await program.kill();
    },
  };
}

export interface KafkaProxy extends AsyncDisposable {
  /** `host:port`, over TLS. */
  readonly server: string;
  /** The connection is cut when the next answer to a batch of records comes. */
  cutAtAnswer(): void;
}

/** TLS before one broker, which it has name the proxy in place of itself: both addresses are equally long. */
export async function startKafkaProxy(broker: string, { certificate, key }: Certificate): Promise<KafkaProxy> {
  const [host = '', digits] = broker.split(':');
  const brokerPort = Number(digits);
  let cuts = false;
  const sockets = new Set<Socket>();
  const server = createServer({ cert: certificate, key }, (client) => {
    const upstream = dial(brokerPort, host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          client.destroy();
          upstream.destroy();
        });
    }
    let produces = false;
    client.on('data', (bytes: Buffer) => {
      // Length, then the key of the request: 0 is Produce.
      produces = bytes.length > 6 && bytes.readInt16BE(4) === 0;
      upstream.write(bytes);
    });
    upstream.on('data', (bytes: Buffer) => {
      if (produces && cuts) {
        cuts = false;
        client.destroy();
        return;
      }
      client.write(renamed(bytes, host, brokerPort, portOf(server.address())));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    server: `127.0.0.1:${portOf(server.address())}`,
    cutAtAnswer: () => {
      cuts = true;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A broker in metadata: its host, and its port in four bytes. */
function renamed(bytes: Buffer, host: string, from: number, to: number): Buffer {
  const [old, fresh] = [from, to].map((port) => {
    const pattern = Buffer.alloc(host.length + 4);
    pattern.write(host);
    pattern.writeInt32BE(port, host.length);
    return pattern;
  });
  if (old === undefined || fresh === undefined) return bytes;
  const copy = Buffer.from(bytes);
  for (let at = copy.indexOf(old); at >= 0; at = copy.indexOf(old, at + old.length)) fresh.copy(copy, at);
  return copy;
}

function portOf(address: unknown): number {
  return typeof address === 'object' && address !== null && 'port' in address ? Number(address.port) : 0;
}
