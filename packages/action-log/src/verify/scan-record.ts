/**
 * The verifier's hot reader of one record: proves that the bytes are RFC 8785 JSON and finds the fields the
 * chain needs, without building a value. It may only err towards caution: what it accepts, the slow reader
 * (read-record.ts) accepts with the same fields; whatever it is not sure of, it leaves to that one.
 *
 * The caller guarantees valid UTF-8 and a line feed after the record. Every loop stops at a control
 * character, so nothing is read past that line feed.
 */

/** Where the fields stand in the bytes; -1 where absent. One object is filled again and again. */
export interface RecordSpan {
  shardStart: number;
  shardEnd: number;
  shardSeq: number;
  agentStart: number;
  agentEnd: number;
  agentSeq: number;
  /** Milliseconds since 1970. */
  time: number;
  /** Its kind begins with `hold.`. */
  isHold: boolean;
}

export function emptySpan(): RecordSpan {
  return {
    shardStart: -1,
    shardEnd: -1,
    shardSeq: -1,
    agentStart: -1,
    agentEnd: -1,
    agentSeq: -1,
    time: -1,
    isHold: false,
  };
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const ESCAPE = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Deeper records go to the slow reader, which has its own bound. */
const MAX_DEPTH = 40;
/** A number of at most 15 digits is exact in a double and has one form. */
const MAX_DIGITS = 15;
/** No number that JavaScript writes is as long. */
const MAX_NUMBER = 32;
const TIME_LENGTH = 24;

/** 1 for every byte that stands in a string as itself. */
const PLAIN = new Uint8Array(256).fill(1, 0x20);
PLAIN[QUOTE] = 0;
PLAIN[ESCAPE] = 0;

/** 1 for every byte of a key that the hot reader can order: printable ASCII without quote and backslash. */
const KEY = new Uint8Array(256).fill(1, 0x20, 0x7f);
KEY[QUOTE] = 0;
KEY[ESCAPE] = 0;

/** 1 for every byte of an id. */
const ID = new Uint8Array(256);
for (const c of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-')) ID[c] = 1;
const MAX_ID = 64;

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text));
const AGENT_ID = bytesOf('agent_id');
const AGENT_SEQ = bytesOf('agent_seq');
const HOLD = bytesOf('"hold.');
const KIND = bytesOf('kind');
const SHARD = bytesOf('shard');
const SHARD_SEQ = bytesOf('shard_seq');
const TS = bytesOf('ts');
const V = bytesOf('v');
const TRUE = bytesOf('true');
const FALSE = bytesOf('false');
const NULL = bytesOf('null');

/**
 * Reads the record that starts at `start`, fills `span`, and returns where it ends, or -1 when this reader
 * cannot vouch for it.
 */
export function scanRecord(bytes: Uint8Array, start: number, span: RecordSpan): number {
  span.shardStart = -1;
  span.shardSeq = -1;
  span.agentStart = -1;
  span.agentSeq = -1;
  span.time = -1;
  span.isHold = false;
  let version = -1;
  let previous = -1;
  let previousEnd = -1;
  if (bytes[start] !== OPEN) return -1;
  let at = start;
  do {
    const key = at + 2;
    if (bytes[at + 1] !== QUOTE) return -1;
    const keyEnd = endOfKey(bytes, key);
    if (bytes[keyEnd] !== QUOTE || bytes[keyEnd + 1] !== COLON) return -1;
    if (previous >= 0 && !follows(bytes, previous, previousEnd, key, keyEnd)) return -1;
    previous = key;
    previousEnd = keyEnd;
    const value = keyEnd + 2;
    at = endOfValue(bytes, value, 1);
    if (at < 0) return -1;
    switch (keyEnd - key) {
      case 1:
        if (equals(bytes, key, V)) version = wholeNumber(bytes, value, at);
        break;
      case 2:
        if (equals(bytes, key, TS)) span.time = timeOf(bytes, value, at);
        break;
      case 4:
        if (equals(bytes, key, KIND)) span.isHold = equals(bytes, value, HOLD);
        break;
      case 5:
        if (equals(bytes, key, SHARD)) {
          if (!isId(bytes, value, at)) return -1;
          span.shardStart = value + 1;
          span.shardEnd = at - 1;
        }
        break;
      case 8:
        if (equals(bytes, key, AGENT_ID)) {
          if (!isId(bytes, value, at)) return -1;
          span.agentStart = value + 1;
          span.agentEnd = at - 1;
        }
        break;
      case 9:
        if (equals(bytes, key, SHARD_SEQ)) span.shardSeq = wholeNumber(bytes, value, at);
        else if (equals(bytes, key, AGENT_SEQ)) {
          span.agentSeq = wholeNumber(bytes, value, at);
          if (span.agentSeq < 1) return -1;
        }
        break;
    }
  } while (bytes[at] === COMMA);
  if (bytes[at] !== CLOSE) return -1;
  if (version !== 1 || span.shardStart < 0 || span.shardSeq < 1 || span.time < 0) return -1;
  return span.agentSeq >= 0 && span.agentStart < 0 ? -1 : at + 1;
}

