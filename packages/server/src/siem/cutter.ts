/** Takes entries from the log, in order, and cuts them into batches: what is sent together, and where a checkpoint goes. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ChainLink,
  mapAttested,
  mapItem,
  type StreamCheckpoint,
  type StreamEntry,
  type StreamItem,
} from '@hivekey/siem';
import type { RunningLog, StoredEntry } from '../log/index.ts';
import { CHECKPOINT_EVERY_EVENTS, CHECKPOINT_EVERY_MS, type CheckpointMaker } from './checkpoint.ts';
import { dayOfRecord, entryOf, timeOf } from './entry.ts';
import { isLeftOut } from './filter.ts';
import { limitsOf, type Sink } from './store.ts';
import type { Stream } from './streams.ts';
import { dayOf } from './tally.ts';
import type { BatchLimits, OutgoingEvent } from './transport.ts';

/** News can be lost. */
const LOOK_AGAIN_MS = 1_000;
/** About so many entries are read at once, however large blocks are: what a stream holds in memory beside its batches. */
const READ_ENTRIES = 2_000;
const MAX_BLOCKS = 64;
/** A cut ends after so many events' worth of entries that are left out. */
const TAKEN_PER_EVENT = 8;
/** Where nothing is signed yet. */
const CHECKPOINT_AGAIN_MS = 5_000;

interface Counted {
  /** Null of a checkpoint. */
  readonly seq: number | null;
  /** UTC day of the record. */
  readonly day: string;
  readonly id: string;
  readonly kind: string;
  readonly bytes: number;
}
export interface Sendable extends Counted {
  readonly event: OutgoingEvent;
}
/** It cannot be sent, whatever the receiver says. */
export interface Unsendable extends Counted {
  readonly refusal: { readonly code: string; readonly why: string };
}
export type Item = Sendable | Unsendable;

/** What goes out together. All of the log up to `last` is in it, or was before it. */
export interface Cut {
  readonly first: number;
  /** Below `first` where there is only a checkpoint. */
  readonly last: number;
  readonly items: readonly Item[];
  readonly leftOut: readonly { readonly seq: number; readonly day: string }[];
  /** Numbers that the log does not have any more. */
  readonly missing: { readonly first: number; readonly last: number } | undefined;
  /** The last event, where it is one. */
  readonly checkpoint: StreamCheckpoint | undefined;
  /** Entries of each kind behind the last checkpoint, with those of this cut. */
  readonly counts: Readonly<Record<string, number>>;
  /** Of the last event. */
  readonly link: ChainLink | null;
}

interface OpenCut {
  readonly first: number;
  /** Epoch milliseconds of the first record in it. */
  since: number | undefined;
  readonly items: Item[];
  readonly leftOut: { readonly seq: number; readonly day: string }[];
  missing: Cut['missing'];
  bytes: number;
}

export interface CutterOptions {
  readonly log: Pick<RunningLog, 'entries' | 'news'>;
  readonly sink: Sink;
  readonly stream: Stream;
  /** What alone is taken of the stream, in the order of the log; undefined: everything. */
  readonly ranges?: readonly { readonly first: number; readonly last: number }[] | undefined;
  readonly checkpoints: CheckpointMaker;
  /** Epoch milliseconds. */
  readonly clock: () => number;
}

export class Cutter {
  readonly #options: CutterOptions;
  readonly #limits: BatchLimits;
  #chunk: readonly StoredEntry[] = [];
  #at = 0;
  #blocks = MAX_BLOCKS;
  /** The next number that is taken. */
  #next: number;
  /** The range that is taken now. */
  #range = 0;
  /** What the limits allow, unless the receiver takes less. */
  #most: number;
  #link: ChainLink | null;
  #counts: Record<string, number>;
  #sinceCheckpoint: number;
  #checkpointDueMs: number;
  /** Made, and not yet cut. */
  #checkpoint: StreamCheckpoint | null;
  /** Cut, and not yet settled: one at a time, because one is kept. */
  #isCheckpointOut = false;
  /** The end of the batch that was on its way when somebody died: it is cut there again, whatever else is so. */
  #planned: number | null;

  constructor(options: CutterOptions) {
    const { stream, sink } = options;
    this.#options = options;
    this.#limits = limitsOf(sink);
    this.#most = this.#limits.events;
    this.#next = stream.cursorSeq + 1;
    this.#link = stream.link;
    this.#counts = { ...stream.counts };
    this.#sinceCheckpoint = Object.values(stream.counts).reduce((sum, count) => sum + count, 0);
    this.#checkpointDueMs = (stream.checkpointedAt ?? stream.createdAt).getTime() + CHECKPOINT_EVERY_MS;
    this.#checkpoint = stream.checkpoint;
    this.#planned = stream.plannedSeq;
  }

