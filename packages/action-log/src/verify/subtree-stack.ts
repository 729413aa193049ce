/** The subtrees of a run of leaves, built leaf by leaf with nothing allocated on the way. */
import { hash } from 'node:crypto';
import { HASH_BYTES } from '../hashes.ts';
import type { Subtree } from '../tree.ts';

const NODE_BYTES = 1 + 2 * HASH_BYTES;

export class SubtreeStack {
  readonly #first: number;
  #next: number;
  #depth = 0;
  readonly #levels: number[] = [];
  /** Each ready to be hashed as a node: the prefix 0x01, the subtree's root, and room for its right neighbour's. */
  readonly #slots: Buffer[] = [];

  /** `first` is the index of the first leaf, from 0. */
  constructor(first: number) {
    this.#first = first;
    this.#next = first;
  }

  /** `leaf` is the hash as a latin1 string, as crypto.hash gives it fastest. */
  push(leaf: string): void {
    let root = leaf;
    let level = 0;
    for (let index = this.#next; index % 2 === 1 && this.#levels[this.#depth - 1] === level; index = (index - 1) / 2) {
      this.#depth -= 1;
      const slot = this.#slot(this.#depth);
      slot.write(root, 1 + HASH_BYTES, 'latin1');
      root = hash('sha256', slot, 'binary');
      level += 1;
    }
    this.#slot(this.#depth).write(root, 1, 'latin1');
    this.#levels[this.#depth] = level;
    this.#depth += 1;
    this.#next += 1;
  }

  /** A copy of what there is, left to right. */
  subtrees(): Subtree[] {
    let start = this.#first;
    return this.#levels.slice(0, this.#depth).map((level, i) => {
      const width = 2 ** level;
      const index = start / width;
      start += width;
      return { level, index, hash: Uint8Array.from(this.#slot(i).subarray(1, 1 + HASH_BYTES)) };
    });
  }

  #slot(depth: number): Buffer {
    const known = this.#slots[depth];
    if (known !== undefined) return known;
    const slot = Buffer.alloc(NODE_BYTES, 1);
    this.#slots[depth] = slot;
    return slot;
  }
}
