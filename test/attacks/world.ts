/** The real server with recording MCP servers behind it, and agents to attack it with. */
import pg from 'pg';
import type { Config } from '../../packages/server/src/config.ts';
import { startWorkspace, type Workspace } from '../../packages/server/test/actions/workspace.ts';
import { type Answer, bearer, modern, send } from '../../packages/server/test/gateway-mcp/wire-client.ts';
import { anyTool, type Recorder, startRecorder } from './recorder.ts';

export interface World extends Workspace {
  readonly port: number;
  readonly recorder: Recorder;
  /** Holder of the role `user`: `rec.act` and `rec.note`, and the agent's own `own.act`. */
  readonly token: string;
  /** `rec__hidden` is served and granted to nobody. */
  tool(name: string, args: object, token?: string): Promise<Answer>;
  /** POST /v1/actions. */
  ask(action: string, args: object, token?: string): Promise<Answer>;
  register(namespace: string, recorder: Recorder, more?: object): Promise<void>;
  /** As the owner of the schema. */
  sql(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
}

const JSON_TYPE = { 'content-type': 'application/json' };

export async function openWorld(settings: Partial<Config> = {}): Promise<World> {
  const recorder = await startRecorder(['act', 'note', 'hidden'].map(anyTool));
  const workspace = await startWorkspace({ upstream_allow: ['127.0.0.1'], ...settings });
  const port = Number(new URL(workspace.server.url).port);
  const register: World['register'] = async (namespace, { url }, more = {}) => {
    const server = { namespace, endpoint: url, default_access: 'read-write', trust_annotations: true, ...more };
    const { body } = await workspace.done('POST', '/v1/mcp/servers', server);
    if (body.last_error !== null) throw new Error(body.last_error);
  };
  await register('rec', recorder);
  await workspace.capability('own.act', {});
  await workspace.capability('own.hidden', {});
  await workspace.role('user', ['rec.act', 'rec.note', 'own.act']);
  const { token } = await workspace.agent('attacker', 'user');
  return {
    ...workspace,
    port,
    recorder,
    token,
    register,
    tool: (name, args, as = token) => send(port, modern(as, 'tools/call', { name, arguments: { ...args } })),
    ask: (action, args, as = token) =>
      send(port, {
        path: '/v1/actions',
        headers: { ...JSON_TYPE, ...bearer(as) },
        body: JSON.stringify({ action, arguments: args }),
      }),
    sql: async (text, values = []) => {
      const client = new pg.Client({ connectionString: workspace.server.ownerUrl });
      await client.connect();
      try {
        return (await client.query(text, [...values])).rows;
      } finally {
        await client.end();
      }
    },
    close: async () => {
      await workspace.close();
      recorder.close();
    },
  };
}
