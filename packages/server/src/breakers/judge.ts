/** Whether what an agent did trips a breaker. Pure. */
import type { BreakerDocument } from './breaker.ts';

/** Calls of one agent in a span of the log. Refusals of stopped agents and dead tokens are none of its acts. */
export interface Activity {
  readonly calls: number;
  readonly denied: number;
  /** Denied because the agent does not have the tool. */
  readonly probed: number;
  /** Allowed calls that ended in success or error, and in error. */
  readonly ended: number;
  readonly failed: number;
  readonly spent: number;
}

interface Measure {
  /** What is compared with the threshold, in its unit. */
  readonly value: number;
  /** Of how many. */
  readonly counted: number;
  /** Whether those are enough for a judgement. */
  readonly isJudged: boolean;
}

export function measure(
  { signal, min_calls: least }: Pick<BreakerDocument, 'signal' | 'min_calls'>,
  { calls, denied, probed, ended, failed, spent }: Activity,
): Measure {
  const part = (bad: number, all: number): Measure => ({
    value: all === 0 ? 0 : bad / all,
    counted: all,
    isJudged: all >= least,
  });
  switch (signal) {
    case 'denials':
      return part(denied, calls);
    case 'errors':
      return part(failed, ended);
    case 'probes':
      return { value: probed, counted: calls, isJudged: true };
    case 'spend':
      return { value: spent, counted: calls, isJudged: true };
  }
}

/** Why the breaker trips; undefined while it does not. */
export function tripReason(document: BreakerDocument, activity: Activity): string | undefined {
  const { value, counted, isJudged } = measure(document, activity);
  const { signal, threshold, window_seconds: seconds, unit } = document;
  if (!isJudged || value < threshold) return undefined;
  switch (signal) {
    case 'denials':
      return `${activity.denied} of ${counted} calls in ${seconds} s were denied`;
    case 'errors':
      return `${activity.failed} of ${counted} finished calls in ${seconds} s failed`;
    case 'probes':
      return `${value} calls in ${seconds} s of tools it does not have`;
    case 'spend':
      return `${value} ${unit} spent in ${seconds} s`;
  }
}

export type Trial = { readonly kind: 'trip'; readonly reason: string } | { readonly kind: 'close' | 'wait' };

/** On trial, one bad call trips it again, and enough good ones close it. What is spent is judged as always. */
export function judgeTrial(document: BreakerDocument, activity: Activity): Trial {
  const { signal, trial_calls: enough } = document;
  const { calls, denied, probed, ended, failed } = activity;
  const bad = { denials: denied, errors: failed, probes: probed, spend: 0 }[signal];
  const reason =
    signal === 'spend' ? tripReason(document, activity) : bad > 0 ? `${bad} bad calls while on trial` : undefined;
  if (reason !== undefined) return { kind: 'trip', reason };
  return { kind: (signal === 'errors' ? ended : calls) >= enough ? 'close' : 'wait' };
}
