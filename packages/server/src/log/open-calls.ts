/** Allowed calls of this writer that have no result yet. */
import type { EventId } from '../ids.ts';

export class OpenCalls {
  /** Call → its block. Calls are added block by block, so the first one is in the oldest block. */
  readonly #blocks = new Map<EventId, number>();

  /** Calls whose intent is in the shard held now. */
  get size(): number {
    return this.#blocks.size;
  }

  get oldestBlock(): number | undefined {
    return this.#blocks.values().next().value;
  }

  opened(call: EventId, block: number): void {
    this.#blocks.set(call, block);
  }

  /** It has its result, or that does not depend on this node any more. */
  closed(call: EventId): void {
    this.#blocks.delete(call);
  }

  /** Another writer has the shard now and answers for its unsettled calls. */
  leaveShard(): void {
    this.#blocks.clear();
  }
}
