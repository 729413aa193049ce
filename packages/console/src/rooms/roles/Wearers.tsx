import { Button } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { agentsQuery } from '../../api/queries.ts';
import type { Agent } from '../../api/types.ts';
import { type Column, DataTable, rowLink } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';

const COLUMNS: readonly Column<Agent>[] = [
  {
    key: 'name',
    header: 'Agent',
    cell: ({ name }) => (
      <Link to="/agents/$agent" params={{ agent: name }} className={rowLink} title={name}>
        {name}
      </Link>
    ),
  },
  { key: 'owner', header: 'Owner', cell: ({ owner }) => owner },
  { key: 'status', header: 'Status', width: '130px', cell: ({ status }) => <StatusMark status={status} /> },
  {
    key: 'last',
    header: 'Last action',
    width: '130px',
    cell: ({ last_action_at }) => <Time value={last_action_at} absent="never" />,
  },
];

/** The agents that wear a role. */
export function Wearers({ role }: { readonly role: string }) {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    agentsQuery({ role }),
  );
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <>
      <DataTable
        label="Agents with this role"
        columns={COLUMNS}
        rows={data?.pages.flatMap((page) => page.data)}
        rowKey={({ id }) => id}
        empty={
          <Empty
            title="No agent wears this role"
            command={`npx hivekey agent create NAME --role ${role} --owner dana@acme.example`}
          >
            Give it to an agent on the agent's page, or create one:
          </Empty>
        }
      />
      {hasNextPage ? (
        <Button variant="default" mt="sm" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          More agents
        </Button>
      ) : null}
    </>
  );
}
