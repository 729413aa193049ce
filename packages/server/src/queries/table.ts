/** What a query selects, as a file: made while it is sent, a page of entries in memory at a time. */
import { Readable } from 'node:stream';
import { csvLine, type EventView, eventView } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import type { EventFilter, RunningLog } from '../log/index.ts';

export const FORMATS = ['csv', 'jsonl'] as const;
export type Format = (typeof FORMATS)[number];
export const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  csv: 'text/csv; charset=utf-8',
  jsonl: 'application/x-ndjson; charset=utf-8',
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
  async function* lines(): AsyncGenerator<string> {
    if (format === 'csv') yield csvLine(COLUMNS);
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const page = { limit: ROWS_AT_ONCE, order: 'asc', ...(cursor === undefined ? {} : { cursor }) } as const;
      const { events, nextCursor } = await log.list(workspaceId, filter, page);
      const within = events.filter(({ seq }) => seq <= lastSeq);
      yield within.map((event) => lineOf(eventView(event), format)).join('');
      cursor = within.length < events.length ? null : nextCursor;
    }
  }
  return Readable.from(lines(), { objectMode: false });
}

function lineOf(event: EventView, format: Format): string {
  if (format === 'jsonl') return `${JSON.stringify(event)}\n`;
  return csvLine(COLUMNS.map((column) => cellOf(event[column])));
}

function cellOf(value: unknown): string | number | boolean | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : JSON.stringify(value);
}
