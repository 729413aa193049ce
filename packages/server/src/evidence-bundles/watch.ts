/** Has bundles built, one after the other, takes up what a node that died left, and deletes what is not to be kept any longer. */
import { readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ApiContext } from '../api/route.ts';
import type { Config } from '../config.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { holdsInForce } from '../retention/index.ts';
import { startRounds } from '../rounds.ts';
import type { BundleFailure } from './bundle.ts';
import { finishRotation, heldKey } from './key.ts';
import { archivePath, bundleFolder } from './places.ts';
import type { Authority, BuiltBundle, BundleTask, ReadingTask, ThreadMessage } from './task.ts';

const LOOK_EVERY_MS = 1_000;
const HEARD_EVERY_MS = 10_000;
/** Nobody has heard of it for so long: its node is gone. */
const LOST_AFTER_SECONDS = 60;
/** A bundle that ends its node each time is not tried for ever. */
const MAX_ATTEMPTS = 5;
const MAX_HEAP_MB = 512;

type Context = Pick<ApiContext, 'pool' | 'log' | 'keys' | 'config' | 'logger' | 'version' | 'nodeId' | 'url' | 'clock'>;

export interface BundleWatch {
  /** What is being built is left as it is, to be built again at the next start. */
  close(): Promise<void>;
}

/** `databaseUrl`: of the application role. Throws `timestamp_ca_invalid`. */
export async function watchBundles(context: Context, databaseUrl: string): Promise<BundleWatch> {
  const watch = new Watch(context, databaseUrl, authorityOf(context.config));
  await finishRotation(context.config.data, async (fingerprint) => {
    const { rowCount } = await context.pool.query('SELECT FROM evidence_keys WHERE fingerprint = $1', [fingerprint]);
    return rowCount !== 0;
  });
  return watch;
}

interface Claimed {
  workspaceId: WorkspaceId;
  attempts: number;
  bundle: BundleTask['bundle'];
  previous: BundleTask['previous'];
}

// Of one node one at a time, so that what is its own and not being built was left by an earlier life of it, or is new.
const CLAIM = `
UPDATE evidence_bundles b SET node = $1, heard_at = clock_timestamp(), attempts = attempts + 1, step = ''
 WHERE (workspace_id, id) = (
   SELECT workspace_id, id FROM evidence_bundles
    WHERE status = 'building' AND (node = $1 OR heard_at < clock_timestamp() - make_interval(secs => ${LOST_AFTER_SECONDS}))
    ORDER BY requested_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING workspace_id AS "workspaceId", attempts,
  jsonb_build_object('id', id, 'name', name, 'version', version, 'include', include, 'reason', reason, 'requestedBy', requested_by,
    'session', session, 'from', to_char(period_from AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'to', to_char(period_to AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'disposeOn', to_char(dispose_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')) AS bundle,
  (SELECT jsonb_build_object('version', p.version, 'manifest', p.manifest, 'manifestSha256', p.manifest_sha256)
     FROM evidence_bundles p
    WHERE p.workspace_id = b.workspace_id AND p.period_from = b.period_from AND p.period_to = b.period_to
      AND p.version < b.version AND p.status IN ('ready', 'disposed')
    ORDER BY p.version DESC LIMIT 1) AS previous`;

class Watch implements BundleWatch {
  readonly #context: Context;
  readonly #databaseUrl: string;
  readonly #authority: Authority | null;
  readonly #rounds;
  #worker: Worker | undefined;
  #isClosed = false;

  constructor(context: Context, databaseUrl: string, authority: Authority | null) {
    this.#context = context;
    this.#databaseUrl = databaseUrl;
    this.#authority = authority;
    this.#rounds = startRounds(
      LOOK_EVERY_MS,
      () => this.#look(),
      (error) => context.logger.warn({ err: error }, 'bundles of evidence could not be looked after'),
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
    await this.#rounds.close();
  }

  async #look(): Promise<void> {
    const { pool, nodeId } = this.#context;
    const { rows } = await pool.query<Claimed>(CLAIM, [nodeId]);
    const [claimed] = rows;
    if (claimed !== undefined) await this.#carryOut(claimed);
    await disposeBundles(this.#context);
  }

