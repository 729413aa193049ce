/** Several nodes on one database: each with its own log and path, as server.ts wires them, and without HTTP. */
import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '../../../../test/setup/database.ts';
import { createAgent } from '../../src/agents/change.ts';
import { mintToken } from '../../src/agents/mint.ts';
import type { Administrator } from '../../src/api/context.ts';
import { declareCapability } from '../../src/capabilities/change.ts';
import type { NewContainment } from '../../src/containment/containment.ts';
import { CONTAINMENT_CHANNEL, hearStop } from '../../src/containment/hear.ts';
import { orderStop, type StopContext } from '../../src/containment/stop.ts';
import { type Listener, listen } from '../../src/database/index.ts';
import { DEPARTURE_CHANNEL, hearDeparture } from '../../src/departures/index.ts';
import { type KeyId, newId, type WorkspaceId } from '../../src/ids.ts';
import { createActionLog, type RunningLog } from '../../src/log/index.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { type ActionPath, createActionPath } from '../../src/path/index.ts';
import type { Action, Authorization } from '../../src/path/types.ts';
import { applyRole } from '../../src/roles/change.ts';
import { ensurePolicy } from '../../src/workspace/index.ts';
import { roleFile } from '../agents/world.ts';

export interface Node extends StopContext {
  readonly log: RunningLog;
  readonly path: ActionPath;
  /** Asks for an action, from the token on. */
  act(token: string, capability: string): Promise<Authorization>;
  stop(wanted: Omit<NewContainment, 'reason'>): ReturnType<typeof orderStop>;
}

export interface Nodes {
  readonly database: TestDatabase;
  readonly who: Administrator;
  /** `listens`: whether it hears of stops that other nodes are ordered. */
  add(options?: { readonly listens?: boolean }): Promise<Node>;
  role(name: string, allow?: readonly string[]): Promise<void>;
  agent(name: string, roles: readonly string[], owner?: string): Promise<string>;
  token(agent: string): Promise<string>;
  close(): Promise<void>;
}

export async function openNodes(): Promise<Nodes> {
  const database = await createTestDatabase();
  const { pool } = database;
  const workspaceId = newId<WorkspaceId>('wsp');
  await pool.query(`INSERT INTO workspaces (id, name) VALUES ($1, 'acme')`, [workspaceId]);
  await pool.query('INSERT INTO workspace_state (workspace_id) VALUES ($1)', [workspaceId]);
  const keyId = newId<KeyId>('key');
  await pool.query(
    `INSERT INTO admin_keys (workspace_id, id, name, lookup_hmac, last4, created_by) VALUES ($1, $2, 'ops', $3, '0000', 'system')`,
    [workspaceId, keyId, randomBytes(32)],
  );
  const who: Administrator = {
    workspaceId,
    roles: ['admin'],
    credentialId: keyId,
    actor: 'key:ops',
    via: 'key',
  };
  const { privateKey: signingKey } = generateKeyPairSync('ed25519');
  const pepper = createSecretKey(randomBytes(32));
  const digest = createSecretKey(randomBytes(32));
  const closers: (() => Promise<void>)[] = [];
  let made = 0;
  let first: Node | undefined;
  const control = (): RunningLog => {
    if (first === undefined) throw new Error('there is no node yet');
    return first.log;
  };
  const nodes: Nodes = {
    database,
    who,
    add: async ({ listens = true } = {}) => {
      made += 1;
      const nodeId = `node-${made}`;
      const log = await createActionLog({ pool, connectionString: database.url, nodeId, signingKey });
      const path = createActionPath({ pool, log, pepper, digest });
      const context = { pool, log, path, nodeId, clock: Date.now, logger: createLogger('silent') };
      const node: Node = {
        ...context,
        act: async (token, capability) => {
          const principal = await path.authenticate(token, { tool: capability, willRecord: true });
          return 'kind' in principal ? principal : path.authorize(token, principal, async () => actionOf(capability));
        },
        stop: (wanted) => orderStop(context, who, { ...wanted, reason: 'drill' }),
      };
      const listener: Listener | undefined = listens
        ? await listen({
            url: database.url,
            channels: [CONTAINMENT_CHANNEL, DEPARTURE_CHANNEL],
            onNotification: (channel, payload) =>
              void (channel === DEPARTURE_CHANNEL ? hearDeparture(context, payload) : hearStop(context, payload)),
            onReconnect: () => undefined,
          })
        : undefined;
      closers.unshift(async () => {
        await listener?.close();
        await path.close(0);
        await log.close();
      });
      if (first === undefined) await ensurePolicy(log, workspaceId);
      first ??= node;
      return node;
    },
    role: async (name, allow = []) => {
      for (const capability of allow)
        await declareCapability(control(), who, {
          name: capability,
          description: '',
          access: 'write',
          destructive: false,
          impact: {},
        });
      await applyRole(control(), who, { ...roleFile(name, allow), guards: [] } as Parameters<typeof applyRole>[2]);
      first?.path.invalidate(workspaceId);
    },
    agent: async (name, roles, owner = 'dana@acme.example') =>
      (await createAgent(control(), who, { name, roles, owner, description: '', metadata: {} })).id,
    token: async (agent) =>
      (await mintToken(control(), pepper, who, { agent, name: '', expires_in_seconds: 3600 })).token,
    close: async () => {
      for (const close of closers) await close();
      await database.close();
    },
  };
  return nodes;
}

function actionOf(capability: string): Action {
  return {
    entrance: 'actions',
    capability,
    tool: capability,
    known: true,
    access: 'write',
    arguments: {},
    argumentsJson: '{}',
    receivedAtMs: Date.now(),
  };
}
