import type { Deficiency } from '@hivekey/sdk';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { deficienciesQuery } from '../../api/readiness-queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { count } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { CloseDeficiency, DeficiencyForm } from './DeficiencyForm.tsx';

const COLUMNS: readonly Column<Deficiency>[] = [
  {
    key: 'control',
    header: 'Control',
    width: '26%',
    cell: ({ control, title }) => (
      <Link to="/readiness/$control" params={{ control }}>
        {control} {title}
      </Link>
    ),
  },
  {
    key: 'status',
    header: 'Status',
    width: '150px',
    cell: ({ status, closed_by, close_reason, closed_by_run }) =>
      status === 'open' ? (
        <Mark tone="deny">open</Mark>
      ) : (
        <TwoLines
          first={<Mark tone="neutral">{closed_by_run === null ? `closed by ${closed_by ?? ''}` : 'passed'}</Mark>}
          second={close_reason ?? closed_by_run ?? ''}
        />
      ),
  },
  { key: 'severity', header: 'Severity', width: '100px', cell: ({ severity }) => severity },
  {
    key: 'records',
    header: 'Records',
    width: '90px',
    align: 'end',
    cell: ({ record_ids: ids }) => <span className="num">{count(ids.length)}</span>,
  },
  {
    key: 'owner',
    header: 'Owner',
    width: '140px',
    cell: ({ owner }) => owner ?? <span className="muted">nobody</span>,
  },
  { key: 'due', header: 'Due', width: '120px', cell: ({ due_at }) => <Time value={due_at} /> },
  { key: 'opened', header: 'Opened', width: '120px', cell: ({ opened_at }) => <Time value={opened_at} /> },
];

/** What failed. Nothing here changes a state, and nothing is deleted. */
export function Deficiencies({ control }: { readonly control?: string }) {
  const [edited, setEdited] = useState<Deficiency>();
  const [closed, setClosed] = useState<Deficiency>();
  const { data, error, refetch } = useQuery(deficienciesQuery(control === undefined ? {} : { control }));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <>
      <DataTable
        label="Deficiencies"
        rows={data}
        rowKey={({ id }) => id}
        columns={[
          ...COLUMNS,
          actions<Deficiency>('150px', (deficiency) =>
            deficiency.status === 'closed' ? null : (
              <>
                <Act onClick={() => setEdited(deficiency)}>Edit</Act>
                <Act onClick={() => setClosed(deficiency)}>Close</Act>
              </>
            ),
          ),
        ]}
        empty={
          <Empty title="No deficiency">
            A run in which a control fails opens one. It is closed by a later run that passes, or by a person with a
            reason.
          </Empty>
        }
      />
      {edited === undefined ? null : <DeficiencyForm deficiency={edited} onClose={() => setEdited(undefined)} />}
      {closed === undefined ? null : <CloseDeficiency deficiency={closed} onClose={() => setClosed(undefined)} />}
    </>
  );
}

function Act({ onClick, children }: { readonly onClick: () => void; readonly children: string }) {
  return (
    <ActButton needs="PATCH /v1/deficiencies/:id" variant="default" size="compact-xs" onClick={onClick}>
      {children}
    </ActButton>
  );
}
