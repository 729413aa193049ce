/** A SAML identity provider: `samlp`, with a page that asks who is there. It takes whatever name it is told. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';

interface User {
  readonly id: string;
  readonly displayName: string;
  readonly emails: readonly { readonly value: string }[];
  readonly name: { readonly givenName: string; readonly surname: string };
  readonly groups: readonly string[];
}

/** As Express has it, as far as samlp looks at it. */
interface Request {
  readonly method: string;
  readonly query: Record<string, string>;
  readonly body: Record<string, string>;
  readonly headers: IncomingMessage['headers'];
  readonly originalUrl: string;
  readonly protocol: 'http';
}
interface Response {
  set(name: string, value: string): void;
  send(body: string | number): void;
}
type Middleware = (request: Request, response: Response, next: (error: unknown) => void) => void;

const samlp: {
  auth(options: {
    readonly issuer: string;
    readonly cert: string;
    readonly key: string;
    readonly lifetimeInSeconds: number;
    readonly signResponse: boolean;
    readonly recipient: string;
    readonly destination: string;
    readonly sessionIndex: string;
    readonly authnContextClassRef: string;
    readonly nameIdentifierFormat: string;
    readonly getPostURL: (
      audience: string,
      dom: unknown,
      request: Request,
      done: (error: null, url: string) => void,
    ) => void;
    readonly getUserFromRequest: (request: Request) => User;
  }): Middleware;
  metadata(options: {
    readonly issuer: string;
    readonly cert: string;
    readonly redirectEndpointPath: string;
  }): Middleware;
} = createRequire(import.meta.url)('samlp');

const folder = new URL('../../packages/server/test/saml/fixtures/', import.meta.url);
const cert = readFileSync(new URL('idp.cert.pem', folder), 'utf8');
const key = readFileSync(new URL('idp.key.pem', folder), 'utf8');
/** The namespace under which samlp puts what it has no claim for. */
export const GROUPS = 'http://schemas.passportjs.com/groups';
export const EMAIL = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress';
export const NAME = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name';

export interface SamlIdp {
  readonly metadataUrl: string;
  /** Where it sends its answers; known once HiveKey knows the provider. */
  acsUrl: string;
  close(): Promise<void>;
}

export async function startSamlIdp(): Promise<SamlIdp> {
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  // Another site than that of the console, which is at 127.0.0.1.
  const origin = `http://localhost:${address !== null && typeof address === 'object' ? address.port : 0}`;
  const idp = {
    metadataUrl: `${origin}/metadata`,
    acsUrl: '',
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', origin);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const request: Request = {
      method: incoming.method ?? 'GET',
      query: Object.fromEntries(url.searchParams),
      body: Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString())),
      headers: incoming.headers,
      originalUrl: url.pathname,
      protocol: 'http',
    };
    const shown: Response = {
      set: (name, value) => void response.setHeader(name, value),
      send: (body) => void (typeof body === 'number' ? response.writeHead(body).end() : response.end(body)),
    };
    const fail = (error: unknown) => void response.writeHead(500).end(String(error));
    if (url.pathname === '/metadata')
      samlp.metadata({ issuer: 'urn:samlp', cert, redirectEndpointPath: '/sso' })(request, shown, fail);
    else if (request.method === 'GET') {
      response.setHeader('content-type', 'text/html');
      response.end(loginPage(request.query));
    } else
      samlp.auth({
        issuer: 'urn:samlp',
        cert,
        key,
        lifetimeInSeconds: 120,
        signResponse: true,
        recipient: idp.acsUrl,
        destination: idp.acsUrl,
        sessionIndex: 'samlp-session',
        authnContextClassRef: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
        nameIdentifierFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
        getPostURL: (_audience, _dom, _request, done) => done(null, idp.acsUrl),
        getUserFromRequest: ({ body }) => userOf(body.user ?? ''),
      })(request, shown, fail);
  }
  return idp;
}

function loginPage({ SAMLRequest = '', RelayState = '' }: Record<string, string>): string {
  const hidden = { SAMLRequest, RelayState };
  const fields = Object.entries(hidden).map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`);
  return `<!doctype html><title>Sign in</title><form method="post" action="/sso">${fields.join('')}<label>User <input name="user"></label><button>Continue</button></form>`;
}

function userOf(name: string): User {
  return {
    id: `samlp|${name}`,
    displayName: name,
    emails: [{ value: `${name}@acme.example` }],
    name: { givenName: name, surname: 'Acme' },
    groups: ['security', 'ops'],
  };
}
