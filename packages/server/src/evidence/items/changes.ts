/** Item 5, the change history: everything that came into force in the period, and that nothing else decided. */
import { canonicalJson } from '@hivekey/action-log';
import type { Json, TableShape } from '@hivekey/evidence';
import { createTwoFilesPatch } from 'diff';
import { column } from '../column.ts';
import { pathPart } from '../path-part.ts';
import { endOf } from '../period.ts';
import { population } from '../population.ts';
import type { Attachment, Report, ReportContent, ReportScope } from '../report.ts';
import { streamRows } from '../snapshot.ts';
import { CHECKS, DRIFT, driftIn } from './drift.ts';
import { HASHES, hashesIn } from './policy-hashes.ts';

const CHANGES: TableShape = {
  name: 'changes',
  title: 'Versions that came into force in the period',
  columns: [
    column('change_id', 'id', 'Name of the change; of what came without one, the record of the log.'),
    column(
      'object_type',
      'text',
      '`role`, `guard`, `approval_rule`, `agent_prompt`, `model`, `tool`, `assignment` (roles of an agent) or `detection`.',
    ),
    column('object_id', 'id', 'What was changed, by its id.'),
    column('from_version', 'integer', 'Version that it took the place of. Empty: there was none.'),
    column('to_version', 'integer', 'From 1, without gaps.'),
    column('from_hash', 'id', 'SHA-256 of the content before. Empty: there was none.'),
    column('to_hash', 'id', 'SHA-256 of the content after. Empty: it was removed.'),
    column('diff_uri', 'id', 'File of this report with the difference, in the folder `diffs`.'),
    column(
      'change_class',
      'text',
      '`normal`, `standard`, `emergency`, `rollback`; without a change the ground it came on: `direct`, `narrowing`, `agent_request`, `directory`, `discovery`, `restored`, `adopted`, `declared`.',
    ),
    column('risk', 'text', 'As it was found when it was submitted.'),
    column('requested_by', 'list', 'Who asked for it or submitted it.'),
    column('requested_at', 'time', 'When it was drafted.'),
    column('ticket', 'text', 'As its author named it.'),
    column('justification', 'text', 'As its author gave it.'),
    column('author', 'text', 'Who wrote the content.'),
    column('author_at', 'time', 'When it was written.'),
    column('tests_run', 'integer', 'Behaviour tests of the preview that was approved.'),
    column('tests_passed', 'integer', 'Of these, those that passed.'),
    column(
      'impact_preview',
      'text',
      'Calls of the last days that would have been decided otherwise, of those replayed.',
    ),
    column('blast_radius_before', 'list', 'Numbers that the change moves, before it.'),
    column('blast_radius_after', 'list', 'The same after it, in the same order.'),
    column('reviewer', 'list', 'Who decided about it before, either way.'),
    column('approved_by', 'list', 'Whose approval counts. Empty: no record that anybody approved it.'),
    column('approved_at', 'time', 'When enough had.'),
    column('approver_is_author', 'boolean', 'Whether one of these wrote a part of it. Empty: nobody approved it.'),
    column('activated_at', 'time', 'When it came into force.'),
    column('activated_by', 'text', 'Who put it into force.'),
    column('freeze_active_at_activation', 'boolean', 'Whether changes were frozen and it passed. Empty: not known.'),
    column('emergency_reviewed_by', 'list', 'Who reviewed an emergency afterwards, up to the end of the period.'),
    column('emergency_reviewed_at', 'time', 'When.'),
    column('rolled_back_by_change', 'id', 'The change that took it back, up to the end of the period.'),
    column('controlled_type', 'text', 'Type of the object as change control has it.'),
    column('event_id', 'id', 'The record of the log that has its hash.'),
    column('preview_sha256', 'id', 'Of what the reviewers saw.'),
  ],
};

const EMERGENCIES: TableShape = {
  name: 'emergency',
  title: 'Emergencies that came into force in the period',
  columns: [
    column('change_id', 'id', 'Name of the change.'),
    column('title', 'text', 'As its author gave it.'),
    column('author', 'text', 'Who wrote it.'),
    column('activated_at', 'time', 'When it came into force.'),
    column('activated_by', 'text', 'Who put it into force.'),
    column('approved_before_by', 'list', 'Who approved it before that. Empty: nobody.'),
    column('review_due_at', 'time', 'By when it was to be reviewed. Empty: two people had approved it before.'),
    column('reviewed_by', 'list', 'Who reviewed it afterwards, up to the end of the period.'),
    column('reviewed_at', 'time', 'When.'),
    column('result', 'text', '`passed`, `refused`, `due`, `overdue`; `approved before`: no review was due.'),
    column('late_seconds', 'integer', 'Between the deadline and the review, or the end of the period. 0: in time.'),
  ],
};

