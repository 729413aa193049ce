/** How the log looks in a SIEM: formats and the content that is shipped for them. Pure. */
export {
  FORMATS,
  type Format,
  type MapSettings,
  type StreamCheckpoint,
  type StreamEntry,
  type StreamItem,
} from './types.ts';
