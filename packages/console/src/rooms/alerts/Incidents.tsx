import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Incident } from '../../api/alert-types.ts';
import { incidentsQuery } from '../../api/incident-queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { OlderOnes } from '../../ui/OlderOnes.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark, StatusMark } from '../../ui/Verdict.tsx';
import { SeverityMark } from './marks.tsx';
import { OpenIncident } from './OpenIncident.tsx';

/** What was more than an alert: who led it, what was decided, and what is left to change. */
export function Incidents() {
  const [isOpening, setOpening] = useState(false);
  const list = useInfiniteQuery(incidentsQuery);
  const { data, error, isPending, refetch } = list;
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className="stack-tight">
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <ActButton needs="POST /v1/incidents" variant="default" onClick={() => setOpening(true)}>
          Open an incident
        </ActButton>
      </div>
      <DataTable
        label="Incidents"
        columns={COLUMNS}
        rows={isPending ? undefined : data.pages.flatMap((page) => page.data)}
        rowKey={({ id }) => id}
        empty={
          <Empty title="No incident yet" command="npx hivekey incidents open --title …">
            Open one from an alert, or for what nothing here has seen. Its timeline is made from the log.
          </Empty>
        }
      />
      <OlderOnes query={list} />
      {isOpening ? <OpenIncident onClose={() => setOpening(false)} /> : null}
    </div>
  );
}

const COLUMNS: readonly Column<Incident>[] = [
  { key: 'severity', header: 'Severity', width: '124px', cell: ({ severity }) => <SeverityMark severity={severity} /> },
  {
    key: 'title',
    header: 'Incident',
    cell: ({ id, title, synthetic, alerts, summary }) => (
      <TwoLines
        first={
          <Link to="/incidents/$incident" params={{ incident: id }} className={rowLink} title={title}>
            {synthetic ? 'Exercise: ' : ''}
            {title}
          </Link>
        }
        second={`${plural(alerts, 'alert')}${summary === '' ? '' : ` · ${summary}`}`}
      />
    ),
  },
  { key: 'lead', header: 'Lead', width: '190px', cell: ({ lead }) => <span className="truncate">{lead}</span> },
  {
    key: 'follow',
    header: 'Follow-ups',
    width: '110px',
    cell: ({ open_follow_ups: open }) =>
      open === 0 ? <span className="muted">none open</span> : <Mark tone="review">{`${open} open`}</Mark>,
  },
  { key: 'status', header: 'Status', width: '116px', cell: ({ status }) => <StatusMark status={status} /> },
  { key: 'opened', header: 'Opened', width: '104px', cell: ({ opened_at: opened }) => <Time value={opened} /> },
];
