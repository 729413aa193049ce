/** What a file of routes is written with. */
export {
  type EventView,
  eventView,
  filterOf,
  filterQuery,
  given,
  savedFilterSchema,
} from './audit-events.ts';
export { Reads } from './audit-reads.ts';
export type { Administrator, Api, ApiContext, EngagementScope, FastifyRequest, Routes, SignIn } from './context.ts';
export { csvLine } from './csv.ts';
export { errorSchema, failureOf } from './failures.ts';
export { installIdempotency } from './idempotency.ts';
export { jsonObject, jsonValue } from './json.ts';
export type { Limits } from './limits.ts';
export {
  type ListScope,
  listOf,
  openCursor,
  openNameCursor,
  openTimeCursor,
  pageOf,
  pageOfAll,
  pageQuery,
  sealCursor,
  type TimePosition,
  wholeList,
} from './lists.ts';
export type { SystemState } from './system.ts';
