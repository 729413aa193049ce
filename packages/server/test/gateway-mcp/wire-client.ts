/** Plain HTTP requests to an entrance on loopback, and the entrance itself on a free port. */
import { createSecretKey } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { JsonObject } from '@hivekey/policy';
import { createMcpEntrance, type McpEntrance, type McpEntranceConfig } from '../../src/gateway/mcp/index.ts';
import type { ActionPath } from '../../src/path/index.ts';
import type { Upstreams } from '../../src/upstreams/types.ts';

export const VERSION = '2026-07-28';

export interface Running {
  readonly entrance: McpEntrance;
  readonly server: Server;
  readonly port: number;
  readonly url: string;
  readonly errors: string[];
  close(): Promise<void>;
}

/** The path double holds calls that cannot wait. */
const NO_APPROVALS = {
  look: async () => undefined,
  wait: async () => undefined,
  finish: async () => undefined,
  withdraw: async () => false,
};

export async function run(
  path: ActionPath,
  upstreams: Upstreams,
  config: Partial<McpEntranceConfig> = {},
): Promise<Running> {
  const errors: string[] = [];
  const keep = (_details: object, message: string): void => {
    errors.push(message);
  };
  const stateKey = createSecretKey(Buffer.alloc(32, 7));
  const entrance = createMcpEntrance({
    path,
    upstreams,
    approvals: NO_APPROVALS,
    config: { stateKey, version: '0.0.0', ...config },
    logger: { warn: keep, error: keep },
  });
  const server = createServer((req, res) => entrance.handle(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    entrance,
    server,
    port,
    url: `http://127.0.0.1:${port}/mcp`,
    errors,
    close: async () => {
      await entrance.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  /** The JSON body, or the data of each event of a stream. */
  readonly json: JsonObject;
  readonly events: readonly JsonObject[];
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string | Buffer;
  /** Path on the server. */
  readonly path?: string;
}

/** One request; resolves when the answer is complete. */
export function send(port: number, { method = 'POST', headers = {}, body, path = '/mcp' }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = open(port, { method, headers, path, ...(body === undefined ? {} : { body }) }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('end', () => resolve(answerOf(res, Buffer.concat(chunks).toString())));
      res.on('error', reject);
    });
    req.on('error', reject);
  });
}

/** As `send`, but hands over the response as it begins. */
export function open(
  port: number,
  { method = 'POST', headers = {}, body, path = '/mcp' }: Sent,
  onResponse: (res: IncomingMessage) => void,
) {
  const given = Object.fromEntries(Object.entries(headers).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])));
  const req = httpRequest({ host: '127.0.0.1', port, path, method, headers: given, agent: false }, onResponse);
  req.end(body);
  return req;
}

function answerOf(res: IncomingMessage, text: string): Answer {
  const isStream = res.headers['content-type']?.startsWith('text/event-stream') === true;
  const events = isStream ? eventsIn(text) : [];
  let json: JsonObject = {};
  if (!isStream && text !== '') json = JSON.parse(text);
  return { status: res.statusCode ?? 0, headers: res.headers, text, json, events };
}

export function eventsIn(text: string): JsonObject[] {
  return text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6))] : []));
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** Headers and body of a well-formed modern request; give another header or parameter to break it. */
export function modern(
  token: string,
  method: string,
  params: JsonObject = {},
  more: { readonly headers?: Sent['headers']; readonly meta?: JsonObject; readonly id?: string | number } = {},
): Sent {
  const name = [params.name, params.uri, params.taskId].find((each) => typeof each === 'string');
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': VERSION,
    'io.modelcontextprotocol/clientCapabilities': {},
    ...more.meta,
  };
  return {
    headers: {
      ...JSON_HEADERS,
      ...bearer(token),
      'mcp-protocol-version': VERSION,
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
      ...more.headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: more.id ?? 1, method, params: { ...params, _meta } }),
  };
}

export function legacy(
  token: string,
  session: string | undefined,
  message: JsonObject,
  headers: Sent['headers'] = {},
): Sent {
  return {
    headers: {
      ...JSON_HEADERS,
      ...bearer(token),
      ...(session === undefined ? {} : { 'mcp-session-id': session }),
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
  };
}

/** Opens a legacy session and returns its id. */
export async function initialize(
  port: number,
  token: string,
  options: { readonly capabilities?: JsonObject; readonly version?: string; readonly path?: string } = {},
): Promise<{ readonly session: string; readonly result: JsonObject }> {
  const params = {
    protocolVersion: options.version ?? '2025-11-25',
    capabilities: options.capabilities ?? {},
    clientInfo: { name: 'test', version: '1' },
  };
  const message = legacy(token, undefined, { id: 0, method: 'initialize', params });
  const answer = await send(port, { ...message, ...(options.path === undefined ? {} : { path: options.path }) });
  const session = answer.headers['mcp-session-id'];
  const { result } = answer.json;
  if (typeof session !== 'string' || typeof result !== 'object' || result === null || Array.isArray(result))
    throw new Error(`initialize failed: ${answer.status} ${answer.text}`);
  return { session, result: result as JsonObject };
}

/** Bytes on a bare socket; resolves with everything that comes back until the server closes or `until` is in it. */
export function raw(port: number, bytes: string | Buffer, until?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (until !== undefined && text.includes(until)) socket.destroy();
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}
