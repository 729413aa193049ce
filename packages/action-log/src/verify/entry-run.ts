/**
 * Checks a run of lines of entries.jsonl by itself, whatever stands before it, and says what a check of the whole
 * needs to know of it. So a part of a log is checked as the whole is, and several parts can be checked at once.
 */
import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import { type HoldRecord, isHoldRecord, readGoverning } from '../governing.ts';
import { HASH_BYTES } from '../hashes.ts';
import type { Subtree } from '../tree.ts';
import { type Allowance, Allowed, type UsedAllowance } from './absences.ts';
import { Findings, type FoundDefects } from './findings.ts';
import { NumberSequence } from './number-sequence.ts';
import { ENTRY_HASH_AT, HASH_AT, LineReader, MAX_LINE_BYTES, PREVIOUS_AT, RECORD_AT } from './read-line.ts';
import { LINE_FEED } from './source.ts';
import { SubtreeStack } from './subtree-stack.ts';

/** What is kept in memory is bounded, whatever a file holds. */
const MAX_SHARDS = 4_096;
const MAX_AGENTS = 1_000_000;
const MAX_HOLD_RECORDS = 20_000;
/** A record carries the time at which its call came; a call may have waited for its commit. */
const CLOCK_TOLERANCE_MS = 10_000;

/** A size of the tree at which the verifier wants to know how the run stood. */
interface Mark {
  readonly size: number;
  /** Also the heads of the shards. */
  readonly withHeads: boolean;
}

export interface ShardPosition {
  readonly seq: number;
  /** 32 bytes as a latin1 string. */
  readonly link: string;
}

/** A shard in the run: its first entry, with the link before it, and its last. */
export interface ShardRun {
  readonly firstSeq: number;
  readonly previous: string;
  /** Global number of the first entry. */
  readonly firstAt: number;
  readonly firstTime: number;
  readonly last: ShardPosition;
  readonly latestTime: number;
}

export interface AgentRun {
  readonly firstSeq: number;
  readonly firstAt: number;
  readonly lastSeq: number;
  /** Entries of the run without a payload: before the first of the agent, and up to its last. */
  readonly absentBefore: number;
  readonly absentAtLast: number;
}

export interface ReachedMark {
  readonly size: number;
  /** From the first entry of the run up to `size`. */
  readonly subtrees: readonly Subtree[];
  readonly heads: ReadonlyMap<string, ShardPosition> | undefined;
}

/** Plain data, so that a thread can hand it over. */
export interface EntryRun {
  /** Global number of the first entry; undefined when there is none. */
  readonly first: number | undefined;
  /** The number after the last entry. */
  readonly next: number;
  readonly bytes: number;
  /** The numbers follow one another; else the tree is not known. */
  readonly isOrdered: boolean;
  readonly subtrees: readonly Subtree[];
  readonly marks: readonly ReachedMark[];
  readonly shards: ReadonlyMap<string, ShardRun>;
  readonly agents: ReadonlyMap<string, AgentRun>;
  /** How many entries have no payload. */
  readonly absent: number;
  /** By the place of the allowance in the list that was given. */
  readonly allowed: ReadonlyMap<number, UsedAllowance>;
  /** What the entries say of holds, in order. */
  readonly holds: readonly HoldRecord[];
  readonly earliestTime: number;
  readonly latestTime: number;
  readonly found: FoundDefects;
}

/** A stretch of entries.jsonl that begins and ends with a line. Plain data, so that it can be handed to a thread. */
export interface EntryPart {
  /** Its first byte, and the one behind its last. */
  readonly start: number;
  readonly end: number;
  /** Sorted by size. */
  readonly marks: readonly Mark[];
  /** The number that its first entry should have, where that is known. */
  readonly first?: number;
  /** Which entries may be without a payload. None, when it is left out. */
  readonly allowances?: readonly Allowance[];
}

/** Checks the lines of a part; `chunks` are its bytes. */
export async function checkEntries(chunks: AsyncIterable<Uint8Array>, part: Omit<EntryPart, 'end'>): Promise<EntryRun> {
  const run = new RunChecker(part);
  for await (const chunk of chunks) run.add(chunk);
  return run.end();
}

