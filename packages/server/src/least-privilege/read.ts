/** What proposals are judged by, read in one snapshot. */
import { checkGuards, type Guard, type Role, roleFromDocument } from '@hivekey/policy';
import type { Pool, PoolClient } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { loadPolicySet } from '../roles/index.ts';
import type { Basis, HeldCalls, JudgedAgent } from './judged.ts';
import { readKnown, readPeaks, readUse, type UseKnown } from './use.ts';

/** With more held calls than this it is not known which rules held none. */
const HELD_CALLS = 20_000;
const DAY_MS = 86_400_000;

export interface Period {
  /** The beginning of a UTC day. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly days: number;
}

export function periodOf(nowMs: number, days: number): Period {
  return { fromMs: (Math.floor(nowMs / DAY_MS) - days) * DAY_MS, toMs: nowMs, days };
}

export interface Judged {
  readonly known: UseKnown;
  /** Undefined: calls are not known for all of the period. */
  readonly basis: Basis | undefined;
}

export async function readBasis(pool: Pool, workspaceId: WorkspaceId, period: Period): Promise<Judged> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const judged = await readIn(client, workspaceId, period);
    await client.query('COMMIT');
    client.release();
    return judged;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

async function readIn(client: PoolClient, workspaceId: WorkspaceId, { fromMs, toMs }: Period): Promise<Judged> {
  const known = await readKnown(client, workspaceId);
  if (known.callsFrom === null || known.callsFrom.getTime() > fromMs) return { known, basis: undefined };
  const from = new Date(fromMs);
  const fromDay = from.toISOString().slice(0, 10);
  const hasLimits = known.limitsFrom !== null && known.limitsFrom.getTime() <= fromMs;
  const { set } = await loadPolicySet(client, workspaceId);
  const use = await readUse(client, workspaceId, fromDay);
  return {
    known,
    basis: {
      fromMs,
      toMs,
      set,
      rolesBefore: await rolesSince(client, workspaceId, from),
      guardsBefore: await guardsSince(client, workspaceId, from),
      agents: await agentsNow(client, workspaceId),
      wornInPeriod: await wornSince(client, workspaceId, from),
      keptRoles: await keptRoles(client, workspaceId),
      usage: use.map(({ lastAt, ...each }) => ({ ...each, lastAtMs: lastAt.getTime() })),
      peaks: hasLimits ? await readPeaks(client, workspaceId, fromDay) : undefined,
      held: await heldBy(client, workspaceId, from),
    },
  };
}

/** Revisions in force at some time since; roles that were there at its beginning alone. */
async function rolesSince(
  client: PoolClient,
  workspaceId: WorkspaceId,
  from: Date,
): Promise<ReadonlyMap<string, readonly Role[]>> {
  const { rows } = await client.query<{ role: string; revision: number; document: unknown }>(
    `SELECT v.role, v.revision, v.document FROM role_revisions v
       JOIN (SELECT role, max(revision) AS revision FROM role_revisions
              WHERE workspace_id = $1 AND created_at <= $2 GROUP BY role) b ON b.role = v.role AND v.revision >= b.revision
      WHERE v.workspace_id = $1 ORDER BY v.role, v.revision`,
    [workspaceId, from],
  );
  const roles = new Map<string, Role[]>();
  for (const { role, revision, document } of rows) {
    const read = roleFromDocument(document, revision);
    const kept = roles.get(role) ?? [];
    // One that no longer passes its own check granted nothing that can be told.
    kept.push(read.ok ? read.value : { name: role, description: '', revision, allow: [], guards: [] });
    roles.set(role, kept);
  }
  return roles;
}

async function guardsSince(
  client: PoolClient,
  workspaceId: WorkspaceId,
  from: Date,
): Promise<readonly (readonly Guard[])[]> {
  const { rows } = await client.query<{ guards: unknown }>(
    `SELECT guards FROM workspace_guard_revisions
      WHERE workspace_id = $1 AND revision >= coalesce((SELECT max(revision) FROM workspace_guard_revisions
                                                         WHERE workspace_id = $1 AND created_at <= $2), 0)
      ORDER BY revision`,
    [workspaceId, from],
  );
  const { rows: first } = await client.query<{ has: boolean }>(
    'SELECT EXISTS (SELECT FROM workspace_guard_revisions WHERE workspace_id = $1 AND created_at <= $2) AS has',
    [workspaceId, from],
  );
  const read = rows.map(({ guards }) => {
    const checked = checkGuards(guards, 'workspace');
    return checked.ok ? checked.value : [];
  });
  return first[0]?.has === true ? read : [[], ...read];
}

