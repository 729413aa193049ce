/** The back office of a shop, as a plain REST service: ten resources with five operations each, and what it was sent. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';

export const SHOP_DOCUMENT = readFileSync(join(import.meta.dirname, 'shop.openapi.yaml'), 'utf8');

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  /** A character for each byte. */
  readonly body: string;
}

export type Handler = (req: IncomingMessage, res: ServerResponse, body: string) => void;

export interface Service {
  /** Base address, with a path of its own. */
  readonly endpoint: string;
  readonly port: number;
  /** Every request that arrived, whole. */
  readonly seen: Seen[];
  close(): Promise<void>;
}

/** A service on a free port of the loopback. `handler` answers a request once its body has arrived. */
export async function startService(handler: Handler, base = '/api'): Promise<Service> {
  const seen: Seen[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const body = Buffer.concat(chunks);
      seen.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, body: body.toString('latin1') });
      handler(req, res, body.toString());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}${base}`,
    port,
    seen,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function json(res: ServerResponse, status: number, value: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json', 'set-cookie': 'session=1', 'x-shop': 'yes' });
  res.end(JSON.stringify(value));
}

/** Wants `key` as a bearer token. `GET /api/tickets/slow` answers half and then waits. */
export function startShop(key: string): Promise<Service> {
  const things = new Map<string, Map<string, object>>();
  let next = 1;
  return startService((req, res, body) => {
    if (req.headers.authorization !== `Bearer ${key}`) return json(res, 401, { error: 'who are you' });
    const [, kind = '', id] = new URL(req.url ?? '', 'http://shop').pathname.slice('/api'.length).split('/');
    const all = things.get(kind) ?? new Map<string, object>();
    things.set(kind, all);
    if (id === 'slow') {
      res.writeHead(200, { 'content-type': 'text/plain' });
      res.write('half');
      return;
    }
    if (id === undefined) {
      if (req.method === 'GET') return json(res, 200, { data: [...all.values()] });
      const made = { id: `${kind}-${next}`, ...JSON.parse(body) };
      next += 1;
      all.set(made.id, made);
      res.setHeader('location', `/api/${kind}/${made.id}`);
      return json(res, 201, made);
    }
    const known = all.get(decodeURIComponent(id));
    if (known === undefined) return json(res, 404, { error: 'no such thing' });
    if (req.method === 'GET') return json(res, 200, known);
    if (req.method === 'PATCH') {
      Object.assign(known, JSON.parse(body));
      return json(res, 200, known);
    }
    all.delete(id);
    res.writeHead(204).end();
  });
}
