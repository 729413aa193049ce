/** When agents and roles were reviewed last, as of an instant: by decisions that were submitted, of reviews that were not voided. */
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';

export interface LastReviewed {
  /** Id of an agent → when the last of its items was decided. */
  readonly agents: ReadonlyMap<string, Date>;
  /** Name of a role → when its definition was reviewed last. */
  readonly roles: ReadonlyMap<string, Date>;
}

const DECIDED = `
SELECT i.agent_id, CASE WHEN i.item_type = 'role' THEN i.role END AS role, max(d.submitted_at) AS at
  FROM review_items i
  JOIN review_campaigns c ON c.workspace_id = i.workspace_id AND c.id = i.campaign_id AND (c.voided_at IS NULL OR c.voided_at >= $2)
  JOIN review_decisions d ON d.workspace_id = i.workspace_id AND d.campaign_id = i.campaign_id AND d.item = i.number
   AND d.submitted_at < $2 AND d.decision <> 'escalate' AND (d.superseded_at IS NULL OR d.superseded_at >= $2)
 WHERE i.workspace_id = $1 AND (i.agent_id IS NOT NULL OR i.item_type = 'role') GROUP BY 1, 2`;

export async function lastReviewed(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  before: Date,
): Promise<LastReviewed> {
  const { rows } = await client.query<{ agent_id: string | null; role: string | null; at: Date }>(DECIDED, [
    workspaceId,
    before,
  ]);
  const newest = (entries: readonly (readonly [string | null, Date])[]): ReadonlyMap<string, Date> => {
    const found = new Map<string, Date>();
    for (const [key, at] of entries)
      if (key !== null && (found.get(key)?.getTime() ?? 0) < at.getTime()) found.set(key, at);
    return found;
  };
  return {
    agents: newest(rows.map(({ agent_id, at }) => [agent_id, at])),
    roles: newest(rows.map(({ role, at }) => [role, at])),
  };
}
