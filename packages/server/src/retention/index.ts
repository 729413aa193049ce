/** How long the log is kept: retention, holds, redaction, and the proof that what is gone was let go. */
export { holdsInForce } from './holds.ts';
export { watchRetention } from './watch.ts';
