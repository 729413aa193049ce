/** Item 1, the inventory: every agent that was in force in the period, as it was at its end. */
import type { Cell, TableShape } from '@hivekey/evidence';
import { column } from '../column.ts';
import { type BlastRadiusUsd, blastRadiiAt } from '../history/blast-radius.ts';
import { agentsBefore, type Earlier, NOT_TOLD, peopleBefore } from '../history/rewind.ts';
import { endOf } from '../period.ts';
import { population } from '../population.ts';
import type { Report, ReportContent, ReportScope } from '../report.ts';
import { streamRows } from '../snapshot.ts';
import { IDENTITIES, seenNotRegistered } from './identities.ts';
import { reconcileOwners } from './idp-reconciliation.ts';

const AGENTS: TableShape = {
  name: 'agents',
  title: 'Agents in force in the period, as at its end',
  columns: [
    column('agent_id', 'id', 'Stable id of the agent; of an unregistered identity, the id it is counted under.'),
    column('name', 'text', 'Its handle, which never changes and is never given twice.'),
    column('purpose', 'text', 'Description, as declared.'),
    column('environment', 'text', 'Its tag `environment`, or that of the workspace.'),
    column('status', 'text', '`active`, `suspended`, `revoked`, or `unregistered`: seen, and not in the inventory.'),
    column('risk_tier', 'text', '`low` to `critical`, as declared.'),
    column('owner_user_id', 'id', 'The accountable person at the end of the period.'),
    column('owner_email', 'text', 'Work address of that person.'),
    column('owner_status', 'text', '`active`, or `left` with the day.'),
    column('deputy_owner', 'list', 'People and groups that stand in for the owner.'),
    column('team', 'text', 'Label of the owner, or the tag `team`.'),
    column('created_at', 'time', 'When it was made.'),
    column('created_by', 'text', 'Who asked for it; without a request, who made it.'),
    column('approved_by', 'text', 'Who let it in. Empty: no record that somebody else did.'),
    column('approved_at', 'time', 'When it was let in.'),
    column('request_id', 'id', 'The request by which it was let in.'),
    column('role_ids', 'list', 'Roles that it wore.'),
    column('model_ids', 'list', 'Model, as declared in the version in force.'),
    column('tool_ids', 'list', 'Tools, as declared in the version in force.'),
    column('data_classes', 'list', 'Its tag `data_classes`, at commas.'),
    column('credential_count', 'integer', 'Credentials that were alive.'),
    column('oldest_credential_at', 'time', 'When the oldest of them was made.'),
    column('last_credential_rotation_at', 'time', 'When its newest credential was made, where it had one before.'),
    column('last_action_at', 'time', 'Its last decision in the log until the end of the period. Empty: none.'),
    column(
      'blast_radius_usd_24h',
      'integer',
      'The most it could move by itself in 24 hours, in cents of USD; empty where that is no number.',
    ),
    column('last_reviewed_at', 'time', 'When its access was last decided in a review.'),
    column('suspended_at', 'time', 'Since when it was suspended.'),
    column('revoked_at', 'time', 'Since when it was revoked.'),
    column('revoked_by', 'text', 'Who ordered the stop.'),
    column('revoke_reason', 'text', 'Why.'),
    column('blast_radius_state', 'text', '`bounded`, `UNBOUNDED`, `UNKNOWN`, or empty: it could not act.'),
    column('kind', 'text', '`agent`, `sub-agent` (it acted for another one in the period), `test`, or `identity`.'),
    column('acted_for', 'list', 'Ids of the agents that it acted for in the period.'),
    column('agent_version', 'integer', 'Version of what it is made of; 0: nothing was declared.'),
    column('decisions_in_period', 'integer', 'Decisions in the log about it in the period.'),
    column('valid_until', 'time', 'From then on it does nothing.'),
  ],
};

