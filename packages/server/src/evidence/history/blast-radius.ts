/** What each agent could have moved by itself within a day, under the policy that was in force at an instant. */
import type { RadiusAmount } from '@hivekey/policy';
import { type Alike, compute, radiusAgent, settingsSchema } from '../../blast-radius/index.ts';
import { findArchived } from '../../roles/index.ts';
import type { ReportScope } from '../report.ts';

export interface BlastRadiusUsd {
  readonly state: 'bounded' | 'UNBOUNDED' | 'UNKNOWN';
  /** Minor units; null where there is no number. */
  readonly cents: number | null;
}

interface Row {
  id: string;
  name: string;
  owner_id: string;
  owner: string;
  roles: string[];
}

// Of agents that were not revoked then: what a suspension takes away comes back in one move.
const AGENTS = `
SELECT a.id, a.handle AS name, o.to_id AS owner_id, p.email AS owner,
       ARRAY(SELECT h.role FROM agent_role_history h
              WHERE h.workspace_id = a.workspace_id AND h.agent_id = a.id AND h.granted_at < $2
                AND (h.removed_at IS NULL OR h.removed_at >= $2) ORDER BY h.number) AS roles
  FROM agents a
  CROSS JOIN LATERAL (SELECT h.to_id FROM ownership_history h
                       WHERE h.workspace_id = a.workspace_id AND h.agent_id = a.id
                       ORDER BY h.at < $2 DESC, CASE WHEN h.at < $2 THEN -h.number ELSE h.number END LIMIT 1) o
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = o.to_id
 WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL AND a.created_at < $2
   AND NOT EXISTS (SELECT FROM containment_agents c JOIN containments k ON k.workspace_id = c.workspace_id AND k.id = c.containment_id
                    WHERE c.workspace_id = a.workspace_id AND c.agent_id = a.id AND k.ordered_at < $2
                      AND (k.lifted_at IS NULL OR k.lifted_at >= $2))
 ORDER BY a.id`;
const SETTINGS = `
SELECT record -> 'settings' AS document FROM actions
 WHERE workspace_id = $1 AND kind = 'blast_radius.settings' AND ts < $2 ORDER BY seq DESC LIMIT 1`;

const HORIZON = '24h';

/** Sets of agents that were alike, with what any of them could do by itself. None where no policy had been published. */
export async function fleetAt(
  { client, workspaceId }: Pick<ReportScope, 'client' | 'workspaceId'>,
  instant: string,
): Promise<readonly Alike[]> {
  const policy = await findArchived(client, workspaceId, { kind: 'at', at: Date.parse(instant) / 1000 - 1 });
  if (policy === undefined) return [];
  const { rows: agents } = await client.query<Row>(AGENTS, [workspaceId, instant]);
  const { rows: stated } = await client.query<{ document: unknown }>(SETTINGS, [workspaceId, instant]);
  const { authority, reaches } = settingsSchema.parse(stated[0]?.document ?? {});
  const known = new Set(agents.map(({ id }) => id));
  const world = {
    set: policy.set,
    agents: agents.map(({ id, name, owner_id: ownerId, owner, roles }) =>
      radiusAgent(
        { id, name, ownerId, owner, roles, status: 'active' },
        reaches.flatMap(({ agent, other }) => (agent === id && known.has(other) ? [other] : [])),
      ),
    ),
    ...(authority === null ? {} : { authority }),
  };
  return compute({ kind: 'fleet', world });
}

/** By id of the agent. Empty where no policy had been published. */
export async function blastRadiiAt(scope: ReportScope, instant: string): Promise<ReadonlyMap<string, BlastRadiusUsd>> {
  return new Map(
    (await fleetAt(scope, instant)).flatMap(({ radius, agents: members }) => {
      const cell = radius.cells.find(
        (each) => each.unit === 'usd' && each.horizon === HORIZON && each.line === 'alone',
      );
      const usd = cell === undefined ? NOTHING : usdOf(cell.amount);
      return members.map(({ id }): [string, BlastRadiusUsd] => [id, usd]);
    }),
  );
}

/** None of its capabilities moves money. */
const NOTHING: BlastRadiusUsd = { state: 'bounded', cents: 0 };

function usdOf(amount: RadiusAmount): BlastRadiusUsd {
  switch (amount.kind) {
    case 'bounded':
      return { state: 'bounded', cents: amount.value };
    case 'unbounded':
      return { state: 'UNBOUNDED', cents: null };
    case 'unknown':
      return { state: 'UNKNOWN', cents: null };
  }
}
