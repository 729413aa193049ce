/** A suite that goes on for ever says where it stands, and ends. */
import type { Reporter, TestModule } from 'vitest/node';

/** Longer than any file takes, also on a busy machine: each test and hook has its own, shorter limit. */
const STALLED_MS = 300_000;
const LOOK_EVERY_MS = 10_000;

export default class StallReporter implements Reporter {
  readonly #running = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #movedAt = 0;

  onTestRunStart(): void {
    this.#move();
    this.#timer = setInterval(() => {
      if (Date.now() - this.#movedAt > STALLED_MS) this.#giveUp();
    }, LOOK_EVERY_MS);
  }

  onTestModuleQueued({ moduleId }: TestModule): void {
    this.#running.add(moduleId);
    this.#move();
  }

  onTestModuleEnd({ moduleId }: TestModule): void {
    this.#running.delete(moduleId);
    this.#move();
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
    // What keeps the process is named, and does not keep it.
    setTimeout(() => this.#giveUp(), STALLED_MS).unref();
  }

  #move(): void {
    this.#movedAt = Date.now();
  }

  #giveUp(): never {
    const where = [...this.#running].join('\n  ') || `the end; open: ${process.getActiveResourcesInfo().join(', ')}`;
    process.stderr.write(`\nNothing has moved for ${STALLED_MS / 1000} s. The suite is in\n  ${where}\n`);
    process.exit(1);
  }
}
