/** How much is measured. */
export interface Effort {
  /** Runs of each measure; the median is told. */
  readonly runs: number;
  /** One window of load. */
  readonly windowSeconds: number;
  /** Share of the full numbers of calls, agents, streams and revokes. */
  readonly scale: number;
}

export const FULL: Effort = { runs: 7, windowSeconds: 1.5, scale: 1 };
export const QUICK: Effort = { runs: 5, windowSeconds: 0.4, scale: 0.5 };