const TYPES: Readonly<Record<string, string>> = {
  role: 'role',
  workspace_guards: 'guard',
  freeze: 'guard',
  sources: 'guard',
  breaker: 'guard',
  capability: 'tool',
  definition: 'tool',
  mcp_server: 'tool',
  http_api: 'tool',
  assignment: 'assignment',
  detection: 'detection',
};

interface Row {
  controlled_type: string;
  object_id: string;
  to_version: number;
  from_hash: string | null;
  to_hash: string | null;
  basis: string;
  author: string;
  authored_at: Date;
  activated_at: Date;
  event_id: string;
  number: number | null;
  class: string | null;
  risk: string | null;
  requested_by: string[];
  requested_at: Date | null;
  ticket: string | null;
  justification: string | null;
  preview: Preview | null;
  preview_hash: string | null;
  reviewers: string[];
  approvers: string[];
  approved_at: Date | null;
  approver_is_author: boolean;
  activated_by: string | null;
  freezes: number | null;
  reviewed_by: string[];
  reviewed_at: Date | null;
  rolled_back_by: string | null;
  changed: string[] | null;
}

interface Preview {
  readonly tests?: { readonly passed: number; readonly failed: number };
  readonly replay?: { readonly changed: number; readonly calls: number; readonly days: number } | null;
  readonly numbers?: readonly { readonly name: string; readonly numbers: readonly RadiusNumber[] }[];
}

interface RadiusNumber {
  readonly unit: string;
  readonly horizon: string;
  readonly line: string;
  readonly before: string;
  readonly after: string;
}

// Reviews that come after the end of the period are of the next one.
const QUERY = `
SELECT v.object_type AS controlled_type, v.object_id, v.version AS to_version, b.sha256 AS from_hash, v.sha256 AS to_hash, v.basis,
       v.author, v.authored_at, v.activated_at, v.event_id, NULL::text[] AS changed,
       c.number, c.class, c.risk, c.ticket, c.justification, c.created_at AS requested_at, c.preview_hash, c.approved_at,
       c.activated_by, cardinality(c.freezes_passed) AS freezes,
       json_build_object('tests', json_build_object('passed', p.document -> 'tests' -> 'passed', 'failed', p.document -> 'tests' -> 'failed'),
                         'replay', CASE WHEN json_typeof(p.document -> 'replay') = 'object' THEN
                           json_build_object('changed', p.document -> 'replay' -> 'changed', 'calls', p.document -> 'replay' -> 'calls',
                                             'days', p.document -> 'replay' -> 'days') END,
                         'numbers', p.document -> 'blast_radius' -> 'named') AS preview,
       ARRAY(SELECT q.email FROM change_edits e JOIN people q ON q.workspace_id = e.workspace_id AND q.id = e.person_id
              WHERE e.workspace_id = c.workspace_id AND e.change_id = c.id AND e.what IN ('edit', 'request')
              GROUP BY q.email ORDER BY min(e.at)) AS requested_by,
       r.reviewers, r.approvers, r.approver_is_author, r.reviewed_by, r.reviewed_at,
       (SELECT 'CHG-' || k.number FROM changes k WHERE k.workspace_id = c.workspace_id AND k.id = c.rolled_back_by AND k.activated_at < $3) AS rolled_back_by
  FROM object_versions v
  LEFT JOIN object_versions b ON b.workspace_id = v.workspace_id AND b.object_type = v.object_type AND b.object_id = v.object_id
        AND b.version = v.version - 1
  LEFT JOIN changes c ON c.workspace_id = v.workspace_id AND c.id = v.change_id
  LEFT JOIN previews p ON p.workspace_id = c.workspace_id AND p.id = c.preview_id
  CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(DISTINCT w.person) FILTER (WHERE w.stage = 'before'), '{}') AS reviewers,
           coalesce(array_agg(DISTINCT w.person) FILTER (WHERE w.stage = 'before' AND w.counts), '{}') AS approvers,
           coalesce(bool_or(w.wrote) FILTER (WHERE w.stage = 'before' AND w.counts), false) AS approver_is_author,
           coalesce(array_agg(DISTINCT w.person) FILTER (WHERE w.stage = 'after'), '{}') AS reviewed_by,
           max(w.at) FILTER (WHERE w.stage = 'after') AS reviewed_at
      FROM (SELECT x.person, x.stage, x.at,
                   x.decision = 'approve' AND x.round = c.round AND x.content_hash = c.content_hash AS counts,
                   EXISTS (SELECT FROM change_edits e WHERE e.workspace_id = x.workspace_id AND e.change_id = x.change_id
                              AND e.person_id = x.person_id) AS wrote
              FROM change_reviews x
             WHERE x.workspace_id = c.workspace_id AND x.change_id = c.id AND x.at < $3) AS w) r
 WHERE v.workspace_id = $1 AND v.activated_at >= $2 AND v.activated_at < $3
UNION ALL
SELECT 'agent_version', v.agent_id, v.version, b.sha256, v.sha256, 'declared', v.author, v.created_at, v.created_at,
       coalesce(e.event_id, ''), ARRAY(SELECT jsonb_array_elements_text(e.record -> 'changed')),
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, v.author, NULL, NULL, '{}', '{}', '{}', false, '{}', NULL, NULL
  FROM agent_versions v
  LEFT JOIN agent_versions b ON b.workspace_id = v.workspace_id AND b.agent_id = v.agent_id AND b.version = v.version - 1
  LEFT JOIN LATERAL (SELECT a.event_id, a.record FROM actions a
                      WHERE a.workspace_id = v.workspace_id AND a.agent_id = v.agent_id AND a.kind = 'agent.versioned'
                        AND (a.record ->> 'agent_version')::integer = v.version LIMIT 1) e ON true
 WHERE v.workspace_id = $1 AND v.created_at >= $2 AND v.created_at < $3
   AND NOT EXISTS (SELECT FROM agents g WHERE g.workspace_id = v.workspace_id AND g.id = v.agent_id AND g.rehearsal_id IS NOT NULL)`;
