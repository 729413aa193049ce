/** Reads manifest.json and proof.json: each is RFC 8785 text and a line feed, with no field that is not checked. */

import {
  ABSENCES_FILE,
  type DigestedFile,
  EXPORT_FILES,
  EXPORT_FORMAT,
  EXPORT_VERSION,
  EXPORT_VERSION_WITH_ABSENCES,
  type ExportProof,
  type FileDigest,
  formatManifest,
  formatProof,
  type Manifest,
} from '../export-format.ts';
import { parseJson } from '../parse-json.ts';

const HEX_HASH = /^[0-9a-f]{64}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const DIGESTED: readonly DigestedFile[] = ['checkpoint', 'checkpoints', 'proof', 'key'];
/** A tree of less than 2^53 leaves has no longer path. */
const MAX_PATH = 128;
const MAX_PATHS = 4_096;

/** The manifest, or in words why the bytes are none. */
export function parseManifest(bytes: Buffer): Manifest | string {
  const value = fieldsOf(readJson(bytes));
  if (value === undefined) return 'is not a JSON object';
  if (value.get('format') !== EXPORT_FORMAT) return `is not of the format ${EXPORT_FORMAT}`;
  const version = value.get('version');
  if (version !== EXPORT_VERSION && version !== EXPORT_VERSION_WITH_ABSENCES)
    return `is not of version ${EXPORT_VERSION} or ${EXPORT_VERSION_WITH_ABSENCES}`;
  const origin = value.get('origin');
  const first = value.get('first');
  const last = value.get('last');
  const treeSize = value.get('tree_size');
  if (typeof origin !== 'string') return 'names no origin';
  if (!isCount(first) || !isCount(last) || !isCount(treeSize) || first < 1 || first > last || last > treeSize)
    return 'has no range of entries within its tree';
  const listed = filesOf(value.get('files'));
  const entries = listed?.get(EXPORT_FILES.entries);
  const [checkpoint, checkpoints, proof, key] = DIGESTED.map((name) => digestOf(listed?.get(EXPORT_FILES[name])));
  if (
    entries === undefined ||
    checkpoint === undefined ||
    checkpoints === undefined ||
    proof === undefined ||
    key === undefined
  )
    return 'does not list the files of an export';
  const absences = digestOf(listed?.get(ABSENCES_FILE));
  const manifest: Manifest = {
    origin,
    first,
    last,
    treeSize,
    entriesBytes: entries.bytes,
    files: { checkpoint, checkpoints, proof, key },
    ...(absences === undefined ? {} : { absences }),
  };
  // Nothing may stand in it that is not one of these fields.
  return formatManifest(manifest) === bytes.toString() ? manifest : 'is not written as the format says';
}

interface ListedFile {
  readonly bytes: number;
  readonly sha256: string | undefined;
}

function filesOf(value: unknown): ReadonlyMap<string, ListedFile> | undefined {
  if (!Array.isArray(value) || value.length > 16) return undefined;
  const files = new Map<string, ListedFile>();
  for (const each of value) {
    const fields = fieldsOf(each);
    const path = fields?.get('path');
    const bytes = fields?.get('bytes');
    const sha256 = fields?.get('sha256');
    if (typeof path !== 'string' || !isCount(bytes)) return undefined;
    files.set(path, { bytes, sha256: typeof sha256 === 'string' ? sha256 : undefined });
  }
  return files;
}

function digestOf(file: ListedFile | undefined): FileDigest | undefined {
  if (file?.sha256 === undefined || !DIGEST.test(file.sha256)) return undefined;
  return { bytes: file.bytes, sha256: file.sha256 };
}

/** The proof, or in words why the bytes are none. */
export function parseProof(bytes: Buffer): ExportProof | string {
  const value = fieldsOf(readJson(bytes));
  if (value === undefined) return 'is not a JSON object';
  const before = pathOf(value.get('before'));
  const after = pathOf(value.get('after'));
  const listed = value.get('consistency');
  if (before === undefined || after === undefined || !Array.isArray(listed) || listed.length > MAX_PATHS)
    return 'does not hold the hashes of a proof';
  const consistency = new Map<number, readonly Uint8Array[]>();
  for (const each of listed) {
    const fields = fieldsOf(each);
    const size = fields?.get('size');
    const path = pathOf(fields?.get('path'));
    if (!isCount(size) || path === undefined) return 'holds a malformed consistency proof';
    consistency.set(size, path);
  }
  const proof: ExportProof = { before, after, consistency };
  return formatProof(proof) === bytes.toString() ? proof : 'is not written as the format says';
}

export function pathOf(value: unknown): Buffer[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_PATH) return undefined;
  const path: Buffer[] = [];
  for (const each of value) {
    if (typeof each !== 'string' || !HEX_HASH.test(each)) return undefined;
    path.push(Buffer.from(each, 'hex'));
  }
  return path;
}

/** A map, so that no name that the file brings means anything to JavaScript. */
export function fieldsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return new Map<string, unknown>(Object.entries(value));
}

export function readJson(bytes: Buffer): unknown {
  try {
    return parseJson(bytes.toString());
  } catch {
    return undefined;
  }
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
