/** The path over a real log, with a policy, tokens and people in the database. */
import { createSecretKey, randomBytes } from 'node:crypto';
import type { JsonObject } from '@hivekey/policy';
import { newCredential } from '../../src/identity/token-hash.ts';
import { newId, type TokenId } from '../../src/ids.ts';
import type { ActionLogOptions, RunningLog } from '../../src/log/index.ts';
import { createLogger } from '../../src/observability/index.ts';
import type { Action, ActionPath, Principal } from '../../src/path/index.ts';
import { createActionPath } from '../../src/path/index.ts';
import { createPrerequisites } from '../../src/prerequisites/index.ts';
import { upsertCapability } from '../../src/roles/policy-set.ts';
import { publishPolicy } from '../../src/roles/publish.ts';
import { createFixture, type Fixture } from '../log/fixture.ts';

const pepper = createSecretKey(randomBytes(32));
const digest = createSecretKey(randomBytes(32));

export interface PathFixture extends Fixture {
  /** The first node. */
  readonly log: RunningLog;
  readonly path: ActionPath;
  /** A further node, or the same one through another connection. */
  node(options?: Partial<ActionLogOptions>): Promise<{ log: RunningLog; path: ActionPath }>;
  /** An agent that wears the roles, with a token. */
  addBot(handle: string, roles?: readonly string[]): Promise<{ principal: Principal; token: string }>;
  setRole(name: string, allow: readonly string[], guards?: readonly JsonObject[]): Promise<void>;
  declare(name: string, access: 'read' | 'write', impact?: JsonObject): Promise<void>;
  /** A change of agents, tokens or stops, as the control plane makes it; `$1` is the agent. */
  change(sql: string, agentId?: string): Promise<void>;
}

export async function createPathFixture(): Promise<PathFixture> {
  const base = await createFixture();
  const { workspaceId, database } = base;
  const { pool } = database;
  const prerequisites = createPrerequisites(pool, createLogger('silent'));
  const node: PathFixture['node'] = async (options) => {
    const log = await base.open(options);
    const clock = options?.clock;
    return {
      log,
      path: createActionPath({ pool, log, pepper, digest, prerequisites, ...(clock === undefined ? {} : { clock }) }),
    };
  };
  const { log, path } = await node();
  return {
    ...base,
    log,
    path,
    node,
    addBot: async (handle, roles = []) => {
      const principal = await base.addAgent(handle);
      const { text, lookupHmac, last4 } = newCredential('agt', pepper);
      const tokenId = newId<TokenId>('tok');
      await pool.query(
        `INSERT INTO agent_tokens (workspace_id, id, agent_id, lookup_hmac, last4, authz_epoch, created_by, expires_at)
         VALUES ($1, $2, $3, $4, $5, 1, 'dana@acme.example', now() + interval '1 hour')`,
        [workspaceId, tokenId, principal.agentId, lookupHmac, last4],
      );
      for (const [position, role] of roles.entries())
        await pool.query(
          `INSERT INTO agent_roles (workspace_id, agent_id, role, position, granted_by) VALUES ($1, $2, $3, $4, 'dana@acme.example')`,
          [workspaceId, principal.agentId, role, position],
        );
      return { principal: { ...principal, tokenId, roles }, token: text.reveal() };
    },
    setRole: (name, allow, guards = []) =>
      log.transact(workspaceId, async (transaction) => {
        const document = {
          apiVersion: 'policy.hivekey.ai/v1',
          kind: 'Role',
          metadata: { name },
          scope: { allow },
          guards,
        };
        await transaction.client.query(
          `WITH role AS (
             INSERT INTO roles (workspace_id, name, current_revision) VALUES ($1, $2, 1)
             ON CONFLICT (workspace_id, name) DO UPDATE SET current_revision = roles.current_revision + 1
             RETURNING current_revision)
           INSERT INTO role_revisions (workspace_id, role, revision, document, sha256, author)
           SELECT $1, $2, current_revision, $3, '', 'dana@acme.example' FROM role`,
          [workspaceId, name, JSON.stringify(document)],
        );
        publishPolicy(transaction, workspaceId, 'dana@acme.example');
      }),
    declare: (name, access, impact = {}) =>
      log.transact(workspaceId, async (transaction) => {
        const capability = { name, description: '', access, destructive: false, impact: impact as never };
        await upsertCapability(transaction, workspaceId, capability, 'declared');
        publishPolicy(transaction, workspaceId, 'dana@acme.example');
      }),
    change: (sql, agentId) =>
      log.transact(workspaceId, async ({ client, log: note }) => {
        await client.query(sql, agentId === undefined ? [] : [agentId]);
        note({ kind: 'agent.changed', agent_id: agentId });
      }),
  };
}

export function actionOf(capability: string, args: JsonObject = {}, change: Partial<Action> = {}): Action {
  return {
    entrance: 'actions',
    capability,
    tool: capability,
    known: true,
    arguments: args,
    argumentsJson: JSON.stringify(args),
    receivedAtMs: Date.now(),
    ...change,
  };
}
