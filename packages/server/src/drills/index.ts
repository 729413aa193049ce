export { type Rehearsal, rehearsalSchema } from './rehearsal.ts';
export { type RehearseContext, rehearse, rehearseWith } from './rehearse.ts';
export { watchDrills } from './run-drill.ts';
export { makeShadow } from './shadow.ts';
