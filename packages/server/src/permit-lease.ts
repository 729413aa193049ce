/**
 * How long after its record was begun an action may begin, milliseconds. A stop waits for the other nodes to say that they
 * have aborted what they had in flight, and for this long for those that do not say so: whatever they had recorded before
 * the stop can then begin no more, however long the node was stalled. Measured by each process's own steady clock
 * (`performance.now`), of which only the pace has to agree.
 */
export const PERMIT_LEASE_MS = 2_000;
