import { Button } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { tasksQuery } from '../../api/agent-queries.ts';
import type { TransferTask } from '../../api/agent-types.ts';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords, count } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark, StatusMark } from '../../ui/Verdict.tsx';
import { Offers } from './Offers.tsx';
import { Orphans } from './Orphans.tsx';
import { OwnershipSettings } from './OwnershipSettings.tsx';
import { CAUSES, TASK_STATUSES } from './words.ts';

const COLUMNS: readonly Column<TransferTask>[] = [
  {
    key: 'person',
    header: 'Who left',
    cell: ({ id, person, cause, actor }) => (
      <TwoLines
        first={
          <Link to="/transfers/$task" params={{ task: id }} className={rowLink} title={person}>
            {person}
          </Link>
        }
        second={`by ${CAUSES[cause]}, ${actorWords(actor)}`}
      />
    ),
  },
  {
    key: 'status',
    header: 'Status',
    width: '130px',
    cell: ({ status }) => <StatusMark status={TASK_STATUSES[status]} />,
  },
  {
    key: 'waiting',
    header: 'Agents waiting',
    width: '130px',
    cell: ({ agents_waiting, agents_total }) => (
      <span className="num">
        {count(agents_waiting)} of {count(agents_total)}
      </span>
    ),
  },
  {
    key: 'due',
    header: 'Deadline',
    width: '190px',
    cell: ({ status, due_at, escalated_at }) =>
      status === 'open' ? (
        <span className="row-wrap">
          <Time value={due_at} />
          {escalated_at === null ? null : <Mark tone="deny">escalated</Mark>}
        </span>
      ) : (
        <span className="muted">—</span>
      ),
  },
  { key: 'opened', header: 'Left', width: '112px', cell: ({ opened_at }) => <Time value={opened_at} /> },
];

/** What people who left have left behind, who is asked to take over, and for which agents nobody answers. */
export function Transfers() {
  const { data, error, isPending, isFetchingNextPage, hasNextPage, fetchNextPage, refetch } =
    useInfiniteQuery(tasksQuery);
  return (
    <>
      <Section title="Left behind">
        {error === null ? (
          <DataTable
            label="Transfer tasks"
            columns={COLUMNS}
            rows={isPending ? undefined : data.pages.flatMap((page) => page.data)}
            rowKey={({ id }) => id}
            empty={
              <Empty title="Nobody has left agents behind">
                When the owner of agents is deactivated, their agents stop in the same step, and wait here for another
                owner.
              </Empty>
            }
          />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
        {hasNextPage ? (
          <Button variant="default" mt="sm" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Older tasks
          </Button>
        ) : null}
      </Section>
      <Offers />
      <Orphans />
      <div style={{ height: 28 }} />
      <OwnershipSettings />
    </>
  );
}
