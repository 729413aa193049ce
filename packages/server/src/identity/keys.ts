/** The server's own keys: one master secret from which the others are derived, and the log's signing key. */
import {
  createPrivateKey,
  createSecretKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../errors.ts';
import type { Secret } from '../secret.ts';

export interface ServerKeys {
  /** Keyed hash of credentials and console sessions. */
  readonly pepper: KeyObject;
  /** Keyed digest of arguments in the log. */
  readonly digest: KeyObject;
  /** Wraps the data keys of stored upstream secrets. */
  readonly envelope: KeyObject;
  /** Authenticates cursors and state that clients carry. */
  readonly state: KeyObject;
  /** Password of the database's application role. */
  readonly databaseRole: Buffer;
  /** Ed25519, signs checkpoints. */
  readonly signing: KeyObject;
}

/** Makes a file that must not exist yet, readable by us alone, and on disk before anything relies on it. */
export function writePrivateFile(path: string, content: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function masterSecret(folder: string, configured: Secret | undefined): Buffer {
  const path = join(folder, 'secret.key');
  if (configured === undefined && !existsSync(path)) writePrivateFile(path, `${randomBytes(32).toString('base64')}\n`);
  const master = Buffer.from((configured?.reveal() ?? readFileSync(path, 'utf8')).trim(), 'base64');
  if (master.length === 32) return master;
  throw new Failure(
    500,
    'secret_key_invalid',
    'The secret key is not 32 bytes in base64.',
    'Restore secret.key of the data folder, or set HIVEKEY_SECRET_KEY_FILE to a file with 32 random bytes in base64.',
  );
}

function signingKey(folder: string): KeyObject {
  const path = join(folder, 'log.key');
  if (!existsSync(path)) {
    writePrivateFile(
      path,
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    );
  }
  const key = createPrivateKey(readFileSync(path));
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new Failure(
    500,
    'log_key_invalid',
    'log.key in the data folder is not an Ed25519 private key.',
    'Restore the key this log was signed with.',
  );
}

/** Reads the keys of the data folder, making them on first use. */
export function loadServerKeys(folder: string, configured: Secret | undefined): ServerKeys {
  const master = masterSecret(folder, configured);
  const derive = (purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', master, Buffer.alloc(0), `hivekey/v1/${purpose}`, 32));
  return {
    pepper: createSecretKey(derive('credential-lookup')),
    digest: createSecretKey(derive('argument-digest')),
    envelope: createSecretKey(derive('envelope')),
    state: createSecretKey(derive('client-state')),
    databaseRole: derive('database-role'),
    signing: signingKey(folder),
  };
}
