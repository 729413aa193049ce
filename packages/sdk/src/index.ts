/** `@hivekey/sdk`: HiveKey from TypeScript. No dependencies. */

export type * from './alerts.ts';
export type * from './answers.ts';
export type * from './blast-radius.ts';
export type * from './change.ts';
export {
  type ActOptions,
  API_VERSION,
  HiveKey,
  type HiveKeyOptions,
  type Query,
  type RequestOptions,
} from './client.ts';
export type * from './detections.ts';
export type * from './engagements.ts';
export { HiveKeyError, type Problem } from './errors.ts';
export type * from './evidence.ts';
export type * from './evidence-bundles.ts';
export type * from './incidents.ts';
export type * from './log-queries.ts';
export type * from './objects.ts';
export type * from './preview.ts';
export type * from './readiness.ts';
export type * from './retention.ts';
export type * from './reviews.ts';
export type * from './samples.ts';
export type * from './sinks.ts';
export type * from './tie-outs.ts';
