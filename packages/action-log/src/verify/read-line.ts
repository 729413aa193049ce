/** One line of entries.jsonl: its parts stand at fixed places, so that each byte is either fixed, or hashed, or a hash. */
import { ABSENT_PARTS, LINE_PARTS, MAX_RECORD_BYTES } from '../export-format.ts';
import { type RecordFields, readRecord } from './read-record.ts';
import { emptySpan, type RecordSpan, scanRecord } from './scan-record.ts';

const HEX_HASH = 64;
const MAX_DIGITS = 15;
const ZERO = 0x30;

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text));
const ENTRY_HASH = bytesOf(LINE_PARTS.entryHash);
const HASH = bytesOf(LINE_PARTS.hash);
const PREVIOUS = bytesOf(LINE_PARTS.previous);
const RECORD = bytesOf(LINE_PARTS.record);
const SEQ = bytesOf(LINE_PARTS.seq);
const END = bytesOf(LINE_PARTS.end);
const ABSENT = bytesOf(ABSENT_PARTS.record);
const SHARD = bytesOf(ABSENT_PARTS.shard);
const SHARD_SEQ = bytesOf(ABSENT_PARTS.shardSeq);
const MAX_ID = 64;

/** From the start of a line to the hex digits of its hashes, and to its record. */
export const ENTRY_HASH_AT = ENTRY_HASH.length;
export const HASH_AT = ENTRY_HASH_AT + HEX_HASH + HASH.length;
export const PREVIOUS_AT = HASH_AT + HEX_HASH + PREVIOUS.length;
export const RECORD_AT = PREVIOUS_AT + HEX_HASH + RECORD.length;

/** The longest line, its line feed included. */
export const MAX_LINE_BYTES = RECORD_AT + MAX_RECORD_BYTES + SEQ.length + MAX_DIGITS + END.length;

/** What a line says. Filled again and again: an object for each line would cost as much as a hash. */
export interface Line extends Mutable<RecordFields> {
  seq: number;
  recordEnd: number;
  /** The payload is absent: of the record nothing is known but `shard` and `shardSeq`. */
  isAbsent: boolean;
  /** After the line feed. */
  end: number;
}

type Mutable<T> = { -readonly [field in keyof T]: T[field] };

export class LineReader {
  readonly line: Line = {
    shard: '',
    shardSeq: 0,
    agentId: undefined,
    agentSeq: undefined,
    time: 0,
    isHold: false,
    seq: 0,
    recordEnd: 0,
    isAbsent: false,
    end: 0,
  };
  readonly #span: RecordSpan = emptySpan();
  readonly #ids = new IdTexts();

