/** A server with what tests of entrances need: capabilities, roles, agents with tokens. */

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import type { Config } from '../../src/config.ts';
import { startServer } from '../../src/server.ts';
import { type Answer, type Call, clientOf } from '../api/client.ts';

export interface TestAgent {
  readonly id: string;
  readonly name: string;
  readonly token: string;
}

/** What an administrator sets up. */
export interface Administration {
  /** With the admin key, unless told otherwise. */
  call(method: string, path: string, call?: Call): Promise<Answer>;
  /** As `call`; rejects unless it succeeds. */
  done(method: string, path: string, body: unknown): Promise<Answer>;
  /** PUT; rejects unless it succeeds. */
  capability(name: string, declaration: object): Promise<void>;
  /** Applies a role with these grants and guards; rejects unless it succeeds. */
  role(name: string, allow: readonly string[], guards?: readonly object[]): Promise<void>;
  agent(name: string, ...roles: readonly string[]): Promise<TestAgent>;
}

export interface Workspace extends Administration {
  readonly server: TestServer;
  /** The same database and data folder, started again. */
  restart(settings?: Partial<Config>): Promise<Workspace>;
  close(): Promise<void>;
}

export async function startWorkspace(settings: Partial<Config> = {}): Promise<Workspace> {
  return workspaceOn(await startTestServer(settings));
}

function workspaceOn(server: TestServer): Workspace {
  return {
    ...administer(server),
    server,
    restart: async (change) => workspaceOn(await server.restart(change)),
    close: () => server.close(),
  };
}

export function administer(server: Pick<TestServer, 'url' | 'adminKey'>): Administration {
  const call = clientOf(server);
  async function done(method: string, path: string, body: unknown): Promise<Answer> {
    const answer = await call(method, path, { body });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer;
  }
  return {
    call,
    done,
    capability: async (name, declaration) => {
      await done('PUT', `/v1/capabilities/${name}`, { access: 'write', ...declaration });
    },
    role: async (name, allow, guards = []) => {
      await done('PUT', `/v1/roles/${name}`, {
        apiVersion: 'policy.hivekey.ai/v1',
        kind: 'Role',
        metadata: { name },
        scope: { allow },
        guards,
      });
    },
    agent: async (name, ...roles) => {
      const { body: agent } = await done('POST', '/v1/agents', { name, roles, owner: 'dana@acme.example' });
      const { body: token } = await done('POST', '/v1/tokens', { agent: name });
      return { id: agent.id, name, token: token.token };
    },
  };
}

/** A second node on the same database, with the same keys. `close` leaves the database to the first. */
export async function startSecondNode({ server }: Pick<Workspace, 'server'>): Promise<Workspace> {
  const folder = mkdtempSync(join(tmpdir(), 'hivekey-node-'));
  for (const key of ['secret.key', 'log.key']) cpSync(join(server.config.data, key), join(folder, key));
  const config = { ...server.config, data: folder, port: 0 };
  const { url, close } = await startServer(config);
  return workspaceOn({
    ...server,
    url,
    config,
    stop: close,
    close: async () => {
      await close();
      rmSync(folder, { recursive: true });
    },
  });
}

/** Waits until `look` gives something, by looking again. `seen`: what is told when it does not. */
export async function eventually<T>(
  look: () => Promise<T | undefined>,
  patienceMs = 30_000,
  seen: () => string = () => '',
): Promise<T> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > until) throw new Error(`it did not come about in time ${seen()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The event once it is readable, and its result once there is one. */
export async function settledEvent(workspace: Workspace, id: string) {
  return eventually(async () => {
    const { status, body } = await workspace.call('GET', `/v1/audit/events/${id}`);
    return status === 200 && (body.event.verdict !== 'allow' || body.result !== null) ? body : undefined;
  });
}
