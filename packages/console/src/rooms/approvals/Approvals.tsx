import { Button, SegmentedControl } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { approvalsQuery, MOST_WAITING, sessionQuery, waitingQuery } from '../../api/queries.ts';
import type { Approval } from '../../api/types.ts';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { impactsWords } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { Countdown, Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { outcomeWords, peopleWords, stateOf } from './words.ts';

const route = getRouteApi('/in/approvals');

const SHOWN = [
  { value: 'waiting', label: 'Waiting' },
  { value: 'decided', label: 'Decided' },
  { value: 'mine', label: 'Mine' },
] as const;

/** A review guard, as short as one is. */
const EXAMPLE = `- id: large-payments
  action: payments.pay
  when: { field: amount, gt: $500 }
  effect: review
  approval: { people: 1, within: 1h }`;

export function Approvals() {
  const { show = 'waiting' } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title="Approvals"
      description="Calls that a rule holds until people decide. What is approved is one call with exactly these arguments, once."
      actions={
        <SegmentedControl
          aria-label="Which calls"
          data={[...SHOWN]}
          value={show}
          onChange={(next) =>
            navigate({ search: next === 'decided' || next === 'mine' ? { show: next } : {}, replace: true })
          }
        />
      }
    >
      {show === 'waiting' ? <Waiting /> : <Others show={show} />}
    </Page>
  );
}

function Waiting() {
  const { data, error, refetch } = useQuery(waitingQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className="stack-tight">
      {data?.has_more ? <p className="muted">The newest {MOST_WAITING}; more are waiting behind them.</p> : null}
      <DataTable
        label="Waiting calls"
        columns={WAITING}
        rows={data?.data.toSorted((a, b) => a.expires_at - b.expires_at)}
        rowKey={({ id }) => id}
        empty={
          <Empty title="Nothing waits for a decision" command={EXAMPLE}>
            A call comes here when a guard of a role, or of the workspace, comes out as review. For example:
          </Empty>
        }
      />
    </div>
  );
}

function Others({ show }: { readonly show: 'decided' | 'mine' }) {
  const { data: session } = useQuery(sessionQuery);
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(approvalsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const me = session?.key.person ?? undefined;
  const all = data?.pages.flatMap((page) => page.data);
  const rows = all?.filter((each) => (show === 'decided' ? each.status !== 'pending' : isOf(me, each)));
  return (
    <div className="stack-tight">
      <DataTable
        label={show === 'decided' ? 'Decided calls' : 'My calls'}
        columns={OTHERS}
        rows={rows}
        rowKey={({ id }) => id}
        empty={
          <Empty title={hasNextPage ? 'None among the newest' : 'None yet'}>
            {show === 'decided'
              ? 'Every held call stays here after it is decided, with who decided and what became of it.'
              : me === undefined
                ? 'The admin key of this session belongs to no person, so nothing is yours. Sign in with a key of your own.'
                : `Calls of agents that ${me} owns, and those that ${me} decided about.`}
          </Empty>
        }
      />
      {hasNextPage ? (
        <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Older ones
        </Button>
      ) : null}
    </div>
  );
}

/** Of an agent of the person, or decided by the person. */
function isOf(person: string | undefined, { owner, decisions }: Approval): boolean {
  return person !== undefined && (owner === person || decisions.some((each) => each.person === person));
}

const CALL: Column<Approval> = {
  key: 'call',
  header: 'Call',
  cell: ({ id, action, reason }) => (
    <TwoLines
      first={
        <Link to="/approvals/$approval" params={{ approval: id }} className={rowLink}>
          {action}
        </Link>
      }
      second={reason}
    />
  ),
};

const AGENT: Column<Approval> = {
  key: 'agent',
  header: 'Agent',
  width: '200px',
  cell: ({ agent, owner }) => <TwoLines first={agent} second={owner} />,
};

const AMOUNT: Column<Approval> = {
  key: 'amount',
  header: 'Amount',
  width: '140px',
  align: 'end',
  cell: ({ impact }) => <span className="num">{impactsWords(impact) ?? <span className="muted">—</span>}</span>,
};

const WAITING: readonly Column<Approval>[] = [
  CALL,
  AGENT,
  AMOUNT,
  {
    key: 'people',
    header: 'People',
    width: '150px',
    cell: (approval) => (
      <TwoLines
        first={<span className="num">{peopleWords(approval)}</span>}
        second={approval.missing.groups.join(', ')}
      />
    ),
  },
  {
    key: 'deadline',
    header: 'Time left',
    width: '120px',
    align: 'end',
    cell: ({ expires_at }) => <Countdown until={expires_at} over="expired" />,
  },
];

const OTHERS: readonly Column<Approval>[] = [
  CALL,
  AGENT,
  AMOUNT,
  {
    key: 'status',
    header: 'Status',
    width: '110px',
    cell: ({ status }) => <StatusMark status={stateOf(status)} />,
  },
  {
    key: 'outcome',
    header: 'What became of it',
    cell: (approval) => (
      <TwoLines
        first={outcomeWords(approval)}
        second={approval.decisions
          .map(({ person, decision }) => `${decision === 'approve' ? 'approved' : 'denied'} by ${person}`)
          .join(', ')}
      />
    ),
  },
  { key: 'asked', header: 'Asked', width: '110px', cell: ({ requested_at }) => <Time value={requested_at} /> },
];
