import type { ReadinessRun } from '@hivekey/sdk';
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { runsQuery } from '../../api/readiness-queries.ts';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Moment, Time } from '../../ui/Time.tsx';

const COLUMNS: readonly Column<ReadinessRun>[] = [
  { key: 'made', header: 'Made', width: '150px', cell: ({ made_at }) => <Time value={made_at} /> },
  {
    key: 'period',
    header: 'Period',
    width: '260px',
    cell: ({ period_from, period_to }) => (
      <>
        <Moment value={period_from} /> to <Moment value={period_to} />
      </>
    ),
  },
  { key: 'headline', header: 'Result', cell: ({ headline }) => headline },
  {
    key: 'by',
    header: 'By',
    width: '180px',
    cell: ({ actor, kind, sha256 }) => (
      <TwoLines first={kind === 'daily' ? 'each day' : actorWords(actor)} second={sha256} />
    ),
  },
];

/** Each run is signed and on the log; none is changed or taken back. */
export function Runs() {
  const { data, error, refetch } = useQuery(runsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <DataTable
      label="Runs"
      rows={data}
      rowKey={({ id }) => id}
      columns={[
        ...COLUMNS,
        actions<ReadinessRun>('190px', ({ id }) => (
          <>
            <File href={`/v1/readiness/runs/${id}`}>Run</File>
            <File href={`/v1/readiness/runs/${id}/assessment-results`}>OSCAL</File>
          </>
        )),
      ]}
      empty={
        <Empty title="No run yet">
          One is made each day by itself, of the 90 days before. Or run the controls now.
        </Empty>
      }
    />
  );
}

function File({ href, children }: { readonly href: string; readonly children: string }) {
  return (
    <Button component="a" variant="default" size="compact-xs" href={href} download>
      {children}
    </Button>
  );
}
