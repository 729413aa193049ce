/** A whole server, and the calls that most tests of the control plane begin with. */
import { vi } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import { type Answer, type Call, type Client, clientOf } from '../api/client.ts';

export interface World {
  server: TestServer;
  readonly call: Client;
  /** The body of an answer in the 200s; anything else is an error that shows it. */
  ok(method: string, path: string, body?: unknown, more?: Call): Promise<Answer['body']>;
  /** Code of a refusal; an answer that is none is an error. */
  refused(method: string, path: string, body?: unknown, more?: Call): Promise<string>;
  role(name: string, allow?: readonly string[], guards?: readonly unknown[]): Promise<Answer['body']>;
  agent(name: string, change?: object): Promise<Answer['body']>;
  capability(name: string, change?: object): Promise<Answer['body']>;
  /** `hk_agt_…` */
  token(agent: string): Promise<string>;
  /** Records of the log that match, once there are at least so many: what is durable is listed a moment later. */
  events(query: string, count: number): Promise<Answer['body'][]>;
  /** Asks for an action of the agent's own tool. */
  act(token: string, action: string, args?: object): Promise<Answer>;
}

export async function openWorld(settings?: Parameters<typeof startTestServer>[0]): Promise<World> {
  const server = await startTestServer(settings);
  const call = clientOf(server);
  const world: World = {
    server,
    call,
    ok: async (method, path, body, more) => {
      const answer = await call(method, path, { ...(body === undefined ? {} : { body }), ...more });
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
    refused: async (method, path, body, more) => {
      const answer = await call(method, path, { ...(body === undefined ? {} : { body }), ...more });
      if (answer.status < 400) throw new Error(`${method} ${path} was not refused: ${JSON.stringify(answer.body)}`);
      return answer.body.error.code;
    },
    role: (name, allow = [], guards = []) => world.ok('POST', '/v1/roles', roleFile(name, allow, guards)),
    agent: (name, change = {}) =>
      world.ok('POST', '/v1/agents', { name, role: 'support', owner: 'dana@acme.example', ...change }),
    capability: (name, change = {}) => world.ok('PUT', `/v1/capabilities/${name}`, { access: 'write', ...change }),
    token: async (agent) => (await world.ok('POST', '/v1/tokens', { agent })).token,
    events: (query, count) =>
      vi.waitFor(
        async () => {
          const { data } = await world.ok('GET', `/v1/audit/events?${query}`);
          if (data.length < count) throw new Error(`${data.length} records of ${query}, not ${count}`);
          return data;
        },
        { timeout: 10_000, interval: 20 },
      ),
    act: (token, action, args = {}) => call('POST', '/v1/actions', { key: token, body: { action, arguments: args } }),
  };
  return world;
}

export function roleFile(name: string, allow: readonly string[] = [], guards: readonly unknown[] = []) {
  return { apiVersion: 'policy.hivekey.ai/v1', kind: 'Role', metadata: { name }, scope: { allow }, guards };
}
