/** When campaigns are due by the calendar: cycles of whole months, UTC. Pure. */
import { CYCLES, type Cycle } from './kinds.ts';

const DAY_MS = 86_400_000;

export interface Slot {
  /** `2026-Q3`, `2026-09`, `2026-H2`, `2026`. */
  readonly name: string;
  readonly launchAt: Date;
  readonly dueAt: Date;
  /** End of the cycle, which it is not in. */
  readonly endsAt: Date;
}

export interface Calendar {
  readonly cycle: Cycle;
  readonly launch_days_before_end: number;
  readonly due_days: number;
}

/** The one whose cycle holds this instant. */
export function slotAt({ cycle, launch_days_before_end: before, due_days: due }: Calendar, at: Date): Slot {
  const months = CYCLES[cycle];
  const year = at.getUTCFullYear();
  const index = Math.floor(at.getUTCMonth() / months);
  const endsAt = new Date(Date.UTC(year, (index + 1) * months, 1));
  // A cycle that is shorter than that is launched when it begins.
  const begins = Date.UTC(year, index * months, 1);
  const launchAt = new Date(Math.max(begins, endsAt.getTime() - before * DAY_MS));
  return { name: nameOf(cycle, year, index), launchAt, dueAt: new Date(launchAt.getTime() + due * DAY_MS), endsAt };
}

function nameOf(cycle: Cycle, year: number, index: number): string {
  switch (cycle) {
    case 'monthly':
      return `${year}-${String(index + 1).padStart(2, '0')}`;
    case 'quarterly':
      return `${year}-Q${index + 1}`;
    case 'half_yearly':
      return `${year}-H${index + 1}`;
    case 'yearly':
      return String(year);
  }
}
