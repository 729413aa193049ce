/** The workspace: its name, environment and state. */
import type { Pool } from 'pg';
import { newId, type WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { differsInFreezesAlone, publishPolicy } from '../roles/index.ts';
import { standOn } from '../versions/index.ts';

/** Nodes that start on an empty database at once meet on this advisory lock. */
const FIRST_WORKSPACE_LOCK = 7_420_003;
const FIRST_NAME = 'default';

/** API shape of a workspace. */
export interface WorkspaceView {
  readonly object: 'workspace';
  readonly id: WorkspaceId;
  readonly name: string;
  readonly environment: string;
  /** IANA name, for owners of whom none is known. */
  readonly time_zone: string;
  readonly status: 'active' | 'stopped';
  readonly policy_revision: number;
  /** Null until a policy has been published. */
  readonly policy_hash: string | null;
  readonly agents: { readonly active: number; readonly suspended: number; readonly revoked: number };
  /** Epoch seconds. */
  readonly created: number;
}

export interface EnsuredWorkspace {
  readonly id: WorkspaceId;
  /** What its environment was called until now, if that was something else. */
  readonly previousEnvironment: string | undefined;
}

/** The first workspace: made on an empty database. Its environment is the configured one. */
export async function ensureWorkspace(pool: Pool, environment: string): Promise<EnsuredWorkspace> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [FIRST_WORKSPACE_LOCK]);
    const { rows } = await client.query<{ id: WorkspaceId; environment: string }>(
      'SELECT id, environment FROM workspaces ORDER BY created_at, id LIMIT 1',
    );
    const [found] = rows;
    const id = found?.id ?? newId<WorkspaceId>('wsp');
    if (found === undefined) {
      await client.query('INSERT INTO workspaces (id, name, environment) VALUES ($1, $2, $3)', [
        id,
        FIRST_NAME,
        environment,
      ]);
      await client.query('INSERT INTO workspace_state (workspace_id) VALUES ($1)', [id]);
    } else if (found.environment !== environment) {
      await client.query('UPDATE workspaces SET environment = $2 WHERE id = $1', [id, environment]);
    }
    await client.query('COMMIT');
    return { id, previousEnvironment: found?.environment === environment ? undefined : found?.environment };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

/**
 * An empty policy is a policy too: it gets its revision and hash before the first decision is made under it. In
 * another environment other change freezes apply: that is another policy, and in nothing else another one.
 */
export async function ensurePolicy(
  log: ActionLog,
  workspaceId: WorkspaceId,
  environmentChanged = false,
): Promise<void> {
  await log.transact(workspaceId, async (transaction) => {
    const { rowCount } = await transaction.client.query(
      'SELECT 1 FROM policy_revisions WHERE workspace_id = $1 LIMIT 1',
      [workspaceId],
    );
    if (rowCount !== 0 && !(environmentChanged && (await differsInFreezesAlone(transaction.client, workspaceId))))
      return;
    standOn(transaction, { kind: 'restored' });
    publishPolicy(transaction, workspaceId, 'system');
  });
}

export async function readWorkspace(pool: Pool, workspaceId: WorkspaceId): Promise<WorkspaceView> {
  const { rows } = await pool.query<WorkspaceView & { active: number; suspended: number; revoked: number }>(
    `SELECT w.id, w.name, w.environment, w.time_zone, s.status, s.policy_revision,
            (SELECT p.policy_hash FROM policy_revisions p WHERE p.workspace_id = w.id ORDER BY p.revision DESC LIMIT 1) AS policy_hash,
            floor(extract(epoch FROM w.created_at))::int AS created,
            a.active, a.suspended, a.revoked
       FROM workspaces w JOIN workspace_state s ON s.workspace_id = w.id
       CROSS JOIN LATERAL (
         SELECT count(*) FILTER (WHERE status = 'active') AS active,
                count(*) FILTER (WHERE status = 'suspended') AS suspended,
                count(*) FILTER (WHERE status = 'revoked') AS revoked
           FROM agent_state st WHERE st.workspace_id = w.id
            AND NOT EXISTS (SELECT FROM agents x WHERE x.workspace_id = w.id AND x.id = st.agent_id AND x.rehearsal_id IS NOT NULL)) a
      WHERE w.id = $1`,
    [workspaceId],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`there is no workspace ${workspaceId}`);
  const { active, suspended, revoked, ...workspace } = row;
  return { ...workspace, object: 'workspace', agents: { active, suspended, revoked } };
}

export interface WorkspaceChange {
  readonly name?: string | undefined;
  readonly time_zone?: string | undefined;
}

export async function changeWorkspace(
  log: ActionLog,
  workspaceId: WorkspaceId,
  change: WorkspaceChange,
  actor: string,
): Promise<void> {
  await log.transact(workspaceId, async ({ client, log: record }) => {
    const { rows } = await client.query<{ name: string; time_zone: string }>(
      'SELECT name, time_zone FROM workspaces WHERE id = $1 FOR UPDATE',
      [workspaceId],
    );
    const [before] = rows;
    if (before === undefined) throw new Error(`there is no workspace ${workspaceId}`);
    const { name = before.name, time_zone: zone = before.time_zone } = change;
    await client.query('UPDATE workspaces SET name = $2, time_zone = $3 WHERE id = $1', [workspaceId, name, zone]);
    if (name !== before.name)
      record({ kind: 'workspace.changed', actor, change: 'renamed', name, previous: before.name });
    if (zone !== before.time_zone)
      record({
        kind: 'workspace.changed',
        actor,
        change: 'time_zone',
        time_zone: zone,
        previous: before.time_zone,
      });
  });
}
