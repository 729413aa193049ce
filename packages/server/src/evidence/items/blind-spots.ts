/** What HiveKey sees, and what it cannot: counted for the period wherever it can be (docs/reference/cannot-see.md). */
import type { TableShape } from '@hivekey/evidence';
import { column } from '../column.ts';
import type { ReportScope } from '../report.ts';

export const BLIND_SPOTS: TableShape = {
  name: 'coverage-and-blind-spots',
  title: 'What is covered, and what cannot be seen',
  columns: [
    column('id', 'id', 'Of the row.'),
    column('covered', 'boolean', 'Whether it is something that is seen.'),
    column('what', 'text', 'What it is about.'),
    column('why', 'text', 'Why it is or is not seen.'),
    column('what_helps', 'text', 'What the customer can do.'),
    column(
      'count',
      'integer',
      'How much of it there was in the period, or stood at its end. Empty: it cannot be counted from here.',
    ),
    column('examples', 'list', 'The first ids that are meant, at most 50.'),
  ],
};

interface Spot {
  readonly id: string;
  readonly covered?: true;
  readonly what: string;
  readonly why: string;
  readonly helps: string;
  /** `{n, ids}` of a query with $1 workspace, $2 from, $3 end. Absent: it cannot be counted from here. */
  readonly count?: string;
}

const CALLS = `FROM actions WHERE workspace_id = $1 AND kind = 'tool.call' AND ts >= $2 AND ts < $3`;
const ids = (column: string): string => `(array_agg(DISTINCT ${column}))[1:50]`;
/** Versions of a type that stood at the end of the period. */
const AT_END = (type: string): string => `FROM (
  SELECT DISTINCT ON (object_id) object_id, document FROM object_versions
   WHERE workspace_id = $1 AND object_type = ANY('{${type}}') AND activated_at >= '-infinity' AND activated_at < $3 AND $2::timestamptz < $3
   ORDER BY object_id, version DESC) AS v WHERE v.document IS NOT NULL`;

