/** Growing pauses between attempts: doubled each time, a quarter of it random so that nodes do not move together. */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  readonly #random: () => number;
  #failures = 0;

  /** Milliseconds. `random`: a number from 0 to 1. */
  constructor([first, longest]: readonly [number, number], random: () => number = Math.random) {
    this.#first = first;
    this.#longest = longest;
    this.#random = random;
  }

  /** How long to wait after one more failure. */
  failed(): number {
    const whole = Math.min(this.#longest, this.#first * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 40);
    return Math.round(whole * (0.75 + this.#random() / 4));
  }

  succeeded(): void {
    this.#failures = 0;
  }
}
