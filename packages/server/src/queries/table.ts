/** What a query selects, as a file: made while it is sent, a page of entries in memory at a time. */
import { Readable } from 'node:stream';
import { csvLine, type EventView, eventView } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import type { EventFilter, LogEvent, RunningLog } from '../log/index.ts';
import { parquetOf } from './parquet.ts';

export const FORMATS = ['csv', 'jsonl', 'parquet'] as const;
export type Format = (typeof FORMATS)[number];
export const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  csv: 'text/csv; charset=utf-8',
  jsonl: 'application/x-ndjson; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
};

const ROWS_AT_ONCE = 500;

const COLUMNS = [
  'seq',
  'ts',
  'event_id',
  'kind',
  'agent',
  'agent_id',
  'owner',
  'actor',
  'action',
  'tool',
  'namespace',
  'verdict',
  'reason_class',
  'reason',
  'outcome',
  'call_event_id',
  'session_id',
  'run_id',
  'approval_id',
  'policy_revision',
  'entry_hash',
] as const;

/** Oldest first, what comes meanwhile too up to `lastSeq`. */
export function eventTable(
  log: Pick<RunningLog, 'list'>,
  workspaceId: WorkspaceId,
  filter: EventFilter,
  lastSeq: number,
  format: Format,
): Readable {
  const batches = eventsOf(log, workspaceId, filter, lastSeq);
  return Readable.from(format === 'parquet' ? parquetOf(batches) : linesOf(batches, format), { objectMode: false });
}

async function* eventsOf(
  log: Pick<RunningLog, 'list'>,
  workspaceId: WorkspaceId,
  filter: EventFilter,
  lastSeq: number,
): AsyncGenerator<readonly LogEvent[], void, undefined> {
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page = { limit: ROWS_AT_ONCE, order: 'asc', ...(cursor === undefined ? {} : { cursor }) } as const;
    const { events, nextCursor } = await log.list(workspaceId, filter, page);
    const within = events.filter(({ seq }) => seq <= lastSeq);
    if (within.length > 0) yield within;
    cursor = within.length < events.length ? null : nextCursor;
  }
}

async function* linesOf(
  batches: AsyncIterable<readonly LogEvent[]>,
  format: 'csv' | 'jsonl',
): AsyncGenerator<string, void, undefined> {
  if (format === 'csv') yield csvLine(COLUMNS);
  for await (const batch of batches) yield batch.map((event) => lineOf(eventView(event), format)).join('');
}

function lineOf(event: EventView, format: 'csv' | 'jsonl'): string {
  if (format === 'jsonl') return `${JSON.stringify(event)}\n`;
  return csvLine(COLUMNS.map((column) => cellOf(event[column])));
}

function cellOf(value: unknown): string | number | boolean | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : JSON.stringify(value);
}
