/** What was used, and what could be taken away. */
export { countersOfGuard, peakKey } from './counters.ts';
export { operationsOf, proposalsOf } from './proposals.ts';
export { periodOf } from './read.ts';
export { countUse, readGreatest, readKnown, readPeaks } from './use.ts';
export { watchUse } from './watch.ts';
