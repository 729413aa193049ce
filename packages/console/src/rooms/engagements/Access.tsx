import type { Engagement, EngagementAccess } from '@hivekey/sdk';
import { useInfiniteQuery } from '@tanstack/react-query';
import { engagementAccessQuery } from '../../api/engagement-queries.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { OlderOnes } from '../../ui/OlderOnes.tsx';
import { Moment } from '../../ui/Time.tsx';
import { whoWords } from './words.ts';

/** What people of the firm looked at and did, as the log has it. */
export function Access({ engagement }: { readonly engagement: Engagement }) {
  const query = useInfiniteQuery(engagementAccessQuery(engagement.id));
  if (query.error !== null) return <ErrorNotice error={query.error} retry={() => void query.refetch()} />;
  return (
    <div className="stack-tight">
      <p className="muted">
        A look is recorded before anything is shown: once for each session and address within ten minutes. Not among it:
        their own session, and the notes of the firm.
      </p>
      <DataTable
        label="Access"
        columns={COLUMNS}
        rows={query.data?.pages.flatMap(({ data }) => data)}
        rowKey={({ event_id }) => event_id}
        empty={<p className="muted">Nothing yet.</p>}
      />
      <OlderOnes query={query} />
    </div>
  );
}

/** Addresses as they read; what is not encoded as it should be stays as it is. */
function readable(what: string): string {
  try {
    return decodeURIComponent(what);
  } catch {
    return what;
  }
}

const COLUMNS: readonly Column<EngagementAccess>[] = [
  { key: 'at', header: 'When', width: '210px', cell: ({ at }) => <Moment value={at} /> },
  {
    key: 'who',
    header: 'Who',
    width: '220px',
    cell: ({ actor }) => (
      <span className="truncate" title={actor}>
        {whoWords(actor)}
      </span>
    ),
  },
  {
    key: 'what',
    header: 'What',
    cell: ({ what }) => <span style={{ overflowWrap: 'anywhere' }}>{readable(what)}</span>,
  },
  {
    key: 'kind',
    header: 'Record',
    width: '200px',
    cell: ({ kind, event_id: id }) => <span title={id}>{kind}</span>,
  },
];
