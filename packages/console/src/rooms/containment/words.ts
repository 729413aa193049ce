/** Containment in words. Pure. */
import type { Breaker, BreakerReading, ContainmentProposal, ContainmentSettings, Rehearsal } from '../../api/types.ts';
import { count, duration, impactWords, plural } from '../../ui/format.ts';

type Counts = Pick<Breaker, 'signal' | 'threshold' | 'window_seconds' | 'min_calls' | 'unit'>;

const percent = new Intl.NumberFormat('en-US', { style: 'percent', maximumFractionDigits: 1 });

/** A value of what the breaker counts, such as `40%`, `3 calls`, `$120.00`. */
export function valueWords({ signal, unit }: Pick<Breaker, 'signal' | 'unit'>, value: number): string {
  switch (signal) {
    case 'denials':
    case 'errors':
      return percent.format(value);
    case 'probes':
      return plural(value, 'call');
    case 'spend':
      return impactWords(unit ?? '', value);
  }
}

/** When it trips, as a sentence. */
export function tripWords(breaker: Counts): string {
  const { signal, threshold, window_seconds, min_calls } = breaker;
  const limit = valueWords(breaker, threshold);
  const within = `within ${duration(window_seconds)}`;
  switch (signal) {
    case 'denials':
      return `${limit} or more of at least ${plural(min_calls, 'call')} are denied ${within}`;
    case 'errors':
      return `${limit} or more of at least ${plural(min_calls, 'finished call')} fail ${within}`;
    case 'probes':
      return `${limit} of tools that the agent does not have ${within}`;
    case 'spend':
      return `${limit} or more spent ${within}`;
  }
}

/** What follows, and how it ends. */
export function responseWords({
  action,
  exit,
  cooldown_seconds,
  role,
}: Pick<Breaker, 'action' | 'exit' | 'cooldown_seconds' | 'role'>): string {
  if (action === 'kill') return 'kill, until a person restores the agent';
  const end = exit === 'automatic' ? `on trial after ${duration(cooldown_seconds)}` : 'until a person releases it';
  return `quarantine${role === undefined ? '' : ` as ${role}`}, ${end}`;
}

/** Why a reading that is at the threshold has not tripped. */
export function countedWords(
  { signal, min_calls }: Pick<Breaker, 'signal' | 'min_calls'>,
  { counted, is_judged }: Pick<BreakerReading, 'counted' | 'is_judged'>,
): string {
  const of = signal === 'errors' ? plural(counted, 'finished call') : plural(counted, 'call');
  return is_judged ? `of ${of}` : `of ${of}; judged from ${count(min_calls)}`;
}

/** What is proposed, such as `Stop role billing`. */
export function proposalWords({ kind, scope, target }: Pick<ContainmentProposal, 'kind' | 'scope' | 'target'>): string {
  const what = scope === 'workspace' ? 'the whole workspace' : `${scope} ${target}`;
  switch (kind) {
    case 'kill':
      return `Stop ${what}`;
    case 'lift':
      return `Lift the stop of ${what}`;
    case 'restore':
      return `Restore agent ${target}`;
    case 'settings':
      return 'Change what takes two people';
  }
}

/** Who may stop and lift alone under these settings. */
export function settingsWords({
  two_people: { kill, lift },
  answer_minutes,
}: Pick<ContainmentSettings, 'two_people' | 'answer_minutes'>): string {
  const list = (scopes: readonly string[]) => (scopes.length === 0 ? 'nothing' : scopes.join(', '));
  return `Two people to stop: ${list(kill)}; to lift: ${list(lift)}; a proposal waits ${plural(answer_minutes, 'minute')}.`;
}

/** Codes of rehearsals that did not pass. */
const FAILURES: Readonly<Record<string, string>> = {
  refusal_not_seen: 'the refusal was not seen',
  not_refused: 'something was not refused',
  not_cut: 'a call or a session was not cut off',
  too_slow: 'it took longer than it may',
  node_lost: 'its node was lost while it ran',
  nobody_active: 'there was no active agent',
  agent_not_active: 'the agent was not active',
  rehearsal_broke_off: 'it broke off; the log of the server says why',
};

/** How fast a rehearsal was. */
export function measuredWords({
  status,
  result,
  target_ms,
}: Pick<Rehearsal, 'status' | 'result' | 'target_ms'>): string {
  if (status === 'running' || result === null) return 'being measured';
  const { failure, slowest_ms: slowest } = result;
  const measured =
    slowest === null ? 'nothing was measured' : `slowest after ${msWords(slowest)} of ${msWords(target_ms)} allowed`;
  return failure === null ? measured : `${FAILURES[failure] ?? failure}; ${measured}`;
}

/** `1,204.5 ms`. */
export function msWords(ms: number): string {
  return `${ms.toLocaleString('en-US', { maximumFractionDigits: 1 })} ms`;
}
