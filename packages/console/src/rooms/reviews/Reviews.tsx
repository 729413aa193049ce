import type { ReviewSummary } from '@hivekey/sdk';
import { SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { reviewQueueQuery, reviewsQuery } from '../../api/review-queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { count } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { LaunchDialog } from './LaunchDialog.tsx';
import { Policy } from './Policy.tsx';
import { Queue } from './Queue.tsx';
import { causageWords } from './words.ts';

const route = getRouteApi('/in/reviews');

/** Who may do what is looked at again, by people without a part in it; what they take away is gone, and that is verified. */
export function Reviews() {
  const { tab = 'queue' } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: queue } = useQuery(reviewQueueQuery);
  const waiting = queue?.filter(({ own }) => own !== null && !own.submitted).length ?? 0;
  return (
    <Page
      title="Access reviews"
      description="What agents and people may do is looked at again, by somebody who has no part in it. Silence is never a yes."
      actions={
        <SegmentedControl
          aria-label="What is shown"
          data={[
            { value: 'queue', label: waiting === 0 ? 'My queue' : `My queue (${count(waiting)})` },
            { value: 'campaigns', label: 'Campaigns' },
            { value: 'policy', label: 'Policy' },
          ]}
          value={tab}
          onChange={(next) =>
            navigate({ search: next === 'queue' ? {} : { tab: next as Exclude<typeof tab, 'queue'> } })
          }
        />
      }
    >
      {tab === 'policy' ? <Policy /> : tab === 'campaigns' ? <Campaigns /> : <Queue />}
    </Page>
  );
}

function Campaigns() {
  const [isLaunching, setLaunching] = useState(false);
  const { data, error, refetch } = useQuery(reviewsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const start = (
    <ActButton needs="POST /v1/reviews" onClick={() => setLaunching(true)}>
      Launch a review
    </ActButton>
  );
  return (
    <div className="stack-tight">
      {data === undefined || data.length === 0 ? null : (
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          {start}
        </div>
      )}
      <DataTable
        label="Campaigns"
        rows={data}
        rowKey={({ id }) => id}
        columns={COLUMNS}
        empty={
          <Empty title="No review was held yet" action={start} command="hivekey reviews launch --reason 'first review'">
            A campaign freezes what there is, gives each item to somebody who has no part in it, and is closed when what
            they took away is verified to be gone. The policy can launch one each quarter by itself.
          </Empty>
        }
      />
      {isLaunching ? <LaunchDialog onClose={() => setLaunching(false)} /> : null}
    </div>
  );
}

const COLUMNS: readonly Column<ReviewSummary>[] = [
  {
    key: 'review',
    header: 'Review',
    cell: (review) => (
      <TwoLines
        first={
          <Link to="/reviews/$review" params={{ review: review.id }} className={rowLink}>
            {review.id}
          </Link>
        }
        second={causageWords(review)}
      />
    ),
  },
  {
    key: 'status',
    header: 'Status',
    width: '120px',
    cell: ({ status, overdue }) => <StatusMark status={overdue ? 'overdue' : status} />,
  },
  {
    key: 'decided',
    header: 'Decided',
    width: '120px',
    align: 'end',
    cell: ({ items, decided }) => (
      <span className="num">
        {count(decided)} of {count(items)}
      </span>
    ),
  },
  {
    key: 'open',
    header: 'Still to take effect',
    width: '150px',
    align: 'end',
    cell: ({ remediations_open: open }) => <span className="num">{count(open)}</span>,
  },
  { key: 'due', header: 'Due', width: '110px', cell: ({ due_at: due }) => <Time value={due} /> },
  { key: 'frozen', header: 'Frozen', width: '110px', cell: ({ snapshot_at: at }) => <Time value={at} /> },
];
