/**
 * Why entries are not in a copy: what records of the log about its sinks say. A checkpoint is signed as to the tree alone:
 * the filter that it names counts where a record of the log has set that filter.
 */
import type { LogRecord } from '@hivekey/action-log';
import { isObject } from '../json.ts';
import { isLeftOut, LEFT_OUT_NAMES, type LeftOutName, leftOutBy } from '../leave-out.ts';

export type Reason = 'before the sink began' | 'left out by its filter' | 'set aside' | 'passed over';

interface Range {
  readonly first: number;
  readonly last: number;
  readonly reason: Reason;
  /** Where nobody knows which: how many of them at most, and those that are counted for it. */
  readonly most?: number;
  readonly counted: Set<number>;
}

/** Of a record, by sink: what the filter that a checkpoint names leaves out of it. */
export type Claim = readonly (readonly [sink: string, names: readonly LeftOutName[]])[];

class SinkOfCopy {
  /** Of checkpoints, by the number up to which they hold, ascending. */
  readonly #filters: {
    readonly upTo: number;
    readonly names: readonly LeftOutName[];
    readonly words: string | null;
  }[] = [];
  readonly #ranges: Range[] = [];
  /** Of the log, ascending: from the record of this number on, and of what had not been sent by then. */
  readonly #settings: { readonly seq: number; readonly names: readonly LeftOutName[] }[] = [];
  /** The last entry that it was to get; undefined while it is not deleted. */
  #endedAt: number | undefined;

  addCheckpoint(cursorSeq: number, words: string | null): void {
    this.#filters.push({ upTo: cursorSeq, names: leftOutBy(words), words });
    this.#filters.sort((a, b) => a.upTo - b.upTo);
  }

  addRecord({ kind, change, from_seq: from, to_seq: to, ...record }: LogRecord, seq: number): void {
    if (kind === 'sink.changed' && change === 'created') {
      if (typeof from === 'number') this.#explain(1, from - 1, 'before the sink began');
      this.#addSetting(seq, record.leave_out);
    }
    if (kind === 'sink.changed' && change === 'changed' && isObject(record.changes)) {
      const { leave_out: filter } = record.changes;
      if (Array.isArray(filter)) this.#addSetting(seq, filter[1]);
    }
    if (kind === 'sink.changed' && change === 'deleted' && typeof record.cursor_seq === 'number')
      this.#endedAt = record.cursor_seq;
    // What was proposed alone has passed over nothing.
    if (kind === 'sink.skipped' && change === 'confirmed' && typeof from === 'number' && typeof to === 'number')
      this.#explain(from, to, 'passed over');
    // What a replay could not bring once more may have arrived before.
    if (kind !== 'sink.dead_letter' || change !== 'set_aside' || record.replay_id !== undefined) return;
    if (!Array.isArray(record.entries)) return;
    for (const each of record.entries) {
      if (!isObject(each) || typeof each.first_seq !== 'number' || typeof each.last_seq !== 'number') continue;
      this.#explain(
        each.first_seq,
        each.last_seq,
        'set aside',
        typeof each.count === 'number' ? each.count : undefined,
      );
    }
  }

  isOver(seq: number): boolean {
    return this.#endedAt !== undefined && seq > this.#endedAt;
  }

  /** Between two checkpoints the filter may have changed: what either of them says. */
  filterAt(seq: number): { readonly names: readonly LeftOutName[]; readonly words: string | null } {
    const found = this.#filters.findIndex(({ upTo }) => seq <= upTo);
    const at = found < 0 ? this.#filters.length - 1 : found;
    const [before, after] = [this.#filters[at - 1], this.#filters[at]];
    return {
      names: [...new Set([...(before?.names ?? []), ...(after?.names ?? [])])],
      words: after?.words ?? before?.words ?? null,
    };
  }

  reasonFor(seq: number, claimed: readonly LeftOutName[]): Reason | undefined {
    const range = this.#ranges.find((each) => seq >= each.first && seq <= each.last && hasRoom(each, seq));
    if (range !== undefined) {
      if (range.most !== undefined) range.counted.add(seq);
      return range.reason;
    }
    return claimed.some((name) => this.#hasLeftOut(name, seq)) ? 'left out by its filter' : undefined;
  }

  /** A setting holds until the next one; it may also be about entries before it, which were not sent yet. */
  #hasLeftOut(name: LeftOutName, seq: number): boolean {
    return this.#settings.some(({ names }, i) => names.includes(name) && (this.#settings[i + 1]?.seq ?? seq) >= seq);
  }

  #explain(first: number, last: number, reason: Reason, most?: number): void {
    this.#ranges.push({ first, last, reason, counted: new Set(), ...(most === undefined ? {} : { most }) });
  }

  #addSetting(seq: number, names: unknown): void {
    if (!Array.isArray(names)) return;
    this.#settings.push({ seq, names: LEFT_OUT_NAMES.filter((name) => names.includes(name)) });
    this.#settings.sort((a, b) => a.seq - b.seq);
  }
}

function hasRoom({ most, counted }: Range, seq: number): boolean {
  return most === undefined || counted.size < most || counted.has(seq);
}

/** Of several sinks in one copy each has to say why. */
export class Explanations {
  readonly #sinks = new Map<string, SinkOfCopy>();

  /** In any order. */
  addCheckpoint(sink: string, cursorSeq: number, words: string | null): void {
    const known = this.#sinks.get(sink) ?? new SinkOfCopy();
    this.#sinks.set(sink, known);
    known.addCheckpoint(cursorSeq, words);
  }

  /** A record about a sink of this copy explains; others do not, nor what a test has made up. */
  addRecord(record: LogRecord, seq: number): void {
    const { kind, sink_id: sinkId, synthetic } = record;
    if (!kind.startsWith('sink.') || typeof sinkId !== 'string' || synthetic === true) return;
    this.#sinks.get(sinkId)?.addRecord(record, seq);
  }

  /** What is left out in words, of the entries around this number; null where everything goes out. */
  wordsAt(seq: number): string | null {
    const words = this.#sinksAt(seq).map(([, sink]) => sink.filterAt(seq).words);
    return words.includes(null) ? null : (words[0] ?? null);
  }

  /** What checkpoints say that filters leave out of the record; empty: nothing. */
  claimsOf(seq: number, record: LogRecord): Claim {
    return this.#sinksAt(seq).flatMap(([id, sink]): Claim => {
      const names = sink.filterAt(seq).names.filter((name) => isLeftOut([name], record));
      return names.length === 0 ? [] : [[id, names]];
    });
  }

  /** Undefined: the entry should be in the copy. */
  reasonFor(seq: number, claim: Claim = []): Reason | undefined {
    const reasons = this.#sinksAt(seq).map(([id, sink]) =>
      sink.reasonFor(seq, claim.find(([claimed]) => claimed === id)?.[1] ?? []),
    );
    return reasons.includes(undefined) ? undefined : reasons[0];
  }

  /** Those that get it. */
  #sinksAt(seq: number): readonly (readonly [string, SinkOfCopy])[] {
    return [...this.#sinks].filter(([, sink]) => !sink.isOver(seq));
  }
}
