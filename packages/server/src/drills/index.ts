export { watchDrills } from './run-drill.ts';
