/** An item of the stream as every format starts from it: pure values, with what is not to go out already gone. */
import { canonicalJson } from '@hivekey/action-log';
import { type FlatValue, flatParts, type LeftOut, NOTHING } from './flat.ts';
import type { MapSettings, StreamCheckpoint, StreamEntry, StreamItem } from './types.ts';

export const CHECKPOINT = 'stream.checkpoint';

/** Without these an event is none; no setting leaves them out. */
const KEPT: LeftOut = new Set(['v', 'event_id', 'kind', 'ts', 'workspace', 'env', 'shard', 'shard_seq']);
/** The long parts, which the compact form does without. */
const LONG: LeftOut = new Set(['args', 'trace', 'shadow', 'state', 'charges', 'credits', 'metadata', 'attributes']);
/** What of the envelope alone is cut at this many characters: names and the like may be as long as a record. */
const ENVELOPE_CHARACTERS = 256;

/** How much of an item goes out. The last is what can always be sent. */
export const SIZES = ['whole', 'rawless', 'compact', 'envelope'] as const;
export type Size = (typeof SIZES)[number];

interface Place {
  readonly seq: number;
  readonly entryHash: string;
  readonly prevHash: string;
  readonly hash: string;
}

export interface StreamEvent {
  readonly id: string;
  readonly kind: string;
  /** Epoch milliseconds; 0 where the record has no time that can be read. */
  readonly time: number;
  /** In the log. Undefined of a checkpoint. */
  readonly place: Place | undefined;
  /** By the names of fields.ts, each of its type. */
  readonly fields: Readonly<Record<string, FlatValue>>;
  readonly more: Readonly<Record<string, FlatValue>> | undefined;
  /** The exact bytes that were hashed. */
  readonly raw: string | undefined;
  readonly replayed: boolean;
  /** Names of the record's fields that are not in the event, `*` for all; and `raw` where it should be and had no room. */
  readonly omitted: readonly string[];
}

export function eventOf(item: StreamItem, settings: MapSettings, size: Size): StreamEvent {
  return item.type === 'checkpoint' ? checkpointEvent(item, settings) : entryEvent(item, settings, size);
}

function entryEvent(entry: StreamEntry, settings: MapSettings, size: Size): StreamEvent {
  const { record, canonical, seq, entryHash, prevHash, hash, absent } = entry;
  const leftOut = leftOutOf(settings, size);
  const omitted = leftOut === NOTHING ? [] : Object.keys(record).filter((field) => leftOut.has(field));
  const isRawWanted = settings.raw && !settings.compact && !isRedacted(record, settings);
  const raw = isRawWanted && absent === undefined && size === 'whole' ? canonical : undefined;
  if (isRawWanted && raw === undefined) omitted.push('raw');
  const { fields, more } = flatParts(record, leftOut);
  return {
    id: record.event_id,
    kind: record.kind,
    time: Date.parse(record.ts) || 0,
    place: { seq, entryHash, prevHash, hash },
    fields: size === 'envelope' ? shortened(fields) : fields,
    more,
    raw,
    replayed: settings.replayed,
    omitted: size === 'envelope' ? ['*', ...(isRawWanted ? ['raw'] : [])] : omitted,
  };
}

function leftOutOf({ omit, compact }: MapSettings, size: Size): LeftOut {
  if (size === 'envelope') return { has: (field) => !KEPT.has(field) };
  const isCompact = compact || size === 'compact';
  if (omit.length === 0) return isCompact ? LONG : NOTHING;
  return { has: (field) => !KEPT.has(field) && (omit.includes(field) || (isCompact && LONG.has(field))) };
}

function isRedacted(record: object, { omit }: MapSettings): boolean {
  return omit.some((field) => field in record && !KEPT.has(field));
}

function shortened(fields: Readonly<Record<string, FlatValue>>): Record<string, FlatValue> {
  const short: Record<string, FlatValue> = {};
  for (const [field, value] of Object.entries(fields))
    short[field] = typeof value === 'string' ? value.slice(0, ENVELOPE_CHARACTERS).toWellFormed() : value;
  return short;
}

function checkpointEvent(checkpoint: StreamCheckpoint, { replayed }: MapSettings): StreamEvent {
  const { id, ts, workspace, env, sink, treeSize, rootHash, note, cursorSeq, counts, filter } = checkpoint;
  return {
    id,
    kind: CHECKPOINT,
    time: Date.parse(ts) || 0,
    place: undefined,
    fields: {
      event_id: id,
      kind: CHECKPOINT,
      ts,
      workspace,
      env,
      sink,
      stream: `${workspace}/${sink}`,
      tree_size: treeSize,
      root_hash: rootHash,
      cursor_seq: cursorSeq,
      counts: canonicalJson(counts),
      ...(filter === null ? {} : { filter }),
      note,
    },
    more: undefined,
    raw: undefined,
    replayed,
    omitted: [],
  };
}
