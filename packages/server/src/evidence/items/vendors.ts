/** Servers, tools and models that agents were given: who let each in, at which pin, and what was used. */
import type { Json, TableShape } from '@hivekey/evidence';
import { column } from '../column.ts';
import { membersOf } from '../history/document.ts';
import {
  type Approval,
  approvalsOfChanges,
  isInForceSince,
  type ObjectVersion,
  versionsUntilEnd,
} from '../history/versions.ts';
import { endOf } from '../period.ts';
import { population } from '../population.ts';
import type { Report, ReportContent, ReportScope } from '../report.ts';
import { streamRows } from '../snapshot.ts';

const OF_VERSION = [
  column('version', 'integer', 'From 1, without gaps.'),
  column('version_hash', 'id', 'SHA-256 of its RFC 8785 form.'),
  column('effective_from', 'time', 'When it came into force.'),
  column('effective_to', 'time', 'When something else did. Empty: it was in force at the end of the period.'),
  column('author', 'text', 'Who wrote it.'),
  column('approved_by', 'list', 'People who approved it. Empty: no record that anybody did.'),
  column('basis', 'text', 'On what ground it came.'),
  column('change_id', 'id', 'The change that brought it, by name.'),
  column('event_id', 'id', 'The record of the log that has its hash.'),
];

const SERVERS: TableShape = {
  name: 'servers',
  title: 'MCP servers and HTTP APIs in force in the period',
  columns: [
    column('namespace', 'id', 'Under which its tools are known.'),
    column('kind', 'text', '`mcp` or `http`.'),
    column('where', 'text', 'Its address without query, or the command that starts it.'),
    column('status', 'text', '`active` or `disabled`.'),
    column(
      'custody',
      'text',
      '`injected`: agents never have its credential; `leased`; `external`: they may hold one of their own.',
    ),
    column('default_access', 'text', 'What its tools may do where nobody said more.'),
    ...OF_VERSION,
  ],
};

const TOOLS: TableShape = {
  name: 'tools',
  title: 'Definitions that were let in, in force in the period',
  columns: [
    column('capability', 'id', 'Name of the capability.'),
    column('source', 'text', '`mcp` or `http`.'),
    column('kind', 'text', 'Tool, resource, template, prompt or operation.'),
    column('access', 'text', '`read` or `write`.'),
    column('status', 'text', '`live`, or `suspended`: no call passes.'),
    column('pin', 'id', 'SHA-256 of the definition that calls are checked against.'),
    ...OF_VERSION,
  ],
};

const USED: TableShape = {
  name: 'pins-in-use',
  title: 'Definitions that calls of the period were checked against',
  columns: [
    column('capability', 'id', 'Name of the capability.'),
    column('pin', 'id', 'As it stands on the calls.'),
    column('calls', 'integer', 'How many were allowed with it.'),
    column('first_seq', 'integer', 'Number of the first of them in the log.'),
    column('last_seq', 'integer', 'And of the last.'),
    column(
      'approved_version',
      'integer',
      'Version of the definition with this pin that was in force. Empty: none was, an exception.',
    ),
  ],
};

const MODELS: TableShape = {
  name: 'models',
  title: 'What agents are made of, as declared, in force in the period',
  columns: [
    column('agent_id', 'id', 'The agent.'),
    column('agent', 'text', 'Its handle.'),
    column('version', 'integer', 'Of what it is made of: from 1, without gaps.'),
    column('version_hash', 'id', 'SHA-256 of its RFC 8785 form.'),
    column('model', 'text', 'As declared.'),
    column('prompt_version', 'text', 'As declared.'),
    column('prompt_sha256', 'id', 'As declared.'),
    column('framework', 'text', 'As declared.'),
    column('repository', 'text', 'As declared.'),
    column('tools', 'list', 'As declared.'),
    column('effective_from', 'time', 'When it was declared.'),
    column('effective_to', 'time', 'When something else was. Empty: it stood at the end of the period.'),
    column('author', 'text', 'Who declared it.'),
    column('calls', 'integer', 'Decisions of the period that have this version on them.'),
  ],
};

