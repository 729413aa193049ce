import type { ControlResult, Readiness } from '@hivekey/sdk';
import { Link } from '@tanstack/react-router';
import type { ReadinessPeriod } from '../../api/readiness-queries.ts';
import { type Column, DataTable, rowLink, Tags, TwoLines } from '../../ui/DataTable.tsx';
import { count } from '../../ui/format.ts';
import { StateMark } from './states.tsx';

interface Shown {
  readonly state: Readiness;
  readonly period: ReadinessPeriod;
}

/** Each control with what it rests on. */
export function Controls({ state, period }: Shown) {
  const columns: readonly Column<ControlResult>[] = [
    {
      key: 'control',
      header: 'Control',
      width: '30%',
      cell: ({ id, title }) => (
        <Link to="/readiness/$control" params={{ control: id }} search={{ ...period }} className={rowLink}>
          {id} {title}
        </Link>
      ),
    },
    { key: 'state', header: 'State', width: '160px', cell: ({ state: of }) => <StateMark state={of} /> },
    {
      key: 'tested',
      header: 'Tested',
      width: '84px',
      align: 'end',
      cell: ({ population }) => <span className="num">{count(population)}</span>,
    },
    {
      key: 'deviate',
      header: 'Deviate',
      width: '84px',
      align: 'end',
      cell: ({ deviating }) => <span className="num">{count(deviating)}</span>,
    },
    { key: 'criteria', header: 'Criteria', width: '190px', cell: ({ criteria }) => <Tags names={criteria} /> },
    { key: 'why', header: 'Why', cell: ({ reason }) => <span title={reason}>{reason}</span> },
  ];
  return <DataTable label="Controls" rows={state.controls} rowKey={({ id }) => id} columns={columns} />;
}

/** A criterion is as its worst control. */
export function Criteria({ state, period }: Shown) {
  return (
    <DataTable
      label="Criteria"
      rows={state.criteria}
      rowKey={({ id }) => id}
      columns={[
        { key: 'criterion', header: 'Criterion', cell: ({ id, title }) => <TwoLines first={`${id} ${title}`} /> },
        { key: 'state', header: 'Worst state', width: '180px', cell: ({ state: of }) => <StateMark state={of} /> },
        {
          key: 'controls',
          header: 'Controls',
          width: '45%',
          cell: ({ controls }) => (
            <span className="row-wrap">
              {controls.map((id) => (
                <Link key={id} to="/readiness/$control" params={{ control: id }} search={{ ...period }}>
                  {id}
                </Link>
              ))}
            </span>
          ),
        },
      ]}
    />
  );
}
