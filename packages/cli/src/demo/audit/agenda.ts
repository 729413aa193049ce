/** What happens when: things to do by their time, each of which may put down more. */
import type { SimulatedClock } from './clock.ts';

interface Entry {
  readonly atMs: number;
  /** Those of one time happen as they were put down. */
  readonly number: number;
  readonly work: () => Promise<void>;
}

export class Agenda {
  readonly #clock: SimulatedClock;
  /** A binary heap, the earliest first. */
  readonly #heap: Entry[] = [];
  #count = 0;

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  /** A date of the story: one that is past is left out, as the sample begins later. ISO 8601. */
  on(date: string, work: () => Promise<void>): void {
    const atMs = Date.parse(date);
    if (atMs >= this.#clock.now()) this.at(atMs, work);
  }

  /** What is already past is next. */
  at(atMs: number, work: () => Promise<void>): void {
    this.#count += 1;
    const heap = this.#heap;
    heap.push({ atMs, number: this.#count, work });
    for (let child = heap.length - 1; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!this.#swapped(parent, child)) break;
      child = parent;
    }
  }

  /** All that is due before a time. */
  async runUntil(endMs: number): Promise<void> {
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      await this.#clock.moveTo(next.atMs);
      await next.work();
    }
    await this.#clock.moveTo(endMs);
  }

  #next(endMs: number): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.atMs >= endMs) return undefined;
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) {
      heap[0] = last;
      for (let parent = 0; ; ) {
        const left = 2 * parent + 1;
        const child = this.#isBefore(left + 1, left) ? left + 1 : left;
        if (!this.#swapped(parent, child)) break;
        parent = child;
      }
    }
    return first;
  }

  #swapped(parent: number, child: number): boolean {
    if (!this.#isBefore(child, parent)) return false;
    const [a, b] = [this.#heap[parent], this.#heap[child]];
    if (a === undefined || b === undefined) return false;
    this.#heap[parent] = b;
    this.#heap[child] = a;
    return true;
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    if (a === undefined || b === undefined) return false;
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);
  }
}
