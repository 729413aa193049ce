/** Alerts: whatever asks for a person, what became of each, and who is told. */
export { ADOPTED_KINDS, adoptAlerts } from './adopt.ts';
export {
  ALERT_SOURCES,
  type AlertSource,
  type AlertSubject,
  endCondition,
  type NewAlert,
  type Raised,
  raiseAlert,
} from './raise.ts';
export { type AlertSettings, isTold, readAlertSettings } from './settings.ts';
export { isAtLeast, SEVERITIES, type Severity } from './severity.ts';
export { watchAlerts } from './watch.ts';
