export { commitStop } from './commit.ts';
export { type ContainmentView, containmentSchema, reasonSchema } from './containment.ts';
export { containmentSettingsType } from './controlled.ts';
export { CONTAINMENT_CHANNEL, hearMissedStops, hearStop } from './hear.ts';
export { isRefused, type ProbeSubject, probeSubject } from './probe.ts';
export { proposalSchema } from './proposal.ts';
export { askForStop, expireProposals, proposeStopIn } from './propose.ts';
export {
  endDueQuarantines,
  endQuarantine,
  enterQuarantine,
  newQuarantineSchema,
  quarantineSchema,
} from './quarantine.ts';
export { readReach } from './reach.ts';
export { asksForTwo, readSettings, storedSettings } from './settings.ts';
export { standingOrder } from './standing.ts';
export { completeStop, orderStop, type StopContext } from './stop.ts';
