/** The log of the period in a bundle: its index, and the entries by the verifier of the log. */
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import {
  ABSENCES_FILE,
  checkNote,
  EXPORT_FILES,
  type ExportSource,
  parseCheckpoint,
  parseManifest,
  parseProof,
  parseVerifierKey,
  type VerifyReport,
  verifyExport,
} from '@hivekey/action-log';
import { ACTION_LOG_FOLDER, CHAIN_INDEX_FILE, ENTRIES_FOLDER, LOG_EXPORT_FOLDER } from '../action-log.ts';
import { checkChainIndex, type IndexedRange } from './chain-index.ts';
import type { Defects } from './report.ts';
import { type BundleFile, type BundleSource, linesOf, readWhole } from './source.ts';

const INDEX = `${ACTION_LOG_FOLDER}/${CHAIN_INDEX_FILE}`;
const EXPORT = `${ACTION_LOG_FOLDER}/${LOG_EXPORT_FOLDER}/`;
const ENTRIES = `${ACTION_LOG_FOLDER}/${ENTRIES_FOLDER}/`;
const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** A record and what stands around it. */
const MAX_LINE_BYTES = 70_000;

/** What the verifier of the log found; undefined where the bundle has no entries. Defects are added. */
export async function checkLog(
  source: BundleSource,
  files: ReadonlyMap<string, BundleFile>,
  defects: Defects,
): Promise<VerifyReport | undefined> {
  const paths = [...files.keys()];
  if (!paths.some((path) => path === INDEX || path.startsWith(EXPORT) || path.startsWith(ENTRIES))) return undefined;
  const range = await readRange(source, files, defects);
  if (range === undefined) return undefined;
  const entryFiles = paths.filter((path) => path.startsWith(ENTRIES) && path.endsWith('.jsonl.gz')).sort();
  const entries = entryFiles.length === 0 ? undefined : entriesOf(source, entryFiles);
  const lines = entries && linesOf(entries, MAX_LINE_BYTES);
  const defect = await checkChainIndex(source.read(INDEX), range, async ({ seq, entryHash, link, previousLink }) => {
    if (lines === undefined) return undefined;
    const { value: line } = await lines.next();
    const expected = `{"entry_hash":"sha256:${entryHash}","hash":"sha256:${link}","prev_hash":"sha256:${previousLink}",`;
    return line?.startsWith(expected) === true ? undefined : `entry ${seq} is not there as the index has it`;
  });
  if (defect !== undefined) defects.add(defect.code, INDEX, defect.message);
  else if (lines !== undefined && (await lines.next()).done !== true)
    defects.add('entry_unknown', ENTRIES, 'they go on behind the index');
  if (lines === undefined) return undefined;
  const report = await verifyExport(exportSource(source, files, entryFiles, range.entriesBytes), {
    trustedKey: range.key,
  });
  if (!report.isVerified) {
    const [first] = report.findings.filter(({ fatal }) => fatal);
    defects.add(
      'log_unverified',
      ENTRIES,
      first === undefined ? 'it does not verify' : `${first.code} at ${first.place}: ${first.message}`,
    );
  }
  return report;
}

interface ReadRange extends IndexedRange {
  readonly key: ReturnType<typeof parseVerifierKey>;
  readonly entriesBytes: number;
}

/** What the export says and its checkpoint signs. The key of the log is in the bundle, for which the key of the bundle vouches. */
async function readRange(
  source: BundleSource,
  files: ReadonlyMap<string, BundleFile>,
  defects: Defects,
): Promise<ReadRange | undefined> {
  const { manifest: manifestFile, proof: proofFile, checkpoint: checkpointFile, key: keyFile } = EXPORT_FILES;
  const needed = [INDEX, ...[manifestFile, proofFile, checkpointFile, keyFile].map((name) => EXPORT + name)];
  const missing = needed.filter((path) => files.get(path)?.isPlain !== true);
  for (const path of missing) defects.add('index_missing', path, 'the index of the log cannot be checked without it');
  if (missing.length > 0) return undefined;
  const wrong = (path: string, why: string): undefined => {
    defects.add('index_malformed', EXPORT + path, why);
  };
  const text = (path: string) => readWhole(source, EXPORT + path, MAX_FILE_BYTES);
  const none = Buffer.alloc(0);
  const manifest = parseManifest((await text(manifestFile)) ?? none);
  if (typeof manifest === 'string') return wrong(manifestFile, `it ${manifest}`);
  const proof = parseProof((await text(proofFile)) ?? none);
  if (typeof proof === 'string') return wrong(proofFile, `it ${proof}`);
  const key = parseVerifierKey(String(await text(keyFile)));
  const checked = checkNote(String(await text(checkpointFile)), [key]);
  if (checked.kind !== 'verified') return wrong(checkpointFile, "the log's key has not signed it");
  const checkpoint = parseCheckpoint(checked.note.text);
  if (typeof checkpoint === 'string') return wrong(checkpointFile, `it ${checkpoint}`);
  if (checkpoint.size !== manifest.treeSize || checkpoint.origin !== key.name)
    return wrong(checkpointFile, 'it is of another log, or of another size');
  return {
    ...manifest,
    key,
    root: checkpoint.root,
    heads: new Map(checkpoint.shards.map(({ shard, head }) => [shard, head])),
    before: proof.before,
    after: proof.after,
  };
}

/** File after file, unpacked. */
async function* entriesOf(source: BundleSource, paths: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const path of paths) {
    const packed = Readable.from(source.read(path));
    const gunzip = createGunzip();
    packed.on('error', (error) => gunzip.destroy(error));
    yield* packed.pipe(gunzip);
  }
}

/** The export that the entries were cut from. */
function exportSource(
  source: BundleSource,
  files: ReadonlyMap<string, BundleFile>,
  entryFiles: readonly string[],
  entriesBytes: number,
): ExportSource {
  const known: ReadonlySet<string> = new Set([...Object.values(EXPORT_FILES), ABSENCES_FILE]);
  return {
    size: async (path) => (path === EXPORT_FILES.entries ? entriesBytes : files.get(EXPORT + path)?.bytes),
    read: (path) => {
      if (path === EXPORT_FILES.entries) return entriesOf(source, entryFiles);
      return known.has(path) ? source.read(EXPORT + path) : nothing();
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
