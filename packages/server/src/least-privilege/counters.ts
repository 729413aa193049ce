/** Which counters the limits of a policy read, and by what name their use is kept. Pure. */
import { type CounterScope, countedIn, type Guard, type PolicySet, type WindowCondition } from '@hivekey/policy';

/** A counter's use, over all whose it is: `agent/usd/payments.pay`; of a role by its name, `role/billing/usd/payments.pay`. */
export interface MeasuredCounter {
  readonly counter: string;
  /** Lengths of the windows that read it. */
  readonly seconds: readonly number[];
}

/** Parts of a counter's key that are the same for all whose it is. */
function withoutWhose(scope: CounterScope, window: WindowCondition): string {
  return `${scope}/${countedIn(window)}${window.per === undefined ? '' : `/${window.per}:`}`;
}

/** By what a key is without whose it is. */
export type MeasuredCounters = ReadonlyMap<string, ReadonlySet<number>>;

export function measuredCounters({ roles, workspaceGuards }: PolicySet): MeasuredCounters {
  const found = new Map<string, Set<number>>();
  for (const { when } of [...workspaceGuards, ...roles.flatMap(({ guards }) => guards)]) {
    if (!('kind' in when)) continue;
    const name = withoutWhose(when.scope, when);
    found.set(name, (found.get(name) ?? new Set()).add(when.windowSeconds));
  }
  return found;
}

/** Scope, whose, and what is counted; an agent, owner, workspace or role has no `/` in its name. */
const KEY = /^([^/]+)\/([^/]+)\/(.+?)(?:\/([^/:]+):[^/]*)?$/;

/** What of a counter's use is kept; undefined where no window of the policy reads it. */
export function counterOf(key: string, measured: MeasuredCounters): MeasuredCounter | undefined {
  const [, scope = '', whose = '', counted = '', per] = KEY.exec(key) ?? [];
  const rest = per === undefined ? counted : `${counted}/${per}:`;
  const seconds = measured.get(`${scope}/${rest}`);
  if (seconds === undefined) return undefined;
  return { counter: scope === 'role' ? `role/${whose}/${rest}` : `${scope}/${rest}`, seconds: [...seconds] };
}

/** The names under which the use of a guard's window is kept: one, or of a guard for all roles one of each. */
export function countersOfGuard(guard: Guard, window: WindowCondition, roles: readonly string[]): readonly string[] {
  const rest = withoutWhose(window.scope, window);
  if (window.scope !== 'role') return [rest];
  const names = guard.origin === 'workspace' ? roles : [guard.origin];
  return names.map((name) => `role/${name}/${rest.slice('role/'.length)}`);
}

/** By which what windows held is found. */
export function peakKey(counter: string, seconds: number): string {
  return `${seconds} ${counter}`;
}

/** Whether two windows read the same counter over the same time, whatever their limits. */
export function isSameCounter(a: WindowCondition, b: WindowCondition): boolean {
  return withoutWhose(a.scope, a) === withoutWhose(b.scope, b) && a.windowSeconds === b.windowSeconds;
}
