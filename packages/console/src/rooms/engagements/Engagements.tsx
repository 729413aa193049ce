import type { Engagement } from '@hivekey/sdk';
import { useQuery } from '@tanstack/react-query';
import { Link, Navigate } from '@tanstack/react-router';
import { useState } from 'react';
import { engagementsQuery } from '../../api/engagement-queries.ts';
import { sessionQuery } from '../../api/queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { OpenDialog } from './OpenDialog.tsx';
import { periodWords } from './words.ts';

/** Audit firms that are let in, for a period and a time. */
export function Engagements() {
  const [isOpening, setOpening] = useState(false);
  const { data: session } = useQuery(sessionQuery);
  const { data, error, refetch } = useQuery(engagementsQuery);
  if (typeof session?.engagement === 'string')
    return <Navigate to="/engagements/$engagement" params={{ engagement: session.engagement }} search={{}} replace />;
  const open = (
    <ActButton needs="POST /v1/engagements" onClick={() => setOpening(true)}>
      Let a firm in
    </ActButton>
  );
  return (
    <Page
      title="Auditors"
      description="An audit firm sees a period, for a time, and you see what it looked at."
      actions={data === undefined || data.length === 0 ? undefined : open}
    >
      {error === null ? (
        <DataTable
          label="Engagements"
          columns={COLUMNS}
          rows={data}
          rowKey={({ id }) => id}
          empty={
            <Empty title="No firm was ever let in" command="npx hivekey engagements open --help" action={open}>
              An engagement says which firm, which period, and when it ends. Its people come in with a passkey, read
              what the period holds, and ask for the rest.
            </Empty>
          }
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      {isOpening ? <OpenDialog onClose={() => setOpening(false)} /> : null}
    </Page>
  );
}

const COLUMNS: readonly Column<Engagement>[] = [
  {
    key: 'firm',
    header: 'Firm',
    cell: ({ id, firm, scope }) => (
      <TwoLines
        first={
          <Link to="/engagements/$engagement" params={{ engagement: id }} className={rowLink}>
            {firm}
          </Link>
        }
        second={scope}
      />
    ),
  },
  { key: 'period', header: 'Period', width: '200px', cell: (engagement) => periodWords(engagement) },
  {
    key: 'people',
    header: 'People',
    width: '80px',
    align: 'end',
    cell: ({ people }) => <span className="num">{people.filter(({ removed_at }) => removed_at === null).length}</span>,
  },
  {
    key: 'waits',
    header: 'Waits for you',
    width: '120px',
    align: 'end',
    cell: ({ requests: { open, returned } }) => <span className="num">{open + returned}</span>,
  },
  {
    key: 'ends',
    header: 'Ends',
    width: '110px',
    cell: ({ ended_at: ended, expires_at: expires }) => <Time value={ended ?? expires} />,
  },
  {
    key: 'status',
    header: 'Status',
    width: '110px',
    cell: ({ status }) => <StatusMark status={status === 'open' ? 'active' : 'ended'} />,
  },
];
