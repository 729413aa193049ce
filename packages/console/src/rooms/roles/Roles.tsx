import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { rolesQuery } from '../../api/queries.ts';
import type { Role } from '../../api/types.ts';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';

const COLUMNS: readonly Column<Role>[] = [
  {
    key: 'name',
    header: 'Role',
    cell: ({ name, description }) => (
      <TwoLines
        first={
          <Link to="/roles/$role" params={{ role: name }} className={rowLink} title={name}>
            {name}
          </Link>
        }
        second={description}
      />
    ),
  },
  {
    key: 'agents',
    header: 'Agents',
    width: '84px',
    align: 'end',
    cell: ({ agents }) => <span className="num">{agents}</span>,
  },
  {
    key: 'allow',
    header: 'Grants',
    width: '84px',
    align: 'end',
    cell: ({ allow }) => <span className="num">{allow.length}</span>,
  },
  {
    key: 'guards',
    header: 'Guards',
    width: '84px',
    align: 'end',
    cell: ({ guards }) => <span className="num">{guards.length}</span>,
  },
  {
    key: 'revision',
    header: 'Revision',
    width: '92px',
    align: 'end',
    cell: ({ revision }) => <span className="num">{revision}</span>,
  },
  {
    key: 'updated',
    header: 'Published',
    width: '190px',
    cell: ({ updated_at, author }) => <TwoLines first={<Time value={updated_at} />} second={`by ${author}`} />,
  },
];

export function Roles() {
  const { data, error, refetch } = useQuery(rolesQuery);
  return (
    <Page
      title="Roles"
      actions={
        <Button
          leftSection={<IconPlus size={14} aria-hidden />}
          renderRoot={(props: object) => <Link to="/new-role" {...props} />}
        >
          New role
        </Button>
      }
    >
      {error === null ? (
        <DataTable
          label="Roles"
          columns={COLUMNS}
          rows={data}
          rowKey={({ name }) => name}
          empty={
            <Empty title="No roles yet" command="npx hivekey role apply -f support-agent.yaml">
              A role bundles capabilities and the guards on them. Nothing is granted until a role grants it. Write one
              here, or apply a role file:
            </Empty>
          }
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
    </Page>
  );
}
