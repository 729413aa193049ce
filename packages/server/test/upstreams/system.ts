/** Upstreams in a workspace of their own; the tests of a file share the database and the log. */
import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '../../../../test/setup/database.ts';
import { newId, type WorkspaceId } from '../../src/ids.ts';
import { createActionLog, type LogRecord, type RunningLog } from '../../src/log/index.ts';
import {
  createSecretStore,
  createUpstreams,
  type ManagedUpstreams,
  type SecretStore,
  type UpstreamsOptions,
} from '../../src/upstreams/index.ts';

export interface Node {
  readonly upstreams: ManagedUpstreams;
  readonly secrets: SecretStore;
  /** What the node wrote to its own log. */
  readonly lines: string[];
}

export interface System extends AsyncDisposable, Node {
  readonly database: TestDatabase;
  readonly log: RunningLog;
  readonly workspaceId: WorkspaceId;
  readonly folder: string;
  /** One more node on the same database. */
  node(options?: Partial<UpstreamsOptions>): Node;
  policyRevision(): Promise<number>;
  capabilities(): Promise<readonly { name: string; access: string; destructive: boolean }[]>;
  /** Records of a kind, oldest first. */
  records(kind: 'server.changed' | 'tool.changed' | 'policy.changed'): Promise<readonly LogRecord[]>;
}

export const DANA = 'dana@acme.example';

export interface Base {
  readonly database: TestDatabase;
  readonly log: RunningLog;
  close(): Promise<void>;
}

export async function openBase(): Promise<Base> {
  const database = await createTestDatabase();
  const log = await createActionLog({
    pool: database.pool,
    connectionString: database.url,
    nodeId: 'node-1',
    signingKey: generateKeyPairSync('ed25519').privateKey,
  });
  const close = async (): Promise<void> => {
    await log.close();
    await database.close();
  };
  return { database, log, close };
}

export async function startSystem(
  { database, log }: Pick<Base, 'database' | 'log'>,
  options: Partial<UpstreamsOptions> = {},
): Promise<System> {
  const { pool } = database;
  const folder = await mkdtemp(join(tmpdir(), 'hivekey-upstreams-'));
  const workspaceId = newId<WorkspaceId>('wsp');
  await pool.query('INSERT INTO workspaces (id, name) VALUES ($1, $1)', [workspaceId]);
  await pool.query('INSERT INTO workspace_state (workspace_id) VALUES ($1)', [workspaceId]);
  const key = createSecretKey(randomBytes(32));
  const running: { close(): Promise<unknown> }[] = [];
  const node: System['node'] = (more = {}) => {
    const lines: string[] = [];
    const secrets = createSecretStore({
      pool,
      log,
      key,
      config: { upstream_env: ['CRM_TOKEN'], upstream_files: folder },
      environment: { CRM_TOKEN: 'sk-env-credential', OTHER_TOKEN: 'sk-other-credential' },
    });
    const write = (details: object, message: string): void => {
      lines.push(
        `${message} ${JSON.stringify(details, (_name, value) => (value instanceof Error ? value.stack : value))}`,
      );
    };
    const upstreams = createUpstreams({
      pool,
      log,
      secrets,
      config: { upstream_allow: [] },
      folder,
      version: '0.0.0-test',
      limits: { probeMs: 3_000, handshakeMs: 5_000, backoffMs: [50, 200] },
      logger: { debug: write, warn: write },
      ...options,
      ...more,
    });
    running.push({ close: () => Promise.all([upstreams.close(), secrets.close()]) });
    return { upstreams, secrets, lines };
  };
  return {
    ...node(),
    database,
    log,
    workspaceId,
    folder,
    node,
    policyRevision: async () => {
      const { rows } = await pool.query<{ policy_revision: number }>(
        'SELECT policy_revision FROM workspace_state WHERE workspace_id = $1',
        [workspaceId],
      );
      return rows[0]?.policy_revision ?? 0;
    },
    capabilities: async () => {
      const { rows } = await pool.query<{ name: string; access: string; destructive: boolean }>(
        'SELECT name, access, destructive FROM capabilities WHERE workspace_id = $1 ORDER BY name COLLATE "C"',
        [workspaceId],
      );
      return rows;
    },
    records: async (kind) => {
      await log.catchUp(workspaceId);
      const { events } = await log.list(workspaceId, { kind }, { limit: 200, order: 'asc' });
      return events.map(({ record }) => record);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(running.map((node) => node.close()));
      // Nodes of later tests read the lists of whatever is active.
      await pool.query(`UPDATE mcp_servers SET status = 'disabled' WHERE workspace_id = $1`, [workspaceId]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
