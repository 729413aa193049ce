/** Detections over the action log: Sigma rules, native rules, their evaluation and their tests. Pure. */
export type { Level } from './types.ts';
