/** How the log looks in a SIEM: formats and the content that is shipped for them. Pure. */
export type { CopyCheckpoint, CopyEntry, CopyEvent, CopyFormat } from './copy/events.ts';
export type { CopyFinding, CopyFindingCode } from './copy/findings.ts';
export { type CopyText, readCopy } from './copy/read.ts';
export { CopyCheck, type CopyOptions, type CopyReport, type LogLine } from './copy/verify.ts';
export { ENVELOPE_FIELDS, type FieldType, RECORD_FIELDS } from './fields.ts';
export { type FlatRecord, type FlatValue, flatEntry, flatRecord } from './flat.ts';
export { filterWords, isLeftOut, LEFT_OUT_NAMES, type LeftOutName, leftOutBy } from './leave-out.ts';
export { mapAttested, mapItem } from './map.ts';
export type { ChainLink, EventChain } from './ocsf/attest.ts';

export type { OtlpRecord } from './otlp.ts';
export { readOtlpLine } from './otlp-read.ts';
export { parseRecord } from './parse-record.ts';
export {
  FORMATS,
  type Format,
  type MapSettings,
  type StreamCheckpoint,
  type StreamEntry,
  type StreamItem,
} from './types.ts';