interface ShardState {
  readonly firstSeq: number;
  readonly previous: string;
  readonly firstAt: number;
  readonly firstTime: number;
  seq: number;
  link: string;
  latestTime: number;
  /** The epoch in which it was last seen: after a gap in the run, it starts anew. */
  epoch: number;
  stepsBack: number;
  largestStepMs: number;
  firstStepAt: number;
}

interface AgentState {
  readonly firstSeq: number;
  readonly firstAt: number;
  readonly absentBefore: number;
  absentAtLast: number;
  lastSeq: number;
  epoch: number;
}

class RunChecker {
  readonly #start: number;
  readonly #marks: readonly Mark[];
  #nextMark = 0;
  readonly #reached: ReachedMark[] = [];
  readonly #findings = new Findings();
  readonly #reader = new LineReader();
  #carry: Buffer = Buffer.alloc(0);
  /** Inside a line that is too long. */
  #isSkipping = false;
  /** Bytes of the part before the buffer at hand. */
  #offset = 0;
  #first: number | undefined;
  readonly #numbers: NumberSequence;
  #isOrdered = true;
  #epoch = 0;
  #tree = new SubtreeStack(0);
  readonly #shards = new Map<string, ShardState>();
  readonly #agents = new Map<string, AgentState>();
  readonly #allowed: Allowed;
  readonly #holds: HoldRecord[] = [];
  #absent = 0;
  /** The run of absent entries that nothing lets go, while it goes on. */
  #missing: { first: number; last: number } | undefined;
  #earliestTime = Number.POSITIVE_INFINITY;
  #latestTime = Number.NEGATIVE_INFINITY;
  readonly #leaf = Buffer.alloc(1 + MAX_LINE_BYTES);
  readonly #views: Buffer[] = [];
  readonly #pair = Buffer.alloc(2 * HASH_BYTES);

  constructor({ start, marks, first, allowances = [] }: Omit<EntryPart, 'end'>) {
    this.#start = start;
    this.#allowed = new Allowed(allowances);
    this.#marks = marks;
    this.#numbers = new NumberSequence(first, this.#findings);
  }

