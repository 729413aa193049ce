/**
 * Live tests: marked events through the real path onto the log, followed to the sinks and to the alert. They are of agents
 * that exist for the test alone; nothing is sent to any upstream, and no count knows of it.
 */
import { createEngine, type Rule } from '@hivekey/detections';
import { flatRecord } from '@hivekey/siem';
import type { ClientBase } from 'pg';
import { z } from 'zod';
import type { Administrator, ApiContext } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { type AgentId, newId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction, LogRecord } from '../log/index.ts';
import { recordSynthetic } from '../path/index.ts';
import { type LiveTestRow, readLiveTest } from './live-test-store.ts';
import type { Detection } from './rule-set.ts';
import { agentsIn, impossible, type Step, shippedSample, stepsOf, type TestAgent } from './sample.ts';
import { readDetection } from './store.ts';

export type LiveTestContext = Pick<ApiContext, 'pool' | 'log' | 'path' | 'keys' | 'clock' | 'nodeId' | 'logger'>;

export const newLiveTestSchema = z
  .strictObject({
    kind: z.enum(['attack', 'benign']).default('attack').meta({
      description: 'attack: an alert must come. benign: none may.',
    }),
    wait_seconds: z.int().min(5).max(86_400).default(300).meta({
      description: 'How long the sinks are waited for; one that is not there by then has failed.',
    }),
    events: z
      .array(z.looseObject({ kind: z.string(), ts: z.iso.datetime(), event_id: z.string() }))
      .min(1)
      .max(500)
      .optional()
      .meta({ description: 'Records of a rule of the workspace’s own; a shipped one has its samples.' }),
  })
  .prefault({});
export type NewLiveTest = z.output<typeof newLiveTestSchema>;

/**
 * Injects, and answers as it then stands; the rest is followed by the node's rounds. Throws `detection_not_found`,
 * `person_required`, `live_test_impossible`, `live_test_running`.
 */
export async function fireLiveTest(
  context: LiveTestContext,
  who: Administrator,
  name: string,
  { kind, wait_seconds: waitSeconds, events }: NewLiveTest,
): Promise<LiveTestRow> {
  const { pool, log, clock, keys } = context;
  const { workspaceId } = who;
  const detection = await readDetection(pool, workspaceId, name);
  const [rule] = detection.rules;
  if (rule === undefined) throw impossible(detection.problem ?? 'it cannot be loaded');
  if (who.person === undefined)
    throw new Failure(
      403,
      'person_required',
      'The agents of a test are of somebody, and this key belongs to none.',
      'Sign in, or use a key of your own: hivekey key create NAME --person E-MAIL.',
    );
  if (rule.document.fields.includes('prev_hash')) throw impossible('it is about the log itself, which no test breaks');
  const records = await sampleOf(detection, rule, kind, events);
  const testId = newId<string>('tst');
  const agents = agentsIn(records).map((_, i): TestAgent => {
    return { id: newId<string>('agt'), name: `live-test~${testId}${i === 0 ? '' : `-${i}`}` };
  });
  const [first] = agents;
  const identity = { testId, workspaceId, owner: who.person.email, agents, digest: keys.digest };
  const steps = stepsOf(records, identity, clock());
  foresee(detection, steps, kind);
  await log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    await refuseSecond(client, workspaceId, name);
    for (const agent of agents) await makeAgent(transaction, who, testId, agent);
    await client.query(
      `INSERT INTO detection_live_tests (workspace_id, id, detection, rule_version, file_digest, kind, agent_id, node, started_by, wait_until)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp() + make_interval(secs => $10))`,
      [
        workspaceId,
        testId,
        name,
        ruleVersionOf(detection, rule),
        rule.fileDigest,
        kind,
        first?.id ?? null,
        context.nodeId,
        who.actor,
        waitSeconds,
      ],
    );
    transaction.log({
      kind: 'rule_test.started',
      actor: who.actor,
      test_id: testId,
      detection: name,
      rule_version: ruleVersionOf(detection, rule),
      file_digest: rule.fileDigest,
      test: kind,
      agent: first?.name,
      agent_id: first?.id,
      person: who.person?.email,
    });
  });
  try {
    const injectedAtMs = clock();
    const eventIds = await inject(context, workspaceId, steps);
    await noteInjected(context, workspaceId, testId, eventIds, injectedAtMs);
  } catch (error) {
    context.logger.warn({ err: error, test: testId }, 'a live test broke off');
    await endLiveTest(context, workspaceId, testId, 'broke_off');
  }
  return readLiveTest(pool, workspaceId, testId);
}

