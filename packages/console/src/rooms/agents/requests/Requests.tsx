import { Button, Select } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { requestsQuery } from '../../../api/agent-queries.ts';
import type { AgentRequest, RequestStatus } from '../../../api/agent-types.ts';
import { type Column, DataTable, rowLink, Tags, TwoLines } from '../../../ui/DataTable.tsx';
import { actorWords } from '../../../ui/format.ts';
import { Empty, ErrorNotice } from '../../../ui/Notice.tsx';
import { Time } from '../../../ui/Time.tsx';
import { StatusMark } from '../../../ui/Verdict.tsx';
import { REQUEST_STATUSES } from '../words.ts';
import { Admission } from './Admission.tsx';

const route = getRouteApi('/in/agents');

const COLUMNS: readonly Column<AgentRequest>[] = [
  {
    key: 'name',
    header: 'Agent',
    cell: ({ id, name, reason }) => (
      <TwoLines
        first={
          <Link to="/agent-requests/$request" params={{ request: id }} className={rowLink} title={name}>
            {name}
          </Link>
        }
        second={reason}
      />
    ),
  },
  { key: 'roles', header: 'Roles', cell: ({ roles }) => <Tags names={roles} most={2} /> },
  {
    key: 'owner',
    header: 'Owner to be',
    cell: ({ owner }) => (
      <span className="truncate" title={owner}>
        {owner}
      </span>
    ),
  },
  {
    key: 'asked',
    header: 'Asked',
    width: '190px',
    cell: ({ requested_at, requested_by }) => (
      <TwoLines first={<Time value={requested_at} />} second={`by ${actorWords(requested_by)}`} />
    ),
  },
  {
    key: 'status',
    header: 'Status',
    width: '118px',
    cell: ({ status }) => <StatusMark status={REQUEST_STATUSES[status]} />,
  },
];

const ALL = 'all';
const SHOWN = [
  ...Object.entries(REQUEST_STATUSES).map(([value, label]) => ({
    value,
    label: `${label[0]?.toUpperCase()}${label.slice(1)}`,
  })),
  { value: ALL, label: 'All' },
];

/** Agents that somebody asked for. */
export function Requests() {
  const { show = 'requested' } = route.useSearch();
  const navigate = route.useNavigate();
  const status: RequestStatus | undefined = show === ALL ? undefined : show;
  const { data, error, isPending, isFetchingNextPage, hasNextPage, fetchNextPage, refetch } = useInfiniteQuery(
    requestsQuery(status),
  );
  return (
    <div className="stack">
      <Select
        aria-label="Requests shown"
        data={SHOWN}
        allowDeselect={false}
        value={show}
        onChange={(next) =>
          navigate({ search: (old) => ({ ...old, show: next === 'requested' ? undefined : next }) as typeof old })
        }
        w={150}
      />
      {error === null ? (
        <DataTable
          label="Requests for agents"
          columns={COLUMNS}
          rows={isPending ? undefined : data.pages.flatMap((page) => page.data)}
          rowKey={({ id }) => id}
          empty={
            <Empty
              title={status === 'requested' ? 'No request waits for an answer' : 'There is none'}
              command="npx hivekey agent request support-bot --role support-agent --owner dana@acme.example --reason 'Answers tickets'"
            >
              Somebody asks for an agent with its owner and roles; somebody else looks at it and lets it in.
            </Empty>
          }
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      {hasNextPage ? (
        <div>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            More requests
          </Button>
        </div>
      ) : null}
      <Admission />
    </div>
  );
}
