/** The proof that an event is in the signed tree, with all that is needed to check it without us. */
import {
  type EventProof,
  formatHash,
  inclusionProof,
  nodesFromTiles,
  parseCheckpoint,
  parseJson,
  parseNote,
  type VerifierKey,
  verifyInclusion,
} from '@hivekey/action-log';
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { type BlockEntry, readBlock } from './block.ts';
import { sealedBlocks } from './projector.ts';
import { tileLoader } from './tree-store.ts';

/**
 * The proof for a sealed event under the newest checkpoint that covers it; undefined while there is none. Throws
 * `log_inconsistent` when the database does not hold what was signed.
 */
export async function proveEvent(
  pool: Pool,
  workspaceId: WorkspaceId,
  key: VerifierKey,
  eventId: string,
): Promise<EventProof | undefined> {
  const { rows } = await pool.query<{ seq: number }>(
    'SELECT seq FROM actions WHERE workspace_id = $1 AND event_id = $2 LIMIT 1',
    [workspaceId, eventId],
  );
  const seq = rows[0]?.seq;
  if (seq === undefined) return undefined;
  const note = await noteCovering(pool, workspaceId, seq);
  const entry = await sealedEntry(pool, workspaceId, seq);
  const parsed = note === undefined ? undefined : parseNote(note);
  if (note === undefined || parsed === undefined) return undefined;
  const checkpoint = typeof parsed === 'string' ? parsed : parseCheckpoint(parsed.text);
  if (typeof checkpoint === 'string' || entry === undefined) throw inconsistent(eventId);
  if (entry.record.length === 0) throw payloadAbsent(eventId);
  const canonical = entry.record.toString();
  const nodes = nodesFromTiles(checkpoint.size, tileLoader(pool, workspaceId));
  const path = await inclusionProof(seq - 1, checkpoint.size, nodes);
  const isIncluded = verifyInclusion(entry.entryHash, seq - 1, checkpoint.size, path, checkpoint.root);
  if (!isIncluded || parseJson(canonical).event_id !== eventId) throw inconsistent(eventId);
  return {
    event_id: eventId,
    seq,
    entry_hash: formatHash(entry.entryHash),
    leaf_index: seq - 1,
    tree_size: checkpoint.size,
    inclusion: path.map((hash) => Buffer.from(hash).toString('hex')),
    checkpoint: note,
    key: key.text,
    canonical,
  };
}

async function noteCovering(pool: Pool, workspaceId: WorkspaceId, seq: number): Promise<string | undefined> {
  const { rows } = await pool.query<{ note: string }>(
    `SELECT note FROM log_checkpoints WHERE workspace_id = $1 AND tree_size >= $2 ORDER BY tree_size DESC, id DESC LIMIT 1`,
    [workspaceId, seq],
  );
  return rows[0]?.note;
}

async function sealedEntry(pool: Pool, workspaceId: WorkspaceId, seq: number): Promise<BlockEntry | undefined> {
  const [block] = await sealedBlocks(pool, workspaceId, seq, 1);
  if (block === undefined) return undefined;
  let next = block.firstGlobalSeq;
  for (const entry of readBlock(block)) {
    if (next === seq) return entry;
    next += 1;
  }
  return undefined;
}

function payloadAbsent(eventId: string): Failure {
  return new Failure(
    410,
    'payload_absent',
    `What was hashed of ${eventId} has been redacted; its hash is still in the log.`,
    'Prove the record that says so: the event `redacted.by` of GET /v1/audit/events/:id.',
  );
}

function inconsistent(eventId: string): Failure {
  return new Failure(
    500,
    'log_inconsistent',
    `What the database holds of ${eventId} is not what was signed.`,
    'Export the log and run hivekey verify on it with the checkpoints kept elsewhere.',
  );
}
