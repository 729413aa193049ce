/**
 * Checks an inclusion proof of the action log in the browser, with WebCrypto. The same rules as the offline
 * verifier of `packages/action-log`, which needs node:crypto and therefore cannot run here: RFC 6962 leaf and
 * node hashes, RFC 9162 section 2.1.3.2, C2SP tlog-checkpoint and signed-note with Ed25519 keys.
 * Everything that comes in is taken as hostile; the first check that fails ends it.
 */
import type { EventProof } from '../api/types.ts';
import { type Bytes, concat, equal, fromBase64, fromHex, toHex, utf8Bytes } from './bytes.ts';

const HASH_BYTES = 32;
const ED25519_TYPE = 0x01;
const KEY_BYTES = 32;
const KEY_ID_BYTES = 4;

export type CheckName = 'record' | 'entry' | 'inclusion' | 'signature';

export interface Check {
  readonly name: CheckName;
  readonly passed: boolean;
  /** Why it failed, in words. */
  readonly detail?: string;
}

export interface ProofResult {
  readonly checks: readonly Check[];
  /** Of the key that signed; compare it with the one you hold elsewhere. */
  readonly keyName: string;
  readonly keyId: string;
}

/** The four checks, in order. `shown`: the event as the console shows it, which must be what was hashed. */
export async function checkProof(
  proof: EventProof,
  shown: { readonly entry_hash: string; readonly [field: string]: unknown },
  subtle: SubtleCrypto,
): Promise<ProofResult> {
  const key = parseKey(proof.key);
  const checks: Check[] = [];
  const steps: readonly (readonly [CheckName, () => Promise<string | undefined> | string | undefined])[] = [
    ['record', () => recordFault(proof.canonical, shown)],
    ['entry', () => entryFault(proof, shown.entry_hash, subtle)],
    ['inclusion', () => inclusionFault(proof, subtle)],
    ['signature', () => signatureFault(proof, key, subtle)],
  ];
  for (const [name, fault] of steps) {
    const detail = await fault();
    checks.push(detail === undefined ? { name, passed: true } : { name, passed: false, detail });
    if (detail !== undefined) break;
  }
  return { checks, keyName: key?.name ?? '', keyId: key?.id ?? '' };
}

/** Fields of an event that stand outside of its record. */
const OUTSIDE = new Set(['seq', 'entry_hash', 'prev_hash', 'hash']);

/** Every field of the hashed record is shown as it is, and nothing else is shown as part of it. */
function recordFault(canonical: string, shown: { readonly [field: string]: unknown }): string | undefined {
  const record: unknown = JSON.parse(canonical);
  if (typeof record !== 'object' || record === null) return 'what was hashed is not a record';
  const hashed = new Map<string, unknown>(Object.entries(record));
  for (const [field, value] of hashed)
    if (!sameJson(value, shown[field])) return `the field ${field} is not what was hashed`;
  // `outcome` of an allowed call is added from its result, which is a record of its own.
  const added = Object.keys(shown).find((field) => !hashed.has(field) && !OUTSIDE.has(field) && field !== 'outcome');
  return added === undefined ? undefined : `the field ${added} was not hashed`;
}

async function entryFault(
  { canonical, entry_hash }: EventProof,
  shownHash: string,
  subtle: SubtleCrypto,
): Promise<string | undefined> {
  const computed = `sha256:${toHex(await leafHash(canonical, subtle))}`;
  if (computed !== entry_hash) return 'the record does not have the hash that the proof is about';
  return computed === shownHash ? undefined : 'the hash that is shown is another';
}

async function inclusionFault(proof: EventProof, subtle: SubtleCrypto): Promise<string | undefined> {
  const note = parseNote(proof.checkpoint);
  const checkpoint = note === undefined ? undefined : parseCheckpoint(note.text);
  if (checkpoint === undefined) return 'the checkpoint cannot be read';
  if (checkpoint.size !== proof.tree_size) return 'the proof is for another tree than the checkpoint';
  if (proof.leaf_index !== proof.seq - 1) return 'the proof is for another position';
  const path = proof.inclusion.map((text) => fromHex(text, HASH_BYTES));
  if (!path.every((each) => each !== undefined)) return 'the path holds something that is no hash';
  const leaf = await leafHash(proof.canonical, subtle);
  const isIncluded = await verifyInclusion(leaf, proof.leaf_index, checkpoint.size, path, checkpoint.root, subtle);
  return isIncluded ? undefined : 'the path does not lead to the root of the checkpoint';
}