function endOfKey(bytes: Uint8Array, start: number): number {
  let at = start;
  while (KEY[bytes[at] ?? 0] === 1) at += 1;
  return at;
}

/** Whether the second key comes strictly after the first. Both are ASCII, where bytes order as UTF-16 does. */
function follows(bytes: Uint8Array, start: number, end: number, nextStart: number, nextEnd: number): boolean {
  let at = start;
  let next = nextStart;
  while (at < end && next < nextEnd) {
    const a = bytes[at] ?? 0;
    const b = bytes[next] ?? 0;
    if (a !== b) return a < b;
    at += 1;
    next += 1;
  }
  return at === end && next < nextEnd;
}

/** Where the value that starts here ends, or -1. */
function endOfValue(bytes: Uint8Array, start: number, depth: number): number {
  const first = bytes[start] ?? 0;
  if (first === QUOTE) return endOfString(bytes, start + 1);
  if (first - ZERO < 10 && first >= ZERO) return endOfNumber(bytes, start);
  switch (first) {
    case OPEN:
      return depth < MAX_DEPTH ? endOfObject(bytes, start, depth + 1) : -1;
    case OPEN_LIST:
      return depth < MAX_DEPTH ? endOfList(bytes, start, depth + 1) : -1;
    case MINUS:
      return endOfNumber(bytes, start);
    case 0x74:
      return equals(bytes, start, TRUE) ? start + 4 : -1;
    case 0x66:
      return equals(bytes, start, FALSE) ? start + 5 : -1;
    case 0x6e:
      return equals(bytes, start, NULL) ? start + 4 : -1;
    default:
      return -1;
  }
}

function endOfString(bytes: Uint8Array, start: number): number {
  let at = start;
  for (;;) {
    while (PLAIN[bytes[at] ?? 0] === 1) at += 1;
    const stop = bytes[at];
    if (stop === QUOTE) return at + 1;
    if (stop !== ESCAPE) return -1;
    const length = lengthOfEscape(bytes, at + 1);
    if (length === 0) return -1;
    at += 1 + length;
  }
}

/** Length of a canonical escape after its backslash: the two-character ones, or `u00` and a lower-case control; 0 for any other. */
function lengthOfEscape(bytes: Uint8Array, at: number): number {
  switch (bytes[at]) {
    case QUOTE:
    case ESCAPE:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return 1;
    case 0x75: {
      const high = bytes[at + 3] ?? 0;
      if (bytes[at + 1] !== ZERO || bytes[at + 2] !== ZERO || (high !== ZERO && high !== ZERO + 1)) return 0;
      const low = bytes[at + 4] ?? 0;
      const isHex = (low >= ZERO && low <= 0x39) || (low >= 0x61 && low <= 0x66);
      // \b \t \n \f \r have a shorter form, which is the canonical one.
      const hasShort = high === ZERO && (low === 0x38 || low === 0x39 || low === 0x61 || low === 0x63 || low === 0x64);
      return isHex && !hasShort ? 5 : 0;
    }
    default:
      return 0;
  }
}

function endOfNumber(bytes: Uint8Array, start: number): number {
  const negative = bytes[start] === MINUS;
  const digits = negative ? start + 1 : start;
  let at = digits;
  for (let c = bytes[at] ?? 0; c >= ZERO && c <= 0x39; c = bytes[at] ?? 0) at += 1;
  const count = at - digits;
  const after = bytes[at];
  if (count > MAX_DIGITS || after === 0x2e || after === 0x65 || after === 0x45) return endOfLongNumber(bytes, start);
  if (count === 0) return -1;
  // No leading zeros, and RFC 8785 has no -0.
  return bytes[digits] === ZERO && (count > 1 || negative) ? -1 : at;
}