  /** Reads the line that starts here, if it can vouch for it; if not, {@link read} has the word. The bytes are valid UTF-8 and hold a line feed. */
  scan(bytes: Buffer, start: number): boolean {
    if (!hasFixedParts(bytes, start)) return false;
    if (bytes[start + RECORD_AT] === ABSENT[0]) return this.#readAbsent(bytes, start);
    const span = this.#span;
    const recordEnd = scanRecord(bytes, start + RECORD_AT, span);
    if (recordEnd < 0 || recordEnd - start - RECORD_AT > MAX_RECORD_BYTES || !this.#readEnd(bytes, recordEnd))
      return false;
    const { line } = this;
    line.shard = this.#ids.text(bytes, span.shardStart, span.shardEnd);
    line.shardSeq = span.shardSeq;
    line.agentId = span.agentStart < 0 ? undefined : this.#ids.text(bytes, span.agentStart, span.agentEnd);
    line.agentSeq = span.agentSeq < 0 ? undefined : span.agentSeq;
    line.time = span.time;
    line.isHold = span.isHold;
    line.isAbsent = false;
    return true;
  }

  /**
   * Reads the line up to its line feed, by the book. Returns in words why it is none. `seq` and `recordEnd` are
   * known as far as the line has the outer form: then only the record is at fault.
   */
  read(bytes: Buffer, start: number, lineFeed: number): LineFault | undefined {
    const { line } = this;
    line.end = lineFeed + 1;
    if (line.end - start > MAX_LINE_BYTES) return { reason: 'is longer than an entry can be', hasForm: false };
    if (hasFixedParts(bytes, start) && bytes[start + RECORD_AT] === ABSENT[0])
      return this.#readAbsent(bytes, start) && line.end === lineFeed + 1
        ? undefined
        : { reason: 'is not an entry without a payload in canonical form', hasForm: false };
    let at = lineFeed - END.length + 1;
    while (isDigit(bytes[at - 1] ?? 0)) at -= 1;
    const recordEnd = at - SEQ.length;
    if (recordEnd - start - RECORD_AT > MAX_RECORD_BYTES)
      return { reason: 'is longer than an entry can be', hasForm: false };
    if (recordEnd <= start + RECORD_AT || !hasFixedParts(bytes, start) || !this.#readEnd(bytes, recordEnd))
      return { reason: 'is not a sealed entry in canonical form', hasForm: false };
    const record = readRecord(bytes.subarray(start + RECORD_AT, recordEnd));
    if (typeof record === 'string') return { reason: `holds a record that ${record}`, hasForm: true };
    Object.assign(line, record);
    line.isAbsent = false;
    return undefined;
  }

  /** `null,"seq":<number>,"shard":"<id>","shard_seq":<number>}` and the line feed. */
  #readAbsent(bytes: Buffer, start: number): boolean {
    const { line } = this;
    const seqAt = start + RECORD_AT + ABSENT.length + SEQ.length;
    if (!equals(bytes, start + RECORD_AT, ABSENT) || !equals(bytes, seqAt - SEQ.length, SEQ)) return false;
    const seqEnd = endOfNumber(bytes, seqAt);
    const shardAt = seqEnd + SHARD.length;
    if (seqEnd < 0 || !equals(bytes, seqEnd, SHARD)) return false;
    let shardEnd = shardAt;
    while (shardEnd - shardAt <= MAX_ID && isIdByte(bytes[shardEnd] ?? 0)) shardEnd += 1;
    const positionAt = shardEnd + SHARD_SEQ.length;
    if (shardEnd === shardAt || shardEnd - shardAt > MAX_ID || !equals(bytes, shardEnd, SHARD_SEQ)) return false;
    const positionEnd = endOfNumber(bytes, positionAt);
    if (positionEnd < 0 || !equals(bytes, positionEnd, END)) return false;
    line.seq = Number(bytes.toString('latin1', seqAt, seqEnd));
    line.shard = this.#ids.text(bytes, shardAt, shardEnd);
    line.shardSeq = Number(bytes.toString('latin1', positionAt, positionEnd));
    line.agentId = undefined;
    line.agentSeq = undefined;
    line.isHold = false;
    line.isAbsent = true;
    line.recordEnd = start + RECORD_AT;
    line.end = positionEnd + END.length;
    return true;
  }

  /** `,"seq":<number>}` and the line feed. */
  #readEnd(bytes: Uint8Array, recordEnd: number): boolean {
    if (!equals(bytes, recordEnd, SEQ)) return false;
    const digits = recordEnd + SEQ.length;
    let seq = 0;
    let at = digits;
    for (let c = bytes[at] ?? 0; isDigit(c) && at - digits < MAX_DIGITS; c = bytes[at] ?? 0) {
      seq = seq * 10 + c - ZERO;
      at += 1;
    }
    // Neither zero nor a leading zero.
    if (at === digits || bytes[digits] === ZERO || !equals(bytes, at, END)) return false;
    this.line.seq = seq;
    this.line.recordEnd = recordEnd;
    this.line.end = at + END.length;
    return true;
  }
}

export interface LineFault {
  readonly reason: string;
  /** Everything around the record is as it should be. */
  readonly hasForm: boolean;
}

/** 4,096 slots. */
const SLOT_SHIFT = 20;

/** Ids come again and again: one string for each that came lately, found by its bytes. */
class IdTexts {
  readonly #slots: { readonly bytes: Uint8Array; readonly text: string }[] = [];

  text(bytes: Buffer, start: number, end: number): string {
    const mixed = Math.imul(
      (bytes[end - 1] ?? 0) + 131 * (bytes[end - 2] ?? 0) + 17_161 * (bytes[end - 3] ?? 0),
      0x9e3779b1,
    );
    const slot = mixed >>> SLOT_SHIFT;
    const known = this.#slots[slot];
    if (known?.bytes.length === end - start && equals(bytes, start, known.bytes)) return known.text;
    const text = bytes.toString('latin1', start, end);
    this.#slots[slot] = { bytes: Uint8Array.from(bytes.subarray(start, end)), text };
    return text;
  }
}

function hasFixedParts(bytes: Uint8Array, start: number): boolean {
  return (
    equals(bytes, start, ENTRY_HASH) &&
    equals(bytes, start + HASH_AT - HASH.length, HASH) &&
    equals(bytes, start + PREVIOUS_AT - PREVIOUS.length, PREVIOUS) &&
    equals(bytes, start + RECORD_AT - RECORD.length, RECORD)
  );
}

function equals(bytes: Uint8Array, start: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i += 1) if (bytes[start + i] !== expected[i]) return false;
  return true;
}

/** Behind a whole number from 1 that starts here, in its one form; -1 when there is none. */
function endOfNumber(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at - start < MAX_DIGITS && isDigit(bytes[at] ?? 0)) at += 1;
  return at === start || bytes[start] === ZERO || isDigit(bytes[at] ?? 0) ? -1 : at;
}

/** `A-Z a-z 0-9 _ -` */
function isIdByte(c: number): boolean {
  return isDigit(c) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a) || c === 0x5f || c === 0x2d;
}

function isDigit(c: number): boolean {
  return c >= ZERO && c <= 0x39;
}
