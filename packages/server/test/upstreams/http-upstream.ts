/** HTTP upstreams for tests: the conformance fixture, a server from npm, and one that answers as a test says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import type { JsonObject } from '@hivekey/policy';
import { BIN } from './connect.ts';

export interface Running extends AsyncDisposable {
  readonly url: string;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** Both eras on one URL; sessions only with `--legacy`. */
export async function startFixture(...options: readonly '--legacy'[]): Promise<Running> {
  const program = join(import.meta.dirname, '../../../../test/conformance/fixture.ts');
  const child = spawn(process.execPath, [program, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the fixture ended with code ${code}`)));
  const [port]: unknown[] = await Promise.race([once(child.stdout, 'data'), failed]);
  failed.catch(() => undefined);
  return { url: `http://127.0.0.1:${String(port).trim()}/mcp`, [Symbol.asyncDispose]: () => ended(child) };
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** `@modelcontextprotocol/server-everything` over Streamable HTTP. */
export async function startEverything(): Promise<Running> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(BIN, 'mcp-server-everything'), 'streamableHttp'], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  for await (const chunk of child.stderr) if (String(chunk).includes(`listening on port ${port}`)) break;
  return { url: `http://127.0.0.1:${port}/mcp`, [Symbol.asyncDispose]: () => ended(child) };
}

interface Received {
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: JsonObject;
}

export interface Scripted extends Running {
  /** Everything it was sent, in order. */
  readonly received: Received[];
  readonly port: number;
}

export type Script = (message: JsonObject, res: ServerResponse, req: IncomingMessage) => void;

/** A plain server: `answer` is called for each request. */
export async function startScripted(answer: Script): Promise<Scripted> {
  const received: Received[] = [];
  const server = createServer((req, res) => {
    let text = '';
    req.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    req.on('end', () => {
      const body: JsonObject = text === '' ? {} : JSON.parse(text);
      received.push({ method: req.method ?? '', headers: req.headers, body });
      answer(body, res, req);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    received,
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function json(res: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  res.writeHead(status, { 'content-type': 'application/json', ...headers });
  res.end(text);
}

export function events(res: ServerResponse, ...messages: readonly object[]): void {
  if (!res.headersSent) res.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const message of messages) res.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
}

export interface Offer {
  readonly tools?: () => readonly object[];
  readonly capabilities?: JsonObject;
  readonly instructions?: () => string | undefined;
}

/** A server of the session era, but for `tools/call`, which the test answers. */
export function legacyScript(call: Script, offer: Offer = {}): Script {
  let sessions = 0;
  return (message, res, req) => {
    const { id, method } = message;
    const result = (value: object, headers?: Record<string, string>): void =>
      json(res, { jsonrpc: '2.0', id, result: value }, 200, headers);
    if (req.method === 'GET') json(res, '', 405);
    else if (req.method === 'DELETE') json(res, '', 200);
    else if (method === 'initialize') {
      sessions += 1;
      const instructions = offer.instructions?.();
      result(
        {
          protocolVersion: '2025-11-25',
          capabilities: offer.capabilities ?? { tools: {} },
          serverInfo: { name: 'scripted', version: '1' },
          ...(instructions === undefined ? {} : { instructions }),
        },
        { 'mcp-session-id': `session-${sessions}` },
      );
    } else if (id === undefined) json(res, '', 202);
    else if (method === 'tools/list') result({ tools: offer.tools?.() ?? [] });
    else if (method === 'tools/call') call(message, res, req);
    else json(res, { jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } });
  };
}

/** A server of revision 2026-07-28, but for `tools/call`, which the test answers. */
export function modernScript(call: Script, offer: Offer = {}): Script {
  return (message, res, req) => {
    const { id, method } = message;
    const result = (value: object): void =>
      json(res, { jsonrpc: '2.0', id, result: { resultType: 'complete', ...value } });
    if (method === 'server/discover') {
      const instructions = offer.instructions?.();
      result({
        supportedVersions: ['2026-07-28'],
        capabilities: offer.capabilities ?? { tools: {} },
        ...(instructions === undefined ? {} : { instructions }),
      });
    } else if (method === 'tools/list') result({ tools: offer.tools?.() ?? [], ttlMs: 0, cacheScope: 'public' });
    else if (method === 'tools/call') call(message, res, req);
    else json(res, { jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } }, 404);
  };
}
