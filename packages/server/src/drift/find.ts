/** What decides, against what was approved: one snapshot of the database, compared with versions, archive and log. */

import { setImmediate } from 'node:timers/promises';
import { parseJson } from '@hivekey/action-log';
import { policyHash } from '@hivekey/policy';
import type { Pool, PoolClient } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { RunningLog } from '../log/index.ts';
import type { ProvenPolicy } from '../path/index.ts';
import {
  findArchived,
  isIntact,
  loadPolicyState,
  type PolicyState,
  PolicyUnreadable,
  policyDigest,
} from '../roles/index.ts';
import { type ControlledTypes, contentHash, isObjectType, keyOf, type ObjectType } from '../versions/index.ts';
import { versionRecords } from './proven.ts';

export interface Drift {
  readonly what: 'object' | 'version' | 'policy' | 'archive';
  /** `policy` for the last two. */
  readonly type: ObjectType | 'policy';
  readonly id: string;
  /** Content hash; `none`: there should be, or is, none; `unreadable`. */
  readonly expected: string;
  readonly found: string;
}

export interface FindParts {
  readonly pool: Pool;
  readonly log: Pick<RunningLog, 'catchUp' | 'prove' | 'verifierKey'>;
  readonly controlled: ControlledTypes;
  readonly proven: ProvenPolicy;
}

export interface Look {
  readonly drift: readonly Drift[];
  readonly objects: number;
}

/** So many are compared before others have their turn. */
const AT_ONCE = 500;
const NONE = 'none';

/** Looks at one workspace again and again, and remembers what needs no second look. */
export class Finder {
  readonly #parts: FindParts;
  readonly #workspaceId: WorkspaceId;
  /** Versions of which the log was seen to say the same, by their event. */
  #confirmed: ReadonlyMap<string, Version> = new Map();
  /** Digest of what the policy was read from when it was last seen to be the proven one. */
  #policyDigest = '';

  constructor(parts: FindParts, workspaceId: WorkspaceId) {
    this.#parts = parts;
    this.#workspaceId = workspaceId;
  }

  async look(): Promise<Look> {
    const { pool } = this.#parts;
    const client = await pool.connect();
    try {
      // One snapshot: what is changed meanwhile is changed in all of it or in nothing.
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const versions = await newestVersions(client, this.#workspaceId);
      const objects = await this.#objects(client, versions);
      const policy = await this.#policy(client);
      await client.query('COMMIT');
      client.release();
      return { drift: [...objects, ...(await this.#unconfirmed(versions)), ...policy], objects: versions.length };
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  /** The policy alone. */
  async lookAtPolicy(): Promise<readonly Drift[]> {
    const client = await this.#parts.pool.connect();
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const policy = await this.#policy(client);
      await client.query('COMMIT');
      client.release();
      return policy;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  async #objects(client: PoolClient, versions: readonly Version[]): Promise<Drift[]> {
    const byKey = new Map(versions.map((version) => [keyOf(version), version]));
    const drift: Drift[] = [];
    let compared = 0;
    for (const { type, list } of this.#parts.controlled.values())
      for (const [id, document] of await list(client, this.#workspaceId)) {
        compared += 1;
        if (compared % AT_ONCE === 0) await setImmediate();
        const version = byKey.get(keyOf({ type, id }));
        byKey.delete(keyOf({ type, id }));
        // What is written in the same way need not be hashed.
        if (version?.text === JSON.stringify(document)) continue;
        const found = contentHash(document);
        const expected = version?.sha256 ?? NONE;
        if (found !== expected) drift.push({ what: 'object', type, id, expected, found });
      }
    for (const { type, id, sha256 } of byKey.values())
      if (sha256 !== null) drift.push({ what: 'object', type, id, expected: sha256, found: NONE });
    return drift;
  }

  /** Versions that the log does not know so, or of which the document is not what the hash says. */
  async #unconfirmed(versions: readonly Version[]): Promise<Drift[]> {
    const { pool, log } = this.#parts;
    const fresh = versions.filter((version) => !isSameVersion(this.#confirmed.get(version.event_id), version));
    const confirmed = new Map(versions.map((version) => [version.event_id, version]));
    const drift: Drift[] = [];
    for (let from = 0; from < fresh.length; from += AT_ONCE) {
      const some = fresh.slice(from, from + AT_ONCE);
      const records = await versionRecords(
        pool,
        log,
        this.#workspaceId,
        some.map(({ event_id }) => event_id),
      );
      for (const version of some) {
        const { type, id, event_id, sha256, text } = version;
        const record = records.get(event_id);
        const isOf = record?.object_type === type && record.object_id === id && record.version === `${version.version}`;
        const expected = isOf ? (record.sha256 ?? NONE) : NONE;
        const content = text === null ? NONE : contentHash(parseJson(text));
        const isSame = isOf && record.sha256 === sha256 && content === (sha256 ?? NONE);
        if (isSame) continue;
        confirmed.delete(event_id);
        drift.push({ what: 'version', type, id, expected, found: content });
      }
      await setImmediate();
    }
    this.#confirmed = confirmed;
    return drift;
  }

  async #policy(client: PoolClient): Promise<Drift[]> {
    const digest = await policyDigest(client, this.#workspaceId);
    const proven = await this.#parts.proven(this.#workspaceId);
    if (digest === this.#policyDigest && proven !== undefined && digest.endsWith(proven.hash)) return [];
    const state = await loadPolicyState(client, this.#workspaceId);
    const { published } = state;
    if (published === undefined) return [];
    // Published after the snapshot was taken: the next look sees all of it.
    if (proven !== undefined && proven.revision > published.revision) return [];
    const expected = proven?.revision === published.revision ? proven.hash : NONE;
    const archived = await findArchived(client, this.#workspaceId, { kind: 'newest' });
    const kept = archived === undefined ? NONE : isIntact(archived) ? archived.hash : 'unreadable';
    const rows = hashOf(state);
    const drift: Drift[] = [];
    if (kept !== expected) drift.push({ what: 'archive', type: 'policy', id: '*', expected, found: kept });
    const approved = proven?.hash ?? NONE;
    if (rows !== approved) drift.push({ what: 'policy', type: 'policy', id: '*', expected: approved, found: rows });
    this.#policyDigest = drift.length === 0 ? digest : '';
    return drift;
  }
}

function hashOf({ set }: PolicyState): string {
  return set instanceof PolicyUnreadable ? 'unreadable' : policyHash(set);
}

interface Version {
  readonly type: ObjectType;
  readonly id: string;
  readonly version: number;
  readonly sha256: string | null;
  readonly event_id: string;
  readonly text: string | null;
}

async function newestVersions(client: PoolClient, workspaceId: WorkspaceId): Promise<readonly Version[]> {
  const { rows } = await client.query<Version>(
    `SELECT DISTINCT ON (object_type, object_id) object_type AS type, object_id AS id, version, sha256, event_id, document::text AS text
       FROM object_versions WHERE workspace_id = $1 ORDER BY object_type, object_id, version DESC`,
    [workspaceId],
  );
  return rows.filter(({ type }) => isObjectType(type));
}

function isSameVersion(one: Version | undefined, other: Version): boolean {
  return (
    one !== undefined &&
    one.type === other.type &&
    one.id === other.id &&
    one.version === other.version &&
    one.sha256 === other.sha256 &&
    one.text === other.text
  );
}
