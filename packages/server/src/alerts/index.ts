/** Alerts: whatever asks for a person, what became of each, and who is told. */
export { ADOPTED_KINDS, adoptAlerts } from './adopt.ts';
export { type AlertRow, alertSchema, readAlert } from './alert.ts';
export { linkAlert, unlinkAlert } from './link.ts';
export { endCondition, type NewAlert, type Raised, raiseAlert } from './raise.ts';
export { listAlerts } from './read.ts';
export { refuseOwn, responderOf } from './responder.ts';
export { type AlertSettings, isTold, readAlertSettings } from './settings.ts';
export { highest } from './severity.ts';
export { alertTimes } from './times.ts';
export { watchAlerts } from './watch.ts';
