/**
 * How long after its record was begun an action may begin. A stop waits for the other nodes to say that they have
 * aborted what they had in flight, and for this long for those that do not say so: whatever they had recorded before
 * the stop can then begin no more, however long the node was stalled. Measured by each process's own steady clock
 * (`performance.now`), of which only the pace has to agree.
 */
import type { Permit } from './types.ts';

export const PERMIT_LEASE_MS = 2_000;

/** To be asked in the tick in which the first byte leaves. */
export function mayBegin(
  { signal, beginByMs }: Pick<Permit, 'signal' | 'beginByMs'>,
  nowMs = performance.now(),
): boolean {
  return !signal.aborted && (beginByMs === undefined || nowMs < beginByMs);
}
