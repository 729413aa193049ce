/** What tools themselves say was done, held against the log. */
export { tieOutCoverage } from './coverage.ts';
export { tieOutReport } from './evidence.ts';
