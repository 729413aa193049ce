/** Blast radius: what is the most that can happen, what binds it, and how that is checked. */
export { AUTHORITY_CAPABILITIES } from './escalation.ts';
export { blastRadius, EXCLUDED } from './radius.ts';
export { type Sweep, type SweepCell, sweep } from './sweep.ts';
export type * from './types.ts';
export { WELL_KNOWN_UNITS } from './units.ts';
export { compareAmounts, type RadiusChange, radiusChanges, radiusInWords } from './words.ts';
