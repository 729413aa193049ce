import { Button, SegmentedControl } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { approvalsQuery, sessionQuery } from '../../api/queries.ts';
import type { Approval } from '../../api/types.ts';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { AGENT, AMOUNT, CALL } from './columns.tsx';
import { Delegations } from './Delegations.tsx';
import { Waiting } from './Waiting.tsx';
import { outcomeWords, stateOf, whoWords } from './words.ts';

const route = getRouteApi('/in/approvals');

const SHOWN = [
  { value: 'waiting', label: 'Waiting' },
  { value: 'decided', label: 'Decided' },
  { value: 'mine', label: 'Mine' },
  { value: 'delegations', label: 'Delegations' },
] as const;

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
          onChange={(next) => navigate({ search: next === 'waiting' ? {} : { show: next }, replace: true })}
        />
      }
    >
      {show === 'waiting' ? <Waiting /> : show === 'delegations' ? <Delegations /> : <Others show={show} />}
    </Page>
  );
}

function Others({ show }: { readonly show: 'decided' | 'mine' }) {
  const { data: session } = useQuery(sessionQuery);
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(approvalsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const me = session?.person?.email ?? undefined;
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
  return (
    person !== undefined &&
    (owner === person || decisions.some((each) => each.person === person || each.on_behalf_of === person))
  );
}

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
          .map(
            ({ person, on_behalf_of, decision }) =>
              `${decision === 'approve' ? 'approved' : 'denied'} by ${whoWords(person, on_behalf_of)}`,
          )
          .join(', ')}
      />
    ),
  },
  { key: 'asked', header: 'Asked', width: '110px', cell: ({ requested_at }) => <Time value={requested_at} /> },
];
