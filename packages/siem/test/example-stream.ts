/** A log of every kind of record over two shards, and the stream of a sink with its signed checkpoints. */
import {
  canonicalJson,
  entryHash,
  Frontier,
  formatCheckpoint,
  formatHash,
  type LogRecord,
  linkHash,
  type ShardHead,
  type SigningKey,
  signingKey,
  signNote,
  ZERO_LINK,
} from '@hivekey/action-log';
import {
  filterWords,
  isLeftOut,
  type LeftOutName,
  type LogLine,
  type StreamEntry,
  type StreamItem,
} from '../src/index.ts';
import { recordOf } from './every-kind.ts';

export const KEY = signingKey('hivekey/wsp_1', Buffer.alloc(32, 7));
export const OTHER_KEY = signingKey('hivekey/wsp_1', Buffer.alloc(32, 8));
const SINK = 'snk_1';

const KINDS = ['tool.call', 'tool.result', 'agent.revoked', 'approval.granted', 'policy.changed', 'log.read'];
const START_MS = Date.parse('2026-06-16T14:00:00.000Z');

export interface LogOptions {
  readonly size?: number;
  /** Records that stand at these numbers. */
  readonly records?: Readonly<Record<number, object>>;
  readonly key?: SigningKey;
}

export interface ExampleLog {
  readonly entries: readonly StreamEntry[];
  /** Signed note over the first `size` entries. */
  note(size: number): { readonly note: string; readonly rootHash: string };
  lines(first?: number, last?: number): LogLine[];
}

export function makeLog({ size = 40, records = {}, key = KEY }: LogOptions = {}): ExampleLog {
  const heads = new Map<string, ShardHead>();
  const entries: StreamEntry[] = [];
  for (let seq = 1; seq <= size; seq += 1) {
    const shard = seq % 3 === 0 ? 'shd_2' : 'shd_1';
    const before = heads.get(shard) ?? { shard, seq: 0, head: ZERO_LINK };
    const record: LogRecord = {
      ...recordOf(KINDS[seq % KINDS.length] ?? '', 0),
      ...records[seq],
      event_id: `evt_${seq}`,
      ts: new Date(START_MS + seq * 1_000).toISOString(),
      shard,
      shard_seq: before.seq + 1,
    };
    const canonical = canonicalJson(record);
    const hash = entryHash(canonical);
    const link = linkHash(before.head, hash);
    heads.set(shard, { shard, seq: before.seq + 1, head: link });
    entries.push({
      type: 'entry',
      seq,
      entryHash: formatHash(hash),
      prevHash: formatHash(before.head),
      hash: formatHash(link),
      canonical,
      record: JSON.parse(canonical),
    });
  }
  return {
    entries,
    note: (upTo) => {
      const frontier = new Frontier();
      for (const { canonical } of entries.slice(0, upTo)) frontier.append(entryHash(canonical));
      const root = frontier.root();
      const text = formatCheckpoint({ origin: 'hivekey/wsp_1', size: upTo, root, shards: [] });
      return { note: signNote(text, [key]), rootHash: formatHash(root) };
    },
    lines: (first = 1, last = size) =>
      entries.slice(first - 1, last).map(({ seq, entryHash: hash, record }) => ({ seq, entryHash: hash, record })),
  };
}

export interface StreamOptions {
  /** A checkpoint behind each of these numbers. */
  readonly checkpoints?: readonly number[];
  readonly leaveOut?: readonly LeftOutName[];
  readonly from?: number;
}

/** As the shipper sends it. */
export function streamOf(
  log: ExampleLog,
  { checkpoints = [10, 20, 40], leaveOut = [], from = 1 }: StreamOptions = {},
): StreamItem[] {
  const items: StreamItem[] = [];
  let counts: Record<string, number> = {};
  for (const entry of log.entries) {
    const { seq, record } = entry;
    if (seq >= from && !isLeftOut(leaveOut, record)) {
      items.push(entry);
      counts[record.kind] = (counts[record.kind] ?? 0) + 1;
    }
    if (seq < from || !checkpoints.includes(seq)) continue;
    items.push({
      type: 'checkpoint',
      id: `ckp_${SINK}_${checkpoints.indexOf(seq) + 1}`,
      ts: new Date(START_MS + seq * 1_000 + 500).toISOString(),
      workspace: 'acme',
      env: 'prod',
      sink: SINK,
      treeSize: seq,
      ...log.note(seq),
      cursorSeq: seq,
      counts,
      filter: filterWords(leaveOut, []),
    });
    counts = {};
  }
  return items;
}
