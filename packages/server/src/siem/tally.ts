/** What is counted of settled entries, by the UTC day of their records. Pure. */

/** `produced` = `accepted` + `rejected`; `unconfirmed` of those accepted. */
export interface DayTally {
  day: string;
  produced: number;
  accepted: number;
  unconfirmed: number;
  rejected: number;
  filtered: number;
  retried: number;
  replayed: number;
  duplicates: number;
  checkpoints: number;
  bytes: number;
  max_lag_ms: number;
  gap_seconds: number;
  first_seq: number | null;
  last_seq: number | null;
}

const DAY_MS = 86_400_000;

export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

export class Tally {
  readonly #days = new Map<string, DayTally>();

  day(day: string): DayTally {
    const known = this.#days.get(day);
    if (known !== undefined) return known;
    const fresh: DayTally = {
      day,
      produced: 0,
      accepted: 0,
      unconfirmed: 0,
      rejected: 0,
      filtered: 0,
      retried: 0,
      replayed: 0,
      duplicates: 0,
      checkpoints: 0,
      bytes: 0,
      max_lag_ms: 0,
      gap_seconds: 0,
      first_seq: null,
      last_seq: null,
    };
    this.#days.set(day, fresh);
    return fresh;
  }

  /** The entry is of the ledger: what came of it is counted elsewhere. */
  covers(day: string, seq: number): DayTally {
    const tally = this.day(day);
    tally.first_seq = Math.min(tally.first_seq ?? seq, seq);
    tally.last_seq = Math.max(tally.last_seq ?? seq, seq);
    return tally;
  }

  /** Entries waited and none was settled: from then until now, on the days of the clock. Epoch milliseconds. */
  gap(fromMs: number, toMs: number): void {
    for (let ms = fromMs; ms < toMs; ) {
      const end = Math.min(toMs, (Math.floor(ms / DAY_MS) + 1) * DAY_MS);
      this.day(dayOf(ms)).gap_seconds += Math.round((end - ms) / 1000);
      ms = end;
    }
  }

  /** By day. */
  days(): readonly DayTally[] {
    return [...this.#days.values()].sort((a, b) => (a.day < b.day ? -1 : 1));
  }
}
