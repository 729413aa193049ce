/**
 * A server with everything the public MCP conformance suite asks for, in both protocol eras on one URL:
 * the baseline, and the upstream behind the gateway. Prints its port. `--legacy` serves sessions only.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  localhostHostValidation,
  localhostOriginValidation,
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
} from '@modelcontextprotocol/node';
import { createMcpHandler, isJsonContentType, isLegacyRequest, type McpServer } from '@modelcontextprotocol/server';
import { type Changing, createFixtureServer } from './definitions.ts';

const legacyOnly = process.argv.includes('--legacy');
const sessions = new Map<
  string,
  { readonly transport: NodeStreamableHTTPServerTransport; readonly server: McpServer }
>();

const changing: Changing = {
  toolRevision: 0,
  promptRevision: 0,
  onToolChange() {
    modern.notify.toolsChanged();
    for (const { server } of sessions.values()) server.sendToolListChanged();
  },
  onPromptChange() {
    modern.notify.promptsChanged();
    for (const { server } of sessions.values()) server.sendPromptListChanged();
  },
};
const modern = createMcpHandler(() => createFixtureServer(changing), { legacy: 'reject' });
const serveModern = toNodeHandler(modern);

async function serveLegacy(req: IncomingMessage, res: ServerResponse, body: unknown): Promise<void> {
  const id = req.headers['mcp-session-id'];
  const known = typeof id === 'string' ? sessions.get(id) : undefined;
  if (known !== undefined) return known.transport.handleRequest(req, res, body);
  if (typeof id === 'string') {
    res.writeHead(404, { 'content-type': 'application/json' });
    res.end('{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}');
    return undefined;
  }
  const server = createFixtureServer(changing);
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (session) => {
      sessions.set(session, { transport, server });
    },
    onsessionclosed: (session) => {
      sessions.delete(session);
    },
  });
  const { server: lowLevel } = server;
  const watched = new Set<string>();
  lowLevel.setRequestHandler('resources/subscribe', ({ params }) => {
    watched.add(params.uri);
    return {};
  });
  lowLevel.setRequestHandler('resources/unsubscribe', ({ params }) => {
    watched.delete(params.uri);
    return {};
  });
  await server.connect(transport);
  return transport.handleRequest(req, res, body);
}

async function bodyOf(req: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of req) text += String(chunk);
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (!localhostHostValidation()(req, res) || !localhostOriginValidation()(req, res)) return;
  const body = req.method === 'POST' && isJsonContentType(req.headers['content-type']) ? await bodyOf(req) : undefined;
  const headers = Object.entries(req.headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value]] : [],
  );
  const request = new Request(`http://127.0.0.1${req.url ?? '/'}`, {
    method: req.method ?? 'GET',
    headers: Object.fromEntries(headers),
  });
  if (legacyOnly || (await isLegacyRequest(request, body))) await serveLegacy(req, res, body);
  else await serveModern(Object.assign(req, { method: req.method ?? 'GET', url: req.url ?? '/' }), res, body);
}

const http = createServer((req, res) => {
  serve(req, res).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    if (!res.headersSent) res.writeHead(500);
    res.end();
  });
});
http.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  const address = http.address();
  process.stdout.write(`${typeof address === 'object' && address !== null ? address.port : ''}\n`);
});
