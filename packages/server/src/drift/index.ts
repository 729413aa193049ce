/** Drift: what was edited past HiveKey is found, is not enforced, and is put back. */
export { createProvenPolicy } from './proven.ts';
export { type DriftWatch, watchDrift } from './watch.ts';
