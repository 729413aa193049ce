/** The order in which blocks of several shards become one log. Pure. */

export interface UnsealedBlock {
  readonly shardId: string;
  readonly block: number;
  /** Of two blocks of which one follows from the other, that one has the larger number. */
  readonly ordinal: number;
}

/**
 * Merges the blocks of each shard, which come in block order, by their ordinals. A shard's own order is never
 * changed. The order is fixed by being written down; nobody computes it again.
 */
export function sealOrder<T extends UnsealedBlock>(shards: ReadonlyMap<string, readonly T[]>): T[] {
  const queues = [...shards.values()].map((blocks) => ({ blocks, at: 0 }));
  const order: T[] = [];
  for (;;) {
    let first: { readonly blocks: readonly T[]; at: number } | undefined;
    for (const queue of queues) {
      const candidate = queue.blocks[queue.at];
      const best = first?.blocks[first.at];
      if (candidate !== undefined && (best === undefined || candidate.ordinal < best.ordinal)) first = queue;
    }
    const next = first?.blocks[first.at];
    if (first === undefined || next === undefined) return order;
    order.push(next);
    first.at += 1;
  }
}
