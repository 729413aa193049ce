/** What became of the events of a cut, and what of it is counted. Pure. */
import type { Cut, Item } from './cutter.ts';
import type { NewLetter, Redrive } from './dead-letters.ts';
import type { Stream } from './streams.ts';
import { type DayTally, dayOf, Tally } from './tally.ts';

export type Outcome =
  | { readonly kind: 'taken'; readonly confirmed: boolean }
  | { readonly kind: 'rejected'; readonly code: string; readonly why: string };

/** Of events that the receiver refused without saying which. */
export interface Short {
  readonly items: readonly Item[];
  readonly rejected: number;
  readonly why: string;
}

export interface Outcomes {
  readonly cut: Cut;
  /** Of each item, by its place in the cut. */
  readonly outcomes: readonly Outcome[];
  readonly shorts: readonly Short[];
  /** By its place in the cut, how often an item was sent beyond the first time. */
  readonly retried: readonly number[];
  readonly duplicates: number;
}

export interface Counted {
  readonly tally: Tally;
  /** Of letters that are sent once more: what is counted anew. */
  readonly moves: readonly Move[];
  readonly letters: readonly NewLetter[];
  /** Whether the receiver has said of the last events that they are stored; null: it has taken nothing. */
  readonly confirmed: boolean | null;
  readonly events: number;
  readonly bytes: number;
  readonly retries: number;
  readonly duplicates: number;
}

/** From rejected to accepted, and from rejected to left out. Below zero: the other way. */
export interface Move {
  readonly day: string;
  accepted: number;
  unconfirmed: number;
  filtered: number;
}

interface Order extends Pick<Stream, 'purpose' | 'createdAt' | 'lastSuccessAt'> {
  readonly objectiveSeconds: number;
}

/**
 * Of entries from before the stream was ordered, lag counts from the order. The ledger is that of the stream of the sink:
 * what a replay sends stands there as replayed, and what is sent of letters moves. `redrive`: letters of which this is;
 * where it is not known which entries were refused, those that are refused now are. `nowMs`: when it was settled.
 */
export function countOutcomes(
  all: readonly Outcomes[],
  stream: Order,
  nowMs: number,
  redrive?: Pick<Redrive, 'which' | 'counted'>,
): Counted {
  const counting = new Counting(stream, nowMs, redrive);
  for (const each of all) counting.add(each);
  return counting.counted();
}

class Counting {
  readonly #stream: Order;
  readonly #nowMs: number;
  readonly #redrive: Pick<Redrive, 'which' | 'counted'> | undefined;
  readonly #tally = new Tally();
  readonly #moves = new Map<string, Move>();
  readonly #letters: NewLetter[] = [];
  #confirmed: boolean | null = null;
  #events = 0;
  #bytes = 0;
  #retries = 0;
  #duplicates = 0;
  /** Since when the oldest entry has waited. */
  #oldestMs = Number.POSITIVE_INFINITY;

  constructor(stream: Order, nowMs: number, redrive: Pick<Redrive, 'which' | 'counted'> | undefined) {
    this.#stream = stream;
    this.#nowMs = nowMs;
    this.#redrive = redrive?.counted === true ? redrive : undefined;
  }