const SPOTS: readonly Spot[] = [
  {
    id: 'decisions',
    covered: true,
    what: 'Decisions about calls that reach HiveKey, refused and held ones too',
    why: 'Each is recorded before anything is sent; without the record nothing is sent.',
    helps: 'Nothing is needed.',
    count: `SELECT count(*) AS n, ${ids('agent_id')} AS ids ${CALLS}`,
  },
  {
    id: 'other-ways',
    what: 'Calls that do not go through HiveKey',
    why: 'Nothing tells it of them.',
    helps:
      'Close egress, keep credentials of tools in HiveKey alone, run hivekey doctor --bypass, tie out with the tools’ own totals.',
  },
  {
    id: 'external-credentials',
    what: 'Servers and APIs of which agents may hold a credential of their own',
    why: 'HiveKey did not issue it, does not see its use and cannot end it.',
    helps: 'Let HiveKey hold it (custody: injected), or rotate it at the issuer when an agent is stopped.',
    count: `SELECT count(*) AS n, ${ids('v.object_id')} AS ids ${AT_END('mcp_server,http_api')} AND v.document ->> 'custody' = 'external'`,
  },
  {
    id: 'leased-credentials',
    what: 'Servers and APIs whose credential is handed out for a limited life',
    why: 'Until it expires it works elsewhere too.',
    helps: 'Keep the life short; the stop says when the last one ends.',
    count: `SELECT count(*) AS n, ${ids('v.object_id')} AS ids ${AT_END('mcp_server,http_api')} AND v.document ->> 'custody' = 'leased'`,
  },
  {
    id: 'self-reported',
    what: 'Actions that agents carry out themselves and report (decisions of the period)',
    why: 'HiveKey decides before; whether it took place as reported, the agent says.',
    helps: 'Put the tool behind the gateway.',
    count: `SELECT count(*) AS n, ${ids('agent_id')} AS ids ${CALLS} AND record ->> 'entrance' IN ('actions', 'authzen')`,
  },
  {
    id: 'unknown-outcomes',
    what: 'Allowed calls of which it is not known whether they happened',
    why: 'The answer did not come, or was not reported.',
    helps: 'Look at the tool, by its own log.',
    count: `SELECT count(*) AS n, ${ids('event_id')} AS ids ${CALLS} AND verdict = 'allow' AND NOT EXISTS (
              SELECT FROM actions r WHERE r.workspace_id = actions.workspace_id AND r.call_event_id = actions.event_id AND r.kind = 'tool.result'
                 AND r.outcome <> 'unknown' AND r.ts < $3)`,
  },
  {
    id: 'unregistered',
    what: 'Identities that tried to act and are no agent, first seen in the period',
    why: 'They are refused and counted; who they are is not known.',
    helps: 'Register or dismiss each.',
    count: `SELECT count(*) AS n, ${ids(`record ->> 'identity_id'`)} AS ids FROM actions
             WHERE workspace_id = $1 AND kind = 'identity.unregistered' AND ts >= $2 AND ts < $3`,
  },
  {
    id: 'unpinned',
    what: 'Definitions of tools that are not let in',
    why: 'They are not offered to agents, and no call passes.',
    helps: 'Let them in or switch them off.',
    count: `SELECT count(*) AS n, ${ids('v.object_id')} AS ids ${AT_END('definition')} AND v.document ->> 'status' <> 'live'`,
  },
  {
    id: 'trusted-annotations',
    what: 'Servers whose own word about their tools is believed',
    why: 'Whether a tool reads or writes is taken from its server.',
    helps: 'Say it for each tool, and set trust_annotations to false.',
    count: `SELECT count(*) AS n, ${ids('v.object_id')} AS ids ${AT_END('mcp_server')} AND v.document ->> 'trust_annotations' = 'true'`,
  },
  {
    id: 'bearer-credentials',
    what: 'Tokens of agents that are good for whoever holds them',
    why: 'Who sits behind a token is not seen.',
    helps: 'Short lives, keys with proof of possession, workload identity.',
    count: `SELECT count(*) AS n, ${ids('t.agent_id')} AS ids FROM agent_tokens t JOIN agents a ON a.workspace_id = t.workspace_id AND a.id = t.agent_id
             WHERE t.workspace_id = $1 AND a.rehearsal_id IS NULL AND t.created_at < $3 AND t.expires_at > $3
               AND (t.revoked_at IS NULL OR t.revoked_at >= $3) AND $2::timestamptz < $3`,
  },
  {
    id: 'undeclared',
    what: 'Agents of which nobody has declared model, prompt or tools',
    why: 'HiveKey knows what an agent is made of only by declaration.',
    helps: 'Declare it where the agent is deployed.',
    count: `SELECT count(*) AS n, ${ids('a.id')} AS ids FROM agents a
             WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL AND a.created_at < $3 AND $2::timestamptz < $3
               AND NOT EXISTS (SELECT FROM agent_versions v WHERE v.workspace_id = a.workspace_id AND v.agent_id = a.id AND v.created_at < $3)
               AND NOT EXISTS (SELECT FROM containment_agents c JOIN containments k ON k.workspace_id = c.workspace_id AND k.id = c.containment_id
                                WHERE c.workspace_id = a.workspace_id AND c.agent_id = a.id AND k.ordered_at < $3
                                  AND (k.lifted_at IS NULL OR k.lifted_at >= $3))`,
  },
  {
    id: 'inside-tools',
    what: 'What a tool does inside, and later because of a call',
    why: 'Effects end where the answer ends.',
    helps: 'The tool’s own log, by the trace context that is passed on.',
  },
  {
    id: 'meaning',
    what: 'Whether a call that is within all limits is a wise one',
    why: 'Names, arguments and state are seen, not intentions.',
    helps: 'Approvals, guards with memory, provenance.',
  },
  {
    id: 'inside-payloads',
    what: 'Data that leaves inside a permitted message',
    why: 'A permitted message may carry anything.',
    helps: 'Guards on arguments, recipients and sizes; approvals.',
  },
  {
    id: 'models',
    what: 'What a model was told, and thought',
    why: 'Prompts are no calls.',
    helps: 'The agent’s own traces.',
  },
];

export async function blindSpotRows(
  { client, workspaceId, period }: ReportScope,
  end: string,
): Promise<readonly object[]> {
  const rows: object[] = [];
  for (const { id, covered = false, what, why, helps, count } of SPOTS) {
    const known =
      count === undefined
        ? undefined
        : await client.query<{ n: number; ids: string[] | null }>(count, [workspaceId, period.from, end]);
    const [found] = known?.rows ?? [];
    rows.push({ id, covered, what, why, what_helps: helps, count: found?.n ?? null, examples: found?.ids ?? [] });
  }
  return rows;
}
