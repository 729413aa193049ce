/** What was used, and what could be taken away. */
export { countersOfGuard, peakKey } from './counters.ts';
export { readGreatest, readKnown, readPeaks } from './use.ts';
export { watchUse } from './watch.ts';