  add({ cut, outcomes, shorts, retried, duplicates }: Outcomes): void {
    for (const [place, item] of cut.items.entries()) {
      const outcome = outcomes[place];
      if (outcome === undefined) throw new Error('an event of a batch that was settled has no outcome');
      this.#resent(item, retried[place] ?? 0);
      if (outcome.kind === 'taken') this.#taken(item, outcome.confirmed);
      else this.#rejected(item, outcome);
    }
    for (const { seq, day } of cut.leftOut) this.#leftOut(seq, day);
    if (cut.missing !== undefined) this.#missing(cut.missing);
    for (const short of shorts) this.#short(short);
    this.#duplicates += duplicates;
    const [first] = cut.items;
    if (first !== undefined && this.#isLive) this.#tally.day(first.day).duplicates += duplicates;
  }

  counted(): Counted {
    const { lastSuccessAt, createdAt, objectiveSeconds } = this.#stream;
    const sinceMs = Math.max(this.#oldestMs, (lastSuccessAt ?? createdAt).getTime());
    // What is waited for by design is no gap.
    if (this.#confirmed !== null && this.#isLive && this.#nowMs - sinceMs >= Math.max(60, objectiveSeconds) * 1000)
      this.#tally.gap(sinceMs, this.#nowMs);
    return {
      tally: this.#tally,
      moves: [...this.#moves.values()],
      letters: this.#letters,
      confirmed: this.#confirmed,
      events: this.#events,
      bytes: this.#bytes,
      retries: this.#retries,
      duplicates: this.#duplicates,
    };
  }

  /** What a replay has set aside the ledger has counted as accepted, or as rejected, before. */
  get #isOfLedger(): boolean {
    return this.#isLive || this.#redrive !== undefined;
  }

  get #isLive(): boolean {
    return this.#stream.purpose === 'live';
  }

  #resent(item: Item, times: number): void {
    this.#retries += times;
    if (this.#isLive) this.#tally.day(item.day).retried += times;
  }

  #taken(item: Item, confirmed: boolean): void {
    this.#confirmed = confirmed;
    this.#events += 1;
    this.#bytes += item.bytes;
    const day = this.#tally.day(item.day);
    day.bytes += item.bytes;
    if (item.seq === null) {
      day.checkpoints += 1;
    } else if (this.#isLive) {
      this.#tally.covers(item.day, item.seq).produced += 1;
      day.accepted += 1;
      if (!confirmed) day.unconfirmed += 1;
      if ('event' in item) this.#waited(item.event.time, day);
    } else if (this.#redrive === undefined) day.replayed += 1;
    else if (this.#redrive.which) {
      const move = this.#move(item.day);
      move.accepted += 1;
      if (!confirmed) move.unconfirmed += 1;
    }
  }

  #rejected(item: Item, { code, why }: Extract<Outcome, { kind: 'rejected' }>): void {
    const seq = item.seq ?? checkpointPlace(item);
    const days = item.seq === null || !this.#isOfLedger ? {} : { [item.day]: 1 };
    const { id: eventId, kind: recordKind } = item;
    this.#letters.push({ firstSeq: seq, lastSeq: seq, entries: 1, which: true, eventId, recordKind, code, why, days });
    if (item.seq === null) return;
    if (this.#isLive) {
      this.#tally.covers(item.day, item.seq).produced += 1;
      this.#tally.day(item.day).rejected += 1;
    } else if (this.#redrive?.which === false) this.#move(item.day).accepted -= 1;
  }

  #leftOut(seq: number, day: string): void {
    if (this.#isLive) this.#tally.covers(day, seq).filtered += 1;
    else if (this.#redrive?.which) this.#move(day).filtered += 1;
  }

  #waited(recordMs: number, day: DayTally): void {
    const sinceMs = Math.max(recordMs, this.#stream.createdAt.getTime());
    day.max_lag_ms = Math.max(day.max_lag_ms, Math.round(this.#nowMs - sinceMs));
    this.#oldestMs = Math.min(this.#oldestMs, sinceMs);
  }

  #missing({ first, last }: NonNullable<Cut['missing']>): void {
    const entries = last - first + 1;
    const day = dayOf(this.#nowMs);
    const why = 'the log does not have these entries any more';
    this.#letters.push({
      ...{ firstSeq: first, lastSeq: last, entries, which: true, eventId: null, recordKind: null },
      ...{ code: 'not_in_log', why, days: this.#isOfLedger ? { [day]: entries } : {} },
    });
    if (!this.#isLive) return;
    this.#tally.covers(day, first).produced += entries;
    this.#tally.covers(day, last).rejected += entries;
  }

  /** Nobody knows which: they are counted off the last entries of the batch, so that the sums are right. */
  #short({ items, rejected, why }: Short): void {
    const entries = items.filter(({ seq }) => seq !== null);
    const refused = entries.slice(-rejected);
    const first = entries[0]?.seq;
    const last = entries.at(-1)?.seq;
    if (typeof first !== 'number' || typeof last !== 'number' || refused.length === 0) return;
    const days: Record<string, number> = {};
    for (const { day } of refused) days[day] = (days[day] ?? 0) + 1;
    this.#letters.push({
      ...{ firstSeq: first, lastSeq: last, entries: refused.length, which: false, eventId: null, recordKind: null },
      ...{ code: 'unnamed_refused', why, days: this.#isOfLedger ? days : {} },
    });
    this.#events -= refused.length;
    for (const [day, count] of Object.entries(days))
      if (this.#isLive) {
        const tally = this.#tally.day(day);
        tally.accepted -= count;
        tally.rejected += count;
        tally.unconfirmed = Math.max(0, tally.unconfirmed - count);
      } else if (this.#redrive !== undefined) this.#move(day).accepted -= count;
  }

  #move(day: string): Move {
    const known = this.#moves.get(day) ?? { day, accepted: 0, unconfirmed: 0, filtered: 0 };
    this.#moves.set(day, known);
    return known;
  }
}

/** A checkpoint is no entry: it stands where it was in the stream. */
function checkpointPlace(item: Item): number {
  return 'event' in item && item.event.item.type === 'checkpoint' ? item.event.item.cursorSeq : 0;
}
