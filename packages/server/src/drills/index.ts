export { rehearse, rehearseWith } from './rehearse.ts';
export { watchDrills } from './run-drill.ts';
export { makeShadow } from './shadow.ts';
