/** What the tests rest on, each with whether it is there and when it last said something before the end of the period. */
import type { Source } from '@hivekey/evidence/controls';
import type { TestScope } from './control-test.ts';
import { COPY_BEHIND_MINUTES } from './parameters.ts';

const HOUR_MS = 3_600_000;

interface SourceQuery {
  readonly name: string;
  readonly about: string;
  /** `enabled`, `last_seen`; $1 workspace, $2 from, $3 to. */
  readonly query: string;
  /** Silence before the end of the period that takes trust away; null: it speaks only when something happens. */
  readonly silentMs: number | null;
}

// The state at the end of the period where it is known, and otherwise that of now.
const SOURCES = {
  log: {
    name: 'signed log',
    about: 'checkpoints are signed at least each minute while a node runs.',
    query: `SELECT count(*) > 0 AS enabled, max(created_at) AS last_seen FROM log_checkpoints WHERE workspace_id = $1 AND created_at < $3`,
    silentMs: HOUR_MS,
  },
  copies: {
    name: 'copy of the checkpoints',
    about: 'a checkpoint file or a witness outside the database has to hold them.',
    query: `SELECT count(*) > 0 AS enabled, max(updated_at) FILTER (WHERE last_error IS NULL) AS last_seen
              FROM checkpoint_copies WHERE workspace_id = $1`,
    silentMs: COPY_BEHIND_MINUTES * 60_000,
  },
  agents: {
    name: 'inventory of agents',
    about: 'agents have to be registered.',
    query: `SELECT count(*) > 0 AS enabled, max(created_at) AS last_seen FROM agents
             WHERE workspace_id = $1 AND rehearsal_id IS NULL AND NOT synthetic AND created_at < $3`,
    silentMs: null,
  },
  sweeps: {
    name: 'sweeps of the decision function',
    about: 'one has to be made when another policy has come in force.',
    query: `SELECT count(*) > 0 AS enabled, max(made_at) AS last_seen FROM blast_radius_certificates WHERE workspace_id = $1 AND made_at < $3`,
    silentMs: null,
  },
  segregation: {
    name: 'sets of conflicting duties',
    about: 'somebody has to say which roles must not be in one hand.',
    query: `SELECT count(*) > 0 AS enabled, max(created_at) AS last_seen FROM segregation_sets
             WHERE workspace_id = $1 AND created_at < $3 AND (ended_at IS NULL OR ended_at >= $3)`,
    silentMs: null,
  },
  reviews: {
    name: 'policy of access reviews',
    about: 'somebody has to say in what cycle access is reviewed.',
    query: `SELECT coalesce((SELECT document ->> 'cycle' IS NOT NULL FROM review_policies
                              WHERE workspace_id = $1 AND created_at < $3 ORDER BY version DESC LIMIT 1), false) AS enabled,
                   (SELECT max(snapshot_at) FROM review_campaigns WHERE workspace_id = $1 AND snapshot_at < $3) AS last_seen`,
    silentMs: null,
  },
  leavers: {
    name: 'feed of leavers',
    about: 'a directory has to be connected by SCIM, and to be heard of each week.',
    query: `SELECT coalesce(bool_or(revoked_at IS NULL OR revoked_at >= $3), false) AS enabled,
                   max(least(last_seen_at, $3)) FILTER (WHERE revoked_at IS NULL OR revoked_at >= $3) AS last_seen
              FROM scim_connections WHERE workspace_id = $1 AND created_at < $3`,
    silentMs: 7 * 24 * HOUR_MS,
  },
  drift: {
    name: 'checks for drift',
    about: 'each node compares what is in force with what was approved.',
    query: `SELECT count(*) > 0 AS enabled, max(ts) AS last_seen FROM actions
             WHERE workspace_id = $1 AND kind = 'drift.checked' AND ts >= $2 AND ts < $3`,
    silentMs: 3 * HOUR_MS,
  },
  versions: {
    name: 'versions of what decides',
    about: 'they are kept from the first start on.',
    query: `SELECT count(*) > 0 AS enabled, max(adopted_at) AS last_seen FROM object_adoptions WHERE workspace_id = $1`,
    silentMs: null,
  },
  sinks: {
    name: 'stream to a SIEM',
    about: 'a sink that is active has to deliver the log.',
    query: `SELECT coalesce(bool_or(s.status = 'active'), false) AS enabled,
                   max(st.last_success_at) FILTER (WHERE s.status = 'active') AS last_seen
              FROM sinks s LEFT JOIN sink_streams st ON st.workspace_id = s.workspace_id AND st.sink_id = s.id AND st.purpose = 'live'
             WHERE s.workspace_id = $1 AND s.created_at < $3`,
    silentMs: 24 * HOUR_MS,
  },
  detections: {
    name: 'evaluation of the rules',
    about: 'a node has to follow the log.',
    query: `SELECT count(*) > 0 AS enabled, max(saved_at) AS last_seen FROM detection_evaluators WHERE workspace_id = $1 AND last_error IS NULL`,
    silentMs: null,
  },
  tools: {
    name: 'registry of tools',
    about: 'an MCP server or an HTTP API has to be registered.',
    query: `SELECT count(*) > 0 AS enabled, max(created_at) AS last_seen
              FROM (SELECT created_at FROM mcp_servers WHERE workspace_id = $1 AND created_at < $3
                    UNION ALL SELECT created_at FROM http_apis WHERE workspace_id = $1 AND created_at < $3) t`,
    silentMs: null,
  },
  tieOuts: {
    name: 'totals of the tools',
    about: 'the own lists of tools that move money or data have to be imported.',
    query: `SELECT count(*) > 0 OR NOT EXISTS (
                     SELECT FROM actions WHERE workspace_id = $1 AND kind = 'tool.call' AND verdict = 'allow' AND ts >= $2 AND ts < $3
                        AND (record -> 'impact' <> '{}' OR record -> 'external' = 'true')) AS enabled,
                   max(imported_at) AS last_seen
              FROM tie_outs WHERE workspace_id = $1 AND period_from < $3 AND period_to > $2`,
    silentMs: null,
  },
} as const satisfies Readonly<Record<string, SourceQuery>>;

export type SourceName = keyof typeof SOURCES;

export async function readSource({ client, workspaceId, from, to }: TestScope, name: SourceName): Promise<Source> {
  const source: SourceQuery = SOURCES[name];
  const values = source.query.includes('$2') ? [workspaceId, from, to] : [workspaceId, to];
  const query = source.query.includes('$2') ? source.query : source.query.replaceAll('$3', '$2');
  const { rows } = await client.query<{ enabled: boolean; last_seen: Date | null }>(
    query,
    query.includes('$2') ? values : [workspaceId],
  );
  const [row] = rows;
  const lastSeen = row?.last_seen ?? null;
  const silentMs = lastSeen === null ? Number.POSITIVE_INFINITY : Date.parse(to) - lastSeen.getTime();
  return {
    name: source.name,
    about: source.about,
    enabled: row?.enabled ?? false,
    // What was seen later says nothing about the period, and would be told otherwise at each reading.
    last_seen: lastSeen === null ? null : new Date(Math.min(lastSeen.getTime(), Date.parse(to))).toISOString(),
    stale: source.silentMs !== null && silentMs > source.silentMs,
  };
}
