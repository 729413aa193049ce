/** A PostgreSQL, servers on it, an echoing upstream, and agents with tokens: where the measures of the whole path begin. */
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Agent, HiveKey, type Token } from '../packages/sdk/src/index.ts';
import { startEmbeddedPostgres } from '../packages/server/src/database/index.ts';
import type { LoadTarget } from './load.ts';
import { type Subject, startSubject } from './process.ts';

const GATEWAY = new URL('./subjects/gateway.ts', import.meta.url);
const RAW_ECHO = new URL('./subjects/raw-echo.ts', import.meta.url);

/** Made once for each run of the benchmark. */
export interface Ground {
  readonly cluster: string;
  readonly postgresVersion: string;
  /** A folder that goes with the ground. */
  folder(): Promise<string>;
  close(): Promise<void>;
}

export async function openGround(): Promise<Ground> {
  const root = await mkdtemp(join(tmpdir(), 'hivekey-bench-'));
  const postgres = await startEmbeddedPostgres(join(root, 'postgres'));
  return {
    cluster: postgres.url,
    postgresVersion: await versionOf(postgres.url),
    folder: () => mkdtemp(join(root, 'node-')),
    close: async () => {
      await postgres.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function versionOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: new URL('/postgres', url).href });
  await client.connect();
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
  await client.end();
  return rows[0]?.server_version ?? 'unknown';
}

export interface Company {
  readonly gateways: readonly Subject[];
  readonly upstreamPort: number;
  readonly admin: HiveKey;
  /** URL of the database, as the role that owns it. */
  readonly database: string;
  /** An agent with the role that may call `echo.echo`; returns its token. */
  addAgent(name: string, owner?: string): Promise<string>;
  close(): Promise<void>;
}

export interface CompanyOptions {
  readonly nodes?: number;
  /** An upstream that listens already, instead of the raw echo. */
  readonly upstreamPort?: number;
  readonly flags?: readonly string[];
  /** Of every node, beside those that all have. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Starts the nodes on one new database, with the same keys, and the upstream `echo` behind them. */
export async function openCompany(ground: Ground, options: CompanyOptions = {}): Promise<Company> {
  const { nodes = 1, flags = [], settings = {} } = options;
  const raw = options.upstreamPort === undefined ? await startSubject(RAW_ECHO) : undefined;
  const upstreamPort = options.upstreamPort ?? raw?.port ?? 0;
  const database = new URL(`/bench_${randomBytes(6).toString('hex')}`, ground.cluster).href;
  const gateways: Subject[] = [];
  let first = '';
  for (let node = 0; node < nodes; node += 1) {
    const data = await ground.folder();
    if (node === 0) first = data;
    else for (const key of ['secret.key', 'log.key']) await cp(join(first, key), join(data, key));
    gateways.push(await startSubject(GATEWAY, [], { ...gatewaySettings(database, data), ...settings }, flags));
  }
  const [gateway] = gateways;
  if (gateway === undefined) throw new Error('a company has at least one node');
  const admin = new HiveKey({ url: `http://127.0.0.1:${gateway.port}`, key: gateway.facts.key ?? '' });
  const endpoint = `http://127.0.0.1:${upstreamPort}/mcp`;
  const server = { namespace: 'echo', endpoint, default_access: 'read-write' };
  const made = await admin.request<{ last_error: string | null }>('POST', '/v1/mcp/servers', { body: server });
  if (made.last_error !== null) throw new Error(`the upstream cannot be read: ${made.last_error}`);
  await admin.request('PUT', '/v1/roles/echoer', { body: roleDocument('echoer', ['echo.echo']) });
  return {
    gateways,
    upstreamPort,
    admin,
    database,
    addAgent: async (name, owner = 'dana@acme.example') => {
      await admin.request<Agent>('POST', '/v1/agents', { body: { name, role: 'echoer', owner } });
      const { token } = await admin.request<Token>('POST', '/v1/tokens', { body: { agent: name } });
      if (token === undefined) throw new Error('no token was shown');
      return token;
    },
    close: async () => {
      await Promise.all(gateways.map((each) => each.stop()));
      await raw?.stop();
    },
  };
}

export function gatewaySettings(database: string, data: string): Record<string, string> {
  return {
    HIVEKEY_CONFIG: '/dev/null',
    HIVEKEY_DATABASE_URL: database,
    HIVEKEY_DATA: data,
    HIVEKEY_PORT: '0',
    HIVEKEY_LOG_LEVEL: 'silent',
    HIVEKEY_UPSTREAM_ALLOW: '127.0.0.0/8',
    // The benchmark is one agent with the traffic of a company.
    HIVEKEY_REQUESTS_PER_MINUTE: '100000000',
  };
}

export function roleDocument(name: string, allow: readonly string[], guards: readonly object[] = []): object {
  return { apiVersion: 'policy.hivekey.ai/v1', kind: 'Role', metadata: { name }, scope: { allow }, guards };
}

// ---- what agents send

const MESSAGE = 'The quick brown fox jumps over the lazy dog. '.repeat(5).slice(0, 200);
const VERSION = '2026-07-28';
const META = {
  'io.modelcontextprotocol/protocolVersion': VERSION,
  'io.modelcontextprotocol/clientCapabilities': {},
};
export const JSON_HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
} as const;

export function modernHeaders(token: string, method: string, name?: string): Record<string, string> {
  return {
    ...JSON_HEADERS,
    authorization: `Bearer ${token}`,
    'mcp-protocol-version': VERSION,
    'mcp-method': method,
    ...(name === undefined ? {} : { 'mcp-name': name }),
  };
}

export function modernBody(id: number | string, method: string, params: object = {}): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: META } });
}

/** A `tools/call` of revision 2026-07-28 that has 200 bytes echoed; with a token, for the gateway's route to the upstream. */
export function echoCall(port: number, token?: string): LoadTarget {
  return {
    port,
    path: token === undefined ? '/mcp' : '/mcp/echo',
    headers: modernHeaders(token ?? 'none', 'tools/call', 'echo'),
    body: (i) => modernBody(i, 'tools/call', { name: 'echo', arguments: { message: MESSAGE } }),
    expected: MESSAGE,
  };
}

/** The same call in a session of revision 2025-11-25. */
export async function legacyEchoCall(port: number): Promise<LoadTarget> {
  const post = (headers: Record<string, string>, message: object): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/mcp`, {
      method: 'POST',
      headers: { ...JSON_HEADERS, ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
  const clientInfo = { name: 'bench', version: '1.0.0' };
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
  const opened = await post({}, { id: 0, method: 'initialize', params });
  await opened.text();
  const session = {
    'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
    'mcp-protocol-version': '2025-11-25',
  };
  await (await post(session, { method: 'notifications/initialized' })).text();
  const call = { name: 'echo', arguments: { message: MESSAGE } };
  return {
    port,
    path: '/mcp',
    headers: { ...JSON_HEADERS, ...session },
    body: (i) => JSON.stringify({ jsonrpc: '2.0', id: i + 1, method: 'tools/call', params: call }),
    expected: MESSAGE,
  };
}
