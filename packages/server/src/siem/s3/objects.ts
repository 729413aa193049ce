/** Which object a batch becomes, and what is said of it. Pure: the same batch gives the same names and the same manifest. */
import type { Batch, OutgoingEvent } from '../transport.ts';
import type { S3Settings } from './index.ts';

/** Of a sequence number: the order of keys is the order of the log. */
const DIGITS = 16;

export interface ObjectNames {
  readonly object: string;
  readonly manifest: string;
}

/** `firstSeq` and `lastSeq` of a checkpoint alone are the place it stands at. */
export interface Extent {
  /** Of a checkpoint alone. */
  readonly checkpointId: string | null;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly entries: number;
  readonly checkpoints: number;
  /** Link of the first entry to the one before it, and hash of the last one; null where there is no entry. */
  readonly prevHash: string | null;
  readonly lastHash: string | null;
  /** Of the last checkpoint. */
  readonly treeSize: number | null;
  readonly rootHash: string | null;
  /** Epoch milliseconds. */
  readonly firstTime: number;
  readonly lastTime: number;
}

export function extentOf({ events }: Batch): Extent {
  const items = events.map(({ item }) => item);
  const entries = items.filter((item) => item.type === 'entry');
  const checkpoints = items.filter((item) => item.type === 'checkpoint');
  const [first, last, checkpoint] = [entries[0], entries.at(-1), checkpoints.at(-1)];
  const times = events.map(({ time }: OutgoingEvent) => time);
  return {
    checkpointId: first === undefined ? (checkpoint?.id ?? null) : null,
    firstSeq: first?.seq ?? checkpoint?.cursorSeq ?? 0,
    lastSeq: last?.seq ?? checkpoint?.cursorSeq ?? 0,
    entries: entries.length,
    checkpoints: checkpoints.length,
    prevHash: first?.prevHash ?? null,
    lastHash: last?.hash ?? null,
    treeSize: checkpoint?.treeSize ?? null,
    rootHash: checkpoint?.rootHash ?? null,
    firstTime: times[0] ?? 0,
    lastTime: times.at(-1) ?? 0,
  };
}

/** `<prefix>/<kind>/workspace_id=…/dt=…/hour=…/<first>-<last>…`, by the hour of the first event, UTC. (`workspace` is a column.) */
export function namesOf(
  extent: Extent,
  { prefix, file }: Pick<S3Settings, 'prefix' | 'file'>,
  sink: { readonly workspaceId: string; readonly replay: boolean },
): ObjectNames {
  const time = new Date(extent.firstTime).toISOString();
  const partition = `workspace_id=${sink.workspaceId}/dt=${time.slice(0, 10)}/hour=${time.slice(11, 13)}`;
  const numbers = [extent.firstSeq, extent.lastSeq].map((seq) => String(seq).padStart(DIGITS, '0')).join('-');
  // Several checkpoints may stand at one place; the same one has the same id.
  const alone = extent.checkpointId === null ? '' : `.${extent.checkpointId.replace(/[^A-Za-z0-9_-]/g, '_')}`;
  const kind = `${alone}${sink.replay ? '.replay' : ''}`;
  return {
    object: `${prefix}/log/${partition}/${numbers}${kind}.${file}`,
    // Beside the objects, not among them: who reads all of a partition reads one kind of file.
    manifest: `${prefix}/manifests/${partition}/${numbers}${kind}.json`,
  };
}

/** What tells an object that is there already from another of its name: the log that it ends with. */
export function identityOf({ lastHash, rootHash, entries }: Extent): Readonly<Record<string, string>> {
  return { 'hivekey-last-hash': lastHash ?? rootHash ?? '', 'hivekey-entries': String(entries) };
}

/** JSON with a newline. `content`: of the object as it is stored. */
export function manifestOf(
  extent: Extent,
  names: ObjectNames,
  content: { readonly bytes: number; readonly sha256: string },
): string {
  return `${JSON.stringify({
    object: names.object,
    bytes: content.bytes,
    sha256: content.sha256,
    entries: extent.entries,
    checkpoints: extent.checkpoints,
    first_seq: extent.firstSeq,
    last_seq: extent.lastSeq,
    prev_hash: extent.prevHash,
    last_hash: extent.lastHash,
    tree_size: extent.treeSize,
    root_hash: extent.rootHash,
    first_time: new Date(extent.firstTime).toISOString(),
    last_time: new Date(extent.lastTime).toISOString(),
  })}\n`;
}
