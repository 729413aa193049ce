/**
 * What ends work under way, where every call has one: an AbortSignal costs several microseconds to make and to
 * listen to, and hardly any call is stopped.
 */

/** The part of an AbortSignal that calls need; an AbortSignal is one. */
export interface StopSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: (event?: unknown) => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: 'abort', listener: (event?: unknown) => void): void;
}

/** Stops once. Listeners run in the tick of `abort`, each once, in the order in which they came. */
export class StopController implements StopSignal {
  #aborted = false;
  #listeners: ((event?: unknown) => void)[] | undefined;

  get aborted(): boolean {
    return this.#aborted;
  }

  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    const listeners = this.#listeners ?? [];
    this.#listeners = undefined;
    for (const listener of listeners) {
      try {
        listener();
      } catch (error) {
        // A bug; the others must hear of the stop all the same.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Too late after the stop, as with an AbortSignal. */
  addEventListener(_type: 'abort', listener: (event?: unknown) => void): void {
    if (this.#aborted) return;
    this.#listeners ??= [];
    this.#listeners.push(listener);
  }

  removeEventListener(_type: 'abort', listener: (event?: unknown) => void): void {
    const at = this.#listeners?.indexOf(listener) ?? -1;
    if (at !== -1) this.#listeners?.splice(at, 1);
  }
}

/** For what takes nothing but an AbortSignal. */
export function abortSignalOf(signal: StopSignal): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  const controller = new AbortController();
  if (signal.aborted) controller.abort();
  else signal.addEventListener('abort', () => controller.abort(), { once: true });
  return controller.signal;
}
