import { Drawer } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { freezesQuery } from '../../api/queries.ts';
import type { Freeze } from '../../api/types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Page, Section } from '../../ui/Page.tsx';
import { Countdown, Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { CreateFreeze } from './CreateFreeze.tsx';
import { FreezeCalendar } from './FreezeCalendar.tsx';
import { FreezeDetail } from './FreezeDetail.tsx';
import { zonedTime } from './freeze-file.ts';

const route = getRouteApi('/in/freezes');

export function Freezes() {
  const { freeze: name, create } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(freezesQuery);
  const shown = data?.find((each) => each.name === name);
  const now = data?.filter(({ until }) => until !== null);
  const coming = data?.filter(({ next }) => next !== null).toSorted((a, b) => (a.next ?? 0) - (b.next ?? 0));
  const past = data?.filter(({ until, next }) => until === null && next === null);
  const close = () => navigate({ search: ({ month }) => ({ month }) });
  return (
    <Page
      title="Freezes"
      description="While a freeze is in force, what is in its scope is denied. In an emergency two people lift it, for a time."
      actions={
        <ActButton
          needs="PUT /v1/freezes/:name"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => navigate({ search: (old) => ({ ...old, create: true }) })}
        >
          New freeze
        </ActButton>
      }
    >
      {error === null ? (
        <>
          <Section title="In force">
            <DataTable
              label="Freezes in force"
              columns={NOW}
              rows={now}
              rowKey={(each) => each.name}
              empty={<p className="muted">Nothing is frozen now.</p>}
            />
          </Section>
          <FreezeCalendar />
          <Section title="Coming">
            <DataTable
              label="Coming freezes"
              columns={COMING}
              rows={coming}
              rowKey={(each) => each.name}
              empty={
                <Empty title="No freeze is planned" command="npx hivekey apply -f freeze.yaml">
                  A freeze denies what is in its scope for a time, such as a weekend or the end of the year. Write one
                  here, or from the command line:
                </Empty>
              }
            />
          </Section>
          <Section title="Past">
            <DataTable
              label="Past freezes"
              columns={PAST}
              rows={past}
              rowKey={(each) => each.name}
              empty={<p className="muted">None. A freeze that does not come again stays here.</p>}
            />
          </Section>
        </>
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      <Drawer
        opened={shown !== undefined}
        onClose={close}
        title={shown?.name ?? ''}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {shown === undefined ? null : <FreezeDetail freeze={shown} onRemoved={close} />}
      </Drawer>
      {create ? (
        <CreateFreeze
          onClose={close}
          onCreated={(made) => navigate({ search: ({ month }) => ({ month, freeze: made.name }) })}
        />
      ) : null}
    </Page>
  );
}

const FREEZE: Column<Freeze> = {
  key: 'freeze',
  header: 'Freeze',
  cell: ({ name, description, sentence }) => (
    <TwoLines
      first={
        <Link to="/freezes" search={{ freeze: name }} className={rowLink}>
          {name}
        </Link>
      }
      second={[description, sentence].filter(Boolean).join(' · ')}
    />
  ),
};

const ZONE: Column<Freeze> = {
  key: 'zone',
  header: 'Time zone',
  width: '170px',
  cell: ({ document }) => document.time_zone,
};

const NOW: readonly Column<Freeze>[] = [
  FREEZE,
  {
    key: 'status',
    header: 'Status',
    width: '110px',
    cell: ({ in_force }) => <Mark tone={in_force ? 'deny' : 'review'}>{in_force ? 'in force' : 'lifted'}</Mark>,
  },
  {
    key: 'until',
    header: 'Until',
    width: '250px',
    cell: ({ until, document }) => (until === null ? null : zonedTime(until, document.time_zone)),
  },
  {
    key: 'left',
    header: 'Time left',
    width: '130px',
    align: 'end',
    cell: ({ until }) => (until === null ? null : <Countdown until={until} over="over" />),
  },
];

const COMING: readonly Column<Freeze>[] = [
  {
    key: 'when',
    header: 'Begins',
    width: '250px',
    cell: ({ next, document }) => (next === null ? null : zonedTime(next, document.time_zone)),
  },
  FREEZE,
  ZONE,
  {
    key: 'repeats',
    header: 'Repeats',
    width: '170px',
    cell: ({ document: { repeats } }) =>
      repeats === undefined ? (
        'once'
      ) : (
        <span className="mono truncate" title={repeats}>
          {repeats}
        </span>
      ),
  },
  { key: 'in', header: 'In', width: '90px', align: 'end', cell: ({ next }) => <Time value={next} /> },
];

const PAST: readonly Column<Freeze>[] = [
  FREEZE,
  ZONE,
  {
    key: 'ended',
    header: 'First from, to',
    width: '300px',
    cell: ({ document: { starts, ends } }) => `${starts.replace('T', ' ')} – ${ends.replace('T', ' ')}`,
  },
  { key: 'author', header: 'By', width: '150px', cell: ({ author }) => author },
];
