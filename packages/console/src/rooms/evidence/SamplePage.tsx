import type { Sample, SampleItem } from '@hivekey/sdk';
import { Button, Skeleton } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { at } from '../../api/client.ts';
import { sampleItemsQuery, sampleQuery } from '../../api/evidence-queries.ts';
import { CodeBlock } from '../../ui/Copy.tsx';
import { actions, type Column, DataTable } from '../../ui/DataTable.tsx';
import { count } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Section } from '../../ui/Page.tsx';
import { Moment } from '../../ui/Time.tsx';
import classes from './evidence.module.css';

const route = getRouteApi('/in/evidence/samples/$sample');
const UP = { to: '/evidence', search: { tab: 'samples' }, label: 'Samples' };

/** One draw: how it was asked for, what was chosen, and the evidence of each row. */
export function SamplePage() {
  const { sample: id } = route.useParams();
  const { data: sample, error, refetch } = useQuery(sampleQuery(id));
  const { data: items } = useQuery({ ...sampleItemsQuery(id), enabled: sample?.status === 'drawn' });
  const title = sample === undefined ? id : `${sample.report} · ${sample.table}`;
  return (
    <Page title={title} up={UP}>
      {error !== null ? (
        <ErrorNotice error={error} retry={() => void refetch()} />
      ) : sample === undefined ? (
        <Skeleton height={240} aria-label="Loading" />
      ) : (
        <div className="stack">
          <Asked sample={sample} />
          <Section
            title="What was drawn"
            aside={
              <Button
                component="a"
                variant="default"
                size="compact-sm"
                leftSection={<IconDownload size={14} aria-hidden />}
                href={at`/v1/samples/${id}/population`}
                download
              >
                Population
              </Button>
            }
          >
            <DataTable
              label="Items"
              rows={items}
              rowKey={({ n }) => String(n)}
              columns={columnsFor(sample)}
              empty={<p className="muted">Nothing was drawn: the population is empty.</p>}
            />
          </Section>
          <Section title="The same in a shell">
            <CodeBlock what="The same in a shell" code={shellOf(sample)} />
            <p className="muted">
              {sample.method === 'random'
                ? 'With the population as it was downloaded; the ids are those above, in the same order.'
                : 'The rank of each row; within strata, and by money, the guide has the commands.'}
            </p>
          </Section>
        </div>
      )}
    </Page>
  );
}

function Asked({ sample }: { readonly sample: Sample }) {
  const { population, method, stratify_by: by, size, seed, draw, person, requested_by: actor, reason } = sample;
  return (
    <Section title="How it was asked for">
      <Facts
        facts={[
          ['Period', `${sample.from.slice(0, 10)} to before ${sample.to.slice(0, 10)} (UTC)`],
          ['Population', `${count(population.count)} rows, SHA-256 ${population.sha256}`],
          ['Method', by === null ? method.replaceAll('_', ' ') : `${method} by ${by}`],
          ['Size', count(size)],
          ['Seed', seed],
          ['Draw', draw === 1 ? 'the first of this table and period' : `number ${draw} of this table and period`],
          ['Asked by', person ?? actor],
          ['Asked', <Moment key="asked" value={sample.requested_at} />],
          ['Drawn', <Moment key="drawn" value={sample.drawn_at} absent="not yet" />],
          ['List', sample.list_sha256 === null ? undefined : `SHA-256 ${sample.list_sha256}`],
          ['Reason', reason],
        ]}
      />
    </Section>
  );
}

function columnsFor({ id, method }: Sample): readonly Column<SampleItem>[] {
  return [
    { key: 'n', header: 'No.', width: '56px', align: 'end', cell: ({ n }) => <span className="num">{n}</span> },
    {
      key: 'unit',
      header: 'Row',
      cell: ({ unit_id: unit, row }) => (
        <details>
          <summary className="mono">{unit}</summary>
          <Facts facts={Object.entries(row).map(([name, value]) => [name, wordsOf(value)] as const)} />
        </details>
      ),
    },
    ...(method === 'random'
      ? []
      : [
          {
            key: 'stratum',
            header: method === 'stratified' ? 'Stratum' : 'Amount, minor units',
            width: '160px',
            cell: ({ stratum, amount_minor: amount }: SampleItem) =>
              method === 'stratified' ? stratum : (amount ?? '—'),
          },
        ]),
    {
      key: 'rank',
      header: 'Rank',
      width: '180px',
      cell: ({ rank }) => (
        <span className={`mono ${classes.cell}`} title={rank}>
          {rank.slice(0, 16)}…
        </span>
      ),
    },
    actions<SampleItem>('120px', ({ n }) => (
      <Button
        component="a"
        variant="default"
        size="compact-xs"
        href={`${at`/v1/samples/${id}/items/${String(n)}/pack`}?format=folder`}
        download
      >
        Evidence
      </Button>
    )),
  ];
}

function wordsOf(value: unknown): string {
  return value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
}

function shellOf({ id, seed, size }: Sample): string {
  return [
    `cut -f1 ${id}-population.tsv | while read -r unit; do`,
    `  printf '%s %s\\n' "$(printf '%s%s' '${seed}' "$unit" | sha256sum | cut -c1-64)" "$unit"`,
    `done | LC_ALL=C sort | head -n ${size}`,
  ].join('\n');
}
