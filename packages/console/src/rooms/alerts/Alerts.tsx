import { SegmentedControl, Select, Switch, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { alertCasesQuery, alertSummaryQuery, alertsQuery } from '../../api/alert-queries.ts';
import { type Alert, type AlertCase, SEVERITIES, type Severity } from '../../api/alert-types.ts';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { OlderOnes } from '../../ui/OlderOnes.tsx';
import { Page } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import classes from './alerts.module.css';
import { Incidents } from './Incidents.tsx';
import { AlertMark, SeverityMark } from './marks.tsx';
import { Settings } from './Settings.tsx';
import { Summary } from './Summary.tsx';
import { sourceWords } from './words.ts';

const route = getRouteApi('/in/alerts');

const SHOW = [
  { value: 'unclosed', label: 'To look at' },
  { value: 'all', label: 'All' },
  { value: 'cases', label: 'Cases' },
  { value: 'incidents', label: 'Incidents' },
  { value: 'settings', label: 'Settings' },
] as const;

/** What the watches of the workspace found, and what people made of it. */
export function Alerts() {
  const { show = 'unclosed' } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title="Alerts"
      description="What detections, drift checks, streams and other watches found. Somebody looks at each, and says what it was."
      actions={
        <SegmentedControl
          aria-label="What is shown"
          data={[...SHOW]}
          value={show}
          onChange={(next) =>
            navigate({ search: next === 'unclosed' ? {} : { show: next as Exclude<typeof show, 'unclosed'> } })
          }
        />
      }
    >
      {show === 'settings' ? (
        <Settings />
      ) : show === 'incidents' ? (
        <Incidents />
      ) : show === 'cases' ? (
        <Cases />
      ) : (
        <AlertList unclosed={show === 'unclosed' ? true : undefined} />
      )}
    </Page>
  );
}

