/**
 * Rotation of key-encryption keys: every data key is put under the current key, or under its newest version, while
 * calls go on. Values are not touched. A key is kept until nothing stands under it.
 */
import type { Pool } from 'pg';
import { Failure } from '../../errors.ts';
import { newId, type WorkspaceId } from '../../ids.ts';
import type { ActionLog, LoggedTransaction } from '../../log/index.ts';
import { checkHealth } from './key-provider.ts';
import { checkKeyReference, DERIVED, type Keyring } from './keyring.ts';
import { type EncryptionKeysView, secondsOf } from './secret-views.ts';
import { CredentialUnavailable } from './unavailable.ts';

interface Run {
  workspace_id: WorkspaceId;
  id: string;
  kek: string;
  started_by: string;
  started_at: Date;
  total: number;
  finished_at: Date | null;
  failed: number;
  last_error: string | null;
}

interface WrappedRow {
  name: string;
  version: number;
  kek: string;
  wrapped_key: Buffer;
}

const BATCH = 100;
/** A node that dies in the middle of it is followed by another after this time. */
const LEASE = "interval '60 seconds'";
/** Versions that do not stand under the newest version of the run's key yet. `$2`: the key, `$3`: begin of the run. */
const REMAINING = `workspace_id = $1 AND state <> 'retired' AND (kek <> $2 OR coalesce(rewrapped_at, created_at) < $3)`;

export class Rewraps {
  readonly #pool: Pool;
  readonly #log: ActionLog;
  readonly #keyring: Keyring;
  readonly #failed: (error: unknown) => void;
  #working: Promise<void> | undefined;
  #isClosed = false;

  constructor(pool: Pool, log: ActionLog, keyring: Keyring, failed: (error: unknown) => void) {
    this.#pool = pool;
    this.#log = log;
    this.#keyring = keyring;
    this.#failed = failed;
  }

