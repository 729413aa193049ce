/** A workspace with agents in a database of its own, and the values of the path that the log is given. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Evaluation, WindowDemand } from '@hivekey/policy';
import { createTestDatabase, type TestDatabase } from '../../../../test/setup/database.ts';
import { type AgentId, newId, type PersonId, type TokenId, type WorkspaceId } from '../../src/ids.ts';
import { type ActionLogOptions, createActionLog, type RunningLog } from '../../src/log/index.ts';
import type { Action, Intent, Permit, Principal, RecordResult } from '../../src/path/types.ts';

const HASH = `sha256:${'c'.repeat(64)}`;

export interface Fixture {
  readonly database: TestDatabase;
  readonly workspaceId: WorkspaceId;
  readonly folder: string;
  readonly key: ActionLogOptions['signingKey'];
  /** A log on the fixture's database; closed with the fixture. */
  open(options?: Partial<ActionLogOptions>): Promise<RunningLog>;
  addAgent(handle: string): Promise<Principal>;
  close(): Promise<void>;
}

/** In a database of its own, unless one is lent. */
export async function createFixture(lent?: TestDatabase): Promise<Fixture> {
  const database = lent ?? (await createTestDatabase());
  const { pool } = database;
  const folder = await mkdtemp(join(tmpdir(), 'hivekey-log-'));
  const workspaceId = newId<WorkspaceId>('wsp');
  const ownerId = newId<PersonId>('per');
  await pool.query('INSERT INTO workspaces (id, name) VALUES ($1, $2)', [
    workspaceId,
    lent === undefined ? 'acme' : workspaceId,
  ]);
  await pool.query('INSERT INTO workspace_state (workspace_id) VALUES ($1)', [workspaceId]);
  await pool.query(`INSERT INTO people (workspace_id, id, email) VALUES ($1, $2, 'dana@acme.example')`, [
    workspaceId,
    ownerId,
  ]);
  const { privateKey: key } = generateKeyPairSync('ed25519');
  const logs: RunningLog[] = [];
  return {
    database,
    workspaceId,
    folder,
    key,
    open: async (options = {}) => {
      const log = await createActionLog({
        pool,
        connectionString: database.url,
        nodeId: `node-${logs.length}`,
        signingKey: key,
        ...options,
      });
      logs.push(log);
      return log;
    },
    addAgent: async (handle) => {
      const agentId = newId<AgentId>('agt');
      await pool.query(
        `INSERT INTO agents (workspace_id, id, handle, owner_id, created_by) VALUES ($1, $2, $3, $4, 'dana@acme.example')`,
        [workspaceId, agentId, handle, ownerId],
      );
      await pool.query('INSERT INTO agent_state (workspace_id, agent_id) VALUES ($1, $2)', [workspaceId, agentId]);
      return {
        workspaceId,
        workspace: 'acme',
        environment: 'prod',
        agentId,
        agent: handle,
        ownerId,
        owner: 'dana@acme.example',
        roles: ['Billing'],
        tokenId: newId<TokenId>('tok'),
        tokenExpiresAtMs: Date.now() + 3_600_000,
        agentRevision: 1,
        authzEpoch: 1,
      };
    },
    close: async () => {
      await Promise.all(logs.map((log) => log.close()));
      if (lent === undefined) await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function evaluation(change: Partial<Evaluation> = {}): Evaluation {
  return {
    verdict: 'allow',
    reasonClass: 'granted',
    reason: 'granted',
    role: 'Billing',
    roleRevision: 7,
    trace: [],
    demands: [],
    charges: [],
    impact: {},
    policyHash: HASH,
    policyRevision: 1,
    ...change,
  };
}

export const denial = (change: Partial<Evaluation> = {}): Evaluation =>
  evaluation({ verdict: 'deny', reasonClass: 'scope', reason: 'scope: capability not granted', ...change });

/** An evaluation that spends `amount` against `limit` in a window. */
export function spending(
  key: string,
  amount: number,
  limit: number,
  windowSeconds: number,
  change: Partial<WindowDemand> = {},
): Evaluation {
  const demand: WindowDemand = {
    key,
    guardId: 'R2',
    origin: 'Billing',
    sentence: 'cap',
    kind: 'sum',
    unit: 'usd',
    windowSeconds,
    limit,
    amount,
    effect: 'allow',
    otherwise: 'deny',
    ...change,
  };
  return evaluation({
    demands: [demand],
    charges: [{ key, amount, unit: 'usd', keepSeconds: windowSeconds }],
    impact: { usd: amount },
  });
}

export function intent(
  principal: Principal,
  change: { evaluation?: Evaluation; action?: Partial<Action>; evenIfStopped?: true } = {},
): Intent {
  const action: Action = {
    entrance: 'mcp',
    capability: 'payments.pay',
    tool: 'payments_pay',
    known: true,
    namespace: 'payments',
    upstreamTool: 'createPayment',
    access: 'write',
    destructive: false,
    arguments: { amount: 40, to: 'vendor@acme.example' },
    argumentsJson: '{"amount":40,"to":"vendor@acme.example"}',
    receivedAtMs: Date.now(),
    ...change.action,
  };
  return {
    principal,
    action,
    evaluation: change.evaluation ?? evaluation(),
    redactedArguments: action.arguments,
    argumentsDigest: `hmac-sha256:${'a'.repeat(64)}`,
    ...(change.evenIfStopped === undefined ? {} : { evenIfStopped: true }),
  };
}

export type Recorded = Extract<RecordResult, { kind: 'recorded' }>;

export async function record(log: RunningLog, of: Intent): Promise<Recorded> {
  const result = await log.recordIntent(of);
  if (result.kind !== 'recorded') throw new Error(`the intent is stale: ${result.what}`);
  return result;
}

export function permitOf(of: Intent, { eventId, decision, reservations }: Recorded): Permit {
  return {
    kind: 'permit',
    principal: of.principal,
    action: of.action,
    decision,
    eventId,
    signal: new AbortController().signal,
    startedAtMs: Date.now(),
    ...(reservations === undefined ? {} : { reservations }),
  };
}

/** Polls, since what is waited for happens in another process. */
export async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
