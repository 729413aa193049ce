/** The auditor's room. Nothing deeper in this folder is imported from outside. */
export { installBoundary } from './boundary.ts';
export { engagementReports } from './evidence.ts';
export { watchEngagements } from './watch.ts';
