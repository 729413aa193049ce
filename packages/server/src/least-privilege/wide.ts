/** Caps far above their use, and approvals that held nothing. Pure. */
import { covers, type Guard, type WindowCondition } from '@hivekey/policy';
import { narrowedCap } from './caps.ts';
import { countersOfGuard, isSameCounter, peakKey } from './counters.ts';
import { withGuard } from './edits.ts';
import {
  type Basis,
  callsQuery,
  type HeldCalls,
  idOf,
  type Proposal,
  type ProposedObject,
  type UseIndex,
} from './judged.ts';

/** `before`: the guards as they were at any time of the period; undefined: they were not there at its beginning. */
export function guardProposals(
  basis: Basis,
  use: UseIndex,
  object: ProposedObject,
  guards: readonly Guard[],
  before: readonly (readonly Guard[])[] | undefined,
): Proposal[] {
  if (before === undefined || before.length === 0) return [];
  return guards.flatMap((guard) => {
    if (guard.mode === 'shadow') return [];
    return 'kind' in guard.when
      ? wideCap(basis, use, object, guard, before)
      : idleApproval(basis, use, object, guard, before);
  });
}

/** The window has been as it is, but for its limit, since before the period: its counter was charged all the time. */
function wideCap(
  basis: Basis,
  use: UseIndex,
  object: ProposedObject,
  guard: Guard,
  before: readonly (readonly Guard[])[],
): Proposal[] {
  const { fromMs, toMs, peaks, set, held } = basis;
  const { when: window } = guard;
  if (peaks === undefined || held === undefined || !('kind' in window)) return [];
  if (
    !before.every((guards) =>
      guards.some(({ when, mode }) => 'kind' in when && mode === guard.mode && isSameCounter(when, window)),
    )
  )
    return [];
  const names = countersOfGuard(
    guard,
    window,
    set.roles.map(({ name }) => name),
  );
  const largest = Math.max(0, ...names.map((name) => peaks.get(peakKey(name, window.windowSeconds)) ?? 0));
  const narrowed = narrowedCap(guard, largest, largestHeld(held, guard, window));
  if (narrowed === undefined) return [];
  return [
    {
      id: idOf('wide_cap', object, guard.id),
      kind: 'wide_cap',
      object,
      evidence: {
        fromMs,
        toMs,
        calls: use.callsOf(guard),
        refused: 0,
        largestUse: largest,
        cap: window.limit,
        ...(window.unit === undefined ? {} : { unit: window.unit }),
        windowSeconds: window.windowSeconds,
        query: callsQuery(basis, guard.action.includes('*') ? {} : { action: guard.action }),
      },
      sentence: `${guard.origin}: “${guard.sentence}” was used up to ${narrowed.usedInWords} of ${narrowed.capInWords}: lower it to ${narrowed.newInWords}.`,
      edit: withGuard(guard.id, narrowed.edit, guard, narrowed.limit),
    },
  ];
}

function largestHeld({ largest }: HeldCalls, { action }: Guard, { unit }: WindowCondition): number {
  const found = [...largest].filter(([capability]) => covers(action, capability));
  return Math.max(0, ...found.map(([, impact]) => (unit === undefined ? 1 : (impact[unit] ?? 0))));
}

/** Said, and nothing proposed: a threshold that nobody has reached may be just where it should be. */
function idleApproval(
  basis: Basis,
  use: UseIndex,
  object: ProposedObject,
  guard: Guard,
  before: readonly (readonly Guard[])[],
): Proposal[] {
  const { fromMs, toMs, held } = basis;
  const holds = guard.effect === 'review' || guard.otherwise === 'review';
  if (!holds || held === undefined || held.rules.has(`${guard.origin} ${guard.id}`)) return [];
  if (!before.every((guards) => guards.some(({ id }) => id === guard.id))) return [];
  return [
    {
      id: idOf('idle_approval', object, guard.id),
      kind: 'idle_approval',
      object,
      evidence: {
        fromMs,
        toMs,
        calls: use.callsOf(guard),
        refused: 0,
        query: callsQuery(basis, {
          verdict: 'review',
          ...(guard.action.includes('*') ? {} : { action: guard.action }),
        }),
      },
      sentence: `${guard.origin}: “${guard.sentence}” held no call in this time.`,
    },
  ];
}