/** A number with a fraction, an exponent or many digits is canonical when JavaScript writes it back the same. */
function endOfLongNumber(bytes: Uint8Array, start: number): number {
  let at = start;
  let text = '';
  for (let c = bytes[at] ?? 0; isNumberByte(c) && text.length < MAX_NUMBER; c = bytes[at] ?? 0) {
    text += String.fromCharCode(c);
    at += 1;
  }
  return text.length < MAX_NUMBER && String(Number(text)) === text ? at : -1;
}

function isNumberByte(c: number): boolean {
  return (c >= ZERO && c <= 0x39) || c === 0x2e || c === 0x65 || c === 0x2b || c === MINUS;
}

function endOfList(bytes: Uint8Array, start: number, depth: number): number {
  if (bytes[start + 1] === CLOSE_LIST) return start + 2;
  let at = start;
  do {
    at = endOfValue(bytes, at + 1, depth);
    if (at < 0) return -1;
  } while (bytes[at] === COMMA);
  return bytes[at] === CLOSE_LIST ? at + 1 : -1;
}

function endOfObject(bytes: Uint8Array, start: number, depth: number): number {
  if (bytes[start + 1] === CLOSE) return start + 2;
  let at = start;
  let previous = -1;
  let previousEnd = -1;
  do {
    const key = at + 2;
    if (bytes[at + 1] !== QUOTE) return -1;
    const keyEnd = endOfKey(bytes, key);
    if (bytes[keyEnd] !== QUOTE || bytes[keyEnd + 1] !== COLON) return -1;
    if (previous >= 0 && !follows(bytes, previous, previousEnd, key, keyEnd)) return -1;
    previous = key;
    previousEnd = keyEnd;
    at = endOfValue(bytes, keyEnd + 2, depth);
    if (at < 0) return -1;
  } while (bytes[at] === COMMA);
  return bytes[at] === CLOSE ? at + 1 : -1;
}

function equals(bytes: Uint8Array, start: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i += 1) if (bytes[start + i] !== expected[i]) return false;
  return true;
}

/** Whether the value is a string that is an id. */
function isId(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes[start] !== QUOTE || end - start < 3 || end - start > MAX_ID + 2) return false;
  for (let at = start + 1; at < end - 1; at += 1) if (ID[bytes[at] ?? 0] !== 1) return false;
  return true;
}

/** The whole number between, or -1; also for one so long that it may not be exact. */
function wholeNumber(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > MAX_DIGITS) return -1;
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Milliseconds of `"YYYY-MM-DDTHH:MM:SS.mmmZ"`, or -1 for any other form or a day that no calendar has. */
function timeOf(bytes: Uint8Array, start: number, end: number): number {
  const at = start + 1;
  if (end - start !== TIME_LENGTH + 2 || bytes[start] !== QUOTE) return -1;
  const marks =
    bytes[at + 4] === MINUS &&
    bytes[at + 7] === MINUS &&
    bytes[at + 10] === 0x54 &&
    bytes[at + 13] === COLON &&
    bytes[at + 16] === COLON &&
    bytes[at + 19] === 0x2e &&
    bytes[at + 23] === 0x5a;
  const year = wholeNumber(bytes, at, at + 4);
  const month = wholeNumber(bytes, at + 5, at + 7);
  const day = wholeNumber(bytes, at + 8, at + 10);
  const hour = wholeNumber(bytes, at + 11, at + 13);
  const minute = wholeNumber(bytes, at + 14, at + 16);
  const second = wholeNumber(bytes, at + 17, at + 19);
  const millisecond = wholeNumber(bytes, at + 20, at + 23);
  const inRange =
    hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60 && millisecond >= 0;
  if (!marks || !inRange || year < 1970 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return -1;
  return ((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + millisecond;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days of the Gregorian calendar, counted in years that begin in March so that the leap day comes last. */
function daysSince1970(year: number, month: number, day: number): number {
  const years = month > 2 ? year : year - 1;
  const months = month > 2 ? month - 3 : month + 9;
  const leaps = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  return years * 365 + leaps + Math.floor((153 * months + 2) / 5) + day - 1 - 719_468;
}
