/** What decides, under change control. */
export { adoptObjects } from './adopt.ts';
export { basisOf, provenanceOfEdit, standOn } from './basis.ts';
export { readControl } from './control.ts';
export { isReviewed, nameOf } from './gate.ts';
export { isNarrowing } from './narrowing.ts';
export {
  type ControlledType,
  contentHash,
  documentOf,
  OBJECT_TYPES,
  type ObjectRef,
  type ObjectType,
  shaped,
} from './object.ts';
export {
  approvedDocument,
  newestRefs,
  objectsAt,
  readVersion,
  versionSummarySchema,
} from './read.ts';
export { keepVersions } from './store.ts';
export { type ControlledTypes, differing, isObjectType, keyOf } from './touched.ts';
