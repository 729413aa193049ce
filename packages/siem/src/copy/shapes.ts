/** Where each format keeps what proves an event. */
import { canonicalJson } from '@hivekey/action-log';
import { CHECKPOINT } from '../event.ts';
import { below, isObject, type JsonObject, readJson } from '../json.ts';
import { readOtlp } from '../otlp-read.ts';
import type { CopyEvent, CopyFormat, CopyPlace, CopyUnreadable } from './events.ts';

/** What a document says, in one form for all formats. */
interface Said {
  readonly format: CopyFormat;
  readonly id: unknown;
  readonly kind: unknown;
  readonly seq: unknown;
  readonly raw: unknown;
  /** Holds the hashes, and of a checkpoint all that it says. */
  readonly own: JsonObject;
  readonly ts: unknown;
}

type Shape = (document: JsonObject) => Said | undefined;

const SHAPES: readonly Shape[] = [native, ocsf, ecs, otlp, udm, flat];

/** Undefined: the document is none of our events. */
export function eventOfDocument(document: unknown, place: CopyPlace): CopyEvent | undefined {
  if (!isObject(document)) return undefined;
  for (const shape of SHAPES) {
    const said = shape(document);
    if (said !== undefined) return eventOf(said, document, place);
  }
  return undefined;
}

function eventOf(said: Said, document: JsonObject, place: CopyPlace): CopyEvent {
  const { format, id, kind, own, raw } = said;
  if (typeof id !== 'string' || typeof kind !== 'string') return unreadable(place, 'the event has no id or no kind');
  if (kind === CHECKPOINT) return checkpointOf(said, id, document, place);
  const seq = wholeOf(said.seq);
  const { entry_hash: entryHash, prev_hash: prevHash, hash } = own;
  if (seq === undefined || seq < 1) return unreadable(place, 'the event has no seq');
  if (typeof entryHash !== 'string' || typeof prevHash !== 'string' || typeof hash !== 'string')
    return unreadable(place, 'the event lacks entry_hash, prev_hash or hash');
  return {
    type: 'entry',
    place,
    format,
    document,
    seq,
    eventId: id,
    entryHash,
    prevHash,
    hash,
    canonical: typeof raw === 'string' ? raw : undefined,
    kind,
    replayed: isTrue(own.replayed),
  };
}

function checkpointOf({ format, own, ts }: Said, id: string, document: JsonObject, place: CopyPlace): CopyEvent {
  const { sink, root_hash: rootHash, note, filter } = own;
  const treeSize = wholeOf(own.tree_size);
  const cursorSeq = wholeOf(own.cursor_seq);
  const counts = countsOf(own.counts);
  if (treeSize === undefined || cursorSeq === undefined || counts === undefined)
    return unreadable(place, 'the checkpoint lacks tree_size, cursor_seq or counts');
  if (typeof sink !== 'string' || typeof rootHash !== 'string' || typeof note !== 'string')
    return unreadable(place, 'the checkpoint lacks sink, root_hash or note');
  return {
    type: 'checkpoint',
    place,
    format,
    document,
    id,
    ts: typeof ts === 'string' ? ts : '',
    sink,
    treeSize,
    rootHash,
    note,
    cursorSeq,
    counts,
    filter: typeof filter === 'string' ? filter : null,
  };
}

function native(document: JsonObject): Said | undefined {
  const { record, checkpoint, seq, entry_hash: entryHash, omitted } = document;
  if (isObject(checkpoint) && checkpoint.kind === CHECKPOINT) {
    const { event_id: id, kind, ts } = checkpoint;
    return { format: 'native', id, kind, ts, seq: undefined, raw: undefined, own: checkpoint };
  }
  if (!isObject(record) || entryHash === undefined) return undefined;
  const { event_id: id, kind, ts } = record;
  return {
    format: 'native',
    id,
    kind,
    ts,
    seq,
    raw: omitted === undefined ? canonicalOf(record) : undefined,
    own: document,
  };
}

function ocsf(document: JsonObject): Said | undefined {
  const own = below(document, 'unmapped', 'hivekey');
  const { metadata, raw_data: raw } = document;
  if (!isObject(metadata) || !isObject(own) || document.class_uid === undefined) return undefined;
  const format = metadata.version === '1.8.0' ? 'ocsf-1.8.0' : 'ocsf-1.9.0';
  const { uid: id, event_code: kind, original_time: ts, sequence: seq } = metadata;
  return { format, id, kind, ts, seq, raw, own };
}

function ecs(document: JsonObject): Said | undefined {
  const { event, hivekey: own, '@timestamp': ts } = document;
  if (!isObject(event) || !isObject(own)) return undefined;
  const { id, code: kind, sequence: seq, original: raw } = event;
  return { format: 'ecs-9.4', id, kind, ts, seq, raw, own };
}

function otlp(document: JsonObject): Said | undefined {
  const record = Array.isArray(document.attributes) ? readOtlp(document) : undefined;
  if (record === undefined || !record.eventName.startsWith(PREFIX)) return undefined;
  const own = Object.fromEntries(
    Object.entries(record.attributes).map(([key, value]) => [
      key.startsWith(PREFIX) ? key.slice(PREFIX.length) : key,
      value,
    ]),
  );
  // The body is the record, or a sentence.
  const raw = isObject(readJson(record.body)) ? record.body : undefined;
  return {
    format: 'otlp',
    id: own['event.id'],
    kind: record.eventName.slice(PREFIX.length),
    ts: own.ts,
    seq: own.seq,
    raw,
    own,
  };
}

const PREFIX = 'hivekey.';

function udm(document: JsonObject): Said | undefined {
  const { metadata, additional } = document;
  // A Struct is a plain object in JSON; exports of its message have it under `fields`.
  const own = below(additional, 'fields') ?? additional;
  if (!isObject(metadata) || !isObject(own)) return undefined;
  const id = metadata.product_log_id ?? metadata.productLogId;
  const kind = metadata.product_event_type ?? metadata.productEventType;
  const ts = metadata.event_timestamp ?? metadata.eventTimestamp;
  return { format: 'udm', id, kind, ts, seq: own.seq, raw: own.raw, own };
}

function flat(document: JsonObject): Said | undefined {
  const { event_id: id, kind, ts, seq, raw, entry_hash: entryHash } = document;
  if (entryHash === undefined && kind !== CHECKPOINT) return undefined;
  return { format: 'flat', id, kind, ts, seq, raw, own: document };
}

function canonicalOf(record: JsonObject): string | undefined {
  try {
    return canonicalJson(record);
  } catch {
    return undefined;
  }
}

/** Receivers give numbers back as text, too. */
function wholeOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

function countsOf(value: unknown): Readonly<Record<string, number>> | undefined {
  const counts = typeof value === 'string' ? readJson(value) : value;
  if (!isObject(counts)) return undefined;
  const known: [string, number][] = [];
  for (const [kind, count] of Object.entries(counts)) {
    const whole = wholeOf(count);
    if (whole === undefined) return undefined;
    known.push([kind, whole]);
  }
  return Object.fromEntries(known);
}

export function unreadable(place: CopyPlace, why: string): CopyUnreadable {
  return { type: 'unreadable', place, why };
}