  async describe(workspaceId: WorkspaceId): Promise<EncryptionKeysView> {
    const { rows: keys } = await this.#pool.query<{
      reference: string;
      state: 'current' | 'retiring' | 'retired';
      versions: number;
      set_at: Date | null;
      set_by: string | null;
    }>(
      `WITH used AS (SELECT kek, count(*)::int AS versions FROM upstream_secrets
                      WHERE workspace_id = $1 AND state <> 'retired' GROUP BY kek),
            set AS (SELECT * FROM key_encryption_keys WHERE workspace_id = $1)
       SELECT coalesce(set.reference, used.kek, $2) AS reference, coalesce(used.versions, 0) AS versions, set_at, set_by,
              coalesce(set.state, CASE WHEN EXISTS (SELECT FROM set WHERE state = 'current') THEN 'retiring' ELSE 'current' END) AS state
         FROM used FULL JOIN set ON set.reference = used.kek
        ORDER BY state, reference`,
      [workspaceId, DERIVED],
    );
    const current = keys.find(({ state }) => state === 'current')?.reference ?? DERIVED;
    return {
      object: 'encryption_keys',
      current,
      keys: keys.map(({ set_at, ...key }) => ({
        reference: key.reference,
        state: key.state,
        versions: key.versions,
        set: set_at === null ? null : secondsOf(set_at),
        set_by: key.set_by,
      })),
      rewrap: await this.#newest(workspaceId),
    };
  }

  async #newest(workspaceId: WorkspaceId): Promise<EncryptionKeysView['rewrap']> {
    const { rows } = await this.#pool.query<Run>(
      'SELECT * FROM secret_rewraps WHERE workspace_id = $1 ORDER BY started_at DESC LIMIT 1',
      [workspaceId],
    );
    const run = rows[0];
    if (run === undefined) return null;
    const state = run.finished_at === null ? 'running' : run.failed > 0 ? 'failed' : 'done';
    const left = state === 'running' ? await this.#remaining(run) : run.failed;
    return {
      id: run.id,
      key: run.kek,
      state,
      total: run.total,
      done: Math.max(0, run.total - left),
      failed: run.failed,
      last_error: run.last_error,
      started: secondsOf(run.started_at),
      started_by: run.started_by,
      finished: run.finished_at === null ? null : secondsOf(run.finished_at),
    };
  }

  async #remaining({ workspace_id, kek, started_at }: Run): Promise<number> {
    const { rows } = await this.#pool.query<{ left: number }>(
      `SELECT count(*)::int AS left FROM upstream_secrets WHERE ${REMAINING}`,
      [workspace_id, kek, started_at],
    );
    return rows[0]?.left ?? 0;
  }

  /** Answers when it has begun. Throws `key_reference_invalid`, `key_unusable`, `rewrap_running`. */
  async start(workspaceId: WorkspaceId, reference: string | undefined, actor: string): Promise<EncryptionKeysView> {
    if (reference !== undefined) checkKeyReference(reference);
    const wanted = reference ?? (await this.describe(workspaceId)).current;
    try {
      await checkHealth(await this.#keyring.of(wanted));
    } catch (error) {
      throw new Failure(
        409,
        'key_unusable',
        `The key ${wanted} cannot be used: ${error instanceof Error ? error.message : 'it failed'}.`,
        'See that it is there, that this server may use it, and that it is of an authenticated type; nothing has changed.',
      );
    }
    await this.#log.transact(workspaceId, (transaction) => begin(transaction, workspaceId, wanted, actor));
    void this.work().catch(this.#failed);
    return this.describe(workspaceId);
  }

  /** Works on what is open, one run after the other, until none is left. */
  work(): Promise<void> {
    this.#working ??= this.#workAll().finally(() => {
      this.#working = undefined;
    });
    return this.#working;
  }

  async #workAll(): Promise<void> {
    for (let run = await this.#take(); run !== undefined && !this.#isClosed; run = await this.#take())
      await this.#workOn(run);
  }

  async #take(): Promise<Run | undefined> {
    const { rows } = await this.#pool.query<Run>(
      `UPDATE secret_rewraps SET worked_until = now() + ${LEASE}
        WHERE (workspace_id, id) = (SELECT workspace_id, id FROM secret_rewraps
                                     WHERE finished_at IS NULL AND worked_until < now()
                                     ORDER BY started_at LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING *`,
    );
    return rows[0];
  }

  async #workOn(run: Run): Promise<void> {
    const about = [run.workspace_id, run.kek, run.started_at];
    let after: readonly [string, number] = ['', 0];
    let problem: string | undefined;
    while (!this.#isClosed) {
      const { rows } = await this.#pool.query<WrappedRow>(
        `SELECT name, version, kek, wrapped_key FROM upstream_secrets
          WHERE ${REMAINING} AND (name, version) > ($4, $5) ORDER BY name, version LIMIT ${BATCH}`,
        [...about, ...after],
      );
      const last = rows.at(-1);
      if (last === undefined) break;
      after = [last.name, last.version];
      const outcome = await this.#rewrapAll(run, rows);
      problem ??= outcome.problem;
      // Every further one would wait for the same service.
      if (outcome.isAway) break;
      await this.#pool.query(
        `UPDATE secret_rewraps SET worked_until = now() + ${LEASE} WHERE workspace_id = $1 AND id = $2`,
        [run.workspace_id, run.id],
      );
    }
    if (!this.#isClosed) await this.#finish(run, problem);
  }

  async #rewrapAll(
    run: Run,
    rows: readonly WrappedRow[],
  ): Promise<{ readonly problem: string | undefined; readonly isAway: boolean }> {
    let problem: string | undefined;
    for (const row of rows) {
      try {
        await this.#rewrapOne(run, row);
      } catch (error) {
        problem ??= `${row.name} version ${row.version}: ${error instanceof Error ? error.message : 'it failed'}`;
        if (error instanceof CredentialUnavailable) return { problem, isAway: true };
      }
    }
    return { problem, isAway: false };
  }

  async #rewrapOne({ workspace_id: workspaceId, kek }: Run, row: WrappedRow): Promise<void> {
    const context = { workspaceId, name: row.name, version: row.version };
    const target = await this.#keyring.of(kek);
    let wrapped: Buffer;
    if (row.kek === kek) wrapped = await target.rewrap(row.wrapped_key, context);
    else {
      const dataKey = await (await this.#keyring.of(row.kek)).unwrap(row.wrapped_key, context);
      try {
        wrapped = await target.wrap(dataKey, context);
      } finally {
        dataKey.fill(0);
      }
    }
    // Not what has changed meanwhile.
    await this.#pool.query(
      `UPDATE upstream_secrets SET kek = $4, wrapped_key = $5, rewrapped_at = now()
        WHERE workspace_id = $1 AND name = $2 AND version = $3 AND wrapped_key = $6`,
      [workspaceId, row.name, row.version, kek, wrapped, row.wrapped_key],
    );
  }

  async #finish(run: Run, problem: string | undefined): Promise<void> {
    await this.#log.transact(run.workspace_id, async (transaction) => {
      const { client } = transaction;
      const { rows } = await client.query<{ left: number }>(
        `SELECT count(*)::int AS left FROM upstream_secrets WHERE ${REMAINING}`,
        [run.workspace_id, run.kek, run.started_at],
      );
      const failed = rows[0]?.left ?? 0;
      await client.query(
        `UPDATE secret_rewraps SET finished_at = now(), failed = $3, last_error = $4 WHERE workspace_id = $1 AND id = $2`,
        [run.workspace_id, run.id, failed, failed === 0 ? null : (problem ?? 'it changed meanwhile')],
      );
      await client.query(
        `UPDATE key_encryption_keys k SET state = 'retired'
          WHERE workspace_id = $1 AND state = 'retiring'
            AND NOT EXISTS (SELECT FROM upstream_secrets s
                             WHERE s.workspace_id = k.workspace_id AND s.kek = k.reference AND s.state <> 'retired')`,
        [run.workspace_id],
      );
      transaction.log({
        kind: 'secret.changed',
        actor: run.started_by,
        change: failed === 0 ? 'rewrapped' : 'rewrap_failed',
        key: run.kek,
        rewrap_id: run.id,
        versions: run.total,
        ...(failed === 0 ? {} : { failed }),
      });
    });
  }

  /** What is under way stops after the version it is at; another node, or the next start, goes on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#working?.catch(() => undefined);
  }
}

async function begin(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  wanted: string,
  actor: string,
): Promise<void> {
  const { client, now } = transaction;
  const { rows: open } = await client.query(
    'SELECT FROM secret_rewraps WHERE workspace_id = $1 AND finished_at IS NULL',
    [workspaceId],
  );
  if (open.length > 0)
    throw new Failure(
      409,
      'rewrap_running',
      'Stored credentials are being rewrapped already.',
      'See GET /v1/secrets/keys, and begin again when that is done.',
    );
  const { rows: set } = await client.query<{ reference: string }>(
    "SELECT reference FROM key_encryption_keys WHERE workspace_id = $1 AND state = 'current'",
    [workspaceId],
  );
  const previous = set[0]?.reference ?? DERIVED;
  if (previous !== wanted) {
    await client.query(
      `INSERT INTO key_encryption_keys (workspace_id, reference, state, set_by, set_at) VALUES ($1, $2, 'retiring', $3, $4)
       ON CONFLICT (workspace_id, reference) DO UPDATE SET state = 'retiring'`,
      [workspaceId, previous, actor, now],
    );
    await client.query(
      `INSERT INTO key_encryption_keys (workspace_id, reference, state, set_by, set_at) VALUES ($1, $2, 'current', $3, $4)
       ON CONFLICT (workspace_id, reference) DO UPDATE SET state = 'current', set_by = $3, set_at = $4`,
      [workspaceId, wanted, actor, now],
    );
  }
  const id = newId<string>('rwp');
  const { rows } = await client.query<{ total: number }>(
    `INSERT INTO secret_rewraps (workspace_id, id, kek, started_by, started_at, total)
     SELECT $1, $2, $3, $4, $5, count(*) FROM upstream_secrets WHERE workspace_id = $1 AND state <> 'retired'
     RETURNING total`,
    [workspaceId, id, wanted, actor, now],
  );
  transaction.log({
    kind: 'secret.changed',
    actor,
    change: 'rewrap_started',
    key: wanted,
    ...(previous === wanted ? {} : { previous_key: previous }),
    rewrap_id: id,
    versions: rows[0]?.total ?? 0,
  });
}
