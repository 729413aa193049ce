export { reasonSchema } from './containment.ts';
export { CONTAINMENT_CHANNEL, hearMissedStops, hearStop } from './hear.ts';
export { standingOrder } from './standing.ts';
