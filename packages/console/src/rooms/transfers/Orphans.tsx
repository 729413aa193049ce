import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { orphansQuery } from '../../api/agent-queries.ts';
import type { Orphan } from '../../api/agent-types.ts';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { ORPHANED } from './words.ts';

const COLUMNS: readonly Column<Orphan>[] = [
  {
    key: 'agent',
    header: 'Agent',
    cell: ({ agent }) => (
      <Link to="/agents/$agent" params={{ agent }} search={{ tab: 'ownership' }} title={agent}>
        {agent}
      </Link>
    ),
  },
  {
    key: 'why',
    header: 'Why',
    cell: ({ why, owner }) => <TwoLines first={ORPHANED[why]} second={`owner ${owner}`} />,
  },
  { key: 'status', header: 'Status', width: '118px', cell: ({ status }) => <StatusMark status={status} /> },
  { key: 'since', header: 'Since', width: '112px', cell: ({ since }) => <Time value={since} absent="not known" /> },
  {
    key: 'task',
    header: 'Task',
    width: '100px',
    cell: ({ task }) =>
      task === null ? (
        <span className="muted">none</span>
      ) : (
        <Link to="/transfers/$task" params={{ task }}>
          Task
        </Link>
      ),
  },
];

/** Agents for which nobody answers, or nobody stands in. */
export function Orphans() {
  const { data, error, refetch } = useQuery(orphansQuery);
  return (
    <Section title="Orphans">
      {error === null ? (
        <DataTable
          label="Orphans"
          columns={COLUMNS}
          rows={data}
          rowKey={({ agent_id }) => agent_id}
          empty={
            <p className="muted">None: somebody answers for every agent, and whoever was to stand in still can.</p>
          }
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
    </Section>
  );
}
