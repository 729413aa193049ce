/** Stops of a period, real ones and those of drills, with what was measured then and what the log says of the agents since. */
import { endOf, type ReportScope } from '../evidence/index.ts';

export interface Stop {
  readonly id: string;
  readonly scope: string;
  readonly reason: string;
  readonly actor: string;
  readonly ordered_at: Date;
  readonly committed_at: Date | null;
  readonly effective_at: Date | null;
  readonly lifted_at: Date | null;
  readonly approvals_cancelled: number;
  readonly tools_listed: boolean;
  readonly event_id: string | null;
  readonly entry_hash: string | null;
  readonly proposed_at: Date | null;
  readonly proposed_by: string | null;
  readonly confirmed_by: string | null;
  readonly rehearsal: Rehearsal | null;
  readonly tools: readonly {
    readonly capability: string;
    readonly agents: number;
    readonly established: string;
    readonly refused_at: string | null;
  }[];
  readonly connections: readonly {
    readonly server: string;
    readonly custody: string;
    readonly ends_at: string | null;
  }[];
  readonly calls: readonly {
    readonly event_id: string;
    readonly agent: string;
    readonly capability: string;
    readonly fate: string;
  }[];
  readonly agents: readonly StoppedAgent[];
}

export interface StoppedAgent {
  readonly id: string;
  readonly name: string;
  /** By the log: the last call that was let through before the commit and succeeded, and the first that the stop refused. */
  readonly last_success: string | null;
  readonly first_denied: string | null;
  /** Calls that were let through after the stop was effective and while it stood: within 24 hours, or as far as was known. */
  readonly later: number;
  readonly looked_until: string;
  /** Agents that acted on its behalf in the 30 days before. */
  readonly sub_agents: readonly string[];
}

/** As the API shows its result. */
interface Rehearsal {
  readonly id: string;
  readonly drill: string | null;
  readonly agent_id: string | null;
  readonly agent: string | null;
  readonly status: string;
  readonly target_ms: number;
  readonly failure: string | null;
  readonly slowest_ms: number | null;
  readonly tools: readonly {
    readonly capability: string;
    readonly refused: boolean;
    readonly code: string | null;
    readonly ms: number | null;
  }[];
}

// $1 workspace, $2 from, $3 end
export const STOPS = `
SELECT k.id, k.scope, k.reason, k.actor, k.ordered_at, k.committed_at, k.effective_at, CASE WHEN k.lifted_at < $3 THEN k.lifted_at END AS lifted_at,
       k.approvals_cancelled, k.tools_listed, k.event_id,
       (SELECT encode(e.entry_hash, 'hex') FROM actions e WHERE e.workspace_id = k.workspace_id AND e.event_id = k.event_id LIMIT 1) AS entry_hash,
       p.proposed_at, proposer.email AS proposed_by, confirmer.email AS confirmed_by,
       CASE WHEN r.id IS NOT NULL THEN jsonb_build_object('id', r.id, 'drill', r.drill, 'agent_id', r.agent_id, 'agent', r.agent, 'status', r.status,
         'target_ms', r.target_ms, 'failure', r.result -> 'failure', 'slowest_ms', r.result -> 'slowest_ms', 'tools', coalesce(r.result -> 'tools', '[]')) END AS rehearsal,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('capability', t.capability, 'agents', t.agents, 'established', t.established, 'refused_at', t.refused_at)
                                  ORDER BY t.capability COLLATE "C"), '[]')
          FROM containment_tools t WHERE t.workspace_id = k.workspace_id AND t.containment_id = k.id) AS tools,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('server', c.server, 'custody', c.custody, 'ends_at', c.ends_at) ORDER BY c.server COLLATE "C"), '[]')
          FROM containment_connections c WHERE c.workspace_id = k.workspace_id AND c.containment_id = k.id) AS connections,
       (SELECT coalesce(jsonb_agg(x.call ORDER BY x.call ->> 'event_id'), '[]')
          FROM containment_acks n CROSS JOIN LATERAL jsonb_array_elements(n.calls) AS x (call)
         WHERE n.workspace_id = k.workspace_id AND n.containment_id = k.id) AS calls,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'name', coalesce(c.handle, a.handle), 'last_success', s.last_success,
                  'first_denied', s.first_denied, 'later', s.later, 'looked_until', s.looked_until, 'sub_agents', s.sub_agents)
                  ORDER BY coalesce(c.handle, a.handle) COLLATE "C"), '[]')
          FROM containment_agents c JOIN agents a ON a.workspace_id = c.workspace_id AND a.id = c.agent_id
         CROSS JOIN LATERAL (
           SELECT (SELECT max(x.ts) FROM actions x WHERE x.workspace_id = k.workspace_id AND x.agent_id = a.id AND x.kind = 'tool.call'
                      AND x.verdict = 'allow' AND x.outcome = 'success' AND x.ts <= coalesce(k.committed_at, k.ordered_at)) AS last_success,
                  (SELECT min(x.ts) FROM actions x WHERE x.workspace_id = k.workspace_id AND x.agent_id = a.id AND x.kind = 'tool.call'
                      AND x.reason_class = 'containment' AND x.ts >= k.ordered_at AND x.ts <= coalesce(k.lifted_at, 'infinity') AND x.ts < $3) AS first_denied,
                  u.until AS looked_until,
                  (SELECT count(*) FROM actions x WHERE x.workspace_id = k.workspace_id AND x.agent_id = a.id AND x.kind = 'tool.call'
                      AND x.verdict = 'allow' AND x.ts > coalesce(k.effective_at, k.committed_at, k.ordered_at) AND x.ts <= u.until
                      AND (k.scope <> 'tool' OR x.action = k.target)) AS later,
                  ARRAY(SELECT DISTINCT x.agent_id FROM actions x WHERE x.workspace_id = k.workspace_id AND x.kind = 'tool.call'
                           AND x.ts > k.ordered_at - interval '30 days' AND x.ts <= k.ordered_at AND x.record ? 'chain'
                           AND x.record -> 'chain' @> jsonb_build_array(jsonb_build_object('agent_id', a.id)) ORDER BY 1) AS sub_agents
             FROM (SELECT least(k.ordered_at + interval '24 hours', coalesce(k.lifted_at, 'infinity'), $3::timestamptz) AS until) u) s
         WHERE c.workspace_id = k.workspace_id AND c.containment_id = k.id) AS agents
  FROM containments k
  LEFT JOIN containment_proposals p ON p.workspace_id = k.workspace_id AND p.id = k.proposal_id
  LEFT JOIN people proposer ON proposer.workspace_id = p.workspace_id AND proposer.id = p.proposed_by_id
  LEFT JOIN people confirmer ON confirmer.workspace_id = p.workspace_id AND confirmer.id = p.confirmed_by_id
  LEFT JOIN rehearsals r ON r.workspace_id = k.workspace_id AND r.id = k.rehearsal_id
 WHERE k.workspace_id = $1 AND k.ordered_at >= $2 AND k.ordered_at < $3
 ORDER BY k.ordered_at, k.id`;

/** Few enough to be kept: people and breakers give stops, and a drill gives one. */
export async function stopsOf({ client, workspaceId, period, asOf }: ReportScope): Promise<readonly Stop[]> {
  const { rows } = await client.query<Stop>(STOPS, [workspaceId, period.from, endOf(period, asOf)]);
  return rows;
}