const OWNERS: TableShape = {
  name: 'idp-reconciliation',
  title: 'Owners against directory and identity providers',
  columns: [
    column('person_id', 'id', 'The person.'),
    column('email', 'text', 'Work address.'),
    column('status', 'text', '`active`, or `left` with the day, at the end of the period.'),
    column('agents', 'integer', 'Agents of the inventory that the person owned then and that were not revoked.'),
    column('directory', 'text', 'Directory that said of them last, up to the end of the period. Empty: none did.'),
    column('identity_providers', 'list', 'Providers at which their account was linked then.'),
    column('result', 'text', '`matched`; `no source` names them; `left with agents`: an exception.'),
  ],
};

interface Row {
  agent_id: string;
  name: string;
  description: string;
  metadata: Readonly<Record<string, string>>;
  environment: string;
  status: string;
  risk_tier: string | null;
  owner_user_id: string;
  created_at: Date;
  created_by: string;
  approved_by: string | null;
  approved_at: Date | null;
  request_id: string | null;
  roles: string[];
  deputies: string[];
  version: number | null;
  model: string | null;
  tools: string[] | null;
  credential_count: number;
  oldest_credential_at: Date | null;
  last_credential_rotation_at: Date | null;
  last_action_at: Date | null;
  last_reviewed_at: Date | null;
  last_status_at: Date | null;
  last_status: string | null;
  revoked_at: Date | null;
  revoked_by: string | null;
  revoke_reason: string | null;
  synthetic: boolean;
  valid_until: Date | null;
  decisions: number;
  acted_for: string[];
}

/** Not those that were revoked before the period and stayed so until its end. $1 workspace, $2 from, $3 end. */
const IN_FORCE = `
  a.workspace_id = $1 AND a.rehearsal_id IS NULL AND a.created_at < $3
  AND NOT EXISTS (SELECT FROM containment_agents c JOIN containments k ON k.workspace_id = c.workspace_id AND k.id = c.containment_id
                   WHERE c.workspace_id = a.workspace_id AND c.agent_id = a.id AND k.ordered_at < $2
                     AND (k.lifted_at IS NULL OR k.lifted_at >= $3))`;

