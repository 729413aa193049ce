import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type EventStreamOptions, streamEvents } from '../../src/api/audit-stream.ts';
import type { LogEvent } from '../../src/log/index.ts';
import { eventually } from '../actions/workspace.ts';

const EVENT: Omit<LogEvent, 'seq'> = {
  entry_hash: 'sha256:1',
  prev_hash: 'sha256:2',
  hash: 'sha256:3',
  outcome: null,
  record: {
    v: 1,
    event_id: 'evt_1',
    kind: 'tool.call',
    ts: '',
    workspace: 'w',
    env: 'prod',
    shard: 's',
    shard_seq: 1,
    args: 'x'.repeat(4096),
  },
};

let server: Server | undefined;
let socket: Socket | undefined;
afterEach(async () => {
  socket?.destroy();
  server?.closeAllConnections();
  server?.close();
});

/** A server that streams events without end to one paused reader. */
async function stream(options: Partial<EventStreamOptions> = {}) {
  let made = 0;
  async function* endless(signal: AbortSignal): AsyncGenerator<LogEvent, void, undefined> {
    while (!signal.aborted) {
      made += 1;
      yield { ...EVENT, seq: made };
    }
  }
  const { promise: started, resolve } = Promise.withResolvers<{ response: ServerResponse; ended: Promise<unknown> }>();
  const closing = new AbortController();
  server = createServer((_, response) => {
    const ended = streamEvents({
      response,
      headers: {},
      events: endless,
      recheck: async () => undefined,
      closing: closing.signal,
      ...options,
    });
    resolve({ response, ended });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  return { ...(await started), made: () => made, closing, reader: socket };
}

describe('a stream of events', () => {
  it('takes no more than its reader does', async () => {
    const { response, made, reader } = await stream();
    await eventually(async () => (response.writableNeedDrain ? true : undefined));
    // What the kernel still takes, it takes now.
    let before: number;
    do {
      before = made();
      for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
    } while (made() !== before);
    expect(response.writableLength).toBeLessThan(1024 * 1024);

    reader.resume();
    await eventually(async () => (made() > before ? true : undefined));
  });

  it('ends with its reader', async () => {
    const { reader, ended } = await stream();
    reader.destroy();
    await ended;
  });

  it('ends with the server, although its reader is stalled', async () => {
    const { response, closing, ended } = await stream();
    await eventually(async () => (response.writableNeedDrain ? true : undefined));
    closing.abort();
    await ended;
  });

  it('ends when its reader may not read any more', async () => {
    const { ended, reader } = await stream({ recheck: () => Promise.reject(new Error('revoked')) });
    reader.resume();
    await ended;
  });

  it('ends when the database is away', async () => {
    const events = async function* (): AsyncGenerator<LogEvent, void, undefined> {
      yield { ...EVENT, seq: 1 };
      throw new Error('away');
    };
    const { ended } = await stream({ events });
    await ended;
  });
});
