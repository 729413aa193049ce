/** Sliding windows of one test case, kept in memory. A window of W seconds at t holds the entries of (t - W, t]. */
import type { WindowCharge, WindowDemand, WindowUsage } from '../model.ts';

interface Entry {
  readonly atSeconds: number;
  readonly amount: number;
}

export class MemoryWindows {
  /** Entries in order of time. */
  readonly #entries = new Map<string, Entry[]>();

  /** Enters the charges of a call. Calls come in order of time. */
  charge(charges: readonly WindowCharge[], atSeconds: number): void {
    for (const { key, amount } of charges) {
      const entries = this.#entries.get(key) ?? [];
      entries.push({ atSeconds, amount });
      this.#entries.set(key, entries);
    }
  }

  usage({ key, windowSeconds, amount, limit }: WindowDemand, atSeconds: number): WindowUsage {
    const inside = (this.#entries.get(key) ?? []).filter((entry) => entry.atSeconds > atSeconds - windowSeconds);
    const used = Math.min(
      inside.reduce((sum, entry) => sum + entry.amount, 0),
      Number.MAX_SAFE_INTEGER,
    );
    let needed = used + amount - limit;
    if (needed <= 0 || amount > limit) return { used };
    for (const entry of inside) {
      needed -= entry.amount;
      if (needed <= 0) return { used, freesInSeconds: entry.atSeconds + windowSeconds - atSeconds };
    }
    return { used };
  }
}