const INVENTORY = `
WITH acted AS (
  SELECT c.agent_id, count(*) AS decisions,
         array_agg(DISTINCT p ->> 'agent_id') FILTER (WHERE p ->> 'agent_id' IS NOT NULL) AS acted_for
    FROM actions c LEFT JOIN LATERAL jsonb_array_elements(c.record -> 'chain') WITH ORDINALITY AS p (p, place) ON place = 1
   WHERE c.workspace_id = $1 AND c.kind = 'tool.call' AND c.ts >= $2 AND c.ts < $3 AND c.agent_id IS NOT NULL
   GROUP BY c.agent_id)
SELECT a.id AS agent_id, a.handle AS name, a.description, a.metadata, w.environment, s.status, a.risk_tier,
       o.to_id AS owner_user_id, a.created_at, a.created_by, a.approved_by, a.approved_at, a.request_id,
       ARRAY(SELECT h.role FROM agent_role_history h
              WHERE h.workspace_id = a.workspace_id AND h.agent_id = a.id AND h.granted_at < $3
                AND (h.removed_at IS NULL OR h.removed_at >= $3) ORDER BY h.number) AS roles,
       ARRAY(SELECT coalesce(p.email, d."group") FROM agent_deputies d LEFT JOIN people p ON p.workspace_id = d.workspace_id AND p.id = d.person_id
              WHERE d.workspace_id = a.workspace_id AND d.agent_id = a.id ORDER BY 1) AS deputies,
       v.version, v.attributes ->> 'model' AS model, ARRAY(SELECT jsonb_array_elements_text(v.attributes -> 'tools')) AS tools,
       c.live AS credential_count, c.oldest AS oldest_credential_at, c.rotated AS last_credential_rotation_at,
       l.ts AS last_action_at, z.ts AS last_status_at, z.status AS last_status, k.ordered_at AS revoked_at, k.actor AS revoked_by, k.reason AS revoke_reason,
       q.decided_at AS last_reviewed_at, a.synthetic, a.valid_until, coalesce(acted.decisions, 0) AS decisions, coalesce(acted.acted_for, '{}') AS acted_for
  FROM agents a
  JOIN workspaces w ON w.id = a.workspace_id
  JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
  LEFT JOIN acted ON acted.agent_id = a.id
  CROSS JOIN LATERAL (SELECT h.to_id FROM ownership_history h
                       WHERE h.workspace_id = a.workspace_id AND h.agent_id = a.id
                       ORDER BY h.at < $3 DESC, CASE WHEN h.at < $3 THEN -h.number ELSE h.number END LIMIT 1) o
  LEFT JOIN LATERAL (SELECT * FROM agent_versions v
                      WHERE v.workspace_id = a.workspace_id AND v.agent_id = a.id AND v.created_at < $3
                      ORDER BY v.version DESC LIMIT 1) v ON true
  CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE t.is_live) AS live, min(t.created_at) FILTER (WHERE t.is_live) AS oldest,
           CASE WHEN count(*) > 1 THEN max(t.created_at) END AS rotated
      FROM (SELECT x.created_at,
                   x.ends_at > $3 AND (x.revoked_at IS NULL OR x.revoked_at >= $3)
                     AND (x.authz_epoch = s.authz_epoch OR s.authz_cutoff > $3) AS is_live
              FROM (SELECT created_at, expires_at AS ends_at, revoked_at, authz_epoch FROM agent_tokens
                     WHERE workspace_id = a.workspace_id AND agent_id = a.id
                    UNION ALL
                    SELECT created_at, not_after, revoked_at, authz_epoch FROM agent_credentials
                     WHERE workspace_id = a.workspace_id AND agent_id = a.id) AS x
             WHERE x.created_at < $3) AS t) c
  LEFT JOIN LATERAL (SELECT ts FROM actions x
                      WHERE x.workspace_id = a.workspace_id AND x.agent_id = a.id AND x.kind = 'tool.call' AND x.ts < $3
                      ORDER BY x.seq DESC LIMIT 1) l ON true
  LEFT JOIN LATERAL (SELECT x.ts, CASE x.kind WHEN 'agent.revoked' THEN 'revoked' WHEN 'agent.dormant' THEN 'suspended'
                                  WHEN 'agent.expired' THEN 'suspended' ELSE x.record -> 'changes' -> 'status' ->> 1 END AS status
                       FROM actions x
                      WHERE x.workspace_id = a.workspace_id AND x.agent_id = a.id AND x.ts < $3
                        AND x.kind NOT IN ('tool.call', 'tool.result')
                        AND (x.kind IN ('agent.revoked', 'agent.expired')
                             OR (x.kind IN ('agent.changed', 'agent.restored') AND x.record -> 'changes' ? 'status')
                             OR (x.kind = 'agent.dormant' AND x.record ->> 'suspended' = 'true'))
                      ORDER BY x.seq DESC LIMIT 1) z ON true
  LEFT JOIN LATERAL (SELECT k.ordered_at, k.actor, k.reason
                       FROM containment_agents c JOIN containments k ON k.workspace_id = c.workspace_id AND k.id = c.containment_id
                      WHERE c.workspace_id = a.workspace_id AND c.agent_id = a.id AND k.ordered_at < $3
                        AND (k.lifted_at IS NULL OR k.lifted_at >= $3)
                      ORDER BY k.ordered_at LIMIT 1) k ON true
  LEFT JOIN LATERAL (SELECT max(i.decided_at) AS decided_at
                       FROM review_items i JOIN review_campaigns r ON r.workspace_id = i.workspace_id AND r.id = i.campaign_id
                      WHERE i.workspace_id = a.workspace_id AND i.agent_id = a.id AND i.item_type = 'assignment' AND i.decided_at < $3
                        AND (r.voided_at IS NULL OR r.voided_at >= $3)) q ON true
 WHERE ${IN_FORCE}
 ORDER BY a.created_at, a.id`;