  add(chunk: Uint8Array): void {
    let bytes = bufferOf(chunk);
    if (this.#isSkipping) {
      const lineFeed = bytes.indexOf(LINE_FEED);
      this.#offset += lineFeed < 0 ? bytes.length : lineFeed + 1;
      if (lineFeed < 0) return;
      bytes = bytes.subarray(lineFeed + 1);
      this.#isSkipping = false;
    }
    if (this.#carry.length > 0) bytes = this.#endCarried(bytes);
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) this.#lines(bytes.subarray(0, end));
    this.#offset += end;
    const rest = Buffer.concat([this.#carry, bytes.subarray(end)]);
    if (rest.length <= MAX_LINE_BYTES) {
      this.#carry = rest;
      return;
    }
    this.#unreadableLine(0, 'is longer than an entry can be');
    this.#carry = Buffer.alloc(0);
    this.#offset += rest.length;
    this.#isSkipping = true;
  }

  /** Checks the line that began in an earlier chunk, if it ends in this one, and returns what is behind it. */
  #endCarried(bytes: Buffer): Buffer {
    const end = bytes.indexOf(LINE_FEED) + 1;
    if (end === 0) return bytes;
    const line = Buffer.concat([this.#carry, bytes.subarray(0, end)]);
    this.#carry = Buffer.alloc(0);
    this.#lines(line);
    this.#offset += line.length;
    return bytes.subarray(end);
  }

  end(): EntryRun {
    if (this.#carry.length > 0) this.#unreadableLine(0, 'has no line feed: the file was cut off');
    this.#numbers.end();
    this.#tellMissing();
    for (const [shard, state] of this.#shards) this.#noteClock(shard, state);
    const shards = new Map<string, ShardRun>();
    for (const [shard, { seq, link, firstSeq, previous, firstAt, firstTime, latestTime }] of this.#shards)
      shards.set(shard, { firstSeq, previous, firstAt, firstTime, latestTime, last: { seq, link } });
    return {
      first: this.#first,
      next: this.#numbers.next ?? 1,
      bytes: this.#offset + this.#carry.length,
      isOrdered: this.#isOrdered,
      subtrees: this.#isOrdered ? this.#tree.subtrees() : [],
      marks: this.#reached,
      shards,
      agents: this.#agents,
      absent: this.#absent,
      allowed: this.#allowed.used,
      holds: this.#holds,
      earliestTime: this.#earliestTime,
      latestTime: this.#latestTime,
      found: this.#findings.found,
    };
  }

  /** Complete lines. */
  #lines(bytes: Buffer): void {
    const isUnicode = isUtf8(bytes);
    for (let at = 0; at < bytes.length; at = this.#reader.line.end) {
      if (isUnicode && this.#reader.scan(bytes, at)) this.#entry(bytes, at);
      else this.#lineByTheBook(bytes, at);
    }
  }

  #lineByTheBook(bytes: Buffer, at: number): void {
    const { line } = this.#reader;
    const fault = this.#reader.read(bytes, at, bytes.indexOf(LINE_FEED, at));
    if (fault === undefined) this.#entry(bytes, at);
    else if (
      fault.hasForm &&
      !isHex(bytes, at + ENTRY_HASH_AT, this.#entryHash(bytes, at + RECORD_AT, line.recordEnd))
    ) {
      this.#findings.fatal(
        'entry_edited',
        `seq ${line.seq}`,
        `The record was changed after it was recorded, and ${fault.reason.slice('holds a record that '.length)}.`,
      );
      this.#passOver();
    } else this.#unreadableLine(at, fault.reason);
  }

  #unreadableLine(at: number, reason: string): void {
    const place = `entries.jsonl byte ${this.#start + this.#offset + at}, where seq ${this.#numbers.next ?? 1} should be`;
    this.#findings.fatal('malformed', place, `The line ${reason}.`);
    this.#passOver();
  }

  #passOver(): void {
    this.#numbers.passOver();
    this.#loseOrder();
  }

  /** From here on the tree is not the one that was signed, and chains start anew: what follows is not blamed for what was before. */
  #loseOrder(): void {
    this.#isOrdered = false;
    this.#epoch += 1;
  }

  #entry(bytes: Buffer, at: number): void {
    const { line } = this.#reader;
    if (this.#first === undefined) this.#begin(this.#numbers.next ?? line.seq);
    if (!this.#numbers.take(line.seq)) this.#loseOrder();
    if (line.isAbsent) {
      this.#absentEntry(bytes, at);
      return;
    }
    const entry = this.#entryHash(bytes, at + RECORD_AT, line.recordEnd);
    const isEdited = !isHex(bytes, at + ENTRY_HASH_AT, entry);
    if (isEdited)
      this.#findings.fatal(
        'entry_edited',
        `seq ${line.seq}`,
        'The record and its entry_hash do not belong together: one of them was changed.',
      );
    this.#shard(bytes, at, entry, isEdited);
    if (line.agentSeq !== undefined && line.agentId !== undefined) this.#agent(line.agentId, line.agentSeq);
    if (line.time < this.#earliestTime) this.#earliestTime = line.time;
    if (line.time > this.#latestTime) this.#latestTime = line.time;
    this.#allowed.take(line.seq, entry, false);
    if (line.isHold) this.#hold(bytes.toString('utf8', at + RECORD_AT, line.recordEnd), line.seq);
    if (this.#isOrdered) this.#grow(entry, line.seq);
  }

  /** Its hash is taken as it stands here: chain and tree tell whether it is the one that was signed. */
  #absentEntry(bytes: Buffer, at: number): void {
    const { seq } = this.#reader.line;
    const entry = fromHex(bytes, at + ENTRY_HASH_AT);
    if (!isHex(bytes, at + ENTRY_HASH_AT, entry))
      this.#findings.fatal('malformed', `seq ${seq}`, 'Its entry_hash is not 64 lower-case hex digits.');
    this.#absent += 1;
    if (!this.#allowed.take(seq, entry, true)) this.#miss(seq);
    this.#shard(bytes, at, entry, false);
    if (this.#isOrdered) this.#grow(entry, seq);
  }

  /** Tells of a run once. */
  #miss(seq: number): void {
    if (this.#missing?.last === seq - 1) {
      this.#missing.last = seq;
      return;
    }
    this.#tellMissing();
    this.#missing = { first: seq, last: seq };
  }

  #tellMissing(): void {
    if (this.#missing === undefined) return;
    const { first, last } = this.#missing;
    this.#findings.fatal(
      'payload_missing',
      first === last ? `seq ${first}` : `seq ${first} to ${last}`,
      'The payload is absent, and no record of the log lets it go.',
    );
    this.#missing = undefined;
  }

  #hold(canonical: string, seq: number): void {
    const record = readGoverning(seq, canonical);
    if (typeof record === 'string') this.#findings.fatal('malformed', `seq ${seq}`, `The record ${record}.`);
    else if (this.#holds.length >= MAX_HOLD_RECORDS)
      this.#findings.fatal('malformed', `seq ${seq}`, `The log has more than ${MAX_HOLD_RECORDS} records of holds.`);
    else if (isHoldRecord(record)) this.#holds.push(record);
  }

  #begin(first: number): void {
    this.#first = first;
    this.#tree = new SubtreeStack(first - 1);
    while ((this.#marks[this.#nextMark]?.size ?? Number.POSITIVE_INFINITY) < first) this.#nextMark += 1;
  }

  #grow(entry: string, seq: number): void {
    this.#tree.push(entry);
    const mark = this.#marks[this.#nextMark];
    if (mark?.size !== seq) return;
    const heads = mark.withHeads
      ? new Map([...this.#shards].map(([shard, { seq: last, link }]) => [shard, { seq: last, link }]))
      : undefined;
    this.#reached.push({ size: seq, subtrees: this.#tree.subtrees(), heads });
    this.#nextMark += 1;
  }

  /** The chain of the shard: position, previous link, link. */
  #shard(bytes: Buffer, at: number, entry: string, isEdited: boolean): void {
    const { shard, shardSeq, seq, time, isAbsent } = this.#reader.line;
    const state = this.#shards.get(shard);
    const follows = state !== undefined && state.epoch === this.#epoch;
    let previous = follows ? state.link : '';
    if (follows && shardSeq !== state.seq + 1) {
      const place = `seq ${seq}, shard ${shard} position ${shardSeq}`;
      if (shardSeq > state.seq)
        this.#findings.fatal(
          'entry_missing',
          place,
          `The positions ${state.seq + 1} to ${shardSeq - 1} of the shard are missing.`,
        );
      else
        this.#findings.fatal('entry_reordered', place, `The position comes after position ${state.seq} of the shard.`);
      previous = '';
    } else if (follows && !isHex(bytes, at + PREVIOUS_AT, previous)) {
      this.#findings.fatal(
        'link_broken',
        `seq ${seq}, shard ${shard} position ${shardSeq}`,
        'Its prev_hash is not the hash of the entry before it in the shard.',
      );
      previous = '';
    }
    if (previous === '') {
      previous = fromHex(bytes, at + PREVIOUS_AT);
      if (!isHex(bytes, at + PREVIOUS_AT, previous))
        this.#findings.fatal('malformed', `seq ${seq}`, 'Its prev_hash is not 64 lower-case hex digits.');
    }
    this.#pair.write(previous, 0, 'latin1');
    this.#pair.write(entry, HASH_BYTES, 'latin1');
    let link = hash('sha256', this.#pair, 'binary');
    if (!isHex(bytes, at + HASH_AT, link)) {
      // Of an edited entry this was to be expected. The chain is followed as it says it goes on.
      if (!isEdited)
        this.#findings.fatal(
          'link_broken',
          `seq ${seq}, shard ${shard} position ${shardSeq}`,
          'Its hash is not made of its prev_hash and entry_hash.',
        );
      link = fromHex(bytes, at + HASH_AT);
    }
    if (state === undefined) this.#newShard(previous, link);
    else {
      state.seq = shardSeq;
      state.link = link;
      state.epoch = this.#epoch;
      if (isAbsent) return;
      if (time >= state.latestTime) state.latestTime = time;
      else if (time < state.latestTime - CLOCK_TOLERANCE_MS) stepBack(state, time, seq);
    }
  }

  #newShard(previous: string, link: string): void {
    const { shard, shardSeq, seq, isAbsent } = this.#reader.line;
    const time = isAbsent ? 0 : this.#reader.line.time;
    if (this.#shards.size >= MAX_SHARDS) {
      this.#findings.fatal('malformed', `seq ${seq}`, `The log has more than ${MAX_SHARDS} shards.`);
      return;
    }
    this.#shards.set(shard, {
      firstSeq: shardSeq,
      previous,
      firstAt: seq,
      firstTime: time,
      seq: shardSeq,
      link,
      latestTime: time,
      epoch: this.#epoch,
      stepsBack: 0,
      largestStepMs: 0,
      firstStepAt: 0,
    });
  }

