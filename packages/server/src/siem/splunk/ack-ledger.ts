/**
 * Which batch waits under which acknowledgement id. Ids count up from 0 in a channel, and from 0 again after the receiver
 * has restarted; what waited before that will never be answered.
 */

/** Taken before a batch is posted: ids that were given out by then are smaller than its own. */
export interface Mark {
  readonly count: number;
  readonly newest: number;
}

export class AckLedger<Batch> {
  readonly #waiting = new Map<number, Batch>();
  /** How often counting has begun. */
  #count = 0;
  #newest = -1;

  mark(): Mark {
    return { count: this.#count, newest: this.#newest };
  }

  /** Has the batch wait under the id. Gives those that waited when the receiver began to count again. */
  add(mark: Mark, id: number, batch: Batch): readonly Batch[] {
    const restarted = this.#waiting.has(id) || (mark.count === this.#count && id <= mark.newest);
    const forgotten = restarted ? [...this.#waiting.values()] : [];
    if (restarted) {
      this.#waiting.clear();
      this.#count += 1;
      this.#newest = -1;
    }
    this.#newest = Math.max(this.#newest, id);
    this.#waiting.set(id, batch);
    return forgotten;
  }

  /** What is to be asked about, oldest first. */
  waiting(): readonly (readonly [id: number, batch: Batch])[] {
    return [...this.#waiting];
  }

  /** Ends the waiting. False when this batch does not wait under the id any more. */
  take(id: number, batch: Batch): boolean {
    return this.#waiting.get(id) === batch && this.#waiting.delete(id);
  }
}
