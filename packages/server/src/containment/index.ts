export { type ContainmentView, reasonSchema } from './containment.ts';
export { CONTAINMENT_CHANNEL, hearMissedStops, hearStop } from './hear.ts';
export { expireProposals } from './propose.ts';
export {
  endDueQuarantines,
  endQuarantine,
  enterQuarantine,
} from './quarantine.ts';
export { readSettings } from './settings.ts';
export { standingOrder } from './standing.ts';
export { orderStop } from './stop.ts';
