/** Calls that wait for something to happen to an approval, on this node. */
import type { StopSignal } from '../stop-signal.ts';

/** The channel of the trigger on approvals: `{"workspace", "id"}`. */
export const APPROVAL_CHANNEL = 'hivekey_approval';
/** Looked again after this long, should the notification be lost. */
const LOOK_AGAIN_MS = 2_000;

export class Watch {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Something happened to the approval; without an id, perhaps to any. */
  heard(id?: string): void {
    for (const [each, wakers] of id === undefined ? this.#waiting : [[id, this.#waiting.get(id)] as const])
      if (each !== undefined) for (const wake of wakers ?? []) wake();
  }

  /**
   * Looks until `look` gives something, at the latest until `untilMs` on the monotonic clock, and stops when `signal`
   * aborts; then undefined. Rejects with what `look` rejects with.
   */
  async until<T>(
    id: string,
    look: () => Promise<T | undefined>,
    untilMs: number,
    signal: StopSignal,
  ): Promise<T | undefined> {
    for (;;) {
      // Listening begins before looking, so that nothing happens in between unheard.
      const next = this.#next(id, untilMs, signal);
      try {
        const found = await look();
        if (found !== undefined) return found;
        if (signal.aborted || performance.now() >= untilMs) return undefined;
        await next.happened;
      } finally {
        next.stop();
      }
    }
  }

  #next(id: string, untilMs: number, signal: StopSignal): { happened: Promise<void>; stop: () => void } {
    const { promise: happened, resolve } = Promise.withResolvers<void>();
    const wakers = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, wakers);
    wakers.add(resolve);
    const timer = setTimeout(resolve, Math.max(0, Math.min(LOOK_AGAIN_MS, untilMs - performance.now())));
    const wake = (): void => resolve();
    signal.addEventListener('abort', wake, { once: true });
    return {
      happened,
      stop: () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        wakers.delete(resolve);
        if (wakers.size === 0 && this.#waiting.get(id) === wakers) this.#waiting.delete(id);
      },
    };
  }
}
