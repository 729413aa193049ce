/** Why entries are not in a copy: what a checkpoint, or a record of the log about the sink, says of it. */
import type { LogRecord } from '@hivekey/action-log';
import { isObject } from '../json.ts';
import { isLeftOut, type LeftOutName, leftOutBy } from '../leave-out.ts';

export type Reason = 'before the sink began' | 'left out by its filter' | 'set aside' | 'passed over';

interface Range {
  readonly first: number;
  readonly last: number;
  readonly reason: Reason;
}

export class Explanations {
  readonly #sinks = new Set<string>();
  /** By the number up to which they hold, ascending. */
  readonly #filters: {
    readonly upTo: number;
    readonly names: readonly LeftOutName[];
    readonly words: string | null;
  }[] = [];
  readonly #ranges: Range[] = [];

  /** In any order. */
  addCheckpoint(sink: string, cursorSeq: number, words: string | null): void {
    this.#sinks.add(sink);
    this.#filters.push({ upTo: cursorSeq, names: leftOutBy(words), words });
    this.#filters.sort((a, b) => a.upTo - b.upTo);
  }

  /** A record about a sink of this copy explains; others do not. */
  addRecord(record: LogRecord): void {
    const { kind, sink_id: sinkId } = record;
    if (!kind.startsWith('sink.') || typeof sinkId !== 'string' || !this.#sinks.has(sinkId)) return;
    const from = record.from_seq;
    const to = record.to_seq;
    if (kind === 'sink.changed' && record.change === 'created' && typeof from === 'number')
      this.#ranges.push({ first: 1, last: from - 1, reason: 'before the sink began' });
    if (kind === 'sink.skipped' && typeof from === 'number' && typeof to === 'number')
      this.#ranges.push({ first: from, last: to, reason: 'passed over' });
    if (kind !== 'sink.dead_letter' || record.change !== 'set_aside' || !Array.isArray(record.entries)) return;
    for (const each of record.entries) {
      if (!isObject(each) || typeof each.first_seq !== 'number' || typeof each.last_seq !== 'number') continue;
      this.#ranges.push({ first: each.first_seq, last: each.last_seq, reason: 'set aside' });
    }
  }

  /** What is left out in words, of the entries around this number; null where everything goes out. */
  wordsAt(seq: number): string | null {
    return this.#filterAt(seq)?.words ?? null;
  }

  /** Undefined: the entry should be in the copy. Without its record, what a filter left out is not known. */
  reasonFor(seq: number, record: LogRecord | undefined): Reason | undefined {
    const range = this.#ranges.find(({ first, last }) => seq >= first && seq <= last);
    if (range !== undefined) return range.reason;
    const names = this.#filterAt(seq)?.names ?? [];
    return record !== undefined && isLeftOut(names, record) ? 'left out by its filter' : undefined;
  }

  #filterAt(seq: number) {
    return this.#filters.find(({ upTo }) => seq <= upTo) ?? this.#filters.at(-1);
  }
}
