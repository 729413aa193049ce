/** Which entries have outlived their period, and which of them have to stay all the same. Reads only. */
import { formatHash, type Run, rootOf, runsOf } from '@hivekey/action-log';
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { CLASSES, type Periods, patternsOf, type RetentionClass } from './classes.ts';

/** Of one `log.pruned`, which has at most 64 KiB: runs in its text, and entries looked at before it is written. */
const RUNS_OF_A_RECORD = 3_000;
const ENTRIES_OF_A_RECORD = 50_000;
/** No statement looks at more, however large the log is. */
const ENTRIES_AT_ONCE = 200_000;

/** The last entry of each class whose period is over; 0: none. */
export type Bounds = Readonly<Record<RetentionClass, number>>;

/** Why an entry stays although its period is over. */
export const REASONS = ['held', 'open_call', 'pending_approval', 'in_force', 'call_stays'] as const;
type Reason = (typeof REASONS)[number];

/** The last entry that was sealed before the time; 0 when there is none. Entries are sealed in their order. */
async function lastBefore(client: Pool | ClientBase, workspaceId: WorkspaceId, before: Date): Promise<number> {
  // Sealing times only grow with the numbers, so halves are enough: 40 probes of the key for any log.
  const probe = async (seq: number) => {
    const { rows } = await client.query<{ last: number; is_before: boolean }>(
      `SELECT first_global_seq + count - 1 AS last, sealed_at < $3 AS is_before FROM log_seals
        WHERE workspace_id = $1 AND first_global_seq <= $2 ORDER BY first_global_seq DESC LIMIT 1`,
      [workspaceId, seq, before],
    );
    return rows[0];
  };
  let low = 0;
  let high = (await probe(Number.MAX_SAFE_INTEGER))?.last ?? 0;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const found = await probe(middle);
    if (found?.is_before === true) low = Math.min(high, found.last);
    else high = middle - 1;
  }
  return low;
}

const DAY_MS = 86_400_000;

/** `now`: of the database. */
export async function boundsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  periods: Periods,
  now: Date,
): Promise<Bounds> {
  const of = async (each: RetentionClass): Promise<number> => {
    const days = periods[each];
    return days === null ? 0 : lastBefore(client, workspaceId, new Date(now.getTime() - days * DAY_MS));
  };
  return {
    calls: await of('calls'),
    results: await of('results'),
    approvals: await of('approvals'),
    policy: await of('policy'),
    security: await of('security'),
    administrative: await of('administrative'),
    reads: await of('reads'),
    system: await of('system'),
  };
}

/** Whoever reads the log in order and has not come so far yet. */
export interface Reader {
  readonly what: string;
  readonly name: string;
  /** The last entry that it is done with. */
  readonly through: number;
}

