/**
 * Who looked at the log is itself on the log, before they see anything of it: once for each session and question, and not
 * for each page. What was read of it after that is told when the reader has been quiet, or after ten minutes.
 */
import type { RunningLog } from '../log/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import type { Administrator } from './context.ts';

/** Later reads of the same question are another look. */
const LOOK_MS = 600_000;
const LOOK_AROUND_MS = 60_000;
const MAX_LOOKS = 10_000;
/** Ids on one record, which has at most 64 KiB. */
const MAX_EVENTS = 500;

export type ReadOfLog =
  | 'list'
  | 'event'
  | 'proof'
  | 'stream'
  | 'histogram'
  | 'facets'
  | 'activity'
  | 'alert'
  | 'timeline'
  | 'answer'
  | 'erasure'
  | 'evidence';

interface Look {
  readonly reader: Administrator;
  readonly what: ReadOfLog;
  readonly selection: Readonly<Record<string, string>>;
  readonly startedAtMs: number;
  /** Beyond the first, which is on the log already. */
  reads: number;
  count: number;
  readonly events: Set<string>;
}

export class Reads {
  readonly #log: Pick<RunningLog, 'record'>;
  readonly #clock: () => number;
  readonly #looks = new Map<string, Look>();
  readonly #rounds: Rounds;

  constructor(log: Pick<RunningLog, 'record'>, clock: () => number) {
    this.#log = log;
    this.#clock = clock;
    // What could not be told is kept, and told the next time.
    this.#rounds = startRounds(
      LOOK_AROUND_MS,
      () => this.#tellOld(),
      () => undefined,
    );
  }

  /**
   * Rejects when it cannot be recorded: then nothing is to be sent. `selection`: the whole question, without its page; of
   * events by id, which one. `count`: how many records are about to be sent, where it is records and not numbers about them.
   */
  async note(
    reader: Administrator,
    what: ReadOfLog,
    selection: Readonly<Record<string, string>>,
    count?: number,
  ): Promise<void> {
    const { workspaceId, credentialId, via } = reader;
    const isOfEvents = what === 'event' || what === 'proof';
    const key = JSON.stringify([workspaceId, credentialId, via, what, isOfEvents ? null : selection]);
    const known = this.#looks.get(key);
    if (known !== undefined && this.#clock() - known.startedAtMs < LOOK_MS && known.events.size < MAX_EVENTS) {
      known.reads += 1;
      known.count += count ?? 0;
      if (selection.event !== undefined) known.events.add(selection.event);
      return;
    }
    const look: Look = {
      reader,
      what,
      selection,
      startedAtMs: this.#clock(),
      reads: 0,
      count: 0,
      events: new Set(),
    };
    // Set first: of two pages at once one tells.
    this.#looks.set(key, look);
    try {
      if (known !== undefined) await this.#tell(known);
      const { actor } = reader;
      await this.#log.record(workspaceId, {
        kind: 'log.read',
        actor,
        key_id: credentialId,
        via,
        read: what,
        selection,
        count,
      });
    } catch (error) {
      if (this.#looks.get(key) === look) this.#looks.delete(key);
      throw error;
    }
    if (this.#looks.size > MAX_LOOKS) await this.#tellOld(0);
  }

  /** More was sent of a read that was noted: what a stream has sent since. */
  more(
    { workspaceId, credentialId, via }: Administrator,
    what: 'stream',
    selection: Readonly<Record<string, string>>,
    count: number,
  ): void {
    const look = this.#looks.get(JSON.stringify([workspaceId, credentialId, via, what, selection]));
    if (look === undefined || count === 0) return;
    look.reads += 1;
    look.count += count;
  }

  /** Tells what is not told yet. */
  async close(): Promise<void> {
    await this.#rounds.close();
    await this.#tellOld(0);
  }

  async #tellOld(afterMs = LOOK_MS): Promise<void> {
    const now = this.#clock();
    for (const [key, look] of this.#looks) {
      if (now - look.startedAtMs < afterMs) continue;
      await this.#tell(look);
      if (this.#looks.get(key) === look) this.#looks.delete(key);
    }
  }

  async #tell({ reader, what, selection, startedAtMs, reads, count, events }: Look): Promise<void> {
    if (reads === 0) return;
    const { workspaceId, credentialId, actor, via } = reader;
    await this.#log.record(workspaceId, {
      kind: 'log.read',
      actor,
      key_id: credentialId,
      via,
      read: what,
      selection: events.size === 0 ? selection : undefined,
      events: events.size === 0 ? undefined : [...events],
      count,
      reads,
      since: new Date(startedAtMs).toISOString(),
    });
  }
}