  #agent(agentId: string, agentSeq: number): void {
    const { seq } = this.#reader.line;
    const state = this.#agents.get(agentId);
    if (state === undefined) {
      if (this.#agents.size < MAX_AGENTS)
        this.#agents.set(agentId, {
          firstSeq: agentSeq,
          firstAt: seq,
          absentBefore: this.#absent,
          absentAtLast: this.#absent,
          lastSeq: agentSeq,
          epoch: this.#epoch,
        });
      else this.#findings.fatal('malformed', `seq ${seq}`, `The log has more than ${MAX_AGENTS} agents.`);
      return;
    }
    // Calls whose payload is absent are not known to be its own; there can be no more of them than are absent.
    const skipped = agentSeq - state.lastSeq - 1;
    if ((skipped < 0 || skipped > this.#absent - state.absentAtLast) && state.epoch === this.#epoch)
      this.#findings.fatal(
        'agent_sequence_broken',
        `seq ${seq}, agent ${agentId}`,
        `Call ${agentSeq} of the agent follows its call ${state.lastSeq}.`,
      );
    state.lastSeq = agentSeq;
    state.absentAtLast = this.#absent;
    state.epoch = this.#epoch;
  }

  #noteClock(shard: string, { stepsBack, largestStepMs, firstStepAt }: ShardState): void {
    if (stepsBack === 0) return;
    const seconds = Math.ceil(largestStepMs / 1000);
    this.#findings.note(
      'clock_backwards',
      `seq ${firstStepAt}, shard ${shard}`,
      `Its time is earlier than that of an entry before it; ${stepsBack} entries of the shard are so, by up to ${seconds} s. Order is by number, not by time.`,
    );
  }

  /** The hash of the record's bytes, as a latin1 string. */
  #entryHash(bytes: Buffer, start: number, end: number): string {
    bytes.copy(this.#leaf, 1, start, end);
    const length = 1 + end - start;
    // Records of equal length are many, and a view costs half as much as hashing a small record.
    const view = this.#views[length] ?? this.#leaf.subarray(0, length);
    this.#views[length] = view;
    return hash('sha256', view, 'binary');
  }
}

