/** The site of clients: metadata documents over TLS, as a test says them. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';

const CERTIFICATE = readFileSync(new URL('../channels/fixtures/relay.cert.pem', import.meta.url), 'utf8');
const KEY = readFileSync(new URL('../channels/fixtures/relay.key.pem', import.meta.url), 'utf8');

export interface Document {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, or the text itself. */
  readonly body?: unknown;
  /** Never answers. */
  readonly hangs?: boolean;
}

export class ClientSite {
  /** To be believed by whoever is to ask it. */
  static readonly certificate = CERTIFICATE;
  readonly host: string;
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #documents = new Map<string, Document>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.host = `localhost:${port}`;
    server.on('request', ({ url = '' }, response) => {
      this.asked.push(url);
      const { status = 200, headers = {}, body, hangs = false } = this.#documents.get(url) ?? { status: 404 };
      if (hangs) return;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}));
    });
  }

  static async start(): Promise<ClientSite> {
    const server = createServer({ cert: CERTIFICATE, key: KEY }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return new ClientSite(server, address !== null && typeof address === 'object' ? address.port : 0);
  }

  /** Client id of a document there; a usable one, with what is given put over it. */
  serve(path: string, change: Readonly<Record<string, unknown>> = {}, answer: Document = {}): string {
    const id = `https://${this.host}${path}`;
    const body = { client_id: id, client_name: 'Desk', redirect_uris: ['https://desk.example/back'], ...change };
    this.#documents.set(path, { body, ...answer });
    return id;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