async function agentsNow(client: PoolClient, workspaceId: WorkspaceId): Promise<JudgedAgent[]> {
  const { rows } = await client.query<{ id: string; name: string; worn: { role: string; since: number }[] }>(
    `SELECT a.id, a.handle AS name,
            (SELECT coalesce(json_agg(json_build_object('role', r.role, 'since', floor(extract(epoch FROM r.granted_at) * 1000)) ORDER BY r.position, r.role), '[]')
               FROM agent_roles r WHERE r.workspace_id = a.workspace_id AND r.agent_id = a.id) AS worn
       FROM agents a JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
      WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL AND s.status <> 'revoked' ORDER BY lower(a.handle) COLLATE "C"`,
    [workspaceId],
  );
  return rows.map(({ worn, ...agent }) => ({
    ...agent,
    worn: worn.map(({ role, since }) => ({ role, sinceMs: since })),
  }));
}

async function wornSince(client: PoolClient, workspaceId: WorkspaceId, from: Date): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ role: string }>(
    `SELECT DISTINCT role FROM agent_role_history WHERE workspace_id = $1 AND (removed_at IS NULL OR removed_at >= $2)`,
    [workspaceId, from],
  );
  return new Set(rows.map(({ role }) => role));
}

/** By breakers, standing quarantines and stops, tokens that live, and requests for agents. */
async function keptRoles(client: PoolClient, workspaceId: WorkspaceId): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ role: string }>(
    `SELECT b.document ->> 'role' AS role FROM breakers b WHERE b.workspace_id = $1 AND b.document ->> 'role' IS NOT NULL
      UNION SELECT jsonb_array_elements_text(coalesce(b.document -> 'roles', '[]')) FROM breakers b WHERE b.workspace_id = $1
      UNION SELECT q.role FROM quarantines q WHERE q.workspace_id = $1 AND q.ended_at IS NULL AND q.role IS NOT NULL
      UNION SELECT k.target FROM containments k WHERE k.workspace_id = $1 AND k.scope = 'role' AND k.lifted_at IS NULL
      UNION SELECT t.role FROM agent_tokens t
             WHERE t.workspace_id = $1 AND t.role IS NOT NULL AND t.revoked_at IS NULL AND t.expires_at > now()
      UNION SELECT c.role FROM agent_credentials c WHERE c.workspace_id = $1 AND c.role IS NOT NULL AND c.revoked_at IS NULL
      UNION SELECT jsonb_array_elements_text(coalesce(q.wanted -> 'roles', '[]')) FROM agent_requests q
             WHERE q.workspace_id = $1 AND q.status = 'requested'`,
    [workspaceId],
  );
  return new Set(rows.map(({ role }) => role));
}

async function heldBy(client: PoolClient, workspaceId: WorkspaceId, from: Date): Promise<HeldCalls | undefined> {
  const { rows } = await client.query<{
    calls: number;
    rules: string[];
    largest: { action: string; unit: string; amount: number }[];
    actions: string[];
  }>(
    `WITH held AS MATERIALIZED (
       SELECT action, record -> 'trace' AS trace, record -> 'impact' AS impact FROM actions
        WHERE workspace_id = $1 AND verdict = 'review' AND kind = 'tool.call' AND ts >= $2 AND NOT record ? 'synthetic'
        ORDER BY seq DESC LIMIT ${HELD_CALLS})
     SELECT (SELECT count(*)::int FROM held) AS calls,
            ARRAY(SELECT DISTINCT (s ->> 'origin') || ' ' || (s ->> 'rule')
                    FROM held CROSS JOIN LATERAL jsonb_array_elements(held.trace) AS s WHERE s ->> 'result' = 'review') AS rules,
            ARRAY(SELECT DISTINCT action FROM held) AS actions,
            (SELECT coalesce(json_agg(m), '[]')
               FROM (SELECT action, i.key AS unit, max(i.value::numeric)::float8 AS amount
                       FROM held CROSS JOIN LATERAL jsonb_each_text(held.impact) AS i GROUP BY 1, 2) AS m) AS largest`,
    [workspaceId, from],
  );
  const [row] = rows;
  if (row === undefined || row.calls >= HELD_CALLS) return undefined;
  const largest = new Map<string, Record<string, number>>(row.actions.map((action) => [action, {}]));
  for (const { action, unit, amount } of row.largest) largest.set(action, { ...largest.get(action), [unit]: amount });
  return { rules: new Set(row.rules), largest };
}
