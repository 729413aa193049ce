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

/** Why the breaker trips; undefined while it does not. */
export function tripReason(
  { signal, threshold, min_calls: least, window_seconds: seconds, unit }: BreakerDocument,
  { calls, denied, probed, ended, failed, spent }: Activity,
): string | undefined {
  switch (signal) {
    case 'denials':
      return calls >= least && denied / calls >= threshold
        ? `${denied} of ${calls} calls in ${seconds} s were denied`
        : undefined;
    case 'errors':
      return ended >= least && failed / ended >= threshold
        ? `${failed} of ${ended} finished calls in ${seconds} s failed`
        : undefined;
    case 'probes':
      return probed >= threshold ? `${probed} calls in ${seconds} s of tools it does not have` : undefined;
    case 'spend':
      return spent >= threshold ? `${spent} ${unit} spent in ${seconds} s` : undefined;
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
