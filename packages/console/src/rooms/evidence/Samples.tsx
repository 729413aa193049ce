import type { NewSample, Sample, SampleMethod } from '@hivekey/sdk';
import { Button, NumberInput, Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { reportsQuery, samplesQuery } from '../../api/evidence-queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords, count } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { type Days, instants, lastQuarter, PeriodFields } from '../../ui/Period.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';

/** What auditors drew, each draw kept for ever. */
export function Samples() {
  const [isDrawing, setDrawing] = useState(false);
  const { data, error, refetch } = useQuery(samplesQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className="stack-tight">
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <ActButton needs="POST /v1/samples" onClick={() => setDrawing(true)}>
          Draw a sample
        </ActButton>
      </div>
      <DataTable
        label="Samples"
        rows={data}
        rowKey={({ id }) => id}
        columns={COLUMNS}
        empty={
          <Empty title="Nobody has drawn a sample">
            Size, method and seed are written down before a row is chosen. The same seed gives the same rows, here and
            in a shell.
          </Empty>
        }
      />
      {isDrawing ? <Draw onClose={() => setDrawing(false)} /> : null}
    </div>
  );
}

const METHODS: Readonly<Record<SampleMethod, string>> = {
  random: 'Simple random',
  stratified: 'Stratified',
  monetary_unit: 'Monetary unit',
};

const COLUMNS: readonly Column<Sample>[] = [
  {
    key: 'of',
    header: 'Sample of',
    cell: ({ id, report, table, from, to }) => (
      <TwoLines
        first={
          <Link to="/evidence/samples/$sample" params={{ sample: id }} className={rowLink}>
            {report} · {table}
          </Link>
        }
        second={`${from.slice(0, 10)} to before ${to.slice(0, 10)}`}
      />
    ),
  },
  {
    key: 'method',
    header: 'Method',
    width: '200px',
    cell: ({ method, stratify_by: by, seed }) => (
      <TwoLines first={by === null ? METHODS[method] : `${METHODS[method]} by ${by}`} second={`seed ${seed}`} />
    ),
  },
  {
    key: 'size',
    header: 'Drawn of',
    width: '130px',
    align: 'end',
    cell: ({ count: drawn, population }) => (
      <span className="num">
        {drawn === null ? '—' : count(drawn)} of {count(population.count)}
      </span>
    ),
  },
  {
    key: 'draw',
    header: 'Draw',
    width: '70px',
    align: 'end',
    cell: ({ draw }) => <span className="num">{draw}</span>,
  },
  {
    key: 'by',
    header: 'By',
    width: '190px',
    cell: ({ person, requested_by: by }) => <span className="truncate">{person ?? actorWords(by)}</span>,
  },
  {
    key: 'status',
    header: 'Status',
    width: '120px',
    cell: ({ status }) => <StatusMark status={status === 'drawn' ? 'finished' : 'running'} />,
  },
  { key: 'at', header: 'Asked', width: '104px', cell: ({ requested_at: at }) => <Time value={at} /> },
];

function Draw({ onClose }: { readonly onClose: () => void }) {
  const { data: reports = [] } = useQuery(reportsQuery);
  const [days, setDays] = useState<Days>(lastQuarter());
  const [reportId, setReport] = useState<string>('actions');
  const [tableName, setTable] = useState<string>();
  const [method, setMethod] = useState<SampleMethod>('random');
  const [stratum, setStratum] = useState('day');
  const [currency, setCurrency] = useState('USD');
  const [size, setSize] = useState<number | string>(25);
  const [seed, setSeed] = useState('');
  const report = reports.find(({ id }) => id === reportId);
  const table = report?.tables.find(({ name }) => name === tableName) ?? report?.tables[0];
  const isReady =
    report !== undefined && table !== undefined && typeof size === 'number' && /^[A-Za-z0-9._-]{8,128}$/.test(seed);
  const body: NewSample | undefined = isReady
    ? {
        ...instants(days),
        report: report.id,
        table: table.name,
        method,
        size,
        seed,
        ...(method === 'stratified' ? { stratify_by: stratum } : {}),
        ...(method === 'monetary_unit' ? { currency } : {}),
      }
    : undefined;
  return (
    <ReasonForm
      title="Draw a sample"
      action="Draw"
      needs="POST /v1/samples"
      to="/v1/samples"
      body={body === undefined ? undefined : { ...body }}
      done="Drawn; the request was written down first"
      reason="optional"
      changes={['evidence']}
      onClose={onClose}
    >
      <PeriodFields value={days} onChange={setDays} />
      <Select
        label="Report"
        searchable
        allowDeselect={false}
        data={reports.map(({ id, title }) => ({ value: id, label: title }))}
        value={reportId}
        onChange={(next) => {
          setReport(next ?? reportId);
          setTable(undefined);
        }}
      />
      {report === undefined || report.tables.length < 2 ? null : (
        <Select
          label="Table"
          allowDeselect={false}
          data={report.tables.map(({ name, title }) => ({ value: name, label: title }))}
          value={table?.name ?? null}
          onChange={(next) => setTable(next ?? undefined)}
        />
      )}
      <Select
        label="Method"
        allowDeselect={false}
        data={Object.entries(METHODS).map(([value, label]) => ({ value, label }))}
        value={method}
        onChange={(next) => {
          if (next === 'random' || next === 'stratified' || next === 'monetary_unit') setMethod(next);
        }}
      />
      {method === 'stratified' ? (
        <Select
          label="One stratum for each"
          allowDeselect={false}
          searchable
          data={[
            'day',
            ...(table?.columns ?? []).filter(({ kind }) => kind === 'id' || kind === 'text').map(({ name }) => name),
          ]}
          value={stratum}
          onChange={(next) => setStratum(next ?? stratum)}
        />
      ) : null}
      {method === 'monetary_unit' ? (
        <TextInput
          label="Currency"
          value={currency}
          maxLength={3}
          onChange={(event) => setCurrency(event.currentTarget.value.toUpperCase())}
        />
      ) : null}
      <NumberInput label="Size" min={1} max={1000} value={size} onChange={setSize} />
      <TextInput
        label="Seed"
        description="8 to 128 letters, digits, dots, dashes. Say it by another road first if it matters who chose it."
        value={seed}
        withAsterisk
        onChange={(event) => setSeed(event.currentTarget.value)}
        rightSectionWidth={80}
        rightSection={
          <Button variant="subtle" size="compact-xs" onClick={() => setSeed(randomSeed())}>
            Random
          </Button>
        }
      />
    </ReasonForm>
  );
}

function randomSeed(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
