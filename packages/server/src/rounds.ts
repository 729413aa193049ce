/** Work that is done again and again, one round after the other. */

export interface Rounds {
  /** Resolves when the round that runs is over; there is none after it. */
  close(): Promise<void>;
}

/** The pause is counted from the end of a round. A round that fails is told of, and the next one comes all the same. */
export function startRounds(everyMs: number, round: () => Promise<void>, failed: (error: unknown) => void): Rounds {
  let isClosed = false;
  let wake = (): void => undefined;
  async function run(): Promise<void> {
    while (!isClosed) {
      await round().catch(failed);
      if (isClosed) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, everyMs).unref();
      });
    }
  }
  const running = run();
  return {
    close: async () => {
      isClosed = true;
      wake();
      await running;
    },
  };
}
