/** What was written last, as far back as it may have been lost: in buffers of two kernels, and of a receiver that died. */
const MAX_BYTES = 16 * 1024 * 1024;

export class ResendWindow {
  readonly #most: number;
  #frames: Buffer[] = [];
  #bytes = 0;

  constructor(mostFrames: number) {
    this.#most = mostFrames;
  }

  get frames(): readonly Buffer[] {
    return this.#frames;
  }

  add(frames: readonly Buffer[]): void {
    this.#frames.push(...frames);
    for (const frame of frames) this.#bytes += frame.length;
    let gone = 0;
    while (this.#frames.length - gone > this.#most || this.#bytes > MAX_BYTES) {
      this.#bytes -= this.#frames[gone]?.length ?? 0;
      gone++;
    }
    if (gone > 0) this.#frames = this.#frames.slice(gone);
  }
}
