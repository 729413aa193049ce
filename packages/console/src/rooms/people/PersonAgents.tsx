import { type InfiniteData, useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Person } from '../../api/identity-types.ts';
import { agentsQuery } from '../../api/queries.ts';
import type { Agent, List } from '../../api/types.ts';
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

/** Agents that the person is accountable for, and those where they stand in for the owner. */
export function PersonAgents({ person }: { readonly person: Person }) {
  const owned = useInfiniteQuery(agentsQuery({ owner: person.email }));
  const deputised = useInfiniteQuery(agentsQuery({ deputy: person.id }));
  return (
    <>
      <Section
        title="Agents owned"
        aside={
          person.agents === 0 ? undefined : (
            <Link to="/agents" search={{ owner: person.email }}>
              {plural(person.agents, 'agent')}
            </Link>
          )
        }
      >
        <AgentTable label="Agents owned" list={owned} />
      </Section>
      {deputised.data?.pages[0]?.data.length === 0 ? null : (
        <Section title="Deputy for">
          <AgentTable label="Deputy for" list={deputised} />
        </Section>
      )}
    </>
  );
}

function AgentTable({
  label,
  list: { data, error, refetch },
}: {
  readonly label: string;
  readonly list: ReturnType<typeof useInfiniteQuery<List<Agent>, Error, InfiniteData<List<Agent>>>>;
}) {
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <DataTable
      label={label}
      columns={COLUMNS}
      rows={data?.pages[0]?.data.slice(0, MOST_SHOWN)}
      rowKey={({ id }) => id}
      empty={<p className="muted">None.</p>}
    />
  );
}