function stepBack(state: ShardState, time: number, seq: number): void {
  if (state.stepsBack === 0) state.firstStepAt = seq;
  state.stepsBack += 1;
  state.largestStepMs = Math.max(state.largestStepMs, state.latestTime - time);
}

const HIGH_DIGIT = new Uint8Array(256);
const LOW_DIGIT = new Uint8Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  const digits = byte.toString(16).padStart(2, '0');
  HIGH_DIGIT[byte] = digits.charCodeAt(0);
  LOW_DIGIT[byte] = digits.charCodeAt(1);
}

/** Whether the lower-case hex digits that stand here are those of the hash. */
function isHex(bytes: Uint8Array, at: number, value: string): boolean {
  for (let i = 0; i < HASH_BYTES; i += 1) {
    const byte = value.charCodeAt(i);
    if (bytes[at + 2 * i] !== HIGH_DIGIT[byte] || bytes[at + 2 * i + 1] !== LOW_DIGIT[byte]) return false;
  }
  return true;
}

/** Whatever stands here as 32 bytes; what is no hex digit becomes zeros. */
function fromHex(bytes: Buffer, at: number): string {
  const value = Buffer.alloc(HASH_BYTES);
  value.write(bytes.toString('latin1', at, at + 2 * HASH_BYTES), 'hex');
  return value.toString('latin1');
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
