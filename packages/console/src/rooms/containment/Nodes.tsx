import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { stopsQuery } from '../../api/queries.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { type NodeWord, nodeWords } from './node-words.ts';

const COLUMNS: readonly Column<NodeWord>[] = [
  {
    key: 'node',
    header: 'Node',
    cell: ({ node }) => (
      <span className="mono" title={node}>
        {node}
      </span>
    ),
  },
  {
    key: 'word',
    header: 'Its word on the last stop it was asked for',
    width: '300px',
    cell: ({ ms }) =>
      ms === undefined ? (
        <Mark tone="review">not heard from</Mark>
      ) : (
        <span className="num">in force after {ms.toLocaleString('en-US')} ms</span>
      ),
  },
  {
    key: 'stop',
    header: 'Stop',
    width: '280px',
    cell: ({ stop }) => (
      <Link to="/containment" search={{ stop: stop.id }}>
        {stop.scope === 'workspace' ? 'the workspace' : `${stop.scope} ${stop.target}`}
      </Link>
    ),
  },
  { key: 'when', header: 'Ordered', width: '130px', cell: ({ stop }) => <Time value={stop.ordered_at} /> },
];

/** Which nodes confirmed stops, and how fast. What refuses new calls does not depend on them. */
export function Nodes() {
  const { data } = useQuery(stopsQuery);
  const rows = data === undefined ? undefined : nodeWords(data.data);
  return (
    <Section title="Nodes">
      <DataTable
        label="Nodes"
        columns={COLUMNS}
        rows={rows}
        rowKey={({ node }) => node}
        empty={
          <p className="muted">No stop was ordered yet. From the first one on, each node says here when it heard.</p>
        }
      />
    </Section>
  );
}
