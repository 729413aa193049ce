/** Makes logs and exports of them in memory, as the server does. */
import {
  ABSENCES_FILE,
  canonicalJson,
  completeNodes,
  consistencyProof,
  EXPORT_FILES,
  type ExportSource,
  entryHash,
  Frontier,
  formatCheckpoint,
  formatCheckpointLine,
  formatHash,
  formatManifest,
  formatProof,
  linkHash,
  type NodeReader,
  nodeHash,
  type ShardHead,
  type SigningKey,
  sha256,
  signingKey,
  signNote,
  writeLine,
  ZERO_LINK,
} from '../../src/index.ts';

export const KEY = signingKey('hivekey/wsp_1', Buffer.alloc(32, 7));
export const OTHER_KEY = signingKey('hivekey/wsp_1', Buffer.alloc(32, 8));

export interface Entry {
  readonly seq: number;
  readonly record: Buffer;
  readonly entryHash: Buffer;
  readonly previousLink: Buffer;
  readonly link: Buffer;
}

export interface Log {
  readonly key: SigningKey;
  readonly entries: readonly Entry[];
  /** The signed note of the first `size` entries. */
  checkpoint(size: number, key?: SigningKey): string;
  readonly nodes: NodeReader;
}

type Fields = Readonly<Record<string, unknown>>;

/** A record of entry `i` (from 0) before its positions; `agent` and `shard` are numbers of either. */
export interface Draft {
  readonly agent?: number;
  readonly shard?: number;
  readonly fields?: Fields;
}

const START_MS = Date.parse('2026-06-16T14:02:04.000Z');

export function makeLog(drafts: readonly Draft[], key = KEY): Log {
  const shards = new Map<string, ShardHead>();
  const headsAt: ShardHead[][] = [[]];
  const agents = new Map<number, number>();
  const frontier = new Frontier();
  const roots = [frontier.root()];
  const entries = drafts.map(({ agent, shard = 0, fields = {} }, i): Entry => {
    const shardId = `shd_${shard}`;
    const before = shards.get(shardId) ?? { shard: shardId, seq: 0, head: ZERO_LINK };
    const call = agent === undefined ? undefined : (agents.get(agent) ?? 0) + 1;
    if (agent !== undefined && call !== undefined) agents.set(agent, call);
    const record = Buffer.from(
      canonicalJson({
        v: 1,
        event_id: `evt_${i + 1}`,
        kind: agent === undefined ? 'system.started' : 'tool.call',
        ts: new Date(START_MS + i * 250).toISOString(),
        workspace: 'acme',
        env: 'prod',
        shard: shardId,
        shard_seq: before.seq + 1,
        ...(agent === undefined ? {} : { agent_id: `agt_${agent}`, agent_seq: call }),
        ...fields,
      }),
    );
    const hash = entryHash(record);
    const link = linkHash(before.head, hash);
    shards.set(shardId, { shard: shardId, seq: before.seq + 1, head: link });
    headsAt.push([...shards.values()]);
    frontier.append(hash);
    roots.push(frontier.root());
    return { seq: i + 1, record, entryHash: hash, previousLink: Buffer.from(before.head), link };
  });
  const nodes: NodeReader = (level, index): Uint8Array => {
    const at = (l: number, n: number): Uint8Array =>
      l === 0 ? (entries[n]?.entryHash ?? ZERO_LINK) : nodeHash(at(l - 1, 2 * n), at(l - 1, 2 * n + 1));
    return at(level, index);
  };
  return {
    key,
    entries,
    nodes,
    checkpoint: (size, by = key) =>
      signNote(
        formatCheckpoint({
          origin: key.verifier.name,
          size,
          root: roots[size] ?? ZERO_LINK,
          shards: headsAt[size] ?? [],
        }),
        [by],
      ),
  };
}

