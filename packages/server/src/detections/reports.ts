/** Reports on samples that were run: kept as they came, with the signature of the workspace's log key. */
import { canonicalJson, formatHash, sha256 } from '@hivekey/action-log';
import { LEVELS, reportNote, SAMPLES, type TestReport } from '@hivekey/detections';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator, TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { RunningLog } from '../log/index.ts';
import type { Detection } from './rule-set.ts';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is no sha256:<hex>');

const fired = z.strictObject({
  id: z.string().max(64),
  key: z.string().max(1_000),
  level: z.enum(LEVELS),
  clause: z.string().max(64).optional(),
  events: z.array(z.string().max(64)).max(100),
});
const ran = z.strictObject({ digest, events: z.int().min(0), fired: z.array(fired).max(1_000) });

export const testReportSchema = z.strictObject({
  v: z.literal(1),
  made_at: z.iso.datetime(),
  operator: z.string().trim().min(1).max(254).meta({ description: 'Who ran the tests.' }),
  engine_version: z.string().max(32),
  passed: z.int().min(0),
  failed: z.int().min(0),
  rules: z
    .array(
      z.strictObject({
        rule_id: z.string().max(64),
        ref: z.string().max(256),
        version: z.int().min(0),
        file_digest: digest,
        samples: z.strictObject({ attack: ran, 'near-miss': ran, benign: ran }),
        engine_version: z.string().max(32),
        result: z.enum(['passed', 'failed']),
        failures: z.array(z.string().max(2_000)).max(1_000),
        duration_ms: z.number().min(0),
      }),
    )
    .min(1)
    .max(500),
});

export const storedReportSchema = z
  .object({
    id: z.string(),
    object: z.literal('rule_test_report'),
    sha256: z.string().meta({ description: 'Of the RFC 8785 form of the report.' }),
    note: z.string().meta({
      description: 'A C2SP signed note over the digest, by the key of the log; verify it with the verifier key.',
    }),
    operator: z.string(),
    made_at: z.string(),
    engine_version: z.string(),
    passed: z.int(),
    failed: z.int(),
    submitted_by: z.string(),
    created_at: z.int(),
    event_id: z.string(),
  })
  .meta({ id: 'RuleTestReport' });
export const fullReportSchema = storedReportSchema
  .extend({ report: testReportSchema })
  .meta({ id: 'FullRuleTestReport' });
type StoredReport = z.output<typeof storedReportSchema>;

interface Row extends StoredReport {
  readonly created_us: number;
}

const REPORTS = `
SELECT r.id, 'rule_test_report' AS object, r.sha256, r.note, r.document ->> 'operator' AS operator, r.document ->> 'made_at' AS made_at,
       r.document ->> 'engine_version' AS engine_version, (r.document ->> 'passed')::int AS passed, (r.document ->> 'failed')::int AS failed,
       r.submitted_by, floor(extract(epoch FROM r.created_at))::bigint AS created_at, r.event_id,
       (extract(epoch FROM r.created_at) * 1000000)::bigint AS created_us
  FROM detection_test_reports r WHERE r.workspace_id = $1`;

/** A report from the future, or of long ago, proves nothing about now. */
const MAX_AGE_MS = 92 * 86_400_000;
const SKEW_MS = 300_000;

/** Throws `test_report_invalid`. */
export async function submitReport(
  log: RunningLog,
  { workspaceId, actor }: Administrator,
  report: z.output<typeof testReportSchema>,
  detections: readonly Detection[],
): Promise<Row> {
  const text = canonicalJson(report);
  const sha = formatHash(sha256(Buffer.from(text)));
  const exact: TestReport = JSON.parse(text);
  const note = log.sign(workspaceId, reportNote(exact));
  const failed = report.rules.filter(({ result }) => result === 'failed').map(({ ref }) => ref);
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    const madeAt = Date.parse(report.made_at);
    if (madeAt > now.getTime() + SKEW_MS || madeAt < now.getTime() - MAX_AGE_MS)
      throw new Failure(
        422,
        'test_report_invalid',
        'The report was not made within the last quarter.',
        'Run hivekey detections test again.',
      );
    if (failed.length !== report.failed || report.rules.length - failed.length !== report.passed)
      throw new Failure(
        422,
        'test_report_invalid',
        'The report counts other results than it lists.',
        'Submit it as hivekey detections test wrote it.',
      );
    const id = newId<string>('rep');
    const eventId = record({
      kind: 'rule_test.reported',
      actor,
      report_id: id,
      sha256: sha,
      operator: report.operator,
      rules: report.rules.length,
      failed: failed.slice(0, 100),
    });
    await client.query(
      `INSERT INTO detection_test_reports (workspace_id, id, document, sha256, note, submitted_by, event_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [workspaceId, id, JSON.stringify(report), sha, note, actor, eventId],
    );
    const lines = report.rules.flatMap((rule) => {
      // Of a rule that nobody has here the report says nothing that counts.
      const name = detections.find(({ rules }) => rules.some(({ document }) => document.id === rule.rule_id))?.name;
      return name === undefined ? [] : SAMPLES.map((kind) => ({ ...rule, name, kind }));
    });
    await client.query(
      `INSERT INTO detection_sample_tests (workspace_id, report_id, detection, kind, rule_version, file_digest, passed, tested_at)
       SELECT $1, $2, *, $8::timestamptz FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[])
       ON CONFLICT DO NOTHING`,
      [
        workspaceId,
        id,
        lines.map(({ name }) => name),
        lines.map(({ kind }) => kind),
        lines.map(({ version }) => String(version)),
        lines.map(({ file_digest }) => file_digest),
        lines.map(
          ({ result, failures, kind }) => result === 'passed' || !failures.some((each) => each.startsWith(`${kind}:`)),
        ),
        report.made_at,
      ],
    );
    return readReportIn(client, workspaceId, id);
  });
}

/** Newest first. */
export async function listReports(
  pool: Pool,
  workspaceId: WorkspaceId,
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly Row[]> {
  const { rows } = await pool.query<Row>(
    `${REPORTS} AND ($2::bigint IS NULL OR (r.created_at, r.id) < ('epoch'::timestamptz + $2 * interval '1 microsecond', $3))
 ORDER BY r.created_at DESC, r.id DESC LIMIT $4`,
    [workspaceId, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Throws `test_report_not_found`. */
export async function readReport(
  pool: Pool,
  workspaceId: WorkspaceId,
  id: string,
): Promise<z.output<typeof fullReportSchema>> {
  const { created_us: _, ...stored } = await readReportIn(pool, workspaceId, id);
  const { rows } = await pool.query<{ document: unknown }>(
    'SELECT document FROM detection_test_reports WHERE workspace_id = $1 AND id = $2',
    [workspaceId, id],
  );
  return { ...stored, report: testReportSchema.parse(rows[0]?.document) };
}

async function readReportIn(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<Row> {
  const { rows } = await client.query<Row>(`${REPORTS} AND r.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'test_report_not_found',
    `There is no report "${id}".`,
    'List them with GET /v1/detections/test-reports.',
  );
}