const IN_ORDER = `SELECT * FROM (${QUERY}) AS every ORDER BY activated_at, controlled_type COLLATE "C", object_id COLLATE "C", to_version`;

const EMERGENCY = `
SELECT 'CHG-' || c.number AS change_id, c.title, p.email AS author, c.activated_at, c.activated_by, c.review_due_at,
       ARRAY(SELECT DISTINCT r.person FROM change_reviews r
              WHERE r.workspace_id = c.workspace_id AND r.change_id = c.id AND r.stage = 'before' AND r.decision = 'approve'
                AND r.round = c.round AND r.content_hash = c.content_hash ORDER BY 1) AS approved_before_by,
       ARRAY(SELECT DISTINCT r.person FROM change_reviews r
              WHERE r.workspace_id = c.workspace_id AND r.change_id = c.id AND r.stage = 'after' AND r.at < $3 ORDER BY 1) AS reviewed_by,
       d.ts AS reviewed_at, coalesce(d.record ->> 'result', CASE WHEN c.review_due_at IS NULL THEN 'approved before'
         WHEN c.review_due_at < $3 THEN 'overdue' ELSE 'due' END) AS result,
       CASE WHEN c.review_due_at IS NULL THEN 0
            ELSE greatest(0, floor(extract(epoch FROM coalesce(d.ts, $3::timestamptz) - c.review_due_at)))::bigint END AS late_seconds
  FROM changes c
  JOIN people p ON p.workspace_id = c.workspace_id AND p.id = c.author_id
  LEFT JOIN LATERAL (SELECT a.ts, a.record FROM actions a
                      WHERE a.workspace_id = c.workspace_id AND a.record ->> 'change_id' = c.id AND a.kind = 'change.reviewed'
                        AND a.kind LIKE 'change.%' AND a.ts < $3 ORDER BY a.seq LIMIT 1) d ON true
 WHERE c.workspace_id = $1 AND c.class = 'emergency' AND c.activated_at >= $2 AND c.activated_at < $3
 ORDER BY c.number`;

