/** How many requests are under way at once: halved when the receiver says that it fills up, one more with each that it takes. */
export class Width {
  readonly #most: number;
  #width: number;
  #busy = 0;
  readonly #queue: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
    this.#width = most;
  }

  /** Resolves, in the order of asking, when there is room. Each is to `leave` once. */
  enter(): Promise<void> {
    return new Promise((admit) => {
      this.#queue.push(admit);
      this.#admit();
    });
  }

  leave(saw: 'crowded' | 'room' | 'nothing'): void {
    this.#busy -= 1;
    if (saw === 'crowded') this.#width = Math.max(1, Math.floor(this.#width / 2));
    if (saw === 'room') this.#width = Math.min(this.#most, this.#width + 1);
    this.#admit();
  }

  #admit(): void {
    while (this.#busy < this.#width) {
      const admit = this.#queue.shift();
      if (admit === undefined) return;
      this.#busy += 1;
      admit();
    }
  }
}
