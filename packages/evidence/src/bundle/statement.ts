/**
 * `bundle.dsse.json`: a DSSE envelope (secure-systems-lab/dsse, protocol v1) around an in-toto Statement v1 whose subject is the
 * manifest, and so every file. It says what the bundle is in a form that machines take.
 */
import { hash, type KeyObject, sign, verify } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import type { Json } from '../types.ts';
import { MANIFEST_FILE } from './manifest.ts';
import { publicSigner } from './signing.ts';

const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const BUNDLE_PREDICATE = 'https://hivekey.ai/attestations/evidence-bundle/v1';

/** What is said of the bundle. */
export interface BundlePredicate {
  readonly bundle: string;
  readonly version: number;
  readonly tenant: string;
  readonly environment: string;
  readonly period_from: string;
  readonly period_to: string;
  readonly as_of: string;
  readonly generated_at: string;
  readonly generated_by: string;
  readonly generator: string;
  readonly files: number;
  readonly log_size: number;
  readonly log_head: string | null;
  readonly log_checkpoint: string | null;
  /** Digest of the manifest of the version before, `sha256:<hex>`. */
  readonly previous_manifest: string | null;
  readonly sample_data: boolean;
}

/** One line of canonical JSON, so that shells can take the payload out of it. */
export function formatStatement(key: KeyObject, manifest: Uint8Array, predicate: BundlePredicate): string {
  const statement: Json = {
    _type: STATEMENT_TYPE,
    subject: [{ name: MANIFEST_FILE, digest: { sha256: hash('sha256', manifest) } }],
    predicateType: BUNDLE_PREDICATE,
    predicate: { ...predicate },
  };
  const payload = Buffer.from(canonicalJson(statement));
  const envelope = {
    payload: payload.toString('base64'),
    payloadType: PAYLOAD_TYPE,
    signatures: [
      { keyid: publicSigner(key).fingerprint, sig: sign(null, preAuthentication(payload), key).toString('base64') },
    ],
  };
  return `${canonicalJson(envelope)}\n`;
}

/** Undefined where it is signed by another key, of another manifest, or no such statement. */
export function readStatement(text: string, publicKey: KeyObject, manifest: Uint8Array): unknown {
  const envelope = objectOf(text);
  const [signature] = arrayOf(envelope?.signatures);
  const sig = objectIn(signature)?.sig;
  if (envelope?.payloadType !== PAYLOAD_TYPE || typeof envelope.payload !== 'string' || typeof sig !== 'string')
    return undefined;
  const payload = Buffer.from(envelope.payload, 'base64');
  if (!verify(null, preAuthentication(payload), publicKey, Buffer.from(sig, 'base64'))) return undefined;
  const statement = objectOf(payload.toString());
  const [subject] = arrayOf(statement?.subject);
  const digest = objectIn(objectIn(subject)?.digest)?.sha256;
  const isOurs = statement?._type === STATEMENT_TYPE && statement.predicateType === BUNDLE_PREDICATE;
  return isOurs && digest === hash('sha256', manifest) ? statement.predicate : undefined;
}

/** PAE of DSSE v1: lengths in front, so that no two pairs of type and payload are signed as the same bytes. */
function preAuthentication(payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `), payload]);
}

function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return objectIn(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function objectIn(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
