/** The payment provider of the sample: what it took, under its own numbers, and the list that it gives out. */

interface Taken {
  readonly reference: string;
  readonly atMs: number;
  readonly amount: number;
}

export class Provider {
  readonly #taken: Taken[] = [];

  take(taken: Taken): void {
    this.#taken.push(taken);
  }

  /**
   * As a file of the provider has it, amounts in minor units, of payments before an instant. One payment is not on it: it was
   * accepted, and sent back by the bank of the vendor the same night.
   */
  csv(beforeMs: number): { readonly content: string; readonly missing: string | undefined } {
    const listed = this.#taken.filter(({ atMs }) => atMs < beforeMs).sort((a, b) => a.atMs - b.atMs);
    const missing = listed[Math.floor(listed.length / 2)]?.reference;
    const lines = listed
      .filter(({ reference }) => reference !== missing)
      .map(({ reference, atMs, amount }) => `${reference},${new Date(atMs).toISOString()},${amount * 100},usd,paid`);
    return { content: ['id,created,amount,currency,status', ...lines, ''].join('\n'), missing };
  }
}
