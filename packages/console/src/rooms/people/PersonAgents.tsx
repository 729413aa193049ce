import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Person } from '../../api/identity-types.ts';
import { agentsQuery } from '../../api/queries.ts';
import type { Agent } from '../../api/types.ts';
import { type Column, DataTable, rowLink, Tags, TwoLines } from '../../ui/DataTable.tsx';
import { plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';

const MOST_SHOWN = 20;

const COLUMNS: readonly Column<Agent>[] = [
  {
    key: 'name',
    header: 'Agent',
    cell: ({ name, description }) => (
      <TwoLines
        first={
          <Link to="/agents/$agent" params={{ agent: name }} className={rowLink} title={name}>
            {name}
          </Link>
        }
        second={description}
      />
    ),
  },
  { key: 'roles', header: 'Roles', cell: ({ roles }) => <Tags names={roles} most={2} /> },
  { key: 'status', header: 'Status', width: '118px', cell: ({ status }) => <StatusMark status={status} /> },
  {
    key: 'last',
    header: 'Last action',
    width: '118px',
    cell: ({ last_action_at }) => <Time value={last_action_at} absent="never" />,
  },
];

/** Agents that the person is accountable for. */
export function PersonAgents({ person }: { readonly person: Person }) {
  const { data, error, refetch } = useInfiniteQuery(agentsQuery({ owner: person.email }));
  const agents = data?.pages.flatMap((page) => page.data);
  return (
    <Section
      title="Agents owned"
      aside={
        agents !== undefined && agents.length > 0 ? (
          <Link to="/agents" search={{ owner: person.email }}>
            {plural(person.agents, 'agent')}
          </Link>
        ) : undefined
      }
    >
      {error === null ? (
        <DataTable
          label="Agents owned"
          columns={COLUMNS}
          rows={agents?.slice(0, MOST_SHOWN)}
          rowKey={({ id }) => id}
          empty={<p className="muted">None.</p>}
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
    </Section>
  );
}
