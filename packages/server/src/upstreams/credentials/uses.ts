/** When each reference was last resolved: kept in memory, written down now and then. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../../ids.ts';

export class CredentialUses {
  readonly #pool: Pool;
  readonly #clock: () => number;
  /** Epoch milliseconds, by workspace and reference. */
  #seen = new Map<WorkspaceId, Map<string, number>>();

  constructor(pool: Pool, clock: () => number) {
    this.#pool = pool;
    this.#clock = clock;
  }

  saw(workspaceId: WorkspaceId, ref: string): void {
    let seen = this.#seen.get(workspaceId);
    if (seen === undefined) {
      seen = new Map();
      this.#seen.set(workspaceId, seen);
    }
    seen.set(ref, this.#clock());
  }

  /** What cannot be written is lost: it is about when, not about whether. */
  async write(): Promise<void> {
    const seen = this.#seen;
    this.#seen = new Map();
    for (const [workspaceId, uses] of seen)
      await this.#pool.query(
        `INSERT INTO credential_uses (workspace_id, ref, used_at)
         SELECT $1, ref, to_timestamp(ms / 1000.0) FROM unnest($2::text[], $3::float8[]) AS u (ref, ms) ORDER BY ref
         ON CONFLICT (workspace_id, ref) DO UPDATE SET used_at = greatest(credential_uses.used_at, excluded.used_at)`,
        [workspaceId, [...uses.keys()], [...uses.values()]],
      );
  }
}
