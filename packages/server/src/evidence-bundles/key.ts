/**
 * The key that signs evidence: a file of the data folder, never the database, and another one than the log's, so that it can be
 * changed without a new log. A change of it is a record of the log.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type PublicSigner, publicSigner } from '@hivekey/evidence';
import { Failure } from '../errors.ts';
import { writePrivateFile } from '../identity/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';

const FILE = 'evidence.key';
/** Of a key that is announced and not yet in its place. */
const NEXT_FILE = 'evidence.key.next';

export interface HeldKey extends PublicSigner {
  readonly privateKey: KeyObject;
}

/** Read anew each time: another process of this data folder, or an operator, may have changed it. Throws `evidence_key_invalid`. */
export function heldKey(folder: string): HeldKey {
  const path = join(folder, FILE);
  if (!existsSync(path)) writePrivateFile(path, newKey());
  return readKey(path);
}

function newKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function readKey(path: string): HeldKey {
  try {
    const privateKey = createPrivateKey(readFileSync(path));
    if (privateKey.asymmetricKeyType === 'ed25519') return { privateKey, ...publicSigner(privateKey) };
  } catch {
    // told below
  }
  throw new Failure(
    500,
    'evidence_key_invalid',
    `${FILE} in the data folder is not an Ed25519 private key.`,
    'Restore it, or delete it: the next bundle is then signed by a new key, which the log tells.',
  );
}

/** Before anything is signed with it: the log knows the key. */
export async function announceKey(
  { client, log: record }: LoggedTransaction,
  workspaceId: WorkspaceId,
  actor: string,
  key: PublicSigner,
): Promise<void> {
  const { rowCount } = await client.query(
    `INSERT INTO evidence_keys (workspace_id, fingerprint, allowed_signers, pem) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
    [workspaceId, key.fingerprint, key.allowedSigners, key.pem],
  );
  if (rowCount === 1)
    record({
      kind: 'evidence.key_changed',
      actor,
      change: 'added',
      fingerprint: key.fingerprint,
      allowed_signers: key.allowedSigners.trim(),
    });
}

/**
 * Another key from now on. It is on disk before it is announced and in its place after: whatever breaks off in between is put right
 * by {@link finishRotation}. Bundles that are ready stay signed by the key that was.
 */
export async function rotateKey(
  log: ActionLog,
  folder: string,
  { workspaceId, actor }: { readonly workspaceId: WorkspaceId; readonly actor: string },
  reason: string,
): Promise<HeldKey> {
  const before = heldKey(folder);
  const next = join(folder, NEXT_FILE);
  rmSync(next, { force: true });
  writePrivateFile(next, newKey());
  const after = readKey(next);
  await log.transact(workspaceId, async (transaction) => {
    const { client, log: record } = transaction;
    await announceKey(transaction, workspaceId, actor, before);
    await announceKey(transaction, workspaceId, actor, after);
    await client.query('UPDATE evidence_keys SET retired_at = $3 WHERE workspace_id = $1 AND fingerprint = $2', [
      workspaceId,
      before.fingerprint,
      transaction.now,
    ]);
    record({
      kind: 'evidence.key_changed',
      actor,
      change: 'retired',
      fingerprint: before.fingerprint,
      successor: after.fingerprint,
      reason,
    });
  });
  renameSync(next, join(folder, FILE));
  return after;
}

/** Of a process that ended in the middle: a key that was announced comes into its place, another one goes. `isAnnounced`: by its fingerprint. */
export async function finishRotation(
  folder: string,
  isAnnounced: (fingerprint: string) => Promise<boolean>,
): Promise<void> {
  const next = join(folder, NEXT_FILE);
  if (!existsSync(next)) return;
  if (await isAnnounced(readKey(next).fingerprint)) renameSync(next, join(folder, FILE));
  else rmSync(next);
}
