import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { sinkCompletenessQuery, sinkLedgerQuery } from '../../api/sink-queries.ts';
import type { Sink, SinkLedgerDay } from '../../api/sink-types.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { count, plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import { saveFile } from '../../ui/save-file.ts';
import { Mark } from '../../ui/Verdict.tsx';

/** Per day: what was produced, and what became of it. */
export function Ledger({ sink }: { readonly sink: Sink }) {
  const [isProving, setProving] = useState(false);
  const { data, error, isFetching, refetch } = useQuery(sinkLedgerQuery(sink.id, isProving));
  const days = data === undefined ? undefined : [...data].reverse();
  return (
    <>
      <Section
        title="The last 30 days"
        aside={
          <div className="row">
            <Button
              variant="default"
              size="compact-xs"
              disabled={days === undefined || days.length === 0}
              onClick={() => saveFile(`ledger-${sink.name}.csv`, 'text/csv', csvOf(data ?? []))}
            >
              CSV
            </Button>
            <Button variant="default" size="compact-xs" loading={isFetching} onClick={() => setProving(true)}>
              Count in the log
            </Button>
          </div>
        }
      >
        {error === null ? (
          <DataTable
            label="Delivery ledger"
            columns={isProving ? [...COLUMNS, PROVEN] : COLUMNS}
            rows={days}
            rowKey={({ day }) => day}
            empty={<Empty title="No day is settled yet">Each day of the log stands here with what became of it.</Empty>}
          />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
      </Section>
      <Completeness sink={sink} />
    </>
  );
}

const number = (
  key: 'produced' | 'accepted' | 'rejected' | 'filtered' | 'retried',
  header: string,
): Column<SinkLedgerDay> => ({
  key,
  header,
  align: 'end',
  width: '96px',
  cell: (day) => count(day[key]),
});

const COLUMNS: readonly Column<SinkLedgerDay>[] = [
  { key: 'day', header: 'Day (UTC)', width: '110px', cell: ({ day }) => <span className="num">{day}</span> },
  number('produced', 'Produced'),
  number('accepted', 'Accepted'),
  number('rejected', 'Rejected'),
  number('filtered', 'Left out'),
  number('retried', 'Sent again'),
  { key: 'lag', header: 'Most lag', align: 'end', width: '96px', cell: ({ max_lag_s: lag }) => `${lag.toFixed(1)} s` },
  { key: 'gap', header: 'Gap', align: 'end', width: '84px', cell: ({ gap_minutes: gap }) => `${gap} min` },
  {
    key: 'range',
    header: 'Numbers',
    cell: ({ first_seq: first, last_seq: last }) =>
      first === null || last === null ? '–' : `${count(first)} – ${count(last)}`,
  },
  {
    key: 'state',
    header: 'Accepted all',
    width: '150px',
    cell: ({ produced, accepted, unconfirmed }) =>
      produced !== accepted ? (
        <Mark tone="deny">{`${count(produced - accepted)} short`}</Mark>
      ) : unconfirmed > 0 ? (
        <Mark tone="review">unconfirmed</Mark>
      ) : (
        <Mark tone="allow">produced = accepted</Mark>
      ),
  },
];

const PROVEN: Column<SinkLedgerDay> = {
  key: 'proven',
  header: 'In the log',
  width: '140px',
  cell: ({ in_log: inLog, proven }) =>
    inLog === null ? (
      '–'
    ) : (
      <Mark tone={proven === true ? 'allow' : 'review'}>
        {proven === true ? `${count(inLog)}, all settled` : `${count(inLog)}, some open`}
      </Mark>
    ),
};

const FIELDS = [
  'day',
  'produced',
  'accepted',
  'rejected',
  'retried',
  'max_lag_s',
  'gap_minutes',
  'first_seq',
  'last_seq',
  'filtered',
  'unconfirmed',
  'acknowledgement',
] as const;

function csvOf(days: readonly SinkLedgerDay[]): string {
  return [FIELDS.join(','), ...days.map((day) => FIELDS.map((field) => day[field] ?? '').join(','))]
    .join('\n')
    .concat('\n');
}

function Completeness({ sink }: { readonly sink: Sink }) {
  const { data, error, isFetching, refetch } = useQuery(sinkCompletenessQuery(sink.id));
  return (
    <Section
      title="What the receiver should have"
      aside={
        <Button variant="default" size="compact-xs" loading={isFetching} onClick={() => void refetch()}>
          Count
        </Button>
      }
    >
      {error === null ? null : <ErrorNotice error={error} />}
      {data === undefined ? (
        <p className="muted">
          Counts and ends of all that is settled, from the log itself, to compare with a query in the SIEM.{' '}
          <code>hivekey verify --against</code> compares the copy record by record.
        </p>
      ) : (
        <Facts
          facts={[
            ['Numbers', `${count(data.from_seq)} – ${count(data.to_seq)}`],
            ['In the log', plural(data.in_log, 'entry', 'entries')],
            ['Left out', count(data.left_out)],
            ['Settled', count(data.settled)],
            ['Set aside', count(data.set_aside)],
            ['Open', count(data.open)],
            ['First', data.first === null ? null : <code key="first">{data.first.entry_hash}</code>],
            ['Last', data.last === null ? null : <code key="last">{data.last.entry_hash}</code>],
            ['Digest', <code key="digest">{data.digest}</code>],
          ]}
        />
      )}
    </Section>
  );
}
