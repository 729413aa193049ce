import { Drawer } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { breakersQuery, tripsQuery } from '../../api/queries.ts';
import type { Breaker, LogEvent } from '../../api/types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, rowLink, Tags, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { BreakerDetail } from './BreakerDetail.tsx';
import { BreakerForm } from './BreakerForm.tsx';
import { responseWords, tripWords } from './words.ts';

const route = getRouteApi('/in/containment');

const EXAMPLE = `name: probing
signal: probes
threshold: 5
window_seconds: 300`;

const COLUMNS: readonly Column<Breaker>[] = [
  {
    key: 'name',
    header: 'Breaker',
    cell: (breaker) => (
      <TwoLines
        first={
          <Link to="/containment" search={{ tab: 'breakers', breaker: breaker.name }} className={rowLink}>
            {breaker.name}
          </Link>
        }
        second={tripWords(breaker)}
      />
    ),
  },
  {
    key: 'watches',
    header: 'Watches',
    width: '210px',
    cell: ({ roles }) => (roles === undefined ? 'every agent' : <Tags names={roles} most={2} />),
  },
  {
    key: 'then',
    header: 'Then',
    width: '280px',
    cell: (breaker) => <span title={responseWords(breaker)}>{responseWords(breaker)}</span>,
  },
  { key: 'state', header: 'Now', width: '170px', cell: ({ agents }) => <Now agents={agents} /> },
];

function Now({ agents }: Pick<Breaker, 'agents'>) {
  const open = agents.filter(({ state }) => state === 'open').length;
  const trial = agents.filter(({ state }) => state === 'half_open').length;
  if (open + trial === 0) return <StatusMark status="closed" />;
  return (
    <TwoLines
      first={
        <span className="row">
          <StatusMark status={open > 0 ? 'tripped' : 'on trial'} />
          <span className="num">{open > 0 ? open : trial}</span>
        </span>
      }
      second={open > 0 && trial > 0 ? `${trial} on trial` : undefined}
    />
  );
}

const TRIPS: readonly Column<LogEvent>[] = [
  { key: 'when', header: 'When', width: '120px', cell: ({ ts }) => <Time value={ts} /> },
  {
    key: 'breaker',
    header: 'Breaker',
    width: '190px',
    cell: ({ event_id, breaker }) => (
      <Link to="/log" search={{ event: event_id, kind: 'all' }} className={rowLink}>
        {String(breaker)}
      </Link>
    ),
  },
  { key: 'agent', header: 'Agent', width: '210px', cell: ({ agent }) => agent },
  { key: 'why', header: 'What it measured', cell: ({ reason }) => <span title={reason}>{reason}</span> },
];

export function Breakers() {
  const { breaker: name, create } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(breakersQuery);
  const trips = useQuery(tripsQuery);
  const [editing, setEditing] = useState<Breaker>();
  const shown = data?.find((each) => each.name === name);
  const close = () => navigate({ search: { tab: 'breakers' }, replace: true });
  return (
    <>
      <Section
        title="Circuit breakers"
        aside={
          <ActButton
            needs="PUT /v1/breakers/:name"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => navigate({ search: { tab: 'breakers', create: true } })}
          >
            New breaker
          </ActButton>
        }
      >
        <p className="muted">
          They look at the log twice a second: what was allowed before one trips stays allowed. What must never happen
          belongs in a cap.
        </p>
        {error === null ? (
          <DataTable
            label="Circuit breakers"
            columns={COLUMNS}
            rows={data}
            rowKey={(each) => each.name}
            empty={
              <Empty title="No breaker is set" command={EXAMPLE}>
                A breaker puts an agent into quarantine, or kills it, once what it does passes a limit. Write one here,
                or as a file for <code>hivekey breaker apply -f</code>:
              </Empty>
            }
          />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
      </Section>
      <Section title="Trips">
        {trips.error === null ? (
          <DataTable
            label="Trips of breakers"
            columns={TRIPS}
            rows={trips.data?.data}
            rowKey={({ event_id }) => event_id}
            empty={<p className="muted">None has tripped.</p>}
          />
        ) : (
          <ErrorNotice error={trips.error} retry={() => void trips.refetch()} />
        )}
      </Section>
      <Drawer
        opened={shown !== undefined}
        onClose={close}
        title={shown?.name ?? ''}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {shown === undefined ? null : (
          <BreakerDetail
            breaker={shown}
            trips={trips.data?.data.filter((each) => each.breaker === shown.name)}
            onEdit={() => setEditing(shown)}
            onRemoved={close}
          />
        )}
      </Drawer>
      {create === true || editing !== undefined ? (
        <BreakerForm
          breaker={editing}
          onClose={() => {
            if (editing === undefined) void close();
            setEditing(undefined);
          }}
          onDone={(made) => {
            setEditing(undefined);
            void navigate({ search: { tab: 'breakers', breaker: made.name } });
          }}
        />
      ) : null}
    </>
  );
}
