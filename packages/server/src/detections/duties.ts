/** Each rule that is switched on is tested once in a quarter: a reminder before its end, and an alert when it was not done. */
import { raiseAlert } from '../alerts/index.ts';
import type { ApiContext } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import { type Quarter, quarterAt, quarterBefore } from './quarter.ts';
import { loadDetections } from './rule-set.ts';
import { dutiesOf, ruleTests } from './rule-tests.ts';
import { readSettings } from './store.ts';

type DutyContext = Pick<ApiContext, 'pool' | 'log' | 'clock'>;

const REMIND_BEFORE_MS = 14 * 86_400_000;

interface Watched {
  readonly workspaceId: WorkspaceId;
  /** Since when rules are evaluated there. */
  readonly since: Date;
  /** `2026-Q4 reminder` */
  readonly told: readonly string[];
}

/** Once for each quarter and notice, whichever node comes first. */
export async function remindOfTests(context: DutyContext): Promise<void> {
  const nowMs = context.clock();
  const quarter = quarterAt(nowMs);
  const last = quarterBefore(quarter);
  const { rows } = await context.pool.query<Watched>(
    `SELECT e.workspace_id AS "workspaceId", e.started_at AS since,
            ARRAY(SELECT n.quarter || ' ' || n.notice FROM detection_test_notices n WHERE n.workspace_id = e.workspace_id
                     AND n.quarter IN ($1, $2)) AS told FROM detection_evaluators e`,
    [quarter.name, last.name],
  );
  for (const { workspaceId, since, told } of rows) {
    const isSoon = nowMs > quarter.to.getTime() - REMIND_BEFORE_MS;
    if (isSoon && !told.includes(`${quarter.name} reminder`)) await tell(context, workspaceId, quarter, 'reminder');
    // Of a quarter that had begun when the rules came, nothing is owed.
    if (since < last.from && !told.includes(`${last.name} overdue`)) await tell(context, workspaceId, last, 'overdue');
  }
}

async function tell(
  context: DutyContext,
  workspaceId: WorkspaceId,
  quarter: Quarter,
  notice: 'reminder' | 'overdue',
): Promise<void> {
  const { pool, log } = context;
  const detections = loadDetections(await readSettings(pool, workspaceId));
  const tests = await ruleTests(context, workspaceId, quarter);
  const open = dutiesOf(detections, tests).flatMap(({ detection, is_done: isDone }) => (isDone ? [] : [detection]));
  await log.transact(workspaceId, async (transaction) => {
    const { rowCount } = await transaction.client.query(
      'INSERT INTO detection_test_notices (workspace_id, quarter, notice) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
      [workspaceId, quarter.name, notice],
    );
    if (rowCount === 0 || open.length === 0) return;
    const eventId = transaction.log({
      kind: 'rule_test.due',
      actor: 'system',
      quarter: quarter.name,
      notice,
      due_at: quarter.to.toISOString(),
      detections: open.slice(0, 200),
    });
    const rules = `${open.length} ${open.length === 1 ? 'detection rule' : 'detection rules'}`;
    await raiseAlert(transaction, workspaceId, {
      source: 'rule_test',
      rule: notice,
      severity: notice === 'overdue' ? 'high' : 'low',
      subject: { kind: 'quarter', id: quarter.name, name: quarter.name },
      title:
        notice === 'overdue'
          ? `${rules} went untested in ${quarter.name}.`
          : `${rules} are to be tested before ${quarter.to.toISOString().slice(0, 10)}.`,
      evidence: { eventIds: [eventId], count: 1 },
      link: '/detections/tests',
      facts: { detections: open.slice(0, 200) },
    });
  });
}
