import type { ControlDeviation, ControlSource, ReadinessControl } from '@hivekey/sdk';
import { Button, Skeleton } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { controlQuery } from '../../api/readiness-queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { CodeBlock } from '../../ui/Copy.tsx';
import { type Column, DataTable, Tags } from '../../ui/DataTable.tsx';
import { count } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Section } from '../../ui/Page.tsx';
import { Moment } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { Deficiencies } from './Deficiencies.tsx';
import { Exemptions, NotApplicable } from './Exemptions.tsx';
import classes from './readiness.module.css';
import { STATES, StateMark } from './states.tsx';

const route = getRouteApi('/in/readiness/$control');
const UP = { to: '/readiness', label: 'Readiness' };

/** What a control says, how it is tested, and every record that deviates. */
export function ControlPage() {
  const { control: id } = route.useParams();
  const { from, to } = route.useSearch();
  const period = from === undefined || to === undefined ? {} : { from, to };
  const [isAsking, setAsking] = useState(false);
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    controlQuery(id, period),
  );
  const control = data?.pages[0];
  if (error !== null)
    return (
      <Page title={id} up={UP}>
        <ErrorNotice error={error} retry={() => void refetch()} />
      </Page>
    );
  if (control === undefined)
    return (
      <Page title={id} up={UP}>
        <Skeleton height={320} aria-label="Testing" />
      </Page>
    );
  const deviations = data?.pages.flatMap((page) => page.deviations) ?? [];
  return (
    <Page
      title={`${control.id} ${control.title}`}
      up={UP}
      mark={<StateMark state={control.state} />}
      description={control.statement}
      actions={
        <ActButton needs="POST /v1/readiness/not-applicable" variant="default" onClick={() => setAsking(true)}>
          Does not apply
        </ActButton>
      }
    >
      <div className="stack">
        <p className={classes.banner}>{control.banner}</p>
        <Found control={control} />
        <Section title="What deviates">
          <DataTable
            label="What deviates"
            rows={deviations}
            rowKey={({ record_id }) => record_id}
            columns={DEVIATIONS}
            empty={<Empty title="No deviation was found">{control.reason}</Empty>}
          />
          {hasNextPage ? (
            <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
              More of {count(control.deviating)}
            </Button>
          ) : null}
        </Section>
        <Section title="What it rests on">
          <DataTable label="Sources" rows={control.sources} rowKey={({ name }) => name} columns={SOURCES} />
        </Section>
        <Trend trend={control.trend} />
        <Section title="How it is tested">
          <Facts
            facts={[
              ['Test', control.test],
              ['One of the population', control.member],
              ['Enough data', control.enough_when],
              ['What would make it pass', control.remedy],
              ['A sample request that is likely', control.sample],
              ['Digest of the query', control.query_sha256],
            ]}
          />
          <CodeBlock what="The query" code={control.query} wrap />
        </Section>
        <Section title="Deficiencies">
          <Deficiencies control={control.id} />
        </Section>
        <Exemptions control={control.id} />
      </div>
      {isAsking ? <NotApplicable control={control.id} onClose={() => setAsking(false)} /> : null}
    </Page>
  );
}

function Found({ control }: { readonly control: ReadinessControl }) {
  const { population, deviating, rate, upper_90: upper } = control;
  return (
    <Facts
      facts={[
        ['Why', control.reason],
        [
          'Period',
          <span key="period">
            <Moment value={control.period_from} /> to <Moment value={control.period_to} />, as of{' '}
            <Moment value={control.as_of} />
          </span>,
        ],
        ['Tested', `${count(population)}, of which ${count(deviating)} deviate`],
        [
          'Rate',
          rate === null || upper === null
            ? undefined
            : `${percent(rate)}; with 90 % confidence at most ${percent(upper)}`,
        ],
        [
          'Parameters',
          Object.entries(control.parameters)
            .map(([name, value]) => `${name.replaceAll('_', ' ')}: ${value}`)
            .join('; '),
        ],
        ['Criteria', <Tags key="criteria" names={control.criteria} most={6} />],
      ]}
    />
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

const DEVIATIONS: readonly Column<ControlDeviation>[] = [
  {
    key: 'record',
    header: 'Record',
    width: '300px',
    // Paths of the console that the server made.
    cell: ({ record_id, href }) => <a href={href}>{record_id}</a>,
  },
  { key: 'kind', header: 'What', width: '200px', cell: ({ kind }) => kind.replaceAll('_', ' ') },
  { key: 'sentence', header: 'Found', cell: ({ sentence }) => <bdi>{sentence}</bdi> },
];

const SOURCES: readonly Column<ControlSource>[] = [
  { key: 'name', header: 'Source', width: '260px', cell: ({ name }) => name },
  {
    key: 'state',
    header: 'State',
    width: '130px',
    cell: ({ enabled, stale }) => (
      <Mark tone={!enabled ? 'deny' : stale ? 'review' : 'allow'}>
        {!enabled ? 'not there' : stale ? 'silent' : 'there'}
      </Mark>
    ),
  },
  { key: 'seen', header: 'Last seen', width: '220px', cell: ({ last_seen }) => <Moment value={last_seen} /> },
  { key: 'about', header: 'What it takes', cell: ({ about }) => about },
];

function Trend({ trend }: { readonly trend: ReadinessControl['trend'] }) {
  if (trend.length === 0) return null;
  return (
    <Section title="At earlier runs">
      <ol className={classes.trend} style={{ listStyle: 'none', padding: 0, margin: 0 }}>
        {trend.map(({ run, made_at, state }) => {
          const words = `${new Date(made_at * 1000).toISOString().slice(0, 10)}: ${STATES[state].word}`;
          return (
            <li key={run} className={classes.step} data-state={state} title={words}>
              <span className="visually-hidden">{words}</span>
            </li>
          );
        })}
      </ol>
    </Section>
  );
}
