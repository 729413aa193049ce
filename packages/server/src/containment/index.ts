export { reasonSchema } from './containment.ts';
export { CONTAINMENT_CHANNEL, hearMissedStops, hearStop } from './hear.ts';
export {
  endDueQuarantines,
  endQuarantine,
  enterQuarantine,
} from './quarantine.ts';
export { standingOrder } from './standing.ts';
export { orderStop } from './stop.ts';
