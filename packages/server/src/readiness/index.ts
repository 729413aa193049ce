/** Readiness: where each control stands, tested over whole populations, and what was found at each run. */
export { crosswalkReport } from './crosswalk-report.ts';
export { readinessReport } from './report.ts';
export { watchReadiness } from './watch.ts';
