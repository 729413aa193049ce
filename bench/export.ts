/** An export of a log that was never in a database: the records that are given, hashed, chained and signed. */
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  canonicalJson,
  EXPORT_FILES,
  entryHash,
  Frontier,
  formatCheckpoint,
  formatHash,
  formatManifest,
  formatProof,
  lineBytes,
  linkHash,
  sha256,
  signingKey,
  signNote,
  writeLine,
} from '@hivekey/action-log';

export const SHARD = 'shd_5Kd0pNa81kQz';
export const KEY = signingKey('hivekey/wsp_5Kd0pNa81kQz', Buffer.alloc(32, 7));
const LINES_AT_ONCE = 1_000;

/** A whole log of `count` records, which are asked for in order from 1; the size of its entries. */
export async function writeExport(
  folder: string,
  count: number,
  recordOf: (seq: number) => Readonly<Record<string, unknown>>,
): Promise<number> {
  const tree = new Frontier();
  let head: Uint8Array = Buffer.alloc(32);
  let bytes = 0;
  const file = await open(join(folder, EXPORT_FILES.entries), 'w');
  try {
    for (let from = 1; from <= count; from += LINES_AT_ONCE) {
      const lines: Buffer[] = [];
      for (let seq = from; seq < Math.min(from + LINES_AT_ONCE, count + 1); seq += 1) {
        const record = Buffer.from(canonicalJson(recordOf(seq)));
        const hash = entryHash(record);
        const link = linkHash(head, hash);
        const line = Buffer.alloc(lineBytes(record.length, seq));
        writeLine(line, 0, { record, entryHash: hash, previousLink: head, link }, seq);
        tree.append(hash);
        lines.push(line);
        head = link;
      }
      const written = Buffer.concat(lines);
      bytes += written.length;
      await file.write(written);
    }
  } finally {
    await file.close();
  }
  const origin = KEY.verifier.name;
  const small = {
    checkpoint: signNote(
      formatCheckpoint({ origin, size: count, root: tree.root(), shards: [{ shard: SHARD, seq: count, head }] }),
      [KEY],
    ),
    checkpoints: '',
    proof: formatProof({ before: [], after: [], consistency: new Map() }),
    key: `${KEY.verifier.text}\n`,
  };
  const digest = (text: string) => ({ bytes: Buffer.byteLength(text), sha256: formatHash(sha256(Buffer.from(text))) });
  const manifest = formatManifest({
    origin,
    first: 1,
    last: count,
    treeSize: count,
    entriesBytes: bytes,
    files: {
      checkpoint: digest(small.checkpoint),
      checkpoints: digest(small.checkpoints),
      proof: digest(small.proof),
      key: digest(small.key),
    },
  });
  await writeFile(join(folder, EXPORT_FILES.manifest), manifest);
  await writeFile(join(folder, EXPORT_FILES.checkpoint), small.checkpoint);
  await writeFile(join(folder, EXPORT_FILES.checkpoints), small.checkpoints);
  await writeFile(join(folder, EXPORT_FILES.proof), small.proof);
  await writeFile(join(folder, EXPORT_FILES.key), small.key);
  return bytes;
}
