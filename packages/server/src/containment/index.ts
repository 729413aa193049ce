export { CONTAINMENT_CHANNEL, hearMissedStops, hearStop } from './hear.ts';
export { containmentRoutes } from './routes.ts';