async function sampleOf(
  detection: Detection,
  rule: Rule,
  kind: 'attack' | 'benign',
  events: NewLiveTest['events'],
): Promise<readonly LogRecord[]> {
  if (detection.isShipped && events === undefined) return shippedSample(rule.file, kind);
  if (events === undefined) throw impossible('it is the workspace’s own, and no events were sent');
  // Of each of these only what a test may make up is read; see sample.ts.
  return events as readonly object[] as readonly LogRecord[];
}

/** `2`, or `2.5` with the version of what is set. */
export function ruleVersionOf({ version }: Pick<Detection, 'version'>, rule: Rule): string {
  return version === null ? String(rule.document.version) : `${rule.document.version}.${version}`;
}

/** What takes hours cannot be shown within seconds: the steps are tried before anything is written. Throws `live_test_impossible`. */
function foresee({ rules }: Detection, steps: readonly Step[], kind: 'attack' | 'benign'): void {
  const untold = rules.map((rule) => ({ ...rule, document: { ...rule.document, suppressionSeconds: 0 } }));
  const engine = createEngine(untold);
  const found = steps.flatMap(({ flat }, i) => engine.take({ ...flatRecord(flat), seq: i + 1 }).findings);
  if (kind === 'attack' && found.length === 0)
    throw impossible('what it finds takes longer than a test, or what a test cannot make up');
  if (kind === 'benign' && found.length > 0) throw impossible('within seconds it is no benign one');
}