export const changesReport: Report = {
  id: 'changes',
  folder: '05_changes',
  item: 5,
  title: 'Change history',
  about:
    'Every version of everything that decides which came into force in the period: who wrote it, who approved it, what was tested, what it would have changed. Beside it, emergencies with their reviews, the checks that compare what runs with what was approved, and every policy that stands on a decision of the log. It proves that nothing decided but what was let in.',
  controls: ['AG-08', 'AG-09', 'AG-10', 'AG-11'],
  tables: [CHANGES, EMERGENCIES, CHECKS, DRIFT, HASHES],
  query: IN_ORDER,
  read: readChanges,
};

async function readChanges(scope: ReportScope): Promise<ReportContent> {
  const { client, workspaceId, period } = scope;
  const end = endOf(period, scope.asOf);
  const values = [workspaceId, period.from, end];
  const counted = { emergencies: 0, changes: new Set<string>() };

  async function* found(): AsyncGenerator<object, void, undefined> {
    for await (const row of streamRows<Row>(client, IN_ORDER, values)) {
      if (row.number !== null) counted.changes.add(`${row.class} ${row.number}`);
      yield rowOf(row);
    }
  }
  const changes = population(CHANGES, found(), { count: ['object_type', 'change_class', 'risk'] });
  const emergencies = population(EMERGENCIES, streamRows(client, EMERGENCY, values), { count: ['result'] });
  const drift = await driftIn(scope, end);
  const hashes = population(HASHES, hashesIn(scope, end), { count: ['standing'], sum: [{ column: 'decisions' }] });
  return {
    rows: {
      [CHANGES.name]: changes.rows,
      [EMERGENCIES.name]: emergencies.rows,
      ...drift.rows,
      [HASHES.name]: hashes.rows,
    },
    facts: async () => {
      const { rows } = await client.query<{
        versions: number;
        logged: number;
        emergencies: number;
        gaps: number;
        decisions: number;
      }>(
        `SELECT (SELECT count(*) FROM object_versions WHERE workspace_id = $1 AND activated_at >= $2 AND activated_at < $3)
              + (SELECT count(*) FROM agent_versions v WHERE v.workspace_id = $1 AND v.created_at >= $2 AND v.created_at < $3
                    AND NOT EXISTS (SELECT FROM agents g WHERE g.workspace_id = v.workspace_id AND g.id = v.agent_id AND g.rehearsal_id IS NOT NULL)) AS versions,
                (SELECT count(*) FROM object_versions v WHERE v.workspace_id = $1 AND v.activated_at >= $2 AND v.activated_at < $3
                    AND EXISTS (SELECT FROM actions a WHERE a.workspace_id = v.workspace_id AND a.event_id = v.event_id)) AS logged,
                (SELECT count(*) FROM changes WHERE workspace_id = $1 AND class = 'emergency' AND activated_at >= $2 AND activated_at < $3) AS emergencies,
                (SELECT count(*) FROM (SELECT 1 FROM object_versions WHERE workspace_id = $1 AND activated_at < $3
                                        GROUP BY object_type, object_id HAVING max(version) <> count(*)) AS broken) AS gaps,
                (SELECT count(DISTINCT policy) FROM actions WHERE workspace_id = $1 AND kind = 'tool.call' AND ts >= $2 AND ts < $3) AS decisions`,
        values,
      );
      const [known] = rows;
      if (known === undefined) throw new Error('a count said nothing');
      const classes = [...counted.changes].map((each) => each.split(' ', 1)[0]);
      return {
        [CHANGES.name]: changes.facts(
          { database: known.versions },
          {
            control_totals: {
              changes: counted.changes.size,
              emergency_changes: classes.filter((each) => each === 'emergency').length,
              objects_with_version_gaps: known.gaps,
              object_versions_with_record: known.logged,
            },
          },
        ),
        [EMERGENCIES.name]: emergencies.facts({ database: known.emergencies }),
        ...(await drift.facts()),
        [HASHES.name]: hashes.facts({ log: known.decisions }),
      };
    },
    attachments: () => diffs(scope, end),
  };
}

