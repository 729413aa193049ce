/** Copies of checkpoints outside the database, and what they say about the database at the next start. */
import {
  checkNote,
  consistencyProof,
  frontierAt,
  nodesFromTiles,
  parseCheckpoint,
  type SigningKey,
  sameHash,
} from '@hivekey/action-log';
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { Logger, LogObserver } from '../observability/index.ts';
import { appendCheckpoint, type CopiedCheckpoint, newestCheckpoints } from './checkpoint-file.ts';
import { treeSize } from './sealer.ts';
import { tileLoader } from './tree-store.ts';
import { addCheckpoint } from './witness.ts';

const RETRY_AFTER_MS = 5_000;

/** The newest signed checkpoint of a workspace. */
export interface StoredCheckpoint {
  readonly treeSize: number;
  readonly note: string;
  readonly createdAt: Date;
}

export async function newestCheckpoint(pool: Pool, workspaceId: WorkspaceId): Promise<StoredCheckpoint | undefined> {
  const { rows } = await pool.query<StoredCheckpoint>({
    name: 'log-newest-checkpoint',
    text: `SELECT tree_size AS "treeSize", note, created_at AS "createdAt" FROM log_checkpoints
            WHERE workspace_id = $1 ORDER BY id DESC LIMIT 1`,
    values: [workspaceId],
  });
  return rows[0];
}

/** A checkpoint, in the order in which they were signed. */
export interface SignedCheckpoint {
  readonly id: number;
  readonly treeSize: number;
  readonly rootHash: string;
  readonly createdAt: Date;
}

/** Those behind `after` of trees of at most `maxSize` entries, the oldest first. */
export async function checkpointsBehind(
  pool: Pool,
  workspaceId: WorkspaceId,
  after: number,
  maxSize: number,
): Promise<readonly SignedCheckpoint[]> {
  const { rows } = await pool.query<SignedCheckpoint>({
    name: 'log-checkpoints-behind',
    text: `SELECT id, tree_size AS "treeSize", 'sha256:' || encode(root, 'hex') AS "rootHash", created_at AS "createdAt" FROM log_checkpoints
            WHERE workspace_id = $1 AND id > $2 AND tree_size <= $3 ORDER BY id`,
    values: [workspaceId, after, maxSize],
  });
  return rows;
}

export interface CopyOptions {
  readonly pool: Pool;
  /** Names this node's own file among those of others. */
  readonly nodeId: string;
  readonly file?: string | undefined;
  readonly witnessUrl?: string | undefined;
  readonly logger?: Logger | undefined;
  readonly observe?: LogObserver | undefined;
}

interface Destination {
  readonly name: string;
  /** `lastSize` is the size that was copied there before. */
  copy(workspaceId: WorkspaceId, checkpoint: StoredCheckpoint, lastSize: number): Promise<void>;
}

/** Copies the newest checkpoint of a workspace wherever it is not yet. Failures wait for the next time; nothing waits for them. */
export class CheckpointCopies {
  readonly #pool: Pool;
  readonly #logger: Logger | undefined;
  readonly #observe: LogObserver | undefined;
  readonly #destinations: readonly Destination[];
  /** `<destination> <workspace>` → size copied last. */
  readonly #copied = new Map<string, number>();

  constructor({ pool, nodeId, file, witnessUrl, logger, observe }: CopyOptions) {
    this.#pool = pool;
    this.#logger = logger;
    this.#observe = observe;
    this.#destinations = [
      ...(file === undefined ? [] : [fileDestination(nodeId, file)]),
      ...(witnessUrl === undefined ? [] : [witnessDestination(pool, witnessUrl)]),
    ];
  }

  /** Milliseconds after which to try again; undefined when everything is where it belongs. */
  async deliver(workspaceId: WorkspaceId): Promise<number | undefined> {
    if (this.#destinations.length === 0) return undefined;
    const checkpoint = await newestCheckpoint(this.#pool, workspaceId);
    if (checkpoint === undefined) return undefined;
    const done = await Promise.all(this.#destinations.map((each) => this.#deliverTo(each, workspaceId, checkpoint)));
    return done.every(Boolean) ? undefined : RETRY_AFTER_MS;
  }

  async #deliverTo(to: Destination, workspaceId: WorkspaceId, checkpoint: StoredCheckpoint): Promise<boolean> {
    const key = `${to.name} ${workspaceId}`;
    let failure: string | null = null;
    let size = this.#copied.get(key) ?? (await this.#recorded(to, workspaceId));
    if (size === checkpoint.treeSize && this.#copied.has(key)) return true;
    try {
      await to.copy(workspaceId, checkpoint, size);
      size = checkpoint.treeSize;
      this.#copied.set(key, size);
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
      this.#observe?.failed('checkpoint_copy');
      this.#logger?.warn(
        { err: error, destination: to.name, workspace: workspaceId },
        'a checkpoint could not be copied',
      );
    }
    await this.#pool.query(
      `INSERT INTO checkpoint_copies (workspace_id, destination, tree_size, last_error) VALUES ($1, $2, $3, $4)
       ON CONFLICT (workspace_id, destination) DO UPDATE
          SET tree_size = excluded.tree_size, last_error = excluded.last_error, updated_at = now()`,
      [workspaceId, to.name, size, failure],
    );
    return failure === null;
  }

  async #recorded(to: Destination, workspaceId: WorkspaceId): Promise<number> {
    const { rows } = await this.#pool.query<{ tree_size: number }>(
      'SELECT tree_size FROM checkpoint_copies WHERE workspace_id = $1 AND destination = $2',
      [workspaceId, to.name],
    );
    return rows[0]?.tree_size ?? 0;
  }
}

