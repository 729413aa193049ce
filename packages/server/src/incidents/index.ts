/** Incidents: what was decided about alerts that were true, why it happened, and what is changed because of it. */
export { type IncidentView, readIncident } from './incident.ts';