function rowOf(row: Row): Record<string, unknown> {
  const hasChange = row.number !== null;
  const tests = hasChange ? row.preview?.tests : undefined;
  const replay = row.preview?.replay;
  const numbers = (row.preview?.numbers ?? []).flatMap(({ name, numbers: of }) =>
    of.map((each) => ({ name, ...each })),
  );
  const toldOf = (which: 'before' | 'after') =>
    numbers.map((each) => `${each.name}, ${each.unit}, ${each.horizon}, ${each.line}: ${each[which]}`);
  return {
    change_id: hasChange ? `CHG-${row.number}` : row.event_id,
    object_type: typeOf(row),
    object_id: row.object_id,
    from_version: row.to_version === 1 ? null : row.to_version - 1,
    to_version: row.to_version,
    from_hash: row.from_hash,
    to_hash: row.to_hash,
    diff_uri: diffPath(row),
    change_class: row.class ?? row.basis,
    risk: row.risk,
    requested_by: row.requested_by,
    requested_at: row.requested_at,
    ticket: row.ticket,
    justification: row.justification,
    author: row.author,
    author_at: row.authored_at,
    tests_run: tests === undefined ? null : tests.passed + tests.failed,
    tests_passed: tests?.passed ?? null,
    impact_preview: replay
      ? `${replay.changed} of ${replay.calls} calls of the last ${replay.days} days would be decided otherwise`
      : null,
    blast_radius_before: toldOf('before'),
    blast_radius_after: toldOf('after'),
    reviewer: row.reviewers,
    approved_by: row.approvers,
    approved_at: row.approved_at,
    approver_is_author: row.approvers.length === 0 ? null : row.approver_is_author,
    activated_at: row.activated_at,
    activated_by: row.activated_by ?? row.author,
    freeze_active_at_activation: row.freezes === null ? null : row.freezes > 0,
    emergency_reviewed_by: row.reviewed_by,
    emergency_reviewed_at: row.reviewed_at,
    rolled_back_by_change: row.rolled_back_by,
    controlled_type: row.controlled_type,
    event_id: row.event_id === '' ? null : row.event_id,
    preview_sha256: row.preview_hash,
  };
}

/** Settings about who decides are rules of approval. */
function typeOf({ controlled_type: type, changed }: Row): string {
  if (type !== 'agent_version') return TYPES[type] ?? 'approval_rule';
  if (changed?.includes('model')) return 'model';
  return changed?.includes('tools') && !changed.some((each) => each.startsWith('prompt')) ? 'tool' : 'agent_prompt';
}

function diffPath({
  controlled_type: type,
  object_id: id,
  to_version: version,
}: Pick<Row, 'controlled_type' | 'object_id' | 'to_version'>): string {
  return `diffs/${type}/${pathPart(id)}_v${version}.diff`;
}

interface Pair {
  controlled_type: string;
  object_id: string;
  to_version: number;
  before: Json;
  after: Json;
}

const DOCUMENTS = `
SELECT v.object_type AS controlled_type, v.object_id, v.version AS to_version, b.document AS before, v.document AS after
  FROM object_versions v
  LEFT JOIN object_versions b ON b.workspace_id = v.workspace_id AND b.object_type = v.object_type AND b.object_id = v.object_id
        AND b.version = v.version - 1
 WHERE v.workspace_id = $1 AND v.activated_at >= $2 AND v.activated_at < $3
UNION ALL
SELECT 'agent_version', v.agent_id, v.version, b.attributes::json, v.attributes::json
  FROM agent_versions v
  LEFT JOIN agent_versions b ON b.workspace_id = v.workspace_id AND b.agent_id = v.agent_id AND b.version = v.version - 1
 WHERE v.workspace_id = $1 AND v.created_at >= $2 AND v.created_at < $3
   AND NOT EXISTS (SELECT FROM agents g WHERE g.workspace_id = v.workspace_id AND g.id = v.agent_id AND g.rehearsal_id IS NOT NULL)`;

/** A unified difference of the canonical contents, a member a line. */
async function* diffs(
  { client, workspaceId, period }: ReportScope,
  end: string,
): AsyncGenerator<Attachment, void, undefined> {
  for await (const pair of streamRows<Pair>(client, DOCUMENTS, [workspaceId, period.from, end])) {
    const { object_id: id, to_version: version, before, after } = pair;
    const name = JSON.stringify(id);
    const patch = createTwoFilesPatch(
      before === null ? '/dev/null' : `${name} v${version - 1}`,
      after === null ? '/dev/null' : `${name} v${version}`,
      linesOf(before),
      linesOf(after),
    );
    yield { path: diffPath(pair), bytes: Buffer.from(patch) };
  }
}

function linesOf(document: Json): string {
  return document === null ? '' : `${JSON.stringify(JSON.parse(canonicalJson(document)), null, 2)}\n`;
}
