/** A receiver of webhooks: keeps what came, checks signatures, answers as it is told. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';

export interface Received {
  readonly id: string;
  readonly timestamp: number;
  readonly signature: string;
  readonly body: string;
  readonly event: {
    readonly type: string;
    readonly timestamp: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
}

export interface Receiver {
  readonly url: string;
  readonly host: string;
  readonly received: Received[];
  /** Status of the next answers; 204 when it gives undefined. A redirect goes to `/elsewhere`. */
  answer: (received: Received) => number | undefined | Promise<number | undefined>;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void take(request).then(async (each) => {
      if (request.url !== '/hook') throw new Error(`${request.url} was called`);
      const status = (await receiver.answer(each)) ?? 204;
      received.push(each);
      response.writeHead(status, status >= 300 && status < 400 ? { location: '/elsewhere' } : {}).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const host = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const receiver: Receiver = {
    url: `http://${host}/hook`,
    host,
    received,
    answer: () => undefined,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return receiver;
}

async function take(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  const header = (name: string) => String(request.headers[name]);
  return {
    id: header('webhook-id'),
    timestamp: Number(header('webhook-timestamp')),
    signature: header('webhook-signature'),
    body,
    event: JSON.parse(body),
  };
}

/** As a receiver checks it, by the text of the specification. */
export function isSigned({ id, timestamp, signature, body }: Received, secret: string): boolean {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return signature.split(' ').includes(`v1,${expected}`);
}
