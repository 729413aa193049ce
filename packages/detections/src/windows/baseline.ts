/**
 * What is usual of one key: mean and variance of completed periods, weighted exponentially. It can be taught, but
 * slowly: a value counts as at most three deviations from the mean, and one that was reported is not learned.
 */

export interface BaselineSettings {
  readonly periodMs: number;
  readonly alpha: number;
  /** How many periods it takes. */
  readonly learned: number;
  /** The deviation is taken for no less than this share of the mean. */
  readonly floorShare: number;
}

/** Of one key, as JSON: number of the period that runs, its sum, whether it was reported, mean, variance, periods learned. */
export type Baseline = readonly [
  period: number,
  sum: number,
  reported: 0 | 1,
  mean: number,
  variance: number,
  learned: number,
];

export const NEW_BASELINE: Baseline = [0, 0, 0, 0, 0, 0];
const WINSORISED = 3;

/** With `amount` in the period of `at`. A period without any amount is not learned; what comes late counts in the running one. */
export function withAmount(baseline: Baseline, at: number, amount: number, settings: BaselineSettings): Baseline {
  const period = Math.floor(at / settings.periodMs);
  const [running, sum, reported, mean, variance, learned] = baseline;
  if (period <= running) return [running, sum + amount, reported, mean, variance, learned];
  if (running === 0 || reported === 1) return [period, amount, 0, mean, variance, learned];
  const next = learn(sum, mean, variance, learned, settings);
  return [period, amount, 0, ...next, learned + 1];
}

export function reported(baseline: Baseline): Baseline {
  const [period, sum, , mean, variance, learned] = baseline;
  return [period, sum, 1, mean, variance, learned];
}

/** Deviations of the running period above the mean; undefined while too little was learned. */
export function deviationsOf(baseline: Baseline, settings: BaselineSettings): number | undefined {
  const [, sum, , mean, variance, learned] = baseline;
  if (learned < settings.learned) return undefined;
  return (sum - mean) / deviation(mean, variance, settings);
}

function learn(
  value: number,
  mean: number,
  variance: number,
  learned: number,
  settings: BaselineSettings,
): readonly [number, number] {
  if (learned === 0) return [value, 0];
  const reach = WINSORISED * deviation(mean, variance, settings);
  // Until enough is learned there is no deviation that could be trusted to cut by.
  const taken = learned < settings.learned ? value : Math.min(mean + reach, Math.max(mean - reach, value));
  const difference = taken - mean;
  const increment = settings.alpha * difference;
  return [mean + increment, (1 - settings.alpha) * (variance + difference * increment)];
}

function deviation(mean: number, variance: number, { floorShare }: BaselineSettings): number {
  return Math.max(Math.sqrt(variance), floorShare * mean, 1);
}
