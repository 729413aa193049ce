/** What a measure gives: a value, the 99th percentile beside it, the baseline of the same run, and the target it is held to. */
export interface Row {
  readonly measure: string;
  /** The median of the runs, unless the measure says otherwise. */
  readonly value: number;
  readonly unit: string;
  /** In the same unit. */
  readonly p99?: number;
  /** What it stands beside, with its own value; measured in the same run. */
  readonly baseline?: string;
  /** Value by baseline. */
  readonly ratio?: number;
  readonly target?: Target;
}

export interface Target {
  readonly text: string;
  readonly met: boolean;
}

/** `what` is told with the bound, e.g. `ratio`. */
export function atMost(bound: number, value: number, what: string): Target {
  return { text: `${what} ≤ ${bound}`, met: value <= bound };
}

export function atLeast(bound: number, value: number, what: string): Target {
  return { text: `${what} ≥ ${bound}`, met: value >= bound };
}

/** Three significant digits are all that such a measurement has. */
export function rounded(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(3));
}