export const agentsReport: Report = {
  id: 'agents',
  folder: '01_inventory',
  item: 1,
  title: 'Agent inventory',
  about:
    'Every agent that was in force at any moment of the period, as it was at the end: those that were revoked in it, suspended, never used, test agents and sub-agents among them, and identities that acted or tried to and are no agent. It proves who could act, who answers for it, and who let it in.',
  controls: ['AG-01', 'AG-02', 'AG-07', 'AG-15'],
  tables: [AGENTS, IDENTITIES, OWNERS],
  query: `Agents that were made before the end of the period and were not revoked for all of it, shadows of rehearsals apart; then identities of the log that are no agent. Values are those of the end of the period: what changed since is taken back by the records of the log.
${INVENTORY.trim()}`,
  read: readAgents,
};

async function readAgents(scope: ReportScope): Promise<ReportContent> {
  const { client, workspaceId, period, asOf } = scope;
  const end = endOf(period, asOf);
  const agentsThen = await agentsBefore(client, workspaceId, end);
  const peopleThen = await peopleBefore(client, workspaceId, end);
  const owners = await reconcileOwners(scope, end, peopleThen);
  const radii = await blastRadiiAt(scope, end);
  const unregistered = await seenNotRegistered(scope, end);

  async function* found(): AsyncGenerator<object, void, undefined> {
    for await (const row of streamRows<Row>(client, INVENTORY, [workspaceId, period.from, end])) {
      const then = agentsThen.get(row.agent_id) ?? {};
      yield rowOf(row, then, owners.personAt(row.owner_user_id), radii.get(row.agent_id));
    }
    for (const { identity_id: id, identity, first_seen_at: at } of unregistered)
      yield { agent_id: id, name: identity, status: 'unregistered', kind: 'identity', created_at: at };
  }

  const agents = population(AGENTS, found(), {
    count: ['status', 'kind', 'risk_tier'],
    sum: [{ column: 'credential_count' }],
  });
  const identities = population(IDENTITIES, unregistered, { count: ['identity_kind'] });
  const reconciliation = population(OWNERS, owners.rows, { count: ['result'] });
  return {
    rows: {
      [AGENTS.name]: agents.rows,
      [IDENTITIES.name]: identities.rows,
      [OWNERS.name]: reconciliation.rows,
    },
    facts: async () => {
      const counts = await sourceCounts(scope, end);
      return {
        [AGENTS.name]: agents.facts(
          { database: counts.agents + counts.unregistered },
          {
            control_totals: { revoked_in_period: counts.revoked, created_in_period: counts.created },
            exclusions: [
              {
                what: 'agents that were revoked before the period and stayed so',
                count: counts.revokedBefore,
                reason: 'they were not in force in it',
              },
              {
                what: 'shadow agents',
                count: counts.shadows,
                reason: 'rehearsals of stops make them and end them; they are in the revocation report',
              },
            ].filter(({ count }) => count > 0),
          },
        ),
        [IDENTITIES.name]: identities.facts({ database: counts.unregistered }),
        [OWNERS.name]: reconciliation.facts({ database: counts.owners }),
      };
    },
  };
}

