import type { Permit } from './types.ts';

/** Whether its lease (`permit-lease.ts`) still runs. To be asked in the tick in which the first byte leaves. */
export function mayBegin(
  { signal, beginByMs }: Pick<Permit, 'signal' | 'beginByMs'>,
  nowMs = performance.now(),
): boolean {
  return !signal.aborted && (beginByMs === undefined || nowMs < beginByMs);
}
