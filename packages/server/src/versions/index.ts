/** What decides, under change control. */
export { type ControlledType, contentHash, OBJECT_TYPES, type ObjectRef, type ObjectType } from './object.ts';