function rowOf(
  row: Row,
  then: Earlier,
  owner: { readonly email: string; readonly status: string; readonly label: string | null },
  radius: BlastRadiusUsd | undefined,
): Record<string, Cell | Date> {
  const metadata = tagsOf(valueThen(then, 'metadata', row.metadata));
  const told = valueThen(then, 'status', row.status);
  const status = row.revoked_at !== null ? 'revoked' : told === NOT_TOLD ? (row.last_status ?? 'active') : told;
  return {
    agent_id: row.agent_id,
    name: row.name,
    purpose: valueThen(then, 'description', row.description),
    environment: metadata.environment ?? row.environment,
    status,
    risk_tier: valueThen(then, 'risk_tier', row.risk_tier),
    owner_user_id: row.owner_user_id,
    owner_email: owner.email,
    owner_status: owner.status,
    deputy_owner: valueThen(then, 'deputies', row.deputies),
    team: owner.label ?? metadata.team ?? null,
    created_at: row.created_at.toISOString(),
    created_by: row.created_by,
    approved_by: row.approved_by,
    approved_at: row.approved_at?.toISOString() ?? null,
    request_id: row.request_id,
    role_ids: row.roles,
    model_ids: row.model === null ? [] : [row.model],
    tool_ids: row.tools ?? [],
    data_classes: (metadata.data_classes ?? '').split(',').flatMap((each) => (each.trim() === '' ? [] : [each.trim()])),
    credential_count: row.credential_count,
    oldest_credential_at: row.oldest_credential_at?.toISOString() ?? null,
    last_credential_rotation_at: row.last_credential_rotation_at?.toISOString() ?? null,
    last_action_at: row.last_action_at?.toISOString() ?? null,
    blast_radius_usd_24h: radius?.cents ?? null,
    last_reviewed_at: row.last_reviewed_at?.toISOString() ?? null,
    suspended_at:
      status === 'suspended' && row.last_status === status ? (row.last_status_at?.toISOString() ?? null) : null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
    revoked_by: row.revoked_by,
    revoke_reason: row.revoke_reason,
    blast_radius_state: radius?.state ?? null,
    kind: row.synthetic ? 'test' : row.acted_for.length > 0 ? 'sub-agent' : 'agent',
    acted_for: row.acted_for,
    agent_version: row.version ?? 0,
    decisions_in_period: row.decisions,
    valid_until: valueThen(then, 'valid_until', row.valid_until?.toISOString() ?? null),
  };
}

function valueThen(then: Earlier, field: string, now: Cell): Cell {
  return field in then ? (then[field] ?? null) : now;
}

function tagsOf(value: Cell): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, tag]): [string, string][] => (typeof tag === 'string' ? [[name, tag]] : [])),
  );
}

interface Counts {
  readonly agents: number;
  readonly revoked: number;
  readonly created: number;
  readonly revokedBefore: number;
  readonly shadows: number;
  readonly owners: number;
  readonly unregistered: number;
}

/** By queries of their own, and not by what was listed. */
async function sourceCounts({ client, workspaceId, period }: ReportScope, end: string): Promise<Counts> {
  const { rows } = await client.query<Counts>(
    `SELECT count(*) FILTER (WHERE NOT gone) AS agents, count(*) FILTER (WHERE gone) AS "revokedBefore",
            count(*) FILTER (WHERE NOT gone AND revoked) AS revoked,
            count(*) FILTER (WHERE NOT gone AND created_at >= $2) AS created,
            count(DISTINCT owner_id) FILTER (WHERE NOT gone) AS owners,
            (SELECT count(*) FROM agents x WHERE x.workspace_id = $1 AND x.rehearsal_id IS NOT NULL
                AND x.created_at >= $2 AND x.created_at < $3) AS shadows,
            (SELECT count(*) FROM actions x WHERE x.workspace_id = $1 AND x.kind = 'identity.unregistered'
                AND x.ts >= $2 AND x.ts < $3) AS unregistered
       FROM (SELECT a.created_at,
                    (SELECT h.to_id FROM ownership_history h WHERE h.workspace_id = a.workspace_id AND h.agent_id = a.id
                      ORDER BY h.at < $3 DESC, CASE WHEN h.at < $3 THEN -h.number ELSE h.number END LIMIT 1) AS owner_id,
                    coalesce(bool_or(k.ordered_at < $2), false) AS gone, bool_or(k.ordered_at >= $2) AS revoked
               FROM agents a
               LEFT JOIN (containment_agents c JOIN containments k ON k.workspace_id = c.workspace_id AND k.id = c.containment_id
                            AND k.ordered_at < $3 AND (k.lifted_at IS NULL OR k.lifted_at >= $3))
                 ON c.workspace_id = a.workspace_id AND c.agent_id = a.id
              WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL AND a.created_at < $3
              GROUP BY a.workspace_id, a.id, a.created_at) AS each`,
    [workspaceId, period.from, end],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('a count said nothing');
  return row;
}
