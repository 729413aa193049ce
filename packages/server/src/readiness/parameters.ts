/**
 * What controls are measured by: the very settings that the engine enforces, read where they are kept. What is printed in a statement
 * and what is compared with are one value.
 */
import type { ParameterName } from '@hivekey/evidence/controls';
import type { ClientBase, Pool } from 'pg';
import { type AlertSettings, readAlertSettings } from '../alerts/index.ts';
import { approvedSettings } from '../changes/index.ts';
import { readSettings as readContainment } from '../containment/index.ts';
import { readOwnershipSettings } from '../departures/index.ts';
import type { WorkspaceId } from '../ids.ts';

/** Hours of a period that the signed log must cover, and that must have a check for drift. */
export const LOG_COVERAGE_PERCENT = 98;
export const DRIFT_COVERAGE_PERCENT = 95;
/** A copy of the checkpoints that is further behind proves nothing of now: idle checkpoints come each minute. */
export const COPY_BEHIND_MINUTES = 15;

export interface Parameters {
  readonly reviewCycle: Cycle | null;
  readonly stopTargetMs: number;
  readonly leaverHours: number;
  readonly changeMode: 'direct' | 'reviewed';
  readonly emergencyReviewMinutes: number;
  readonly due: AlertSettings['due'];
  /** As they stand in statements. */
  readonly words: Readonly<Record<ParameterName, string>>;
}

/** Months of each. */
export const CYCLES = { monthly: 1, quarterly: 3, half_yearly: 6, yearly: 12 } as const;
type Cycle = keyof typeof CYCLES;

const CYCLE_WORDS: Readonly<Record<Cycle, string>> = {
  monthly: 'each month',
  quarterly: 'each quarter',
  half_yearly: 'each half-year',
  yearly: 'each year',
};

export async function readParameters(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<Parameters> {
  const { target_ms: stopTargetMs } = await readContainment(client, workspaceId);
  const { transfer_hours: leaverHours } = await readOwnershipSettings(client, workspaceId);
  const { mode: changeMode, emergency } = await approvedSettings(client, workspaceId);
  const { due } = await readAlertSettings(client, workspaceId);
  const reviewCycle = await readReviewCycle(client, workspaceId);
  const emergencyReviewMinutes = emergency.review_within_minutes;
  return {
    ...{ reviewCycle, stopTargetMs, leaverHours, changeMode, emergencyReviewMinutes, due },
    words: {
      log_coverage_percent: `${LOG_COVERAGE_PERCENT} %`,
      review_cycle: reviewCycle === null ? 'in no cycle that was set' : CYCLE_WORDS[reviewCycle],
      stop_target: durationOf(stopTargetMs / 1000),
      leaver_hours: durationOf(leaverHours * 3600),
      change_mode: changeMode,
      drift_coverage_percent: `${DRIFT_COVERAGE_PERCENT} %`,
      emergency_review: durationOf(emergencyReviewMinutes * 60),
      checkpoint_copy_minutes: durationOf(COPY_BEHIND_MINUTES * 60),
      alert_times: timesOf(due, 'acknowledge_minutes'),
      incident_times: timesOf(due, 'close_minutes'),
    },
  };
}

function timesOf(due: AlertSettings['due'], which: 'acknowledge_minutes' | 'close_minutes'): string {
  return Object.entries(due)
    .flatMap(([severity, { [which]: minutes }]) =>
      minutes === null ? [] : [`${severity} ${durationOf(minutes * 60)}`],
    )
    .join(', ');
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** Exact, in the largest unit that it is a whole number of: 1 s, 4 hours, 14 days. */
function durationOf(seconds: number): string {
  const unit = UNITS.find(([, size]) => seconds >= size && seconds % size === 0);
  if (unit === undefined) return `${seconds} s`;
  const [name, size] = unit;
  const count = seconds / size;
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

/** Null: nobody has said that reviews are held in a cycle. */
async function readReviewCycle(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<Cycle | null> {
  const { rows } = await client.query<{ cycle: Cycle | null }>(
    `SELECT document ->> 'cycle' AS cycle FROM review_policies WHERE workspace_id = $1 ORDER BY version DESC LIMIT 1`,
    [workspaceId],
  );
  return rows[0]?.cycle ?? null;
}