const PINS = `
SELECT c.action AS capability, c.pin, c.calls, c.first_seq, c.last_seq,
       (SELECT max(v.version) FROM object_versions v
         WHERE v.workspace_id = $1 AND v.object_type = 'definition' AND v.object_id = c.action AND v.document ->> 'pin' = c.pin
           AND v.activated_at <= c.last_at
           AND NOT EXISTS (SELECT FROM object_versions n WHERE n.workspace_id = v.workspace_id AND n.object_type = v.object_type
                              AND n.object_id = v.object_id AND n.version = v.version + 1 AND n.activated_at <= c.first_at)) AS approved_version
  FROM (SELECT action, record ->> 'definition_pin' AS pin, count(*) AS calls, min(seq) AS first_seq, max(seq) AS last_seq,
               min(ts) AS first_at, max(ts) AS last_at
          FROM actions WHERE workspace_id = $1 AND kind = 'tool.call' AND verdict = 'allow' AND record ? 'definition_pin' AND ts >= $2 AND ts < $3
         GROUP BY 1, 2) AS c
 ORDER BY c.action COLLATE "C", c.first_seq`;

const DECLARED = `
SELECT v.agent_id, a.handle AS agent, v.version, v.sha256 AS version_hash, v.attributes ->> 'model' AS model,
       v.attributes ->> 'prompt_version' AS prompt_version, v.attributes ->> 'prompt_sha256' AS prompt_sha256,
       v.attributes ->> 'framework' AS framework, v.attributes ->> 'repository' AS repository,
       ARRAY(SELECT jsonb_array_elements_text(v.attributes -> 'tools')) AS tools, v.created_at AS effective_from,
       n.created_at AS effective_to, v.author,
       (SELECT count(*) FROM actions c WHERE c.workspace_id = v.workspace_id AND c.agent_id = v.agent_id AND c.kind = 'tool.call'
           AND c.ts >= $2 AND c.ts < $3 AND (c.record ->> 'agent_version')::integer = v.version) AS calls
  FROM agent_versions v
  JOIN agents a ON a.workspace_id = v.workspace_id AND a.id = v.agent_id AND a.rehearsal_id IS NULL
  LEFT JOIN agent_versions n ON n.workspace_id = v.workspace_id AND n.agent_id = v.agent_id AND n.version = v.version + 1
        AND n.created_at < $3
 WHERE v.workspace_id = $1 AND v.created_at < $3 AND (n.created_at IS NULL OR n.created_at > $2)
 ORDER BY v.agent_id, v.version`;

export const vendorsReport: Report = {
  id: 'vendors',
  folder: '13_vendors-models-tools',
  item: 0,
  title: 'Vendors, models and tools',
  about:
    'Servers, tools and models in force in the period, each with who let it in and its pin, and the pins that calls were checked against. It proves that what was used is what was approved. What a provider does inside its tool is not seen.',
  controls: ['AG-19'],
  tables: [SERVERS, TOOLS, USED, MODELS],
  query: `Versions of MCP servers, HTTP APIs and definitions (object_versions) and of what agents are made of (agent_versions) that were in force at any moment of the period; pins of allowed calls:
${PINS.trim()}`,
  read: readVendors,
};

