/** What tools themselves say was done, held against the log. */
export { type Coverage, tieOutCoverage } from './coverage.ts';
export { tieOutReport } from './evidence.ts';
