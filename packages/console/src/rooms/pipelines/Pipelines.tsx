import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { sinksQuery } from '../../api/sink-queries.ts';
import type { Sink } from '../../api/sink-types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { count, duration } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { CreateSink } from './CreateSink.tsx';
import { SinkMark } from './marks.tsx';

const route = getRouteApi('/in/pipelines');

/** Where the log is sent, how far, and whether it arrives. */
export function Pipelines() {
  const { create } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(sinksQuery);
  return (
    <Page
      title="Pipelines"
      description="Where the log is sent: in its order, at least once, with signed checkpoints, so that a receiver can show that nothing is missing."
      actions={
        <ActButton needs="POST /v1/siem/sinks" onClick={() => navigate({ search: { create: true } })}>
          Add a sink
        </ActButton>
      }
    >
      {error === null ? (
        <DataTable
          label="Sinks"
          columns={COLUMNS}
          rows={data}
          rowKey={({ id }) => id}
          empty={
            <Empty title="The log is not sent anywhere yet" command="npx hivekey sinks add --help">
              Splunk, Elasticsearch, OpenSearch, Microsoft Sentinel, Google SecOps, Datadog, OTLP, syslog over TLS,
              RELP, Kafka, NATS, S3, signed webhooks or a file.
            </Empty>
          }
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      {create === true ? <CreateSink onClose={() => navigate({ search: {} })} /> : null}
    </Page>
  );
}

const COLUMNS: readonly Column<Sink>[] = [
  {
    key: 'name',
    header: 'Sink',
    cell: ({ id, name, status, kind, destination }) => (
      <TwoLines
        first={
          <Link to="/pipelines/$sink" params={{ sink: status === 'deleted' ? id : name }} className={rowLink}>
            {name}
          </Link>
        }
        second={`${kind} · ${destination}`}
      />
    ),
  },
  { key: 'format', header: 'Format', width: '110px', cell: ({ format }) => format },
  { key: 'state', header: 'State', width: '170px', cell: ({ state }) => <SinkMark state={state} /> },
  {
    key: 'lag',
    header: 'Lag',
    width: '96px',
    align: 'end',
    cell: ({ status, oldest_unsettled_age_seconds: lag }) =>
      status === 'deleted' ? '–' : lag < 1 ? '< 1 s' : duration(lag),
  },
  {
    key: 'backlog',
    header: 'Waiting',
    width: '96px',
    align: 'end',
    cell: ({ status, backlog_events: backlog }) => (status === 'deleted' ? '–' : count(backlog)),
  },
  {
    key: 'dead',
    header: 'Set aside',
    width: '96px',
    align: 'end',
    cell: ({ dead_letters: letters }) => count(letters),
  },
  { key: 'success', header: 'Last accepted', width: '124px', cell: ({ last_success_at: at }) => <Time value={at} /> },
];