async function readVendors(scope: ReportScope): Promise<ReportContent> {
  const { client, workspaceId, period } = scope;
  const values = [workspaceId, period.from, endOf(period, scope.asOf)];
  const versions = (await versionsUntilEnd(scope, ['mcp_server', 'http_api', 'definition'])).filter((each) =>
    isInForceSince(each, period.from),
  );
  const changes = await approvalsOfChanges(
    scope,
    versions.flatMap(({ change_id: id }) => (id === null ? [] : [id])),
  );
  const of = (types: readonly string[]) => versions.filter(({ type }) => types.includes(type));
  const servers = population(
    SERVERS,
    of(['mcp_server', 'http_api']).map((each) => ({ ...versionRow(each, changes), ...serverRow(each) })),
    { count: ['kind', 'custody', 'basis'] },
  );
  const tools = population(
    TOOLS,
    of(['definition']).map((each) => ({
      ...versionRow(each, changes),
      ...membersOf(each.document),
      capability: each.id,
    })),
    { count: ['status', 'access', 'basis'] },
  );
  const used = population(USED, streamRows(client, PINS, values), { sum: [{ column: 'calls' }] });
  const models = population(MODELS, streamRows(client, DECLARED, values), { count: ['model'] });
  return {
    rows: {
      [SERVERS.name]: servers.rows,
      [TOOLS.name]: tools.rows,
      [USED.name]: used.rows,
      [MODELS.name]: models.rows,
    },
    facts: async () => {
      const { rows } = await client.query<{ servers: number; definitions: number; pins: number; declared: number }>(
        `WITH held AS (
           SELECT v.object_type FROM object_versions v
            WHERE v.workspace_id = $1 AND v.object_type IN ('mcp_server', 'http_api', 'definition') AND v.document IS NOT NULL
              AND v.activated_at < $3
              AND NOT EXISTS (SELECT FROM object_versions n WHERE n.workspace_id = v.workspace_id AND n.object_type = v.object_type
                                 AND n.object_id = v.object_id AND n.version = v.version + 1 AND n.activated_at <= $2))
         SELECT (SELECT count(*) FROM held WHERE object_type <> 'definition') AS servers,
                (SELECT count(*) FROM held WHERE object_type = 'definition') AS definitions,
                (SELECT count(DISTINCT (action, record ->> 'definition_pin')) FROM actions
                  WHERE workspace_id = $1 AND kind = 'tool.call' AND verdict = 'allow' AND record ? 'definition_pin' AND ts >= $2 AND ts < $3) AS pins,
                (SELECT count(*) FROM agent_versions v JOIN agents a ON a.workspace_id = v.workspace_id AND a.id = v.agent_id
                  WHERE v.workspace_id = $1 AND a.rehearsal_id IS NULL AND v.created_at < $3
                    AND NOT EXISTS (SELECT FROM agent_versions n WHERE n.workspace_id = v.workspace_id AND n.agent_id = v.agent_id
                                       AND n.version = v.version + 1 AND n.created_at <= $2)) AS declared`,
        values,
      );
      const [known] = rows;
      if (known === undefined) throw new Error('a count said nothing');
      return {
        [SERVERS.name]: servers.facts({ database: known.servers }),
        [TOOLS.name]: tools.facts({ database: known.definitions }),
        [USED.name]: used.facts({ log: known.pins }),
        [MODELS.name]: models.facts({ database: known.declared }),
      };
    },
  };
}

function versionRow(version: ObjectVersion, changes: ReadonlyMap<string, Approval>): Record<string, unknown> {
  const change = version.change_id === null ? undefined : changes.get(version.change_id);
  return {
    version: version.version,
    version_hash: version.sha256,
    effective_from: version.activated_at,
    effective_to: version.until,
    author: version.author,
    approved_by: [...(change?.approvers ?? [])],
    basis: version.basis,
    change_id: change?.name ?? null,
    event_id: version.event_id,
  };
}

function serverRow({ type, id, document }: ObjectVersion): Record<string, unknown> {
  const { status, custody, default_access, endpoint, command } = membersOf(document);
  return {
    namespace: id,
    kind: type === 'mcp_server' ? 'mcp' : 'http',
    where: typeof endpoint === 'string' ? withoutQuery(endpoint) : commandText(command),
    status: status ?? null,
    custody: custody ?? null,
    default_access: default_access ?? null,
  };
}

/** Tokens travel in queries, and passwords before the host. */
function withoutQuery(endpoint: string): string {
  const url = URL.parse(endpoint);
  return url === null ? '' : `${url.origin}${url.pathname}`;
}

/** The program alone: arguments may be secrets. */
function commandText(command: Json | undefined): string | null {
  return Array.isArray(command) && typeof command[0] === 'string' ? command[0] : null;
}
