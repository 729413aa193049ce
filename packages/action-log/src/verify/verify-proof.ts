/** Checks the proof that one event is in the signed log, with nothing but the proof and a key. */

import { entryHash, formatHash } from '../hashes.ts';
import { BadKey, parseVerifierKey, type VerifierKey } from '../keys.ts';
import { parseJson } from '../parse-json.ts';
import { verifyInclusion } from '../proofs.ts';
import type { Finding } from '../records.ts';
import { readCheckpoint } from './checkpoints.ts';
import { fieldsOf, isCount, pathOf } from './export-files.ts';
import { Findings } from './findings.ts';
import { readRecord } from './read-record.ts';

/** What `GET /v1/audit/events/:id/proof` answers. */
export interface EventProof {
  readonly event_id: string;
  readonly seq: number;
  /** `sha256:<hex>`; the RFC 6962 leaf hash. */
  readonly entry_hash: string;
  /** From 0: `seq` - 1. */
  readonly leaf_index: number;
  readonly tree_size: number;
  /** Siblings on the way to the root, hex. */
  readonly inclusion: readonly string[];
  /** The signed note of that tree. */
  readonly checkpoint: string;
  /** Verifier key of the log. Whoever checks should have it by another way, too. */
  readonly key: string;
  /** The record exactly as it was hashed. */
  readonly canonical: string;
}

export interface ProofReport {
  /** True only when everything was checked and nothing fatal was found. */
  readonly isVerified: boolean;
  readonly findings: readonly Finding[];
  readonly key: { readonly text: string; readonly isTrusted: boolean } | undefined;
  /** What is proven when `isVerified`. */
  readonly event:
    | { readonly origin: string; readonly eventId: string; readonly seq: number; readonly treeSize: number }
    | undefined;
}

/**
 * Checks that the record is entry `seq` of the log whose key signed the checkpoint. It does not show that the log
 * has no other version: that takes a checkpoint from elsewhere. `proof` is parsed JSON of any kind; never throws.
 */
export function verifyProof(proof: unknown, trustedKey?: VerifierKey): ProofReport {
  const findings = new Findings();
  let event: ProofReport['event'];
  let key: VerifierKey | undefined;
  try {
    const parsed = parseEventProof(proof);
    if (typeof parsed === 'string') findings.fatal('malformed', 'proof', `The proof ${parsed}.`);
    else {
      key = chooseKey(parsed.key, trustedKey, findings);
      if (key !== undefined) event = checkProof(parsed, key, findings);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    findings.fatal('verifier_failed', 'the verifier', `The check broke off: ${reason}`);
  }
  return {
    isVerified: event !== undefined && !findings.hasFatal,
    findings: findings.found.list,
    key: key === undefined ? undefined : { text: key.text, isTrusted: trustedKey !== undefined },
    event,
  };
}

function chooseKey(text: string, trustedKey: VerifierKey | undefined, findings: Findings): VerifierKey | undefined {
  if (trustedKey !== undefined) {
    if (text !== trustedKey.text)
      findings.fatal('key_unknown', 'key', `The proof brings the key ${text}; the trusted one is ${trustedKey.text}.`);
    return trustedKey;
  }
  try {
    const key = parseVerifierKey(text);
    findings.note(
      'key_not_trusted',
      'key',
      `The key ${key.text} is the proof's own: whoever made the proof could have made the key. Get it from another source and compare.`,
    );
    return key;
  } catch (error) {
    if (!(error instanceof BadKey)) throw error;
    findings.fatal('malformed', 'key', `The proof holds no key: ${error.message}.`);
    return undefined;
  }
}

function checkProof(proof: EventProof, key: VerifierKey, findings: Findings): ProofReport['event'] {
  const { seq, leaf_index: index, tree_size: treeSize, canonical, event_id: eventId } = proof;
  const record = Buffer.from(canonical);
  const fields = readRecord(record);
  const entry = entryHash(record);
  if (typeof fields === 'string') findings.fatal('malformed', 'canonical', `The record ${fields}.`);
  else if (fieldsOf(parseJson(canonical))?.get('event_id') !== eventId)
    findings.fatal('malformed', 'canonical', `The record is not that of ${eventId}.`);
  if (formatHash(entry) !== proof.entry_hash)
    findings.fatal(
      'entry_edited',
      `seq ${seq}`,
      'The record and its entry_hash do not belong together: one of them was changed.',
    );
  if (index !== seq - 1) findings.fatal('malformed', 'leaf_index', 'The leaf index is not seq - 1.');
  const checkpoint = readCheckpoint(proof.checkpoint, 'checkpoint', key, findings);
  if (checkpoint === undefined) return undefined;
  if (checkpoint.size !== treeSize)
    findings.fatal(
      'proof_invalid',
      'tree_size',
      `The checkpoint covers ${checkpoint.size} entries; the proof says ${treeSize}.`,
    );
  const path = proof.inclusion.map((hash) => Buffer.from(hash, 'hex'));
  if (!verifyInclusion(entry, seq - 1, checkpoint.size, path, checkpoint.root))
    findings.fatal('proof_invalid', `seq ${seq}`, 'The hashes do not lead from the record to the signed root.');
  return { origin: checkpoint.origin, eventId, seq, treeSize: checkpoint.size };
}

const TEXTS = ['event_id', 'entry_hash', 'checkpoint', 'key', 'canonical'] as const;

function parseEventProof(value: unknown): EventProof | string {
  const fields = fieldsOf(value);
  if (fields === undefined) return 'is not a JSON object';
  const texts = TEXTS.map((name) => fields.get(name));
  const [event_id, entry_hash, checkpoint, key, canonical] = texts;
  const seq = fields.get('seq');
  const leaf_index = fields.get('leaf_index');
  const tree_size = fields.get('tree_size');
  const inclusion = pathOf(fields.get('inclusion'));
  if (
    typeof event_id !== 'string' ||
    typeof entry_hash !== 'string' ||
    typeof checkpoint !== 'string' ||
    typeof key !== 'string' ||
    typeof canonical !== 'string'
  )
    return `lacks a text among ${TEXTS.join(', ')}`;
  if (!isCount(seq) || seq < 1 || !isCount(leaf_index) || !isCount(tree_size)) return 'lacks a number';
  if (inclusion === undefined) return 'lacks the hashes of its path';
  if (fields.size !== TEXTS.length + 4) return 'has a field that no proof has';
  const hashes = inclusion.map((hash) => hash.toString('hex'));
  return { event_id, seq, entry_hash, leaf_index, tree_size, inclusion: hashes, checkpoint, key, canonical };
}
