/** Whether the signed log was there all the time: otherwise what it does not show may have happened. */

import type { TestScope } from '../control-test.ts';
import { LOG_COVERAGE_PERCENT } from '../parameters.ts';

const HOUR_MS = 3_600_000;

// A checkpoint is signed at least each minute while a node runs.
const COVERED = `
SELECT count(DISTINCT date_trunc('hour', created_at, 'UTC'))::int AS hours
  FROM log_checkpoints WHERE workspace_id = $1 AND created_at >= $2 AND created_at < $3`;

export async function logCoverageMissing({ client, workspaceId, from, to }: TestScope): Promise<string | null> {
  const { rows } = await client.query<{ hours: number }>(COVERED, [workspaceId, from, to]);
  return coverageMissing('The signed log covers', rows[0]?.hours ?? 0, { from, to }, LOG_COVERAGE_PERCENT);
}

/** The same; and a log without a call shows nothing of how calls are recorded. */
export async function callsMissing(scope: TestScope): Promise<string | null> {
  const { client, workspaceId, from, to } = scope;
  const { rows } = await client.query<{ called: boolean }>(
    `SELECT EXISTS (SELECT FROM actions WHERE workspace_id = $1 AND kind = 'tool.call' AND ts >= $2 AND ts < $3) AS called`,
    [workspaceId, from, to],
  );
  return rows[0]?.called === true ? logCoverageMissing(scope) : 'No call was decided in the period.';
}

/** Hours that are touched by the period, and how many of them are covered. */
export function coverageMissing(
  what: string,
  covered: number,
  { from, to }: Pick<TestScope, 'from' | 'to'>,
  percent: number,
): string | null {
  const first = Math.floor(Date.parse(from) / HOUR_MS);
  const hours = Math.max(1, Math.ceil(Date.parse(to) / HOUR_MS) - first);
  return covered * 100 >= hours * percent ? null : `${what} ${covered} of ${hours} hours; it takes ${percent} %.`;
}
