/** C2SP signed-note: a text, a blank line, and signature lines `— <key name> <base64(key id ‖ signature)>`. */
import { sign, verify } from 'node:crypto';
import { decodeBase64 } from './base64.ts';
import { isKeyName, type SigningKey, type VerifierKey } from './keys.ts';

const MAX_NOTE_BYTES = 64 * 1024;
/** The specification lets verifiers refuse more than 16; a checkpoint with many witnesses must still pass. */
const MAX_SIGNATURES = 64;
const KEY_ID_BYTES = 4;
const ED25519_BYTES = 64;
const TIMESTAMP_BYTES = 8;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what the specification forbids in a note
const FORBIDDEN = /[\u0000-\u0009\u000b-\u001f]/;

export interface NoteSignature {
  readonly name: string;
  /** Key id, eight hex digits. */
  readonly id: string;
  readonly signature: Buffer;
}

/** A note as read. Nothing about it is verified. */
export interface Note {
  /** Ends with a line feed, which is part of what is signed. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export type NoteCheck =
  /** At least one key verified. `signers` are those keys; signatures by unknown keys are ignored. */
  | { readonly kind: 'verified'; readonly note: Note; readonly signers: readonly VerifierKey[] }
  /** No signature is by a known key. */
  | { readonly kind: 'unknown_keys'; readonly note: Note }
  /** A signature that names a known key is not by that key. */
  | { readonly kind: 'bad_signature'; readonly note: Note; readonly key: VerifierKey }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Signs a text that ends with a line feed. */
export function signNote(text: string, keys: readonly SigningKey[]): string {
  const fault = textFault(text);
  if (fault !== undefined) throw new TypeError(`the text of a note ${fault}`);
  const lines = keys.map(({ verifier, privateKey }) => {
    if (verifier.type !== 0x01) throw new TypeError('a witness key does not sign notes; use cosign');
    return signatureLine(verifier, sign(null, Buffer.from(text), privateKey));
  });
  return `${text}\n${lines.join('')}`;
}

/** Adds a witness's timestamped signature (C2SP tlog-cosignature, type 0x04) to a signed checkpoint. */
export function cosignNote(note: string, key: SigningKey, timestampSeconds: number): string {
  const parsed = parseNote(note);
  if (typeof parsed === 'string') throw new TypeError(`the note ${parsed}`);
  if (key.verifier.type !== 0x04) throw new TypeError('only a witness key (type 4) cosigns');
  const time = Buffer.alloc(TIMESTAMP_BYTES);
  time.writeBigUInt64BE(BigInt(timestampSeconds));
  const signature = sign(null, cosignedBytes(parsed.text, BigInt(timestampSeconds)), key.privateKey);
  return note + signatureLine(key.verifier, Buffer.concat([time, signature]));
}

/**
 * Reads a note and checks it. As the specification demands, signatures by unknown keys do no harm, and a
 * wrong signature by a known key refuses the note whatever else verifies.
 */
export function checkNote(text: string, keys: readonly VerifierKey[]): NoteCheck {
  const note = parseNote(text);
  if (typeof note === 'string') return { kind: 'malformed', reason: note };
  const signers: VerifierKey[] = [];
  for (const { name, id, signature } of note.signatures) {
    const key = keys.find((each) => each.name === name && each.id === id);
    if (key === undefined) continue;
    if (!verifies(note.text, signature, key)) return { kind: 'bad_signature', note, key };
    if (!signers.includes(key)) signers.push(key);
  }
  return signers.length === 0 ? { kind: 'unknown_keys', note } : { kind: 'verified', note, signers };
}

/** The note, or in words why the text is not one. Verifies nothing. */
export function parseNote(text: string): Note | string {
  if (Buffer.byteLength(text) > MAX_NOTE_BYTES) return 'is longer than 64 KiB';
  if (!text.isWellFormed()) return 'is not valid Unicode';
  const end = text.lastIndexOf('\n\n');
  if (end < 0) return 'has no blank line before its signatures';
  const body = text.slice(0, end + 1);
  const fault = textFault(text);
  if (fault !== undefined) return fault;
  const lines = text.slice(end + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) return `has more than ${MAX_SIGNATURES} signatures`;
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignature(line);
    if (signature === undefined) return 'has a malformed signature line';
    signatures.push(signature);
  }
  return { text: body, signatures };
}

/** The time a witness says it saw the checkpoint, in seconds, of a type 0x04 signature; undefined for other sizes. Check the note first. */
export function cosignatureTime({ signature }: NoteSignature): number | undefined {
  if (signature.length !== TIMESTAMP_BYTES + ED25519_BYTES) return undefined;
  const seconds = signature.readBigUInt64BE();
  return seconds > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(seconds);
}

function verifies(text: string, signature: Buffer, key: VerifierKey): boolean {
  if (key.type === 0x01) return verify(null, Buffer.from(text), key.publicKey, signature);
  if (signature.length !== TIMESTAMP_BYTES + ED25519_BYTES) return false;
  const message = cosignedBytes(text, signature.readBigUInt64BE());
  return verify(null, message, key.publicKey, signature.subarray(TIMESTAMP_BYTES));
}

function cosignedBytes(text: string, timestampSeconds: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${timestampSeconds}\n${text}`);
}

function signatureLine(key: VerifierKey, signature: Uint8Array): string {
  return `— ${key.name} ${Buffer.concat([Buffer.from(key.id, 'hex'), signature]).toString('base64')}\n`;
}

function parseSignature(line: string): NoteSignature | undefined {
  const parts = line.split(' ');
  const [dash, name, encoded] = parts;
  if (parts.length !== 3 || dash !== '—' || name === undefined || encoded === undefined) return undefined;
  const bytes = decodeBase64(encoded);
  if (!isKeyName(name) || bytes === undefined || bytes.length <= KEY_ID_BYTES) return undefined;
  return { name, id: bytes.toString('hex', 0, KEY_ID_BYTES), signature: bytes.subarray(KEY_ID_BYTES) };
}

function textFault(text: string): string | undefined {
  if (!text.endsWith('\n')) return 'does not end with a line feed';
  if (!text.isWellFormed() || FORBIDDEN.test(text)) return 'holds control characters or is not valid Unicode';
  return undefined;
}
