import type { EvidenceFormat, EvidenceHeader, EvidenceReport } from '@hivekey/sdk';
import { Button, Skeleton, Tabs } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { fileOf, type Instants, reportsQuery, rowsQuery, summaryQuery } from '../../api/evidence-queries.ts';
import { CodeBlock } from '../../ui/Copy.tsx';
import { DataTable, Tags } from '../../ui/DataTable.tsx';
import { count, plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Section } from '../../ui/Page.tsx';
import { instants, PeriodFields } from '../../ui/Period.tsx';
import { Moment } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import classes from './evidence.module.css';
import { daysOf } from './Reports.tsx';

const route = getRouteApi('/in/evidence/$report');
const UP = { to: '/evidence', label: 'Evidence' };

/** One report of a period: how it was selected, what its counts are, its first rows, and its files. */
export function ReportPage() {
  const { report: id } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const days = daysOf(search);
  const period = instants(days);
  const { data: reports, error, refetch } = useQuery(reportsQuery);
  const report = reports?.find((each) => each.id === id);
  const title = report?.title ?? id;
  if (error !== null)
    return (
      <Page title={title} up={UP}>
        <ErrorNotice error={error} retry={() => void refetch()} />
      </Page>
    );
  if (reports === undefined)
    return (
      <Page title={title} up={UP}>
        <Skeleton height={240} aria-label="Loading" />
      </Page>
    );
  if (report === undefined)
    return (
      <Page title={title} up={UP}>
        <Empty title={`There is no report "${id}"`}>The list has all of them.</Empty>
      </Page>
    );
  const table = report.tables.find(({ name }) => name === search.table) ?? report.tables[0];
  return (
    <Page
      title={title}
      up={{ ...UP, search: { ...days } }}
      description={report.about}
      mark={<Tags names={report.controls} most={6} />}
    >
      <div className="stack">
        <PeriodFields
          value={days}
          onChange={(next) => navigate({ search: (old) => ({ ...old, ...next }), replace: true })}
        />
        <Counts report={report} period={period} />
        {table === undefined ? null : (
          <Tabs
            value={table.name}
            onChange={(next) => navigate({ search: (old) => ({ ...old, table: next ?? undefined }), replace: true })}
          >
            <Tabs.List mb="md">
              {report.tables.map(({ name, title: words }) => (
                <Tabs.Tab key={name} value={name}>
                  {words}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            <div className="stack-tight">
              <Files report={report} table={table.name} period={period} />
              <Rows key={`${report.id} ${table.name}`} report={report} table={table} period={period} />
            </div>
          </Tabs>
        )}
        <Section title="How it was selected">
          <CodeBlock what="How it was selected" code={report.query} wrap />
        </Section>
      </div>
    </Page>
  );
}

/** The header of the files, as far as it is of interest before they are made. */
function Counts({ report, period }: { readonly report: EvidenceReport; readonly period: Instants }) {
  const { data, error, refetch } = useQuery(summaryQuery(report.id, period));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={96} aria-label="Counting" />;
  return (
    <Section
      title="Counts"
      aside={
        <span className="muted">
          as of <Moment value={data.as_of} />
        </span>
      }
    >
      <div className={classes.counts}>
        {data.tables.map(({ name, title, row_count: rows, header }) => (
          <div key={name} className={classes.count}>
            <p className={classes.number}>
              <span className="num">{count(rows)}</span> <span className="muted">{rows === 1 ? 'row' : 'rows'}</span>
            </p>
            <p>{title}</p>
            <Facts
              facts={[
                [
                  'Tie-out',
                  header.tie_out === 'equal' ? (
                    <Mark key="equal" tone={rows === 0 ? 'neutral' : 'allow'}>
                      equal
                    </Mark>
                  ) : (
                    `${header.tie_out.difference}: ${header.tie_out.reason}`
                  ),
                ],
                [
                  'Sources',
                  Object.entries(header.source_counts)
                    .map(([source, n]) => `${source} ${count(n)}`)
                    .join(', '),
                ],
                [
                  'Numbers',
                  header.first_seq === null || header.last_seq === null
                    ? undefined
                    : `${count(header.first_seq)} to ${count(header.last_seq)}`,
                ],
                [
                  'Gaps',
                  header.gaps.length === 0
                    ? 'none'
                    : header.gaps.map(({ from, to, reason }) => `${from} to ${to}: ${reason}`).join('; '),
                ],
                [
                  'Left out',
                  header.exclusions.map(({ what, count: n, reason }) => `${what} ${count(n)}: ${reason}`).join('; '),
                ],
                [
                  'Redacted',
                  header.redactions
                    .map(({ fields, rule, count: n }) => `${fields.join(', ')} ${count(n)}: ${rule}`)
                    .join('; '),
                ],
              ]}
            />
            <Totals totals={header.control_totals} />
          </div>
        ))}
      </div>
    </Section>
  );
}

function Totals({ totals }: { readonly totals: EvidenceHeader['control_totals'] }) {
  const entries = Object.entries(totals);
  if (entries.length === 0) return null;
  return (
    <details>
      <summary>{plural(entries.length, 'control total')}</summary>
      <Facts
        facts={entries.map(([name, value]) => [name, typeof value === 'number' ? count(value) : value] as const)}
      />
    </details>
  );
}

const FORMATS: Readonly<Record<EvidenceFormat, string>> = {
  csv: 'CSV',
  xlsx: 'XLSX',
  json: 'JSON',
  jsonl: 'JSONL',
  ipe: 'Header',
  pdf: 'PDF',
  zip: 'Folder',
};

function Files({
  report: { id, formats },
  table,
  period,
}: {
  readonly report: EvidenceReport;
  readonly table: string;
  readonly period: Instants;
}) {
  return (
    <div className="row-wrap">
      {formats.map((format) => (
        <Button
          key={format}
          component="a"
          variant="default"
          size="compact-sm"
          leftSection={<IconDownload size={14} aria-hidden />}
          href={fileOf(id, { ...period, table, format })}
          download
        >
          {FORMATS[format]}
        </Button>
      ))}
    </div>
  );
}

function Rows({
  report,
  table,
  period,
}: {
  readonly report: EvidenceReport;
  readonly table: EvidenceReport['tables'][number];
  readonly period: Instants;
}) {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    rowsQuery(report.id, table.name, period),
  );
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const rows = data?.pages.flatMap((page, i) => page.rows.map((cells, j) => ({ key: `${i}-${j}`, cells })));
  return (
    <>
      <DataTable
        label={table.title}
        columns={table.columns.map(({ name, kind, about }, i) => ({
          key: name,
          header: <span title={about}>{name}</span>,
          width: WIDTHS[kind],
          ...(kind === 'integer' || kind === 'number' ? { align: 'end' as const } : {}),
          cell: ({ cells }: { readonly cells: readonly unknown[] }) => <Shown value={cells[i] ?? null} kind={kind} />,
        }))}
        rows={rows}
        rowKey={({ key }) => key}
        empty={
          <Empty title="No rows in this period">The population is empty, and the files say so with a count of 0.</Empty>
        }
      />
      {hasNextPage ? (
        <div>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            More rows
          </Button>
        </div>
      ) : null}
    </>
  );
}

/** Tables of the files are wide: each column has its room, and the table scrolls. */
const WIDTHS: Readonly<Record<EvidenceReport['tables'][number]['columns'][number]['kind'], string>> = {
  id: '200px',
  text: '220px',
  integer: '150px',
  number: '150px',
  boolean: '120px',
  time: '200px',
  list: '220px',
  json: '260px',
};

/** Cut where it is long; whole on hover, and in the files. */
function Shown({ value, kind }: { readonly value: unknown; readonly kind: string }) {
  if (value === null || value === '') return <span className="muted">—</span>;
  if (kind === 'time' && typeof value === 'string') return <Moment value={value} />;
  if (typeof value === 'number') return <span className="num">{count(value)}</span>;
  const words = typeof value === 'string' ? value : Array.isArray(value) ? value.join('; ') : JSON.stringify(value);
  return (
    <bdi className={classes.cell} title={words}>
      {words}
    </bdi>
  );
}
