/** A server with real MCP servers from npm behind it, and an agent with a token: where most whole-system tests begin. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Agent, HiveKey, type Token } from '../../packages/sdk/src/index.ts';
import { startTestServer, type TestServer } from './server.ts';

const require = createRequire(import.meta.url);

/** The command that starts a server of the official collection, without npx. */
export function mcpServerCommand(name: 'everything' | 'filesystem' | 'memory', ...args: readonly string[]): string[] {
  const manifest = require.resolve(`@modelcontextprotocol/server-${name}/package.json`);
  return [process.execPath, join(dirname(manifest), 'dist/index.js'), ...args];
}

export interface Company {
  readonly server: TestServer;
  readonly admin: HiveKey;
  /** What the filesystem server serves. */
  readonly files: string;
  addServer(namespace: string, command: readonly string[]): Promise<void>;
  /** Applies a role of that name with these grants and guards. */
  applyRole(name: string, allow: readonly string[], guards?: readonly object[]): Promise<void>;
  /** Returns the token. */
  addAgent(name: string, role: string): Promise<string>;
  close(): Promise<void>;
}

export async function startCompany(): Promise<Company> {
  const server = await startTestServer();
  const admin = new HiveKey({ url: server.url, key: server.adminKey });
  const files = await mkdtemp(join(tmpdir(), 'hivekey-files-'));
  await writeFile(join(files, 'handbook.txt'), 'holidays are 28 days\n');
  return {
    server,
    admin,
    files,
    addServer: async (namespace, command) => {
      const body = { namespace, command, default_access: 'read-write', trust_annotations: true };
      const made = await admin.request<{ last_error: string | null }>('POST', '/v1/mcp/servers', { body });
      if (made.last_error !== null) throw new Error(`${namespace}: ${made.last_error}`);
    },
    applyRole: async (name, allow, guards = []) => {
      const head = { apiVersion: 'policy.hivekey.ai/v1', kind: 'Role', metadata: { name } };
      await admin.request('PUT', `/v1/roles/${name}`, { body: { ...head, scope: { allow }, guards } });
    },
    addAgent: async (name, role) => {
      await admin.request<Agent>('POST', '/v1/agents', { body: { name, role, owner: 'dana@acme.example' } });
      const { token } = await admin.request<Token>('POST', '/v1/tokens', { body: { agent: name } });
      if (token === undefined) throw new Error('no token was shown');
      return token;
    },
    close: async () => {
      await server.close();
      await rm(files, { recursive: true, force: true });
    },
  };
}
