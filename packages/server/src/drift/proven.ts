/** What the signed log says, which nobody with rights in the database alone can rewrite unseen. */
import { parseJson, parseVerifierKey, verifyProof } from '@hivekey/action-log';
import type { Pool } from 'pg';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { RunningLog } from '../log/index.ts';
import type { ProvenPolicy } from '../path/index.ts';
import type { PublishedPolicy } from '../roles/index.ts';

type Log = Pick<RunningLog, 'catchUp' | 'prove' | 'verifierKey'>;

const publication = z.object({ kind: z.literal('policy.changed'), policy: z.string(), policy_revision: z.int() });

interface Proven extends PublishedPolicy {
  readonly eventId: string;
}

/**
 * The newest publication, from its record, proven to be in the signed tree. Undefined where it cannot be: no policy is
 * believed then. It never goes back behind what this process has seen proven before.
 */
export function createProvenPolicy(pool: Pool, log: Log): ProvenPolicy {
  const newest = new Map<WorkspaceId, Proven>();
  return async (workspaceId) => {
    const known = newest.get(workspaceId);
    const eventId = await newestPublication(pool, log, workspaceId);
    if (eventId === undefined) return undefined;
    if (known?.eventId === eventId) return known;
    const proven = await prove(log, workspaceId, eventId);
    if (proven === undefined || (known !== undefined && proven.revision <= known.revision)) return undefined;
    newest.set(workspaceId, { ...proven, eventId });
    return proven;
  };
}

/** Its event. What was published a moment ago is not projected yet. */
async function newestPublication(pool: Pool, log: Log, workspaceId: WorkspaceId): Promise<string | undefined> {
  const find = async () => {
    const { rows } = await pool.query<{ event_id: string; is_newest: boolean }>(
      `SELECT event_id, (record ->> 'policy_revision')::bigint >= (SELECT max(revision) FROM policy_revisions WHERE workspace_id = $1) AS is_newest
         FROM actions WHERE workspace_id = $1 AND kind = 'policy.changed' AND NOT record ? 'synthetic' ORDER BY seq DESC LIMIT 1`,
      [workspaceId],
    );
    return rows[0];
  };
  const found = await find();
  if (found?.is_newest === true) return found.event_id;
  await log.catchUp(workspaceId);
  return (await find())?.event_id;
}

async function prove(log: Log, workspaceId: WorkspaceId, eventId: string): Promise<PublishedPolicy | undefined> {
  const proof = await log.prove(workspaceId, eventId).catch((error: unknown) => {
    // The database does not hold what was signed.
    if (error instanceof Failure) return undefined;
    throw error;
  });
  if (proof === undefined || !verifyProof(proof, parseVerifierKey(log.verifierKey(workspaceId))).isVerified)
    return undefined;
  const record = publication.safeParse(parseJson(proof.canonical));
  return record.success ? { revision: record.data.policy_revision, hash: record.data.policy } : undefined;
}

interface VersionRecord {
  event_id: string;
  object_type: string;
  object_id: string;
  version: string;
  sha256: string | null;
}

/** Records of versions by their event, as the log is projected; those of a moment ago are waited for. */
export async function versionRecords(
  pool: Pool,
  log: Log,
  workspaceId: WorkspaceId,
  eventIds: readonly string[],
): Promise<ReadonlyMap<string, VersionRecord>> {
  const find = async () => {
    const { rows } = await pool.query<VersionRecord>(
      `SELECT event_id, record ->> 'object_type' AS object_type, record ->> 'object_id' AS object_id,
              record ->> 'version' AS version, record ->> 'sha256' AS sha256
         FROM actions WHERE workspace_id = $1 AND event_id = ANY($2) AND kind = 'object.versioned' AND NOT record ? 'synthetic'`,
      [workspaceId, eventIds],
    );
    return new Map(rows.map((row) => [row.event_id, row]));
  };
  const found = await find();
  if (found.size === eventIds.length) return found;
  await log.catchUp(workspaceId);
  return find();
}
