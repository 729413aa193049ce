/** The entries of a copy, as they come: columns that grow, and an order over them at the end. An attacker decides how many there are, not how much each costs. */
import { HASH_BYTES } from '@hivekey/action-log';

const START = 1_024;
const HASHES = 3;

export interface RowFacts {
  readonly seq: number;
  readonly entryHash: Uint8Array;
  readonly prevHash: Uint8Array;
  readonly hash: Uint8Array;
  readonly shard: string | undefined;
  readonly shardSeq: number;
  readonly kind: string;
  readonly file: string;
  readonly line: number;
}

export class Rows {
  #count = 0;
  #seqs = new Float64Array(START);
  #shardSeqs = new Float64Array(START);
  #shards = new Int32Array(START);
  #kinds = new Int32Array(START);
  #files = new Int32Array(START);
  #lines = new Float64Array(START);
  #hashes = Buffer.alloc(START * HASHES * HASH_BYTES);
  readonly #names = new Map<string, number>();
  readonly #texts: string[] = [];

  get count(): number {
    return this.#count;
  }

  add({ seq, entryHash, prevHash, hash, shard, shardSeq, kind, file, line }: RowFacts): void {
    if (this.#count === this.#seqs.length) this.#grow();
    const row = this.#count;
    this.#seqs[row] = seq;
    this.#shards[row] = shard === undefined ? -1 : this.#nameOf(shard);
    this.#shardSeqs[row] = shardSeq;
    this.#kinds[row] = this.#nameOf(kind);
    this.#files[row] = this.#nameOf(file);
    this.#lines[row] = line;
    this.#hashes.set(entryHash, row * HASHES * HASH_BYTES);
    this.#hashes.set(prevHash, (row * HASHES + 1) * HASH_BYTES);
    this.#hashes.set(hash, (row * HASHES + 2) * HASH_BYTES);
    this.#count += 1;
  }

  seq(row: number): number {
    return this.#seqs[row] ?? 0;
  }

  shard(row: number): string | undefined {
    return this.#texts[this.#shards[row] ?? -1];
  }

  shardSeq(row: number): number {
    return this.#shardSeqs[row] ?? 0;
  }

  kind(row: number): string {
    return this.#texts[this.#kinds[row] ?? -1] ?? '';
  }

  place(row: number): string {
    const file = this.#texts[this.#files[row] ?? -1] ?? '';
    const line = this.#lines[row] ?? 0;
    return line === 0 ? file : `${file}:${line}`;
  }

  entryHash(row: number): Buffer {
    return this.#hash(row, 0);
  }

  prevHash(row: number): Buffer {
    return this.#hash(row, 1);
  }

  hash(row: number): Buffer {
    return this.#hash(row, 2);
  }

  /** Rows by `seq`, equal ones in the order they came in. */
  bySeq(): Uint32Array {
    return this.#order((a, b) => this.seq(a) - this.seq(b));
  }

  #order(compare: (a: number, b: number) => number): Uint32Array {
    const order = new Uint32Array(this.#count);
    for (let i = 0; i < order.length; i += 1) order[i] = i;
    return order.sort((a, b) => compare(a, b) || a - b);
  }

  #hash(row: number, which: number): Buffer {
    const at = (row * HASHES + which) * HASH_BYTES;
    return this.#hashes.subarray(at, at + HASH_BYTES);
  }

  #nameOf(text: string): number {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const made = this.#texts.push(text) - 1;
    this.#names.set(text, made);
    return made;
  }

  #grow(): void {
    const size = this.#seqs.length * 2;
    this.#seqs = grown(new Float64Array(size), this.#seqs);
    this.#shardSeqs = grown(new Float64Array(size), this.#shardSeqs);
    this.#shards = grown(new Int32Array(size), this.#shards);
    this.#kinds = grown(new Int32Array(size), this.#kinds);
    this.#files = grown(new Int32Array(size), this.#files);
    this.#lines = grown(new Float64Array(size), this.#lines);
    const hashes = Buffer.alloc(size * HASHES * HASH_BYTES);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
  }
}

function grown<T extends Float64Array | Int32Array>(larger: T, smaller: T): T {
  larger.set(smaller);
  return larger;
}