  async #carryOut({ workspaceId, attempts, bundle, previous }: Claimed): Promise<void> {
    const { config, log } = this.#context;
    if (attempts > MAX_ATTEMPTS) {
      await this.#failed(workspaceId, bundle.id, {
        code: 'bundle_broke_off',
        cause: `Building it ended the server ${MAX_ATTEMPTS} times.`,
        remedy: 'Look into the log of the server, give it more memory or disk, and ask for a shorter period.',
      });
      return;
    }
    const folder = bundleFolder(config.data, workspaceId);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await log.catchUp(workspaceId);
    const ended = await this.#inThread({
      workspaceId,
      bundle,
      previous,
      folder: join(folder, `${bundle.id}.building`),
      archive: archivePath(config.data, workspaceId, bundle.id),
      signingKey: heldKey(config.data).privateKey,
      authority: this.#authority,
    });
    if (ended === undefined) return;
    if (ended.kind === 'built') await this.#built(workspaceId, bundle, ended.built);
    else await this.#failed(workspaceId, bundle.id, ended.failure, ended.detail);
  }

  /** How it ended; undefined when this node is closing, or another one has taken it. */
  async #inThread(task: BundleTask): Promise<Exclude<ThreadMessage, { kind: 'step' }> | undefined> {
    if (this.#isClosed) return undefined;
    const { config, keys, nodeId, version, url } = this.#context;
    const reading: ReadingTask = {
      connectionString: this.#databaseUrl,
      nodeId,
      version,
      url,
      config: { ...config, databaseUrl: undefined, secretKey: undefined },
      logKey: keys.signing,
      envelopeKey: keys.envelope,
    };
    const worker = new Worker(new URL('./thread.ts', import.meta.url), {
      workerData: { task, reading },
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    this.#worker = worker;
    let step = '';
    let ended: Exclude<ThreadMessage, { kind: 'step' }> | undefined;
    let isOurs = true;
    const tell = async (): Promise<void> => {
      isOurs = await this.#heard(task, step);
      if (!isOurs) await worker.terminate();
    };
    const told = (error: unknown): void =>
      this.#context.logger.warn({ err: error, bundle: task.bundle.id }, 'a bundle could not be told of');
    const timer = setInterval(() => tell().catch(told), HEARD_EVERY_MS);
    try {
      await new Promise<void>((resolve) => {
        worker.on('message', (message: ThreadMessage) => {
          if (message.kind !== 'step') ended = message;
          else {
            step = message.step;
            tell().catch(told);
          }
        });
        worker.once('error', (error) => {
          ended ??= brokeOff(error);
        });
        worker.once('exit', () => resolve());
      });
    } finally {
      clearInterval(timer);
      this.#worker = undefined;
    }
    if (this.#isClosed || !isOurs) return undefined;
    return ended ?? brokeOff(new Error('the thread ended without a word'));
  }

  /** False when another node has taken it. */
  async #heard({ workspaceId, bundle }: BundleTask, step: string): Promise<boolean> {
    const { pool, nodeId } = this.#context;
    const { rowCount } = await pool.query(
      `UPDATE evidence_bundles SET heard_at = clock_timestamp(), step = $4
        WHERE workspace_id = $1 AND id = $2 AND node = $3 AND status = 'building'`,
      [workspaceId, bundle.id, nodeId, step],
    );
    return rowCount === 1;
  }

  async #built(workspaceId: WorkspaceId, bundle: BundleTask['bundle'], built: BuiltBundle): Promise<void> {
    const { log, nodeId, config } = this.#context;
    const { changes } = built;
    const counts = changes && {
      added: changes.added.length,
      removed: changes.removed.length,
      changed: changes.changed.length,
      same: changes.same,
    };
    const isOurs = await log.transact(workspaceId, async ({ client, now, log: record }) => {
      const { rowCount } = await client.query(
        `UPDATE evidence_bundles SET status = 'ready', step = '', ended_at = $4, as_of = $5, files = $6, bytes = $7, sha256 = $8,
                manifest_sha256 = $9, manifest = $10, changes = $11, absent = $12, fingerprint = $13, timestamped_at = $14
          WHERE workspace_id = $1 AND id = $2 AND node = $3 AND status = 'building'`,
        [
          workspaceId,
          bundle.id,
          nodeId,
          now,
          built.asOf,
          built.files,
          built.bytes,
          built.sha256,
          built.manifestSha256,
          built.manifest,
          counts && JSON.stringify(counts),
          JSON.stringify(built.absent),
          built.fingerprint,
          built.timestampedAt,
        ],
      );
      if (rowCount !== 1) return false;
      record({
        kind: 'evidence.bundle_built',
        actor: 'system',
        bundle: bundle.id,
        name: bundle.name,
        version: bundle.version,
        from: bundle.from,
        to: bundle.to,
        as_of: built.asOf,
        files: built.files,
        bytes: built.bytes,
        sha256: built.sha256,
        manifest_sha256: built.manifestSha256,
        fingerprint: built.fingerprint,
        timestamped_at: built.timestampedAt ?? undefined,
      });
      return true;
    });
    if (!isOurs) await rm(archivePath(config.data, workspaceId, bundle.id), { force: true });
  }

  async #failed(workspaceId: WorkspaceId, id: string, failure: BundleFailure, detail?: string | null): Promise<void> {
    const { log, nodeId, logger } = this.#context;
    logger.warn({ bundle: id, failure, detail }, 'a bundle of evidence was not built');
    await log.transact(workspaceId, async ({ client, now, log: record }) => {
      const { rowCount } = await client.query(
        `UPDATE evidence_bundles SET status = 'failed', ended_at = $4, failure = $5
          WHERE workspace_id = $1 AND id = $2 AND node = $3 AND status = 'building'`,
        [workspaceId, id, nodeId, now, JSON.stringify(failure)],
      );
      if (rowCount === 1)
        record({
          kind: 'evidence.bundle_failed',
          actor: 'system',
          bundle: id,
          code: failure.code,
          reason: failure.cause,
        });
    });
  }
}