async function signatureFault(
  proof: EventProof,
  key: LogKey | undefined,
  subtle: SubtleCrypto,
): Promise<string | undefined> {
  if (key === undefined) return 'the key of the log cannot be read';
  const idBytes = await sha256(concat(utf8Bytes(`${key.name}\n`), Uint8Array.of(ED25519_TYPE), key.publicKey), subtle);
  if (toHex(idBytes.subarray(0, KEY_ID_BYTES)) !== key.id) return 'the id of the key does not fit its bytes';
  const note = parseNote(proof.checkpoint);
  const origin = note?.text.split('\n', 1)[0];
  if (note === undefined || origin !== key.name) return 'the checkpoint is of another log than the key';
  const signature = note.signatures.find(({ name, id }) => name === key.name && id === key.id);
  if (signature === undefined) return 'the key did not sign the checkpoint';
  const publicKey = await subtle.importKey('raw', key.publicKey, 'Ed25519', false, ['verify']);
  const isValid = await subtle.verify('Ed25519', publicKey, signature.signature, utf8Bytes(note.text));
  return isValid ? undefined : 'the signature of the checkpoint is wrong';
}

/** Whether `leaf` is at `index` (from 0) of the tree of this size and root. RFC 9162 section 2.1.3.2. */
async function verifyInclusion(
  leaf: Bytes,
  index: number,
  size: number,
  path: readonly Bytes[],
  root: Bytes,
  subtle: SubtleCrypto,
): Promise<boolean> {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return false;
  let fn = index;
  let sn = size - 1;
  let hash = leaf;
  for (const sibling of path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = await nodeHash(sibling, hash, subtle);
      while (fn % 2 === 0 && fn !== 0) {
        fn /= 2;
        sn = Math.floor(sn / 2);
      }
    } else {
      hash = await nodeHash(hash, sibling, subtle);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && equal(hash, root);
}

interface LogKey {
  readonly name: string;
  /** Eight hex digits. */
  readonly id: string;
  readonly publicKey: Bytes;
}

/** `<name>+<id>+<base64(type ‖ key)>`, Ed25519 only. The id is checked with the signature. */
function parseKey(text: string): LogKey | undefined {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)\n?$/.exec(text);
  const [, name, id, encoded] = match ?? [];
  const bytes = encoded === undefined ? undefined : fromBase64(encoded);
  if (name === undefined || id === undefined || bytes?.length !== 1 + KEY_BYTES || bytes[0] !== ED25519_TYPE)
    return undefined;
  return { name, id, publicKey: bytes.slice(1) };
}

interface Note {
  /** Ends with a line feed, which is part of what is signed. */
  readonly text: string;
  readonly signatures: readonly { readonly name: string; readonly id: string; readonly signature: Bytes }[];
}

function parseNote(note: string): Note | undefined {
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) return undefined;
  const signatures = [];
  for (const line of note.slice(split + 2, -1).split('\n')) {
    const [, name, encoded] = /^— ([^+\s]+) (\S+)$/.exec(line) ?? [];
    const bytes = encoded === undefined ? undefined : fromBase64(encoded);
    if (name === undefined || bytes === undefined || bytes.length <= KEY_ID_BYTES) return undefined;
    signatures.push({ name, id: toHex(bytes.subarray(0, KEY_ID_BYTES)), signature: bytes.slice(KEY_ID_BYTES) });
  }
  return { text: note.slice(0, split + 1), signatures };
}

function parseCheckpoint(text: string): { readonly size: number; readonly root: Bytes } | undefined {
  const [, sizeText = '', rootText = ''] = text.split('\n');
  const root = fromBase64(rootText);
  const size = Number(sizeText);
  if (!/^(0|[1-9]\d{0,15})$/.test(sizeText) || !Number.isSafeInteger(size) || root?.length !== HASH_BYTES)
    return undefined;
  return { size, root };
}

async function leafHash(canonical: string, subtle: SubtleCrypto): Promise<Bytes> {
  return sha256(concat(Uint8Array.of(0), utf8Bytes(canonical)), subtle);
}

async function nodeHash(left: Bytes, right: Bytes, subtle: SubtleCrypto): Promise<Bytes> {
  return sha256(concat(Uint8Array.of(1), left, right), subtle);
}

async function sha256(bytes: Bytes, subtle: SubtleCrypto): Promise<Bytes> {
  return new Uint8Array(await subtle.digest('SHA-256', bytes));
}

function sameJson(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = Object.entries(a);
  const right = new Map<string, unknown>(Object.entries(b));
  return left.length === right.size && left.every(([key, value]) => right.has(key) && sameJson(value, right.get(key)));
}