function AlertList({ unclosed }: { readonly unclosed: true | undefined }) {
  const { show: _, ...filter } = route.useSearch();
  const list = useInfiniteQuery(alertsQuery({ ...filter, unclosed, synthetic: filter.synthetic }));
  const { data, error, isPending, refetch } = list;
  const { data: summary } = useQuery(alertSummaryQuery);
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  return (
    <div className="stack-tight">
      {summary === undefined ? null : <Summary summary={summary} />}
      <Filters />
      {error === null ? (
        <DataTable
          label="Alerts"
          columns={COLUMNS}
          rows={isPending ? undefined : data.pages.flatMap((page) => page.data)}
          rowKey={({ id }) => id}
          empty={
            isFiltered ? (
              <Empty title="No alert fits these filters" action={<Link to="/alerts">Show all to look at</Link>}>
                Alerts that come later appear here by themselves.
              </Empty>
            ) : unclosed ? (
              <Empty title="No alert waits for anybody" command="npx hivekey detections list">
                What the detections find appears here, with the events that show it. That none is here says that none
                was found, and not that nothing happened: see that each detection is switched on and was tested.
              </Empty>
            ) : (
              <Empty title="No alert yet" command="npx hivekey detections list">
                Detections run on every record of the log. What they find is kept here, with what people made of it.
              </Empty>
            )
          }
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      <OlderOnes query={list} />
    </div>
  );
}

const SOURCES = [
  'detection',
  'sink',
  'drift',
  'blast_radius',
  'change',
  'break_glass',
  'rule_test',
  'retention',
  'system',
].map((value) => ({ value, label: sourceWords(value) }));
const TYPING_MS = 250;

function Filters() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (part: Partial<typeof search>) => navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  const setText = useDebouncedCallback((q: string) => set({ q: q || undefined }), TYPING_MS);
  return (
    <search className={classes.filters} aria-label="Filter alerts">
      <Select
        aria-label="At least as severe as"
        placeholder="Any severity"
        clearable
        data={SEVERITIES.map((value) => ({ value, label: value === 'critical' ? value : `${value} or more` }))}
        value={search.severity ?? null}
        onChange={(severity) => set({ severity: (severity ?? undefined) as Severity | undefined })}
        w={170}
      />
      <Select
        aria-label="Found by"
        placeholder="Found by anything"
        clearable
        data={SOURCES}
        value={search.source ?? null}
        onChange={(source) => set({ source: source ?? undefined })}
        w={170}
      />
      <TextInput
        aria-label="Title or subject contains"
        placeholder="Words in title or subject"
        leftSection={<IconSearch size={14} aria-hidden />}
        defaultValue={search.q ?? ''}
        onChange={(event) => setText(event.currentTarget.value)}
        w={190}
      />
      <Switch
        label="Overdue only"
        checked={search.overdue === true}
        onChange={(event) => set({ overdue: event.currentTarget.checked ? true : undefined })}
      />
      <Switch
        label="With those of tests"
        checked={search.synthetic === 'include'}
        onChange={(event) => set({ synthetic: event.currentTarget.checked ? 'include' : undefined })}
      />
    </search>
  );
}

const COLUMNS: readonly Column<Alert>[] = [
  { key: 'severity', header: 'Severity', width: '124px', cell: ({ severity }) => <SeverityMark severity={severity} /> },
  {
    key: 'title',
    header: 'Alert',
    cell: ({ id, title, subject, rule, source, repeats, synthetic }) => (
      <TwoLines
        first={
          <Link to="/alerts/$alert" params={{ alert: id }} className={rowLink} title={title}>
            {synthetic ? 'Test: ' : ''}
            {title}
          </Link>
        }
        second={`${rule} · ${sourceWords(source)} · ${subject.kind} ${subject.name}${repeats === 0 ? '' : ` · again ${plural(repeats, 'time')}`}`}
      />
    ),
  },
  {
    key: 'assignee',
    header: 'Assigned to',
    width: '190px',
    cell: ({ assignee }) =>
      assignee === null ? <span className="muted">nobody</span> : <span className="truncate">{assignee}</span>,
  },
  { key: 'status', header: 'Status', width: '136px', cell: (alert) => <AlertMark alert={alert} /> },
  {
    key: 'due',
    header: 'Due',
    width: '108px',
    cell: ({ status, acknowledge_due_at: acknowledge, close_due_at: close }) => {
      const due = status === 'closed' ? null : status === 'open' ? (acknowledge ?? close) : close;
      return due === null ? <span className="muted">–</span> : <Time value={due} />;
    },
  },
  { key: 'opened', header: 'Opened', width: '104px', cell: ({ opened_at: opened }) => <Time value={opened} /> },
];

function Cases() {
  const list = useInfiniteQuery(alertCasesQuery(undefined));
  const { data, error, isPending, refetch } = list;
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className="stack-tight">
      <DataTable
        label="Cases"
        columns={CASE_COLUMNS}
        rows={isPending ? undefined : data.pages.flatMap((page) => page.data)}
        rowKey={({ id }) => id}
        empty={
          <Empty title="No case yet">
            Alerts about one agent or run that are found while an earlier one is not closed stand together in a case.
          </Empty>
        }
      />
      <OlderOnes query={list} />
    </div>
  );
}

const CASE_COLUMNS: readonly Column<AlertCase>[] = [
  { key: 'severity', header: 'Severity', width: '124px', cell: ({ severity }) => <SeverityMark severity={severity} /> },
  {
    key: 'title',
    header: 'Case',
    cell: ({ id, title, subject, synthetic }) => (
      <TwoLines
        first={
          <Link to="/alerts" search={{ show: 'all', case: id }} className={rowLink} title={title}>
            {synthetic ? 'Test: ' : ''}
            {title}
          </Link>
        }
        second={`${subject.kind} ${subject.name}`}
      />
    ),
  },
  { key: 'alerts', header: 'Alerts', width: '90px', align: 'end', cell: ({ alerts }) => alerts },
  {
    key: 'unclosed',
    header: 'Not closed',
    width: '110px',
    cell: ({ unclosed }) =>
      unclosed === 0 ? <Mark tone="neutral">closed</Mark> : <Mark tone="review">{`${unclosed} to do`}</Mark>,
  },
  { key: 'last', header: 'Last alert', width: '110px', cell: ({ last_alert_at: last }) => <Time value={last} /> },
];
