/** Blast radius: what is the most that can happen, what binds it, and how that is checked. */
export { AUTHORITY_CAPABILITIES } from './escalation.ts';
export { blastRadius, EXCLUDED, WELL_KNOWN_UNITS } from './radius.ts';
export { type Sweep, type SweepCell, sweep } from './sweep.ts';
export type * from './types.ts';
export { compareAmounts, type RadiusChange, radiusChanges, radiusInWords } from './words.ts';