async function refuseSecond(client: ClientBase, workspaceId: WorkspaceId, name: string): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM detection_live_tests WHERE workspace_id = $1 AND detection = $2 AND status IN ('injecting', 'waiting')`,
    [workspaceId, name],
  );
  if (rows[0] === undefined) return;
  throw new Failure(
    409,
    'live_test_running',
    `The live test ${rows[0].id} of this rule is not over.`,
    'Wait for its end: GET /v1/detections/live-tests/:id.',
  );
}

/** Without a role, a token or any other credential; no list, count or route of agents knows it. */
async function makeAgent(
  { client }: LoggedTransaction,
  { workspaceId, actor, person }: Administrator,
  testId: string,
  { id, name }: TestAgent,
): Promise<void> {
  await client.query(
    `INSERT INTO agents (workspace_id, id, handle, owner_id, created_by, rehearsal_id, synthetic) VALUES ($1, $2, $3, $4, $5, $6, true)`,
    [workspaceId, id, name, person?.id, actor, testId],
  );
  await client.query('INSERT INTO agent_state (workspace_id, agent_id) VALUES ($1, $2)', [workspaceId, id]);
}

async function inject(
  { pool, log, path, keys }: LiveTestContext,
  workspaceId: WorkspaceId,
  steps: readonly Step[],
): Promise<readonly string[]> {
  const parts = {
    pool,
    log,
    digest: keys.digest,
    policy: (id: WorkspaceId) => path.policy(id),
    forget: (id: WorkspaceId) => path.invalidate(id),
  };
  const eventIds: string[] = [];
  for (const step of steps)
    eventIds.push(
      step.kind === 'call'
        ? await recordSynthetic(parts, workspaceId, step.agent.id as AgentId, step.call)
        : await log.record(workspaceId, step.draft),
    );
  return eventIds;
}

async function noteInjected(
  { pool, log }: LiveTestContext,
  workspaceId: WorkspaceId,
  id: string,
  eventIds: readonly string[],
  injectedAtMs: number,
): Promise<void> {
  // Sealed now, so that it is known up to where sinks and rules have to be.
  await log.catchUp(workspaceId);
  const last = eventIds.at(-1);
  const found = last === undefined ? undefined : await log.find(workspaceId, last);
  await pool.query(
    `UPDATE detection_live_tests SET status = 'waiting', event_ids = $3, injected_at = $4, last_seq = $5
      WHERE workspace_id = $1 AND id = $2 AND status = 'injecting'`,
    [workspaceId, id, eventIds, new Date(injectedAtMs), found?.event.seq ?? null],
  );
}

/** `failure` null: it has passed. Nothing where it has ended before. */
export function endLiveTest(
  { log }: Pick<LiveTestContext, 'log'>,
  workspaceId: WorkspaceId,
  id: string,
  failure: string | null,
): Promise<void> {
  return log.transact(workspaceId, async ({ client, log: record }) => {
    const { rows } = await client.query<{ detection: string; alert_id: string | null; events: number }>(
      `UPDATE detection_live_tests SET status = $3, failure = $4, ended_at = clock_timestamp()
        WHERE workspace_id = $1 AND id = $2 AND status IN ('injecting', 'waiting')
        RETURNING detection, alert_id, cardinality(event_ids) AS events`,
      [workspaceId, id, failure === null ? 'passed' : 'failed', failure],
    );
    const [ended] = rows;
    if (ended === undefined) return;
    await client.query(
      `UPDATE agent_state SET status = 'revoked', revision = revision + 1, authz_epoch = authz_epoch + 1
        WHERE workspace_id = $1 AND agent_id IN (SELECT a.id FROM agents a WHERE a.workspace_id = $1 AND a.rehearsal_id = $2)`,
      [workspaceId, id],
    );
    record({
      kind: 'rule_test.ended',
      actor: 'system',
      test_id: id,
      detection: ended.detection,
      result: failure === null ? 'passed' : 'failed',
      failure: failure ?? undefined,
      alert_id: ended.alert_id ?? undefined,
      events: ended.events,
    });
  });
}

export const siemAlertSchema = z.strictObject({
  alert_id: z.string().trim().min(1).max(300).meta({ description: 'As the SIEM names its alert.' }),
  alerted_at: z.iso.datetime().optional().meta({ description: 'When it was made there; now where nothing is said.' }),
});

/** What the SIEM made of the events by itself: its webhook says so, or a person does. The first word counts. */
export async function confirmLiveTest(
  { pool, log }: Pick<LiveTestContext, 'pool' | 'log'>,
  { workspaceId, actor, via }: Administrator,
  id: string,
  { alert_id: alertId, alerted_at: alertedAt }: z.output<typeof siemAlertSchema>,
): Promise<LiveTestRow> {
  const how = via === 'session' ? 'hand' : 'webhook';
  await log.transact(workspaceId, async ({ client, now, log: record }) => {
    const { detection } = await readLiveTest(client, workspaceId, id);
    const at = alertedAt === undefined ? now : new Date(alertedAt);
    const { rowCount } = await client.query(
      `UPDATE detection_live_tests SET siem_alert_id = $3, siem_alerted_at = $4, siem_reported_by = $5, siem_reported_how = $6
        WHERE workspace_id = $1 AND id = $2 AND siem_alert_id IS NULL`,
      [workspaceId, id, alertId, at, actor, how],
    );
    if (rowCount === 0)
      throw new Failure(
        409,
        'siem_alert_known',
        'The alert of the SIEM is known already.',
        'Read it: GET /v1/detections/live-tests/:id.',
      );
    const siem = { siem_alert_id: alertId, siem_alerted_at: at.toISOString(), how };
    record({ kind: 'rule_test.confirmed', actor, test_id: id, detection, ...siem });
  });
  return readLiveTest(pool, workspaceId, id);
}
