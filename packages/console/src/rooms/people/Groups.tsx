import { Button } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { groupsQuery } from '../../api/identity-queries.ts';
import type { Group } from '../../api/identity-types.ts';
import { type Column, DataTable, rowLink, Tags, TwoLines } from '../../ui/DataTable.tsx';
import { count } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { GroupDrawer } from './GroupDrawer.tsx';
import { GroupRolesTable } from './GroupRoles.tsx';

const route = getRouteApi('/in/people');

const COLUMNS: readonly Column<Group>[] = [
  {
    key: 'name',
    header: 'Group',
    cell: ({ name, display_name }) => (
      <TwoLines
        first={
          <Link to="/people" search={{ tab: 'groups', open: name }} className={rowLink} title={name}>
            {name}
          </Link>
        }
        second={display_name === name ? undefined : display_name}
      />
    ),
  },
  {
    key: 'source',
    header: 'Source',
    width: '170px',
    cell: ({ source, connection }) => (
      <TwoLines first={source === 'directory' ? 'SCIM' : 'Local'} second={connection ?? undefined} />
    ),
  },
  {
    key: 'members',
    header: 'People',
    width: '100px',
    align: 'end',
    cell: ({ members }) => <span className="num">{count(members)}</span>,
  },
  { key: 'roles', header: 'Workspace roles', width: '30%', cell: ({ roles }) => <Tags names={roles} most={4} /> },
  {
    key: 'updated',
    header: 'Changed',
    width: '112px',
    cell: ({ updated_at }) => <Time value={updated_at} absent="—" />,
  },
];

/** Groups of people: of a directory, or named by hand on the people themselves. */
export function Groups() {
  const { open } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useInfiniteQuery(groupsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <>
      <Section title="Groups">
        <DataTable
          label="Groups"
          columns={COLUMNS}
          rows={data?.pages.flatMap((page) => page.data)}
          rowKey={({ name }) => name}
          empty={
            <Empty title="No group yet">
              Groups are provisioned by a directory, come with a sign-in, or are named on the page of a person.
              Approvals ask for people of a group, and roles of the workspace come with them.
            </Empty>
          }
        />
        {hasNextPage ? (
          <div>
            <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
              More groups
            </Button>
          </div>
        ) : null}
      </Section>
      <GroupRolesTable />
      {open === undefined ? null : (
        <GroupDrawer name={open} onClose={() => navigate({ search: (old) => ({ ...old, open: undefined }) })} />
      )}
    </>
  );
}
