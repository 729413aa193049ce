import { SegmentedControl, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { sinkQuery } from '../../api/sink-queries.ts';
import type { Sink } from '../../api/sink-types.ts';
import { count, duration, plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Section } from '../../ui/Page.tsx';
import { Moment, Time } from '../../ui/Time.tsx';
import { DeadLetters } from './DeadLetters.tsx';
import { Ledger } from './Ledger.tsx';
import { SinkMark } from './marks.tsx';
import { Replays } from './Replays.tsx';
import { Settings } from './Settings.tsx';
import { SinkActs } from './SinkActs.tsx';

const route = getRouteApi('/in/pipelines/$sink');
const UP = { to: '/pipelines', label: 'Pipelines' };

export function PipelinePage() {
  const { sink: name } = route.useParams();
  const { tab = 'now' } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(sinkQuery(name));
  if (data === undefined)
    return (
      <Page title={name} up={UP}>
        {error === null ? (
          <Skeleton height={320} aria-label="Loading" />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
      </Page>
    );
  const aside = data.dead_letters === 0 ? 'Set aside' : `Set aside (${count(data.dead_letters)})`;
  return (
    <Page
      title={data.name}
      up={UP}
      mark={<SinkMark state={data.state} />}
      description={`${data.kind} · ${data.destination}`}
      actions={<SinkActs sink={data} />}
    >
      <SegmentedControl
        aria-label="What is shown"
        mb="md"
        data={[
          { value: 'now', label: 'Now' },
          { value: 'ledger', label: 'Ledger' },
          { value: 'set-aside', label: aside },
          { value: 'settings', label: 'Settings' },
        ]}
        value={tab}
        onChange={(next) => navigate({ search: next === 'now' ? {} : { tab: next as Exclude<typeof tab, 'now'> } })}
      />
      {tab === 'ledger' ? (
        <Ledger sink={data} />
      ) : tab === 'set-aside' ? (
        <DeadLetters sink={data} />
      ) : tab === 'settings' ? (
        <Settings key={data.updated} sink={data} />
      ) : (
        <Now sink={data} />
      )}
    </Page>
  );
}

function Now({ sink }: { readonly sink: Sink }) {
  const { acknowledgement, hold, last_error: failure } = sink;
  return (
    <>
      <Section title="Delivery">
        <Facts
          facts={[
            ['Waits for a person', hold === null ? null : `${hold.cause} (${hold.code})`],
            ['Paused because', sink.status_reason],
            [
              'Lag',
              sink.oldest_unsettled_age_seconds < 1 ? 'under a second' : duration(sink.oldest_unsettled_age_seconds),
            ],
            ['Objective', duration(sink.objective_seconds)],
            ['Waiting', plural(sink.backlog_events, 'event')],
            ['Settled up to', `${count(sink.cursor_seq)} of ${count(sink.head_seq)}`],
            ['Nothing settled for', sink.gap_seconds < 1 ? null : duration(sink.gap_seconds)],
            ['Last accepted', <Time key="success" value={sink.last_success_at} absent="never" />],
            ['Last checkpoint', <Time key="checkpoint" value={sink.last_checkpoint_at} absent="none yet" />],
            ['Failing since', sink.failing_since === null ? null : <Moment key="since" value={sink.failing_since} />],
            ['Last error', failure === null ? null : `${failure.cause} (${failure.code})`],
          ]}
        />
      </Section>
      <Section title="What the receiver’s word is worth">
        <Facts
          facts={[
            [
              'It says at most',
              acknowledgement.strongest === 'stored' ? 'that an event is stored' : 'that it took an event',
            ],
            [
              'Last batch',
              acknowledgement.confirmed === null
                ? 'nothing sent yet'
                : acknowledgement.confirmed
                  ? 'said to be stored'
                  : 'taken, not confirmed',
            ],
            ['Remarks', acknowledgement.remarks.join(' ')],
            ['Left out', sink.filter ?? 'nothing'],
          ]}
        />
      </Section>
      <Section title="So far">
        <Facts
          facts={[
            ['Events', count(sink.events)],
            ['Bytes', count(sink.bytes)],
            ['Checkpoints', count(sink.checkpoints)],
            ['Sent again', `${count(sink.retries)} · the receiver had ${count(sink.duplicates)} of them`],
            ['From number', count(sink.from_seq)],
            ['On node', sink.node],
            [
              'Records',
              <Link key="log" to="/log" search={{ kind: 'all', q: sink.name }}>
                on the log
              </Link>,
            ],
          ]}
        />
      </Section>
      <Replays sink={sink} />
    </>
  );
}
