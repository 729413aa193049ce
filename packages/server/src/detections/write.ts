/** What an evaluation gives, written down: once, in the transaction that also says how far everything is written. */
import { raiseAlert } from '../alerts/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { type Acted, act } from './act.ts';
import type { Found, Output, Position } from './evaluation.ts';
import { type Lease, markWritten } from './evaluator-store.ts';
import { noteAlert } from './live-test-store.ts';

/** Of one transaction, which holds up everything else that is written in the workspace. */
const MAX_AT_ONCE = 50;

/** Another node has the lease. */
export class LeaseLost extends Error {}

/**
 * Writes what is new, in the order of the log. Answers the agents about whom something was done. Throws LeaseLost: then
 * nothing more may be written.
 */
export async function writeOutputs(
  log: ActionLog,
  lease: Lease,
  outputs: readonly Output[],
): Promise<ReadonlySet<string>> {
  const changed = new Set<string>();
  for (const part of partsOf(outputs))
    await log.transact(lease.workspaceId, async (transaction) => {
      const last = part.at(-1);
      if (last === undefined) return;
      if (!(await markWritten(transaction.client, lease, last.at)))
        throw new LeaseLost('another node evaluates the workspace');
      for (const output of part) {
        const agentId = await writeOutput(transaction, lease.workspaceId, output);
        if (agentId !== undefined) changed.add(agentId);
      }
    });
  return changed;
}

/** All of one place are written together: the place says that they are. */
function partsOf(outputs: readonly Output[]): readonly (readonly Output[])[] {
  const parts: Output[][] = [];
  for (const output of outputs) {
    const part = parts.at(-1);
    const before = part?.at(-1);
    if (part !== undefined && (part.length < MAX_AT_ONCE || (before !== undefined && isSame(before.at, output.at))))
      part.push(output);
    else parts.push([output]);
  }
  return parts;
}

function isSame(one: Position, other: Position): boolean {
  return one.seq === other.seq && one.checkpoint === other.checkpoint;
}

async function writeOutput(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  output: Output,
): Promise<string | undefined> {
  switch (output.kind) {
    case 'finding':
      return writeFinding(transaction, workspaceId, output);
    case 'closed':
      await writeClosed(transaction, workspaceId, output.alertId, output.disposition);
      return undefined;
    case 'error': {
      const { rule_id, digest, event_id, message } = output.error;
      transaction.log({
        kind: 'evaluator.error',
        actor: 'system',
        detection: output.detection,
        detection_id: rule_id,
        digest,
        failed_event_id: event_id,
        reason: message,
      });
      return undefined;
    }
  }
}

async function writeFinding(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  found: Found,
): Promise<string | undefined> {
  const { client, log } = transaction;
  const { finding, detection, setting, learned, testId, at } = found;
  const isTest = testId !== undefined || finding.synthetic;
  const known = await client.query('SELECT FROM detection_findings WHERE workspace_id = $1 AND id = $2', [
    workspaceId,
    finding.id,
  ]);
  if (known.rowCount !== 0) return undefined;
  const raised = await raiseAlert(transaction, workspaceId, {
    source: 'detection',
    rule: detection,
    ruleVersion: versionOf(found),
    severity: finding.level,
    subject: subjectOf(found),
    title: `${finding.title}: ${finding.reason}`,
    evidence: { eventIds: finding.evidence, count: finding.count },
    window: { from: new Date(finding.window.from), to: new Date(finding.window.to) },
    link: `/detections/${encodeURIComponent(detection)}`,
    synthetic: isTest,
    groupKey: groupOf(found),
    facts: {
      finding_id: finding.id,
      file_digest: finding.file_digest,
      ...(finding.clause === undefined ? {} : { clause: finding.clause }),
      group: finding.group,
      measured: finding.measured,
      suppressed: finding.suppressed,
      ...(testId === undefined ? {} : { test_id: testId }),
    },
    actor: `detection:${detection}`,
  });
  const { alertId } = raised;
  const eventId = log({
    kind: 'detection.fired',
    actor: `detection:${detection}`,
    finding_id: finding.id,
    detection,
    detection_id: finding.rule_id,
    detection_name: finding.title,
    detection_version: versionOf(found),
    file_digest: finding.file_digest,
    digest: finding.digest,
    engine_version: finding.engine_version,
    level: finding.level,
    clause: finding.clause,
    group: finding.group,
    group_key: finding.key,
    window_from: finding.window.from,
    window_to: finding.window.to,
    evidence: finding.evidence,
    evidence_count: finding.count,
    evidence_count_exact: finding.count_is_exact,
    measured: finding.measured,
    reason: finding.reason,
    suppressed: finding.suppressed,
    agent: finding.agent,
    agent_id: finding.agent_id,
    owner: finding.owner,
    run_id: finding.run_id,
    alert_id: alertId,
    synthetic: isTest ? true : undefined,
    test_id: testId,
  });
  // What rests on a learned baseline can be taught; what a test made up is about nobody.
  const acted =
    isTest || learned ? null : await act(transaction, workspaceId, setting.document.action, detection, finding);
  await client.query(
    `INSERT INTO detection_findings (workspace_id, id, detection, settings_version, severity, seq, agent_id, document, synthetic,
                                     live_test_id, alert_id, acted, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      workspaceId,
      finding.id,
      detection,
      setting.version,
      finding.level,
      at.seq,
      finding.agent_id ?? null,
      JSON.stringify(finding),
      isTest,
      testId ?? null,
      alertId,
      acted === null ? null : JSON.stringify(acted),
      eventId,
    ],
  );
  if (testId !== undefined) await noteAlert(transaction, workspaceId, testId, finding.id, alertId);
  return acted !== null && hasChanged(acted) ? finding.agent_id : undefined;
}

function hasChanged(acted: Acted): boolean {
  return 'id' in acted;
}

/** `2`, or `2.5` where the settings of the workspace are in their fifth version. */
function versionOf({ finding, setting }: Pick<Found, 'finding' | 'setting'>): string {
  return setting.version === null ? String(finding.version) : `${finding.version}.${setting.version}`;
}

function subjectOf({ finding: { agent_id: id, agent, owner, key }, detection }: Found) {
  if (id !== undefined) return { kind: 'agent', id, name: agent ?? id };
  if (owner !== undefined) return { kind: 'owner', id: owner, name: owner };
  return { kind: 'detection', id: detection, name: key === '' ? detection : key };
}

/** Findings of one run, or of one agent, belong together. */
function groupOf({ finding: { run_id: run, agent_id: agent }, testId }: Found): string | undefined {
  if (testId !== undefined) return `test ${testId}`;
  if (run !== undefined) return `run ${run}`;
  return agent === undefined ? undefined : `agent ${agent}`;
}

async function writeClosed(
  { client, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  alertId: string,
  disposition: string | undefined,
): Promise<void> {
  const { rows } = await client.query<{ id: string; detection: string; agent_id: string | null; synthetic: boolean }>(
    `UPDATE detection_findings SET closed_at = clock_timestamp() WHERE workspace_id = $1 AND alert_id = $2 AND closed_at IS NULL
     RETURNING id, detection, agent_id, synthetic`,
    [workspaceId, alertId],
  );
  for (const { id, detection, agent_id: agentId, synthetic } of rows)
    log({
      kind: 'detection.closed',
      actor: 'system',
      finding_id: id,
      detection,
      agent_id: agentId ?? undefined,
      alert_id: alertId,
      disposition,
      synthetic: synthetic ? true : undefined,
    });
}
