/**
 * Records whose payload has left the log. Which may, and that no other can, is kept by the database (migration 0164); what
 * stands here only reads it.
 */
import { canonicalJson, type LogRecord } from '@hivekey/action-log';
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';

/** Why a payload is absent. */
export interface Absence {
  readonly kind: 'pruned' | 'redacted';
  /** The record of the log that let it go: its place, and its id. */
  readonly seq: number;
  readonly eventId: string;
}

/** An entry without a payload. */
export interface AbsentEntry {
  readonly seq: number;
  readonly shard: string;
  readonly shardSeq: number;
}

export interface StandIn {
  readonly absence: Absence;
  /** What a redaction has left of the record, with `redacted: {by, fields}`; undefined where nothing is left. */
  readonly remains: LogRecord | undefined;
  /** In the form of a record, for those who read on: `remains`, or that there is nothing. It is not what was hashed. */
  readonly record: LogRecord;
}

interface Row {
  first: number;
  last: number;
  subject: number;
  seq: number;
  event_id: string;
  kind: 'log.pruned' | 'log.redacted';
  ts: string;
  workspace: string;
  env: string;
  remains: LogRecord | null;
  removed: string[];
}

// What is pruned is that, whatever was redacted of it before; of redactions the newest counts. The last row has the word.
const ABSENCES = `
SELECT lower(r) AS first, upper(r) - 1 AS last, lower(a.entries) AS subject, a.seq, a.event_id, a.kind, a.ts, a.workspace, a.env,
       a.remains, a.removed
  FROM log_absences a CROSS JOIN LATERAL unnest(a.entries * int8multirange(int8range($2, $3, '[]'))) AS r
 WHERE a.workspace_id = $1 AND a.entries && int8range($2, $3, '[]')
 ORDER BY a.kind DESC, a.seq`;

/** What stands in for each of the entries, which come in order. Throws when one is absent and no record says so. */
export async function standIns(
  client: ClientBase | Pool,
  workspaceId: WorkspaceId,
  entries: readonly AbsentEntry[],
): Promise<ReadonlyMap<number, StandIn>> {
  const [first] = entries;
  const last = entries.at(-1);
  const found = new Map<number, StandIn>();
  if (first === undefined || last === undefined) return found;
  const { rows } = await client.query<Row>({
    name: 'log-absences',
    text: ABSENCES,
    values: [workspaceId, first.seq, last.seq],
  });
  for (const row of rows)
    for (const entry of entries)
      if (entry.seq >= row.first && entry.seq <= row.last) found.set(entry.seq, standInOf(row, entry));
  const lost = entries.find(({ seq }) => !found.has(seq));
  if (lost !== undefined) throw new Error(`entry ${lost.seq} has no payload, and no record lets it go`);
  return found;
}

function standInOf(row: Row, { seq, shard, shardSeq }: AbsentEntry): StandIn {
  const absence: Absence = {
    kind: row.kind === 'log.pruned' ? 'pruned' : 'redacted',
    seq: row.seq,
    eventId: row.event_id,
  };
  if (row.remains !== null && row.subject === seq) {
    const record = { ...row.remains, redacted: { by: row.event_id, fields: row.removed } };
    return { absence, remains: record, record };
  }
  return {
    absence,
    remains: undefined,
    record: {
      v: 1,
      event_id: `evt_absent_${seq}`,
      kind: 'log.absent',
      ts: row.ts,
      workspace: row.workspace,
      env: row.env,
      shard,
      shard_seq: shardSeq,
      absence: absence.kind,
      by: row.event_id,
    },
  };
}

/** In the form of RFC 8785, as records are written. */
export function standInText({ record }: StandIn): string {
  return canonicalJson(record);
}

/** The entries of a block, which begins with these numbers, that have no payload. */
export function absentIn(
  block: { readonly firstGlobalSeq: number; readonly firstSeq: number; readonly shardId: string },
  records: Iterable<{ readonly record: Uint8Array }>,
): AbsentEntry[] {
  const absent: AbsentEntry[] = [];
  let at = 0;
  for (const { record } of records) {
    if (record.length === 0)
      absent.push({ seq: block.firstGlobalSeq + at, shard: block.shardId, shardSeq: block.firstSeq + at });
    at += 1;
  }
  return absent;
}
