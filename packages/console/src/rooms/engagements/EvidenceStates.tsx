import type { Engagement, EvidenceReport, EvidenceState } from '@hivekey/sdk';
import { Button, SegmentedControl } from '@mantine/core';
import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { at } from '../../api/client.ts';
import { evidenceStatesQuery, readinessOfQuery } from '../../api/engagement-queries.ts';
import { type Instants, reportsQuery, summaryQuery } from '../../api/evidence-queries.ts';
import { type Column, DataTable, Tags, TwoLines } from '../../ui/DataTable.tsx';
import { count, plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import classes from './engagements.module.css';
import { whoWords } from './words.ts';

/** Reports with their counts and what the auditor says of each: by item, or by the criterion that they bear on. */
export function EvidenceStates({ engagement, isFirm }: { readonly engagement: Engagement; readonly isFirm: boolean }) {
  const [by, setBy] = useState<'item' | 'criterion'>('item');
  const { data: reports, error, refetch } = useQuery(reportsQuery);
  const { data: states = [] } = useQuery(evidenceStatesQuery(engagement.id));
  const newest = new Map(states.filter(({ counts }) => counts).map((state) => [state.report, state]));
  const period = { from: engagement.period_from, to: engagement.period_to };
  const counts = useCounts(reports ?? [], period);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const columns = columnsFor(engagement, newest, counts, isFirm);
  return (
    <div className="stack">
      <div className="row">
        <SegmentedControl
          aria-label="In which order"
          data={[
            { value: 'item', label: 'By item' },
            { value: 'criterion', label: 'By criterion' },
          ]}
          value={by}
          onChange={(next) => setBy(next === 'criterion' ? 'criterion' : 'item')}
        />
        <span className="muted">What is said of a report is the auditor’s. Readiness reads none of it.</span>
      </div>
      {by === 'item' ? (
        <DataTable
          label="Reports"
          columns={columns}
          rows={reports?.toSorted((a, b) => (a.item || 99) - (b.item || 99) || a.folder.localeCompare(b.folder))}
          rowKey={({ id }) => id}
        />
      ) : (
        <ByCriterion engagement={engagement} reports={reports ?? []} columns={columns} />
      )}
    </div>
  );
}

interface Counted {
  /** Rows of the first table. */
  readonly rows: string;
  /** All tables, in words. */
  readonly all: string;
  readonly more: number;
}

/** One report after the other: each is read to its end. Undefined while it is not counted yet. */
function useCounts(reports: readonly EvidenceReport[], period: Instants): ReadonlyMap<string, Counted | undefined> {
  const [settled, setSettled] = useState(0);
  const read = useQueries({
    queries: reports.map(({ id }, i) => ({ ...summaryQuery(id, period), enabled: i <= settled })),
  });
  const done = read.findIndex(({ data, error }) => data === undefined && error === null);
  const next = done === -1 ? reports.length : done;
  useEffect(() => setSettled(next), [next]);
  return new Map(
    reports.map(({ id }, i) => {
      const { data, error } = read[i] ?? {};
      if (error !== null && error !== undefined) return [id, { rows: '—', all: 'It could not be counted.', more: 0 }];
      if (data === undefined) return [id, undefined];
      const [first] = data.tables;
      const all = data.tables.map(({ name, row_count: rows }) => `${name}: ${count(rows)}`).join(', ');
      return [id, { rows: count(first?.row_count ?? 0), all, more: data.tables.length - 1 }];
    }),
  );
}

function ByCriterion({
  engagement,
  reports,
  columns,
}: {
  readonly engagement: Engagement;
  readonly reports: readonly EvidenceReport[];
  readonly columns: readonly Column<EvidenceReport>[];
}) {
  const { data, error, refetch } = useQuery(readinessOfQuery(engagement));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const controlsOf = (criterion: string) =>
    data?.controls.filter(({ criteria }) =>
      criteria.some((id) => id === criterion || id.startsWith(`${criterion}.`)),
    ) ?? [];
  return (
    <>
      {engagement.criteria.map((criterion) => {
        const controls = controlsOf(criterion);
        const ids = new Set(controls.map(({ id }) => id));
        return (
          <Section
            key={criterion}
            title={criterion}
            aside={<span className="muted">{controls.map(({ id, title }) => `${id} ${title}`).join(' · ')}</span>}
          >
            <DataTable
              label={`Reports about ${criterion}`}
              columns={columns}
              rows={
                data === undefined ? undefined : reports.filter((report) => report.controls.some((id) => ids.has(id)))
              }
              rowKey={({ id }) => id}
              empty={<p className="muted">No report bears on it.</p>}
            />
          </Section>
        );
      })}
    </>
  );
}

function columnsFor(
  engagement: Engagement,
  states: ReadonlyMap<string, EvidenceState>,
  counts: ReadonlyMap<string, Counted | undefined>,
  isFirm: boolean,
): readonly Column<EvidenceReport>[] {
  const days = { from: engagement.period_from.slice(0, 10), to: engagement.period_to.slice(0, 10) };
  return [
    {
      key: 'item',
      header: 'Item',
      width: '56px',
      cell: ({ item }) => (item === 0 ? <span className="muted">—</span> : <span className="num">{item}</span>),
    },
    {
      key: 'title',
      header: 'Report',
      cell: ({ id, title, about }) => (
        <TwoLines
          first={
            <Link to="/evidence/$report" params={{ report: id }} search={days}>
              {title}
            </Link>
          }
          second={about}
        />
      ),
    },
    { key: 'controls', header: 'Controls', width: '180px', cell: ({ controls }) => <Tags names={controls} /> },
    {
      key: 'rows',
      header: 'Rows',
      width: '120px',
      align: 'end',
      cell: ({ id }) => <Rows counted={counts.get(id)} />,
    },
    {
      key: 'state',
      header: 'Auditor',
      width: isFirm ? '250px' : '200px',
      cell: ({ id }) => <State engagement={engagement} report={id} state={states.get(id)} isFirm={isFirm} />,
    },
  ];
}

function Rows({ counted }: { readonly counted: Counted | undefined }) {
  if (counted === undefined) return <span className="muted">…</span>;
  return (
    <span title={counted.all}>
      <span className="num">{counted.rows}</span>
      {counted.more === 0 ? null : <span className="muted"> + {plural(counted.more, 'table')}</span>}
    </span>
  );
}

function State({
  engagement,
  report,
  state,
  isFirm,
}: {
  readonly engagement: Engagement;
  readonly report: string;
  readonly state: EvidenceState | undefined;
  readonly isFirm: boolean;
}) {
  const [say, setSay] = useState<EvidenceState['state']>();
  return (
    <div className={classes.cardHead}>
      {state === undefined ? (
        isFirm ? null : (
          <span className="muted">nothing said</span>
        )
      ) : (
        <span title={`${whoWords(state.actor)}: ${state.reason}`}>
          <Mark tone={state.state === 'accepted' ? 'allow' : 'deny'}>{state.state}</Mark>
        </span>
      )}
      {isFirm && engagement.status === 'open' ? (
        <>
          <Button
            variant="default"
            size="compact-xs"
            aria-label={`Accept ${report}`}
            onClick={() => setSay('accepted')}
          >
            Accept
          </Button>
          <Button
            variant="default"
            size="compact-xs"
            aria-label={`Return ${report}`}
            onClick={() => setSay('returned')}
          >
            Return
          </Button>
        </>
      ) : null}
      {say === undefined ? null : (
        <ReasonForm
          title={`${say === 'accepted' ? 'Accept' : 'Return'} ${report}`}
          action={say === 'accepted' ? 'Accept' : 'Return'}
          needs="POST /v1/engagements/:id/states"
          to={at`/v1/engagements/${engagement.id}/states`}
          body={{ report, state: say }}
          done={`${report} is ${say}`}
          changes={['engagements']}
          onClose={() => setSay(undefined)}
        >
          <p className="muted">Your words, for both sides to read. They change no state of readiness.</p>
        </ReasonForm>
      )}
    </div>
  );
}