function fileDestination(nodeId: string, path: string): Destination {
  return {
    name: `file/${nodeId}`,
    copy: (workspace, { treeSize: size, note }) => appendCheckpoint(path, { workspace, treeSize: size, note }),
  };
}

function witnessDestination(pool: Pool, url: string): Destination {
  return {
    name: `witness/${url}`,
    copy: async (workspaceId, { treeSize: size, note }, lastSize) => {
      const nodes = nodesFromTiles(size, tileLoader(pool, workspaceId));
      const submit = async (old: number) => addCheckpoint(url, note, old, await consistencyProof(old, size, nodes));
      let reply = await submit(Math.min(lastSize, size));
      if (reply.kind === 'conflict' && reply.size <= size) reply = await submit(reply.size);
      if (reply.kind === 'conflict')
        throw new Error(`the witness has seen ${reply.size} entries, this log has ${size}`);
      if (reply.kind === 'refused') throw new Error(`the witness refused the checkpoint: ${reply.reason}`);
      await pool.query(
        `INSERT INTO log_checkpoints (workspace_id, tree_size, root, note)
         SELECT workspace_id, tree_size, root, $3 FROM log_checkpoints WHERE workspace_id = $1 AND note = $2 ORDER BY id DESC LIMIT 1`,
        [workspaceId, note, note + reply.lines],
      );
    },
  };
}

/**
 * Compares the newest checkpoint of each workspace in the file with the database's tree. Throws the Failure
 * `log_tail_cut` when the database has less than what was signed, or something else, and
 * `checkpoint_file_invalid` when the file holds checkpoints this log's key did not sign.
 */
export async function checkOutsideMemory(
  pool: Pool,
  path: string,
  keyOf: (workspaceId: WorkspaceId) => SigningKey,
): Promise<void> {
  const { rows } = await pool.query<{ workspace_id: WorkspaceId }>('SELECT DISTINCT workspace_id FROM log_seals');
  const known = new Set<string>(rows.map(({ workspace_id }) => workspace_id));
  for (const checkpoint of (await newestCheckpoints(path, known)).values())
    await checkAgainst(pool, path, checkpoint, keyOf);
}

/** What the newest checkpoint of a workspace in the file says about the database now. */
export interface OutsideMemory {
  readonly path: string;
  readonly treeSize: number;
  readonly note: string;
  /** How many entries the database has. */
  readonly entries: number;
  /** Undefined: they are the same entries as far as the checkpoint reaches. */
  readonly problem: Failure | undefined;
}

/** As `checkOutsideMemory`, of one workspace, as an answer. Undefined where the file has none of it. Throws `checkpoint_file_unreadable`. */
export async function compareOutsideMemory(
  pool: Pool,
  path: string,
  workspaceId: WorkspaceId,
  key: SigningKey,
): Promise<OutsideMemory | undefined> {
  const checkpoint = (await newestCheckpoints(path, new Set([workspaceId]))).get(workspaceId);
  if (checkpoint === undefined) return undefined;
  const problem = await checkAgainst(pool, path, checkpoint, () => key).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof Failure) return error;
      throw error;
    },
  );
  const { treeSize: size, note } = checkpoint;
  return { path, treeSize: size, note, entries: await treeSize(pool, workspaceId), problem };
}

async function checkAgainst(
  pool: Pool,
  path: string,
  { workspace, note }: CopiedCheckpoint,
  keyOf: (workspaceId: WorkspaceId) => SigningKey,
): Promise<void> {
  const workspaceId = workspace as WorkspaceId;
  const checked = checkNote(note, [keyOf(workspaceId).verifier]);
  const checkpoint = checked.kind === 'verified' ? parseCheckpoint(checked.note.text) : 'is not signed by this key';
  if (typeof checkpoint === 'string') {
    throw new Failure(
      500,
      'checkpoint_file_invalid',
      `The newest checkpoint of ${workspace} in ${path} ${checkpoint}.`,
      'Restore log.key and the checkpoint file that belong to this log; if the key was replaced on purpose, put the old file away safely.',
    );
  }
  const size = await treeSize(pool, workspaceId);
  if (checkpoint.size > size) {
    throw tailCut(
      `The database holds ${size} entries of workspace ${workspace}, but ${path} has a signed checkpoint of ${checkpoint.size}.`,
    );
  }
  const tree = await frontierAt(checkpoint.size, nodesFromTiles(size, tileLoader(pool, workspaceId)));
  if (!sameHash(tree.root(), checkpoint.root)) {
    throw tailCut(
      `The first ${checkpoint.size} entries of workspace ${workspace} in the database are not those whose checkpoint is in ${path}.`,
    );
  }
}

function tailCut(cause: string): Failure {
  return new Failure(
    500,
    'log_tail_cut',
    cause,
    'Restore a backup that has these entries and find out what happened. If this is meant to be a new log, put the old checkpoint file away safely.',
  );
}
