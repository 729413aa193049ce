/** Unmodified clients that only speak stdio, through the bridge and the real gateway, to a real MCP server. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { HiveKey, type Token } from '@hivekey/sdk';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/setup/server.ts';
import { MAIN } from './run-cli.ts';

let server: TestServer;
let admin: HiveKey;
let token: string;

beforeAll(async () => {
  server = await startTestServer();
  admin = new HiveKey({ url: server.url, key: server.adminKey });
  const manifest = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json');
  const command = [process.execPath, join(dirname(manifest), 'dist/index.js'), 'stdio'];
  await admin.request('POST', '/v1/mcp/servers', {
    body: { namespace: 'everything', command, default_access: 'read-write', trust_annotations: true },
  });
  await admin.request('PUT', '/v1/roles/bridged', {
    body: {
      apiVersion: 'policy.hivekey.ai/v1',
      kind: 'Role',
      metadata: { name: 'bridged' },
      scope: { allow: ['everything.echo', 'everything.trigger-long-running-operation'] },
      guards: [],
    },
  });
  await admin.request('POST', '/v1/agents', {
    body: { name: 'bridged-bot', role: 'bridged', owner: 'dana@acme.example' },
  });
  token = (await admin.request<Token>('POST', '/v1/tokens', { body: { agent: 'bridged-bot' } })).token ?? '';
});
afterAll(() => server.close());

const bridgeProcess = (more: readonly string[] = []) => ({
  command: process.execPath,
  args: ['--disable-warning=ExperimentalWarning', MAIN, 'bridge', ...more],
  env: { HIVEKEY_URL: server.url, HIVEKEY_TOKEN: token },
});

describe.each(['2026-07-28', '2025-11-25'])('a client of %s', (version) => {
  test('lists, calls, hears progress and is refused what it may not', async () => {
    const client = new Client(
      { name: 'stdio-only', version: '1.0.0' },
      version === '2026-07-28' ? { versionNegotiation: { mode: 'auto' } } : {},
    );
    await client.connect(new StdioClientTransport(bridgeProcess()));
    expect(client.getNegotiatedProtocolVersion()).toBe(version);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual([
      'everything__echo',
      'everything__trigger-long-running-operation',
    ]);
    const echo = await client.callTool({ name: 'everything__echo', arguments: { message: 'ünïcode\nline' } });
    expect(echo.content).toEqual([{ type: 'text', text: 'Echo: ünïcode\nline' }]);
    const progress: number[] = [];
    // The client drops progress that it reads together with the answer, as it does when it was kept from reading for long.
    await client.callTool(
      { name: 'everything__trigger-long-running-operation', arguments: { duration: 1, steps: 4 } },
      { onprogress: ({ progress: done }) => progress.push(done) },
    );
    expect(progress.length).toBeGreaterThan(0);
    await expect(client.callTool({ name: 'everything__get-env', arguments: {} })).rejects.toThrow(
      'Unknown tool: everything__get-env',
    );
    await client.close();
  });
});

test('one namespace alone has no prefix', async () => {
  const client = new Client({ name: 'stdio-only', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new StdioClientTransport(bridgeProcess(['--namespace', 'everything'])));
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toContain('echo');
  await client.close();
});

/** The bridge, line by line. */
class RawBridge {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: Interface;
  readonly #waiting: ((line: string) => void)[] = [];
  readonly #come: string[] = [];

  constructor(environment: Readonly<Record<string, string>>) {
    const { command, args } = bridgeProcess();
    this.#child = spawn(command, args, { env: environment });
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#lines.on('line', (line) => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#come.push(line);
      else next(line);
    });
  }

  say(message: object | string): void {
    this.#child.stdin.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);
  }

  async heard(): Promise<Record<string, unknown>> {
    const line = this.#come.shift() ?? (await new Promise<string>((resolve) => this.#waiting.push(resolve)));
    return JSON.parse(line);
  }

  /** Exit code. */
  async end(): Promise<number | null> {
    this.#child.stdin.end();
    return new Promise((resolve) => this.#child.once('close', resolve));
  }
}

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

describe('what goes wrong', () => {
  test('a line that is no JSON is answered, and the bridge lives on', async () => {
    const bridge = new RawBridge({ HIVEKEY_URL: server.url, HIVEKEY_TOKEN: token });
    bridge.say('{"jsonrpc":');
    expect(await bridge.heard()).toMatchObject({ id: null, error: { code: -32700 } });
    bridge.say(INITIALIZE);
    expect(await bridge.heard()).toMatchObject({ id: 1, result: { protocolVersion: '2025-11-25' } });
    expect(await bridge.end()).toBe(0);
  });

  test('a batch is refused by the gateway, not taken apart by the bridge', async () => {
    const bridge = new RawBridge({ HIVEKEY_URL: server.url, HIVEKEY_TOKEN: token });
    bridge.say([INITIALIZE]);
    expect(await bridge.heard()).toMatchObject({ id: null, error: { code: -32600 } });
    bridge.say({ jsonrpc: '2.0', id: 7, method: 'ping' });
    expect(await bridge.heard()).toMatchObject({ id: 7, error: { code: -32600 } });
    expect(await bridge.end()).toBe(0);
  });

  test('a dead token is told in words', async () => {
    const bridge = new RawBridge({ HIVEKEY_URL: server.url, HIVEKEY_TOKEN: 'hk_agt_dead' });
    bridge.say(INITIALIZE);
    expect(JSON.stringify(await bridge.heard())).toMatch(/token|credential/i);
    expect(await bridge.end()).toBe(0);
  });

  test('a gateway that is not there is told in words', async () => {
    const bridge = new RawBridge({ HIVEKEY_URL: 'http://127.0.0.1:9', HIVEKEY_TOKEN: token });
    bridge.say(INITIALIZE);
    expect(await bridge.heard()).toMatchObject({
      id: 1,
      error: { code: 1001, message: expect.stringContaining('cannot be reached') },
    });
    expect(await bridge.end()).toBe(0);
  });

  test('without a token it does not start', async () => {
    const bridge = new RawBridge({ HIVEKEY_URL: server.url });
    expect(await bridge.end()).toBe(2);
  });

  test('a session that the gateway lost is opened again without the client noticing', async () => {
    const bridge = new RawBridge({ HIVEKEY_URL: server.url, HIVEKEY_TOKEN: token });
    bridge.say(INITIALIZE);
    await bridge.heard();
    bridge.say({ jsonrpc: '2.0', method: 'notifications/initialized' });
    server = await server.restart({ port: Number(new URL(server.url).port) });
    bridge.say({
      jsonrpc: '2.0',
      id: 2,
      method: 'tools/call',
      params: { name: 'everything__echo', arguments: { message: 'again' } },
    });
    expect(await bridge.heard()).toMatchObject({ id: 2, result: { content: [{ type: 'text', text: 'Echo: again' }] } });
    expect(await bridge.end()).toBe(0);
  });
});
