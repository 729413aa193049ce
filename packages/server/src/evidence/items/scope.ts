/** What goes before the nine items: what is covered, who does what, what cannot be seen, and the documents in force. */
import { canonicalJson } from '@hivekey/action-log';
import type { Block, EvidenceDocument } from '@hivekey/evidence';
import { versionsUntilEnd } from '../history/versions.ts';
import { pathPart } from '../path-part.ts';
import { pdfOf } from '../pdf.ts';
import { endOf } from '../period.ts';
import { population } from '../population.ts';
import type { Attachment, Report, ReportContent, ReportScope } from '../report.ts';
import { ADMIN_KEYS, ADMIN_KEYS_QUERY, adminKeysIn } from './admin-keys.ts';
import { BLIND_SPOTS, blindSpotRows } from './blind-spots.ts';
import { RESPONSIBILITIES, responsibilityRows } from './responsibilities.ts';

export const scopeReport: Report = {
  id: 'scope',
  folder: '00_scope',
  item: 0,
  title: 'Scope and blind spots',
  about:
    'What HiveKey covers in this workspace, who does what for each control, what it cannot see, counted where it can be, and who stands behind the keys that records name. `policies` has every document that decided at the end of the period.',
  controls: [],
  tables: [RESPONSIBILITIES, BLIND_SPOTS, ADMIN_KEYS],
  query: `Responsibilities are the same for every workspace. Each blind spot is counted by a query of its own over the log of the period, or over the versions that stood at its end. Admin keys: ${ADMIN_KEYS_QUERY.trim()}`,
  read: readScope,
};

async function readScope(scope: ReportScope): Promise<ReportContent> {
  const end = endOf(scope.period, scope.asOf);
  const shares = population(RESPONSIBILITIES, responsibilityRows());
  const spots = population(BLIND_SPOTS, await blindSpotRows(scope, end), { count: ['covered'] });
  const keys = population(ADMIN_KEYS, await adminKeysIn(scope));
  return {
    rows: { [RESPONSIBILITIES.name]: shares.rows, [BLIND_SPOTS.name]: spots.rows, [ADMIN_KEYS.name]: keys.rows },
    facts: async () => ({
      [RESPONSIBILITIES.name]: shares.facts({}),
      [BLIND_SPOTS.name]: spots.facts({}),
      [ADMIN_KEYS.name]: keys.facts({}),
    }),
    attachments: () => documents(scope, end),
  };
}

const DECIDING = ['role', 'workspace_guards', 'capability', 'freeze', 'sources', 'change_settings'] as const;

async function* documents(scope: ReportScope, end: string): AsyncGenerator<Attachment, void, undefined> {
  yield { path: 'system-boundary.pdf', bytes: await pdfOf(await boundary(scope, end)) };
  for (const { type, id, version, until, document } of await versionsUntilEnd(scope, DECIDING))
    if (until === null && document !== null)
      yield {
        path: `policies/${type}/${id === '*' ? 'workspace' : pathPart(id)}_v${version}.json`,
        bytes: Buffer.from(canonicalJson(document)),
      };
}

interface Boundary {
  tenant: string;
  environment: string;
  sample_data: boolean;
  agents: number;
  entrances: { name: string; n: number }[];
  servers: { name: string; kind: string; custody: string | null; status: string | null }[];
  nodes: string[];
  sinks: string[];
  providers: string[];
}

const BOUNDARY = `
SELECT w.name AS tenant, w.environment, w.sample_data,
       (SELECT count(*) FROM agents a WHERE a.workspace_id = w.id AND a.rehearsal_id IS NULL AND a.created_at < $3) AS agents,
       (SELECT coalesce(json_agg(json_build_object('name', e.entrance, 'n', e.n) ORDER BY e.entrance), '[]')
          FROM (SELECT coalesce(record ->> 'entrance', 'not recorded') AS entrance, count(*) AS n FROM actions
                 WHERE workspace_id = w.id AND kind = 'tool.call' AND ts >= $2 AND ts < $3 GROUP BY 1) AS e) AS entrances,
       (SELECT coalesce(json_agg(json_build_object('name', v.object_id, 'kind', v.object_type, 'custody', v.document ->> 'custody',
                                                   'status', v.document ->> 'status') ORDER BY v.object_id), '[]')
          FROM (SELECT DISTINCT ON (object_type, object_id) object_type, object_id, document FROM object_versions
                 WHERE workspace_id = w.id AND object_type IN ('mcp_server', 'http_api') AND activated_at < $3
                 ORDER BY object_type, object_id, version DESC) AS v WHERE v.document IS NOT NULL) AS servers,
       ARRAY(SELECT DISTINCT record ->> 'node' FROM actions WHERE workspace_id = w.id AND kind = 'system.started' AND ts < $3
               AND kind NOT IN ('tool.call', 'tool.result') ORDER BY 1) AS nodes,
       ARRAY(SELECT name || ' (' || kind || ')' FROM sinks WHERE workspace_id = w.id AND created_at < $3 ORDER BY 1) AS sinks,
       ARRAY(SELECT name || ' (' || kind || ')' FROM identity_providers WHERE workspace_id = w.id AND created_at < $3 ORDER BY 1) AS providers
  FROM workspaces w WHERE w.id = $1`;

async function boundary(
  { client, context, workspaceId, period, asOf }: ReportScope,
  end: string,
): Promise<EvidenceDocument> {
  const { rows } = await client.query<Boundary>(BOUNDARY, [workspaceId, period.from, end]);
  const [found] = rows;
  if (found === undefined) throw new Error(`there is no workspace ${workspaceId}`);
  const listed = (items: readonly string[]): string => (items.length === 0 ? 'none' : items.join(', '));
  const blocks: readonly Block[] = [
    {
      kind: 'statement',
      text: `HiveKey decides and records the calls of agents to tools that reach it. Inside the boundary are its nodes, its database and its log; tools, models, identity providers and receivers of the log are outside.`,
    },
    {
      kind: 'facts',
      facts: [
        { name: 'Address', value: context.url },
        { name: 'Version', value: context.version },
        { name: 'Nodes', value: listed(found.nodes) },
        { name: 'Agents ever registered', value: String(found.agents) },
        { name: 'Receivers of the log', value: listed(found.sinks) },
        { name: 'Identity providers', value: listed(found.providers) },
        { name: 'Key of the log', value: context.log.verifierKey(workspaceId) },
      ],
    },
    { kind: 'heading', text: 'Ways in' },
    {
      kind: 'table',
      columns: [
        { title: 'Entrance', weight: 3 },
        { title: 'Decisions in the period', weight: 1, isNumber: true },
      ],
      rows: found.entrances.map(({ name, n }) => [name, String(n)]),
      empty: 'No decision was made in the period.',
    },
    { kind: 'heading', text: 'Tools that it stands before' },
    {
      kind: 'table',
      columns: [
        { title: 'Namespace', weight: 3 },
        { title: 'Kind', weight: 1 },
        { title: 'Credential', weight: 1 },
        { title: 'Status', weight: 1 },
      ],
      rows: found.servers.map(({ name, kind, custody, status }) => [
        name,
        kind.replace('_', ' '),
        custody ?? '',
        status ?? '',
      ]),
      empty: 'No server and no API is registered.',
    },
  ];
  return {
    tenant: found.tenant,
    environment: found.environment,
    period,
    asOf,
    generatedAt: asOf,
    csvSha256: null,
    isSample: found.sample_data,
    title: 'System boundary',
    paper: 'portrait',
    blocks,
  };
}
