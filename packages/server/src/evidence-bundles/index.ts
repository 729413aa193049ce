/** Bundles of evidence: built beside everything else, signed, kept for a time. */
export { watchBundles } from './watch.ts';
