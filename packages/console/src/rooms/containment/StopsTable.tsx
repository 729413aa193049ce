import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Containment } from '../../api/types.ts';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { plural } from '../../ui/format.ts';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';

const COLUMNS: readonly Column<Containment>[] = [
  {
    key: 'target',
    header: 'Stopped',
    cell: ({ id, scope, target, reason }) => (
      <TwoLines
        first={
          <Link to="/containment" search={{ tab: 'receipts', stop: id }} className={rowLink}>
            {scope === 'workspace' ? 'The workspace' : `${scope} ${target}`}
          </Link>
        }
        second={reason}
      />
    ),
  },
  {
    key: 'status',
    header: 'Status',
    width: '110px',
    cell: ({ lifted_at }) => <StatusMark status={lifted_at === null ? 'stopped' : 'lifted'} />,
  },
  {
    key: 'agents',
    header: 'Reached',
    width: '150px',
    cell: ({ receipt }) => (
      <TwoLines
        first={plural(receipt.agents.length, 'agent')}
        second={receipt.calls.length === 0 ? undefined : `${plural(receipt.calls.length, 'call')} in flight`}
      />
    ),
  },
  {
    key: 'speed',
    header: 'Refusing after',
    width: '116px',
    cell: ({ receipt: { first_refusal_ms } }) =>
      first_refusal_ms === null ? (
        <span className="muted">—</span>
      ) : (
        <span className="num">{Math.round(first_refusal_ms * 10) / 10} ms</span>
      ),
  },
  {
    key: 'ordered',
    header: 'Ordered',
    width: '150px',
    cell: ({ ordered_at, actor }) => <TwoLines first={<Time value={ordered_at} />} second={`by ${actor}`} />,
  },
];

export function StopsTable({
  label,
  stops,
  empty,
  last,
}: {
  readonly label: string;
  readonly stops: readonly Containment[] | undefined;
  readonly empty: ReactNode;
  readonly last?: Column<Containment>;
}) {
  return (
    <DataTable
      label={label}
      columns={last === undefined ? COLUMNS : [...COLUMNS, last]}
      rows={stops}
      rowKey={({ id }) => id}
      empty={empty}
    />
  );
}