function brokeOff(error: Error): Exclude<ThreadMessage, { kind: 'step' }> {
  const isMemory = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return {
    kind: 'failed',
    failure: {
      code: 'bundle_broke_off',
      cause: isMemory ? `Building it took more than ${MAX_HEAP_MB} MB of memory.` : 'Building it broke off.',
      remedy: 'Ask for a shorter period or fewer reports, and tell the maintainers.',
    },
    detail: error.stack ?? error.message,
  };
}

/** Files whose time is over, of this node; none while a hold is in force in the workspace. */
async function disposeBundles({ pool, log, nodeId, config }: Context): Promise<void> {
  const { rows } = await pool.query<{ workspaceId: WorkspaceId; id: string; name: string }>(
    `SELECT workspace_id AS "workspaceId", id, name FROM evidence_bundles
      WHERE status = 'ready' AND node = $1 AND dispose_at <= clock_timestamp() ORDER BY dispose_at LIMIT 100`,
    [nodeId],
  );
  for (const { workspaceId, id, name } of rows) {
    if ((await holdsInForce(pool, workspaceId)).length > 0) continue;
    // The file goes first: what breaks off in between is done again.
    await rm(archivePath(config.data, workspaceId, id), { force: true });
    await log.transact(workspaceId, async ({ client, now, log: record }) => {
      const { rowCount } = await client.query(
        `UPDATE evidence_bundles SET status = 'disposed', disposed_at = $3 WHERE workspace_id = $1 AND id = $2 AND status = 'ready'`,
        [workspaceId, id, now],
      );
      if (rowCount === 1) record({ kind: 'evidence.bundle_disposed', actor: 'system', bundle: id, name });
    });
  }
}

/** Null where none is configured. Throws `timestamp_ca_invalid`. */
function authorityOf({ timestamp_url: url, timestamp_ca: path }: Config): Authority | null {
  if (url === undefined) return null;
  const invalid = (cause: string): Failure =>
    new Failure(
      500,
      'timestamp_ca_invalid',
      cause,
      'Set HIVEKEY_TIMESTAMP_CA to a file with the certificates (PEM) of the authority: without them nobody can check its time-stamps.',
    );
  if (path === undefined) throw invalid('HIVEKEY_TIMESTAMP_URL is set, and HIVEKEY_TIMESTAMP_CA is not.');
  try {
    const certificates = readFileSync(path, 'utf8');
    if (certificates.includes('-----BEGIN CERTIFICATE-----')) return { url, certificates };
  } catch {
    // told below
  }
  throw invalid('HIVEKEY_TIMESTAMP_CA is not a file with certificates.');
}
