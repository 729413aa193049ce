/** The signed state of the log, as an event of the stream: how a receiver finds out that it hears nothing, or not all. */
import { formatHash, parseCheckpoint } from '@hivekey/action-log';
import type { StreamCheckpoint } from '@hivekey/siem';
import type { RunningLog } from '../log/index.ts';
import { filterWords } from './filter.ts';
import type { Sink } from './store.ts';

/** At least so often, whichever comes first. */
export const CHECKPOINT_EVERY_MS = 60_000;
export const CHECKPOINT_EVERY_EVENTS = 10_000;

type CheckpointedSink = Pick<Sink, 'id' | 'workspaceId' | 'leaveOut' | 'omit'>;

export class CheckpointMaker {
  readonly #log: Pick<RunningLog, 'checkpoint'>;
  readonly #sink: CheckpointedSink;
  readonly #place: { readonly workspace: string; readonly env: string };
  readonly #clock: () => number;
  #made: number;

  /** `made`: how many there have been of this stream; each has a number of its own, so that a receiver misses none. */
  constructor(
    log: Pick<RunningLog, 'checkpoint'>,
    sink: CheckpointedSink,
    place: { readonly workspace: string; readonly env: string },
    made: number,
    clock: () => number,
  ) {
    this.#log = log;
    this.#sink = sink;
    this.#place = place;
    this.#made = made;
    this.#clock = clock;
  }

  get made(): number {
    return this.#made;
  }

  /** Undefined while nothing is signed. */
  async make(cursorSeq: number, counts: Readonly<Record<string, number>>): Promise<StreamCheckpoint | undefined> {
    const { id, workspaceId, leaveOut, omit } = this.#sink;
    const newest = await this.#log.checkpoint(workspaceId);
    if (newest === undefined) return undefined;
    const { note, treeSize } = newest;
    const checkpoint = parseCheckpoint(note.slice(0, note.indexOf('\n\n') + 1));
    if (typeof checkpoint === 'string') throw new Error(`the newest checkpoint of ${workspaceId} ${checkpoint}`);
    this.#made += 1;
    return {
      type: 'checkpoint',
      id: `ckp_${id}_${this.#made}`,
      ts: new Date(this.#clock()).toISOString(),
      ...this.#place,
      sink: id,
      treeSize,
      rootHash: formatHash(checkpoint.root),
      note,
      cursorSeq,
      counts: { ...counts },
      filter: filterWords(leaveOut, omit),
    };
  }
}
