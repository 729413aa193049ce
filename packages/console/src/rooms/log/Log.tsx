import { Button, Drawer } from '@mantine/core';
import { IconArrowUp, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { EventFilter } from '../../api/types.ts';
import { plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { Activity } from './Activity.tsx';
import { EventDetail } from './EventDetail.tsx';
import { EventRows } from './EventRows.tsx';
import { Filters } from './Filters.tsx';
import classes from './log.module.css';
import { Over } from './Over.tsx';
import { Queries } from './Queries.tsx';
import { type Connection, useLiveEvents } from './use-live-events.ts';

const route = getRouteApi('/in/log');

const CONNECTIONS: Readonly<
  Record<Connection, { readonly tone: 'allow' | 'deny' | 'review' | 'neutral'; readonly label: string }>
> = {
  connecting: { tone: 'neutral', label: 'connecting' },
  live: { tone: 'allow', label: 'live' },
  lost: { tone: 'review', label: 'reconnecting' },
  ended: { tone: 'deny', label: 'stream ended' },
  off: { tone: 'neutral', label: 'a period in the past' },
};

/** Calls unless something else is chosen. */
const CALLS = 'tool.call';

export function Log() {
  const { event, kind, ...rest } = route.useSearch();
  const navigate = route.useNavigate();
  const [paused, setPaused] = useState(false);
  const [atTop, setAtTop] = useState(true);
  const key = JSON.stringify({ ...rest, kind });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key is the filter
  const filter = useMemo<EventFilter>(() => ({ ...rest, kind: kind === 'all' ? undefined : (kind ?? CALLS) }), [key]);
  const log = useLiveEvents(filter, paused || !atTop);
  const connection = CONNECTIONS[log.connection];
  const isFiltered = Object.values(rest).some((value) => value !== undefined);
  return (
    <Page
      title="Log"
      fill
      mark={<Mark tone={paused ? 'neutral' : connection.tone}>{paused ? 'paused' : connection.label}</Mark>}
      actions={
        <>
          <Queries filter={filter} />
          {log.connection === 'ended' ? (
            <Button variant="default" onClick={log.reconnect}>
              Connect again
            </Button>
          ) : null}
          {log.connection === 'off' ? null : (
            <Button
              variant="default"
              leftSection={
                paused ? <IconPlayerPlay size={14} aria-hidden /> : <IconPlayerPause size={14} aria-hidden />
              }
              onClick={() => setPaused(!paused)}
              aria-pressed={paused}
            >
              {paused ? 'Resume' : 'Pause'}
            </Button>
          )}
        </>
      }
    >
      <Filters />
      <Over filter={filter} />
      {filter.about === undefined ? null : <Activity agent={filter.about} from={filter.from} to={filter.to} />}
      {log.error === null ? (
        <div className={classes.stage}>
          {log.held > 0 ? (
            <Button
              className={classes.held}
              size="compact-sm"
              leftSection={<IconArrowUp size={14} aria-hidden />}
              onClick={() => {
                log.release();
                document.getElementById('log-rows')?.scrollTo({ top: 0 });
              }}
            >
              {plural(log.held, 'new event')}
            </Button>
          ) : null}
          {log.events?.length === 0 ? (
            isFiltered || kind !== undefined ? (
              <Empty title="Nothing in the log fits these filters" action={<Link to="/log">Show all calls</Link>}>
                What fits appears here as it happens.
              </Empty>
            ) : (
              <Empty title="No call yet" command="npx hivekey logs --follow">
                Connect an agent with one of its tokens. Every call appears here as it is decided, refused ones
                included.
              </Empty>
            )
          ) : (
            <EventRows log={log} onTop={setAtTop} opened={event} />
          )}
        </div>
      ) : (
        <ErrorNotice error={log.error} retry={log.retry} />
      )}
      <Drawer
        opened={event !== undefined}
        onClose={() => navigate({ search: (old) => ({ ...old, event: undefined }) })}
        size={640}
        title={<span className="mono">{event ?? ''}</span>}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {event === undefined ? null : <EventDetail key={event} id={event} />}
      </Drawer>
    </Page>
  );
}
