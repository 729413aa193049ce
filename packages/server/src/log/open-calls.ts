/** Allowed calls of this writer that have no result yet. */
import type { EventId } from '../ids.ts';
import type { Reservation } from './windows.ts';

/** Calls handed over may be settled elsewhere, unheard of; of more than this many the oldest reservations stay spent. */
const MAX_RESERVING = 100_000;

export class OpenCalls {
  /** Call → its block. Calls are added block by block, so the first one is in the oldest block. */
  readonly #blocks = new Map<EventId, number>();
  readonly #reservations = new Map<EventId, readonly Reservation[]>();

  /** Calls whose intent is in the shard held now. */
  get size(): number {
    return this.#blocks.size;
  }

  get oldestBlock(): number | undefined {
    return this.#blocks.values().next().value;
  }

  opened(call: EventId, block: number, reservations: readonly Reservation[] | undefined): void {
    this.#blocks.set(call, block);
    if (reservations === undefined || reservations.length === 0) return;
    this.#reservations.set(call, reservations);
    if (this.#reservations.size > MAX_RESERVING)
      for (const oldest of this.#reservations.keys()) {
        this.#reservations.delete(oldest);
        break;
      }
  }

  settled(call: EventId): void {
    this.#blocks.delete(call);
    this.#reservations.delete(call);
  }

  /** Its result does not depend on this node any more. */
  handedOver(call: EventId): void {
    this.#blocks.delete(call);
  }

  /** What the call reserved; undefined when it reserved nothing. */
  reservationsOf(call: EventId): readonly Reservation[] | undefined {
    return this.#reservations.get(call);
  }

  /** Another writer has the shard now and answers for its unsettled calls. */
  leaveShard(): void {
    this.#blocks.clear();
  }
}