/** Those that the log is kept for: required sinks, and the rules that are evaluated over it. */
export async function readersOf(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<readonly Reader[]> {
  const { rows } = await client.query<Reader>(
    `SELECT 'sink' AS what, s.name, t.cursor_seq AS through
       FROM sinks s JOIN sink_streams t ON t.workspace_id = s.workspace_id AND t.sink_id = s.id AND t.purpose = 'live'
      WHERE s.workspace_id = $1 AND s.required AND s.status <> 'deleted'
      UNION ALL SELECT 'detections', 'rules', next_seq - 1 FROM detection_evaluators WHERE workspace_id = $1
      ORDER BY through, name`,
    [workspaceId],
  );
  return rows;
}

/** The due entries, and why one stays: $1 workspace, $2 after which, $3 up to which; adds what else it needs to `values`. */
function dueSql(bounds: Bounds, values: unknown[]): string {
  const conditions: string[] = [];
  for (const each of CLASSES) {
    if (bounds[each] === 0) continue;
    const { like, notLike } = patternsOf(each);
    values.push(bounds[each], like, notLike);
    const at = values.length;
    conditions.push(`(a.seq <= $${at - 2} AND a.kind LIKE ANY($${at - 1}) AND a.kind NOT LIKE ALL($${at}))`);
  }
  // What is left of a redacted record goes when that has gone.
  const longest = Math.max(...CLASSES.map((each) => bounds[each]));
  values.push(longest);
  conditions.push(
    `(a.seq <= $${values.length} AND a.kind = 'log.redacted' AND NOT EXISTS (
       SELECT FROM actions s WHERE s.workspace_id = a.workspace_id AND s.seq = (a.record ->> 'subject')::bigint))`,
  );
  values.push(bounds.calls);
  return `
SELECT a.seq, a.kind, a.ts, a.entry_hash,
       CASE
         WHEN EXISTS (SELECT FROM log_holds_in_force($1) AS scope WHERE log_holds(scope, a.record::json)) THEN 'held'
         WHEN a.kind = 'tool.call' AND a.verdict = 'allow' AND a.outcome IS NULL THEN 'open_call'
         WHEN a.record ? 'approval_id' AND EXISTS (
           SELECT FROM approvals p WHERE p.workspace_id = a.workspace_id AND p.id = a.record ->> 'approval_id'
              AND p.status IN ('pending', 'approved', 'released')) THEN 'pending_approval'
         WHEN a.kind = 'policy.changed' AND a.seq = (
           SELECT max(n.seq) FROM actions n WHERE n.workspace_id = a.workspace_id AND n.kind = 'policy.changed'
              AND NOT n.record ? 'synthetic') THEN 'in_force'
         WHEN a.kind = 'object.versioned' AND EXISTS (
           SELECT FROM object_versions v WHERE v.workspace_id = a.workspace_id AND v.event_id = a.event_id
              AND v.version = (SELECT max(w.version) FROM object_versions w WHERE w.workspace_id = v.workspace_id
                                  AND w.object_type = v.object_type AND w.object_id = v.object_id)) THEN 'in_force'
         WHEN a.kind = 'tool.result' AND EXISTS (
           SELECT FROM actions c WHERE c.workspace_id = a.workspace_id AND c.event_id = a.call_event_id AND c.kind = 'tool.call'
              AND (c.seq > $${values.length} OR EXISTS (
                SELECT FROM log_holds_in_force($1) AS scope WHERE log_holds(scope, c.record::json)))) THEN 'call_stays'
       END AS stays
  FROM actions a
 WHERE a.workspace_id = $1 AND a.seq > $2 AND a.seq <= $3 AND (${conditions.join('\n    OR ')})`;
}

/** What one `log.pruned` lets go. */
export interface Batch {
  readonly runs: readonly Run[];
  readonly count: number;
  /** `sha256:<hex>` of the RFC 6962 tree over the entry hashes. */
  readonly root: string;
  readonly kinds: Readonly<Record<string, number>>;
}

/** The next entries that may go, behind `after`; undefined when there are none up to `limit`. */
export async function nextBatch(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  bounds: Bounds,
  after: number,
  limit: number,
): Promise<Batch | undefined> {
  const rows = await nextDue(client, workspaceId, bounds, after, limit);
  const runs = runsOf(rows.map(({ seq }) => seq)).slice(0, RUNS_OF_A_RECORD);
  const last = runs.at(-1)?.last ?? 0;
  const taken = rows.filter(({ seq }) => seq <= last);
  if (taken.length === 0) return undefined;
  const kinds: Record<string, number> = {};
  for (const { kind } of taken) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return {
    runs,
    count: taken.length,
    root: formatHash(rootOf(taken.map(({ entry_hash }) => entry_hash))),
    kinds,
  };
}

interface DueEntry {
  readonly seq: number;
  readonly kind: string;
  readonly entry_hash: Buffer;
}

/** In stretches, up to the first that has some. */
async function nextDue(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  bounds: Bounds,
  after: number,
  limit: number,
): Promise<readonly DueEntry[]> {
  for (let from = after; from < limit; from += ENTRIES_AT_ONCE) {
    const values: unknown[] = [workspaceId, from, Math.min(limit, from + ENTRIES_AT_ONCE)];
    const due = dueSql(bounds, values);
    const { rows } = await client.query<DueEntry>(
      `SELECT seq, kind, entry_hash FROM (${due}) AS due WHERE stays IS NULL ORDER BY seq LIMIT ${ENTRIES_OF_A_RECORD}`,
      values,
    );
    if (rows.length > 0) return rows;
  }
  return [];
}

/** How much has outlived its period, by kind and why it stays; `null`: it may go. */
export interface DueCount {
  readonly kind: string;
  readonly stays: Reason | null;
  readonly count: number;
  readonly oldest: Date;
}

export async function countDue(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  bounds: Bounds,
  limit: number,
): Promise<readonly DueCount[]> {
  const sums = new Map<string, DueCount>();
  for (let after = 0; after < limit; after += ENTRIES_AT_ONCE) {
    const values: unknown[] = [workspaceId, after, Math.min(limit, after + ENTRIES_AT_ONCE)];
    const due = dueSql(bounds, values);
    const { rows } = await client.query<DueCount>(
      `SELECT kind, stays, count(*) AS count, min(ts) AS oldest FROM (${due}) AS due GROUP BY kind, stays`,
      values,
    );
    for (const { kind, stays, count, oldest } of rows) {
      const before = sums.get(`${kind} ${stays}`);
      sums.set(`${kind} ${stays}`, {
        kind,
        stays,
        count: (before?.count ?? 0) + count,
        oldest: before === undefined || oldest < before.oldest ? oldest : before.oldest,
      });
    }
  }
  return [...sums.values()];
}
