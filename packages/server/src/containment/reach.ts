/** Whom and what a stop would cover if it were ordered now. It changes nothing. */
import type { Pool } from 'pg';
import { z } from 'zod';
import { readAgent } from '../agents/index.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { readPerson } from '../people/index.ts';
import { SCOPES, type Scope, standingOrder } from './standing.ts';

export const reachQuery = z.strictObject({ scope: z.enum(SCOPES), target: z.string().min(1).max(254) });

export const reachSchema = z
  .object({
    object: z.literal('containment_reach'),
    scope: z.enum(SCOPES),
    target: z.string(),
    agents: z.int().meta({ description: 'Who is covered. Of a tool: who wears a role that grants it.' }),
    calls: z.int().meta({
      description: 'Allowed within the last hour and without a result, on every node, as far as the log is projected.',
    }),
    approvals: z.int().meta({ description: 'Held calls that are called off.' }),
    standing: z.string().nullable().meta({ description: 'The stop of exactly this that stands already.' }),
  })
  .meta({ id: 'ContainmentReach' });

type Reach = z.output<typeof reachSchema>;

/** `$1` the workspace, `$2` the target. */
const AGENTS: Readonly<Record<Scope, string>> = {
  agent: 'SELECT $2',
  role: `SELECT g.agent_id FROM agent_roles g
           JOIN agents a ON a.workspace_id = g.workspace_id AND a.id = g.agent_id AND a.rehearsal_id IS NULL
          WHERE g.workspace_id = $1 AND g.role = $2`,
  owner: 'SELECT id FROM agents WHERE workspace_id = $1 AND owner_id = $2 AND rehearsal_id IS NULL',
  tool: `SELECT DISTINCT g.agent_id
           FROM agent_roles g
           JOIN agents a ON a.workspace_id = g.workspace_id AND a.id = g.agent_id AND a.rehearsal_id IS NULL
           JOIN roles r ON r.workspace_id = g.workspace_id AND r.name = g.role
           JOIN role_revisions v ON v.workspace_id = r.workspace_id AND v.role = r.name AND v.revision = r.current_revision
          WHERE g.workspace_id = $1 AND v.document -> 'scope' -> 'allow' ? $2`,
  workspace: "SELECT id FROM agents WHERE workspace_id = $1 AND $2 = '*' AND rehearsal_id IS NULL",
};

/** A call that is longer without a result is in flight no more, whatever became of it: the log would be read to its beginning. */
const IN_FLIGHT =
  "kind = 'tool.call' AND verdict = 'allow' AND outcome IS NULL AND ts > now() - interval '1 hour' AND NOT record ? 'synthetic'";

function queryFor(scope: Scope): string {
  const [call, approval] =
    scope === 'tool'
      ? ['action = $2', 'capability = $2']
      : ['agent_id IN (SELECT id FROM covered)', 'agent_id IN (SELECT id FROM covered)'];
  return `
  WITH covered (id) AS (${AGENTS[scope]})
  SELECT (SELECT count(*) FROM covered)::int AS agents,
         (SELECT count(*) FROM actions WHERE workspace_id = $1 AND ${IN_FLIGHT} AND ${call})::int AS calls,
         (SELECT count(*) FROM approvals
           WHERE workspace_id = $1 AND status IN ('pending', 'approved') AND ${approval})::int AS approvals`;
}

/** Throws `agent_not_found`, `role_not_found`, `person_not_found`, `capability_not_found`, `target_invalid`. */
export async function readReach(pool: Pool, workspaceId: WorkspaceId, scope: Scope, target: string): Promise<Reach> {
  const { id, name } = await subjectOf(pool, workspaceId, scope, target);
  const { rows } = await pool.query<Pick<Reach, 'agents' | 'calls' | 'approvals'>>(queryFor(scope), [workspaceId, id]);
  if (rows[0] === undefined) throw new Error('a count has one row');
  const standing = await standingOrder(pool, workspaceId, scope, name);
  return { object: 'containment_reach', scope, target: name, ...rows[0], standing: standing ?? null };
}

async function subjectOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  scope: Scope,
  target: string,
): Promise<{ readonly id: string; readonly name: string }> {
  switch (scope) {
    case 'agent':
      return readAgent(pool, workspaceId, target);
    case 'owner': {
      const { id, email } = await readPerson(pool, workspaceId, target);
      return { id, name: email };
    }
    case 'role':
    case 'tool': {
      const [table, what] = scope === 'role' ? ['roles', 'role'] : ['capabilities', 'capability'];
      const { rowCount } = await pool.query(`SELECT FROM ${table} WHERE workspace_id = $1 AND name = $2`, [
        workspaceId,
        target,
      ]);
      if (rowCount !== 0) return { id: target, name: target };
      throw new Failure(
        404,
        `${what}_not_found`,
        `There is no ${what} "${target}".`,
        `List them with GET /v1/${table}.`,
      );
    }
    case 'workspace':
      if (target === '*') return { id: target, name: target };
      throw new Failure(400, 'target_invalid', 'The target of a workspace stop is not "*".', 'Send target=*.');
  }
}