/** An ordinary log: a few agents on a few shards, values of every kind in the records. */
export function ordinaryLog(count: number, key = KEY): Log {
  const drafts = Array.from(
    { length: count },
    (_, i): Draft => ({
      ...(i % 5 === 4 ? {} : { agent: (i * 7) % 3 }),
      shard: i % 11 === 0 ? 1 : 0,
      fields: {
        args: { amount: i / 4, text: `“${i}”\n\u0001\\"`, list: [null, true, -1.5e-7, 1e21] },
        latency_ms: 0.4,
      },
    }),
  );
  return makeLog(drafts, key);
}

export interface ExportShape {
  readonly first?: number;
  readonly last?: number;
  readonly treeSize?: number;
  /** Sizes of the earlier checkpoints. */
  readonly checkpoints?: readonly number[];
  /** Further sizes whose consistency is shown. */
  readonly consistency?: readonly number[];
}

export type Files = Map<string, Buffer>;

export async function exportOf(log: Log, shape: ExportShape = {}): Promise<Files> {
  const treeSize = shape.treeSize ?? log.entries.length;
  const { first = 1, last = treeSize, checkpoints = [], consistency = [] } = shape;
  const outside = [...checkpoints, ...consistency].filter(
    (size) => size < treeSize && (size < first - 1 || size > last),
  );
  const paths = await Promise.all(
    [...new Set(outside)].map(async (size) => [size, await consistencyProof(size, treeSize, log.nodes)] as const),
  );
  const cover = (start: number, end: number) =>
    Promise.all(completeNodes(start, end).map(async ({ level, index }) => log.nodes(level, index)));
  const files: Files = new Map([
    [EXPORT_FILES.checkpoint, Buffer.from(log.checkpoint(treeSize))],
    [
      EXPORT_FILES.checkpoints,
      Buffer.from(checkpoints.map((size) => formatCheckpointLine(log.checkpoint(size))).join('')),
    ],
    [EXPORT_FILES.key, Buffer.from(`${log.key.verifier.text}\n`)],
    [
      EXPORT_FILES.proof,
      Buffer.from(
        formatProof({
          before: await cover(0, first - 1),
          after: await cover(last, treeSize),
          consistency: new Map(paths.filter(([size]) => size > 0)),
        }),
      ),
    ],
    [EXPORT_FILES.entries, Buffer.concat(log.entries.slice(first - 1, last).map(lineOf))],
  ]);
  return withManifest(files, { origin: log.key.verifier.name, first, last, treeSize });
}

export function lineOf(entry: Entry): Buffer {
  const target = Buffer.alloc(entry.record.length + 400);
  return target.subarray(0, writeLine(target, 0, entry, entry.seq));
}

/** The files with a manifest that fits them: what an attacker would do last. */
export function withManifest(
  files: Files,
  range: { origin: string; first: number; last: number; treeSize: number },
): Files {
  const digest = (path: string) => {
    const bytes = files.get(path) ?? Buffer.alloc(0);
    return { bytes: bytes.length, sha256: formatHash(sha256(bytes)) };
  };
  const manifest = formatManifest({
    ...range,
    entriesBytes: files.get(EXPORT_FILES.entries)?.length ?? 0,
    files: {
      checkpoint: digest(EXPORT_FILES.checkpoint),
      checkpoints: digest(EXPORT_FILES.checkpoints),
      proof: digest(EXPORT_FILES.proof),
      key: digest(EXPORT_FILES.key),
    },
    ...(files.has(ABSENCES_FILE) ? { absences: digest(ABSENCES_FILE) } : {}),
  });
  return new Map([...files, [EXPORT_FILES.manifest, Buffer.from(manifest)]]);
}

/** Gives the bytes in chunks of `chunkBytes`. */
export function sourceOf(files: ReadonlyMap<string, Uint8Array>, chunkBytes = 64 * 1024): ExportSource {
  return {
    size: async (path) => files.get(path)?.length,
    read: async function* (path, start, end) {
      const bytes = files.get(path)?.subarray(start, end) ?? new Uint8Array(0);
      for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
    },
  };
}
