/** Who looked at the log is itself on the log: once a minute for each reader. */
import type { RunningLog } from '../log/index.ts';
import type { Administrator } from './context.ts';

const NOTED_EVERY_MS = 60_000;
const MAX_READERS = 10_000;

export class Reads {
  readonly #log: Pick<RunningLog, 'record'>;
  readonly #clock: () => number;
  readonly #notedAt = new Map<string, number>();

  constructor(log: Pick<RunningLog, 'record'>, clock: () => number) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Rejects when it cannot be recorded: then nothing is to be read. `what` names the read, `selection` what it selected. */
  async note(
    { workspaceId, credentialId, actor, via }: Administrator,
    what: 'list' | 'event' | 'proof' | 'stream',
    selection: Readonly<Record<string, string>>,
  ): Promise<void> {
    const reader = `${workspaceId} ${credentialId} ${via}`;
    const now = this.#clock();
    const last = this.#notedAt.get(reader);
    if (last !== undefined && now - last < NOTED_EVERY_MS) return;
    if (this.#notedAt.size >= MAX_READERS) this.#notedAt.clear();
    this.#notedAt.set(reader, now);
    try {
      await this.#log.record(workspaceId, {
        kind: 'log.read',
        actor,
        key_id: credentialId,
        via,
        read: what,
        selection,
      });
    } catch (error) {
      this.#notedAt.delete(reader);
      throw error;
    }
  }
}