  /** Waits until there is something to settle. Undefined at the end of a stream that has one, and when `signal` aborts. */
  async next(signal: AbortSignal): Promise<Cut | undefined> {
    const open: OpenCut = { first: this.#next, since: undefined, items: [], leftOut: [], missing: undefined, bytes: 0 };
    let closesAtMs: number | undefined;
    while (!signal.aborted) {
      if (this.#fill(open)) {
        const cut = await this.#close(open);
        if (!isNothing(cut)) return cut;
        continue;
      }
      if (this.#isAtEnd()) return this.#isEmpty(open) ? undefined : this.#close(open);
      if (!this.#isEmpty(open)) closesAtMs ??= performance.now() + this.#patienceMs(open);
      const waitMs =
        this.#planned === null && closesAtMs !== undefined ? closesAtMs - performance.now() : LOOK_AGAIN_MS;
      if (await this.#read()) continue;
      if (waitMs <= 0) return this.#close(open);
      await this.#makeCheckpointIfDue();
      if (this.#isCheckpointHere()) return this.#close(open);
      await this.#readOrWait(Math.min(waitMs, LOOK_AGAIN_MS), signal);
    }
    return undefined;
  }

  /** The checkpoint on its way was settled. */
  checkpointSettled(): void {
    this.#isCheckpointOut = false;
  }

  /** The receiver takes fewer events at once than the limits say. */
  set most(events: number) {
    this.#most = Math.max(1, Math.min(events, this.#limits.events));
  }

  /** Takes of what was read. True when the cut ends here. */
  #fill(open: OpenCut): boolean {
    for (;;) {
      if (this.#planned !== null) {
        if (this.#next > this.#planned) return true;
      } else if (this.#isFull(open) || this.#isCheckpointHere()) return true;
      // Never first behind an outage: with nothing that has waited in it, it would end a gap that nobody counted.
      else if (!isNothing(open) && this.#isCheckpointDue()) return true;
      this.#jump();
      const stored = this.#chunk[this.#at];
      if (stored === undefined || this.#isAtEnd()) return false;
      if (!this.#take(open, stored)) return true;
    }
  }

  /** To the next entry that is taken of this stream. */
  #jump(): void {
    const { ranges, stream } = this.#options;
    if (ranges === undefined) return;
    while (this.#range < ranges.length && (ranges[this.#range]?.last ?? 0) < this.#next) this.#range += 1;
    const first = ranges[this.#range]?.first ?? (stream.toSeq ?? this.#next) + 1;
    if (first <= this.#next) return;
    this.#next = first;
    const at = this.#chunk.findIndex(({ seq }) => seq >= first);
    this.#at = at < 0 ? this.#chunk.length : at;
  }

  #isFull({ items, leftOut }: OpenCut): boolean {
    return items.length >= this.#most || items.length + leftOut.length >= TAKEN_PER_EVENT * this.#limits.events;
  }

  #isEmpty(open: OpenCut): boolean {
    return isNothing(open) && !this.#isCheckpointHere();
  }

  /** The time until an entry is sealed is part of its age: it came with what was written meanwhile. */
  #patienceMs({ since }: OpenCut): number {
    const { ageMs } = this.#limits;
    const oldMs = since === undefined ? 0 : Math.max(0, this.#options.clock() - since);
    return Math.max(0, ageMs - oldMs);
  }

  #isAtEnd(): boolean {
    const { toSeq } = this.#options.stream;
    return toSeq !== null && this.#next > toSeq;
  }

  /** False when it has no room. */
  #take(open: OpenCut, stored: StoredEntry): boolean {
    const entry = entryOf(stored);
    if (entry !== undefined) open.since ??= timeOf(entry.record.ts);
    if (entry !== undefined && isLeftOut(this.#options.sink.leaveOut, entry.record)) {
      this.#step(open, stored);
      open.leftOut.push({ seq: stored.seq, day: dayOfRecord(entry.record) });
      return true;
    }
    const linkBefore = this.#link;
    const item = entry === undefined ? this.#unreadable(stored) : this.#itemOf(entry);
    if (this.#planned === null && open.items.length > 0 && open.bytes + item.bytes > this.#limits.bytes) {
      this.#link = linkBefore;
      return false;
    }
    this.#step(open, stored);
    open.items.push(item);
    open.bytes += item.bytes;
    this.#counts[item.kind] = (this.#counts[item.kind] ?? 0) + 1;
    this.#sinceCheckpoint += 1;
    return true;
  }

  #step(open: OpenCut, { seq }: StoredEntry): void {
    // Nothing is ever passed over in silence: what the log does not have any more is set aside as missing.
    if (seq > this.#next) open.missing = { first: open.missing?.first ?? this.#next, last: seq - 1 };
    this.#next = seq + 1;
    this.#at += 1;
  }

  #itemOf(entry: StreamEntry): Item {
    const { record, seq } = entry;
    const item = this.#sendable(entry, { seq, id: record.event_id, kind: record.kind, ts: record.ts });
    const { eventBytes } = this.#limits;
    if (item.bytes <= eventBytes) return item;
    const { event: _, ...counted } = item;
    const why = `the event has ${item.bytes} bytes, the sink takes ${eventBytes}`;
    return { ...counted, refusal: { code: 'too_large', why } };
  }

  #sendable(
    item: StreamItem,
    {
      seq,
      id,
      kind,
      ts,
    }: { readonly seq: number | null; readonly id: string; readonly kind: string; readonly ts: string },
  ): Sendable {
    const body = this.#mapped(item);
    const time = timeOf(ts);
    return { seq, day: dayOf(time), id, kind, bytes: Buffer.byteLength(body), event: { item, id, kind, time, body } };
  }

  /** What is stored is no record: it goes nowhere, and is set aside where people see it. */
  #unreadable({ seq }: StoredEntry): Unsendable {
    return {
      seq,
      day: dayOf(this.#options.clock()),
      id: `unreadable_${seq}`,
      kind: 'unreadable',
      bytes: 0,
      refusal: { code: 'unreadable', why: 'the stored bytes are no record' },
    };
  }

  #mapped(item: StreamItem): string {
    const { sink, stream } = this.#options;
    const { format, compact, omit } = sink;
    // What stands in for a record that has left the log is not what was hashed.
    const raw = sink.raw && !('absent' in item);
    const settings = { raw, compact, omit, replayed: stream.purpose !== 'live', maxBytes: this.#limits.eventBytes };
    if (format !== 'ocsf-1.9.0') return mapItem(format, item, settings);
    const uid = stream.purpose === 'live' ? sink.id : `${sink.id}/${stream.id}`;
    const { line, link } = mapAttested(item, settings, { uid, previous: this.#link });
    this.#link = link;
    return line;
  }

  #isCheckpointDue(): boolean {
    const { stream, clock } = this.#options;
    if (stream.purpose !== 'live' || this.#checkpoint !== null || this.#isCheckpointOut) return false;
    return this.#sinceCheckpoint >= CHECKPOINT_EVERY_EVENTS || clock() >= this.#checkpointDueMs;
  }

  async #makeCheckpointIfDue(): Promise<void> {
    if (!this.#isCheckpointDue()) return;
    const { checkpoints, clock } = this.#options;
    this.#checkpoint = (await checkpoints.make(this.#next - 1, this.#counts)) ?? null;
    this.#checkpointDueMs = clock() + (this.#checkpoint === null ? CHECKPOINT_AGAIN_MS : CHECKPOINT_EVERY_MS);
    if (this.#checkpoint === null) this.#sinceCheckpoint = 0;
  }

  /** One that was made belongs behind the entry taken last. */
  #isCheckpointHere(): boolean {
    return this.#checkpoint !== null && this.#checkpoint.cursorSeq === this.#next - 1;
  }

  async #close(open: OpenCut): Promise<Cut> {
    if (this.#planned === null) await this.#makeCheckpointIfDue();
    this.#planned = null;
    const checkpoint = this.#isCheckpointHere() ? (this.#checkpoint ?? undefined) : undefined;
    if (checkpoint !== undefined) {
      const { id, ts } = checkpoint;
      open.items.push(this.#sendable(checkpoint, { seq: null, id, kind: 'stream.checkpoint', ts }));
      this.#checkpoint = null;
      this.#isCheckpointOut = true;
      this.#counts = {};
      this.#sinceCheckpoint = 0;
    }
    const { first, items, leftOut, missing } = open;
    return {
      first,
      last: this.#next - 1,
      items,
      leftOut,
      missing,
      checkpoint,
      counts: { ...this.#counts },
      link: this.#link,
    };
  }

  /** Reads on, when all that was read is taken. False at the end of the log. */
  async #read(): Promise<boolean> {
    const { log, stream } = this.#options;
    const chunk = await log.entries(stream.workspaceId, this.#next, this.#blocks);
    if (chunk.length === 0) return false;
    const perBlock = chunk.length / this.#blocks;
    this.#blocks = Math.min(MAX_BLOCKS, Math.max(1, Math.round(READ_ENTRIES / perBlock)));
    this.#chunk = chunk;
    this.#at = 0;
    return true;
  }

  /** Listens before it looks, so that nothing falls between the look and the wait. */
  async #readOrWait(ms: number, signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const until = AbortSignal.any([signal, done.signal]);
    const heard = this.#options.log.news(this.#options.stream.workspaceId, until);
    try {
      if (await this.#read()) return;
      await Promise.race([heard, sleep(ms, undefined, { signal: until }).catch(() => undefined)]);
    } finally {
      done.abort();
    }
  }
}

function isNothing({ items, leftOut, missing }: Pick<Cut, 'items' | 'leftOut' | 'missing'>): boolean {
  return items.length + leftOut.length === 0 && missing === undefined;
}
