/** What native rules are made of. */
import type { Params } from '../documents/params.ts';
import type { Evaluator, Match } from '../evaluator.ts';
import type { FlatEvent, Outside } from '../types.ts';
import { type EntryWindow, type SavedWindow, EntryWindow as Window } from '../windows/entries.ts';
import { Keyed, MAX_KEYS, type SavedKeyed } from '../windows/keyed.ts';

/** A kind of native rule; its file gives the parameters. */
export interface NativeRule {
  /** Fields of the flat view that it reads. */
  readonly fields: readonly string[];
  /** Throws a BadValue where a parameter does not fit. */
  start(params: Params, outside: Outside): Evaluator;
}

/** A part of a rule's memory. */
export interface Memory {
  readonly size: number;
  readonly evicted: number;
  save(): unknown;
  load(saved: never): void;
}

/** Of values that are JSON already, and are never changed in place. */
export function notesMemory<T>(notes: Keyed<T>): Memory {
  return {
    get size() {
      return notes.size;
    },
    get evicted() {
      return notes.evicted;
    },
    save: () => notes.save((value) => value),
    load: (saved: SavedKeyed<T>) => notes.load(saved, (value) => value),
  };
}

/** Sliding windows by key. */
export class Windows implements Memory {
  readonly #lengthMs: number;
  readonly #keyed = new Keyed<EntryWindow>({ keys: MAX_KEYS, weight: 100_000 }, ({ size }) => size);

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }

  get size(): number {
    return this.#keyed.size;
  }

  get evicted(): number {
    return this.#keyed.evicted;
  }

  /** The window of the key, with one more entry. */
  add(key: string, at: number, sum: number, id: string, synthetic: boolean): EntryWindow {
    const window = this.#keyed.useOr(key, () => new Window(this.#lengthMs));
    const before = window.size;
    window.add(at, sum, id, synthetic);
    this.#keyed.grown(window.size - before);
    return window;
  }

  delete(key: string): void {
    this.#keyed.delete(key);
  }

  save(): SavedKeyed<SavedWindow> {
    return this.#keyed.save((window) => window.save());
  }

  load(saved: SavedKeyed<SavedWindow>): void {
    this.#keyed.load(saved, (window) => Window.load(this.#lengthMs, window));
  }
}

export interface Work {
  readonly kinds: readonly string[] | undefined;
  /** By the name that its saved state has. */
  readonly memory: Readonly<Record<string, Memory>>;
  take(event: FlatEvent, at: number): readonly Match[];
  tick?(at: number): readonly Match[];
}

export function evaluator({ kinds, memory, take, tick }: Work): Evaluator {
  const parts = Object.values(memory);
  return {
    kinds: kinds === undefined ? undefined : new Set(kinds),
    take,
    ...(tick === undefined ? {} : { tick }),
    get keys() {
      return parts.reduce((total, { size }) => total + size, 0);
    },
    get evicted() {
      return parts.reduce((total, { evicted }) => total + evicted, 0);
    },
    save: () => Object.fromEntries(Object.entries(memory).map(([name, part]) => [name, part.save()])),
    load: (saved: Readonly<Record<string, never>>) => {
      for (const [name, part] of Object.entries(memory)) {
        const of = saved[name];
        if (of !== undefined) part.load(of);
      }
    },
  };
}

/** What the entries of a window say together. */
export function ofWindow(window: EntryWindow, at: number) {
  const entries = window.within(at);
  return {
    count: entries.reduce((total, { count }) => total + count, 0),
    sum: entries.reduce((total, { sum }) => total + sum, 0),
    evidence: entries.slice(-100).flatMap(({ id }) => (id === undefined ? [] : [id])),
    synthetic: entries.every(({ synthetic }) => synthetic === true),
    isExact: window.isExact,
  };
}
