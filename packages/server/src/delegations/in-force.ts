/** Who may decide for whom now. */
import { covers } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import type { PersonId, WorkspaceId } from '../ids.ts';

export interface Delegation {
  readonly id: string;
  /** Whose say it is. */
  readonly from: PersonId;
  /** Who has it meanwhile. */
  readonly to: PersonId;
}

interface Row extends Delegation {
  readonly capabilities: readonly string[] | null;
}

const IN_FORCE = `
SELECT d.id, d.from_id AS "from", d.to_id AS "to", d.capabilities
  FROM delegations d
  JOIN people f ON f.workspace_id = d.workspace_id AND f.id = d.from_id AND f.active
  JOIN people t ON t.workspace_id = d.workspace_id AND t.id = d.to_id AND t.active
 WHERE d.workspace_id = $1 AND d.ended_at IS NULL
   AND d.starts_at <= clock_timestamp() AND d.ends_at > clock_timestamp()
 ORDER BY d.created_at, d.id`;

/** Those that cover the capability at this moment, both people being active. */
export async function delegationsFor(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  capability: string,
): Promise<readonly Delegation[]> {
  const { rows } = await client.query<Row>(IN_FORCE, [workspaceId]);
  return rows
    .filter(({ capabilities }) => capabilities?.some((pattern) => covers(pattern, capability)) ?? true)
    .map(({ id, from, to }) => ({ id, from, to }));
}

/** All of them, whatever they cover: whoever decides anything for somebody counts as one with them. */
export async function delegationsInForce(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<readonly Delegation[]> {
  const { rows } = await client.query<Row>(IN_FORCE, [workspaceId]);
  return rows.map(({ id, from, to }) => ({ id, from, to }));
}
