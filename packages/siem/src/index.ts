/** How the log looks in a SIEM: formats and the content that is shipped for them. Pure. */
export { ENVELOPE_FIELDS, type FieldType, RECORD_FIELDS } from './fields.ts';
export { type FlatRecord, type FlatValue, flatEntry, flatRecord } from './flat.ts';
export { type ChainLink, type EventChain, mapAttested, mapItem } from './map.ts';
export {
  FORMATS,
  type Format,
  type MapSettings,
  type StreamCheckpoint,
  type StreamEntry,
  type StreamItem,
} from './types.ts';
