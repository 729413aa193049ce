import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { get } from '../../api/client.ts';
import type { SystemHealth, Workspace } from '../../api/types.ts';
import { whileAttended } from '../../app/attended.ts';
import { CodeBlock, Identifier } from '../../ui/Copy.tsx';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { count, duration } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Panel, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark, StatusMark } from '../../ui/Verdict.tsx';
import classes from './system.module.css';

const PROBLEMS: Readonly<Record<string, string>> = {
  shutting_down: 'The server is shutting down.',
  database_unreachable: 'The database does not answer.',
  log_not_writable: 'The log cannot be written, so nothing runs.',
  checkpoint_copies_stale: 'A copy of the checkpoints outside the database is behind.',
};

type CopyRow = SystemHealth['log']['copies'][number];

const COPIES: readonly Column<CopyRow>[] = [
  {
    key: 'destination',
    header: 'Copy outside the database',
    cell: ({ destination }) => (
      <span className="mono" title={destination}>
        {destination}
      </span>
    ),
  },
  {
    key: 'size',
    header: 'Entries',
    width: '110px',
    align: 'end',
    cell: ({ tree_size }) => <span className="num">{count(tree_size)}</span>,
  },
  {
    key: 'behind',
    header: 'Behind',
    width: '110px',
    align: 'end',
    cell: ({ behind_seconds }) => <span className="num">{behind_seconds < 1 ? 'no' : duration(behind_seconds)}</span>,
  },
  {
    key: 'status',
    header: 'Status',
    width: '40%',
    cell: ({ last_error }) =>
      last_error === null ? (
        <StatusMark status="ok" />
      ) : (
        <span className="row">
          <StatusMark status="failing" />
          <span className="truncate" title={last_error}>
            {last_error}
          </span>
        </span>
      ),
  },
];

export function Health() {
  const system = useQuery({
    queryKey: ['system'],
    queryFn: ({ signal }) => get<SystemHealth>('/v1/system', {}, signal),
    refetchInterval: whileAttended(5_000),
  });
  const workspace = useQuery({
    queryKey: ['workspace', 'own'],
    queryFn: ({ signal }) => get<Workspace>('/v1/workspace', {}, signal),
  });
  const key = useQuery({
    queryKey: ['system', 'key'],
    queryFn: ({ signal }) => get<{ readonly key: string }>('/v1/audit/key', {}, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (system.error !== null) return <ErrorNotice error={system.error} retry={() => void system.refetch()} />;
  const { data } = system;
  if (data === undefined) return <Skeleton height={360} aria-label="Loading" />;
  const { log, database, gateway } = data;
  return (
    <>
      <p className={classes.overall} data-ready={data.ready}>
        <strong>{data.ready ? 'Ready: actions are decided and recorded.' : 'Not ready: actions are refused.'}</strong>{' '}
        {data.problems.map((problem) => PROBLEMS[problem] ?? problem).join(' ')}
      </p>
      <div className={classes.panels}>
        <Panel>
          <Section title="Log">
            <Facts
              facts={[
                ['Writable', <StatusMark key="writable" status={log.writable ? 'ok' : 'failing'} />],
                ['Signed entries', log.checkpoint === null ? 'none yet' : count(log.checkpoint.tree_size)],
                [
                  'Newest checkpoint',
                  <Time key="checkpoint" value={log.checkpoint?.created_at ?? null} absent="none yet" />,
                ],
              ]}
            />
          </Section>
        </Panel>
        <Panel>
          <Section title="Database">
            <Facts
              facts={[
                ['Answers', <StatusMark key="ok" status={database.ok ? 'ok' : 'failing'} />],
                ['Kind', `${database.kind}${database.version === null ? '' : `, PostgreSQL ${database.version}`}`],
                [
                  'Connections',
                  `${database.connections.open} open, ${database.connections.idle} idle, ${database.connections.waiting} waiting`,
                ],
              ]}
            />
          </Section>
        </Panel>
        <Panel>
          <Section title="Gateway">
            <Facts
              facts={[
                ['In flight', count(gateway.in_flight)],
                ['Sessions', count(gateway.sessions)],
                ['Streams', count(gateway.streams)],
                ['Version', data.version],
                ['Node', <Identifier key="node" value={data.node} what="node id" />],
                ['Up for', duration(data.uptime_seconds)],
                ['Hears others', <StatusMark key="heard" status={data.nodes_heard ? 'ok' : 'failing'} />],
              ]}
            />
          </Section>
        </Panel>
        {workspace.data === undefined ? null : (
          <Panel>
            <Section title="Workspace">
              <Facts
                facts={[
                  ['Name', workspace.data.name],
                  ['Environment', workspace.data.environment],
                  ['Status', <StatusMark key="status" status={workspace.data.status} />],
                  [
                    'Agents',
                    `${workspace.data.agents.active} active, ${workspace.data.agents.suspended} suspended, ${workspace.data.agents.revoked} revoked`,
                  ],
                  [
                    'Policy',
                    <Link key="policy" to="/policy/$revision" params={{ revision: 'current' }}>
                      revision {workspace.data.policy_revision}
                    </Link>,
                  ],
                  ['Id', <Identifier key="id" value={workspace.data.id} what="workspace id" />],
                ]}
              />
            </Section>
          </Panel>
        )}
      </div>
      <Section title="Checkpoint copies">
        <DataTable
          label="Checkpoint copies"
          columns={COPIES}
          rows={log.copies}
          rowKey={({ destination }) => destination}
          empty={<p className="muted">No copy has been written yet.</p>}
        />
      </Section>
      <Section title="MCP servers">
        {data.upstreams.length === 0 ? (
          <p className="muted">
            None is registered. <Link to="/servers">Register one</Link>
          </p>
        ) : (
          <ul className={classes.upstreams}>
            {data.upstreams.map(({ namespace, status, last_error }) => (
              <li key={namespace}>
                <Link to="/servers/$server" params={{ server: namespace }}>
                  {namespace}
                </Link>
                <StatusMark status={status === 'active' && last_error !== null ? 'failing' : status} />
                <span className="muted truncate" title={last_error ?? ''}>
                  {last_error}
                </span>
              </li>
            ))}
          </ul>
        )}
      </Section>
      <Section title="Verifier key" aside={<Mark tone="neutral">public</Mark>}>
        <p className="muted">Give it to whoever verifies the log, by another way than the log itself.</p>
        {key.data === undefined ? null : <CodeBlock code={key.data.key.trim()} what="verifier key" wrap />}
      </Section>
    </>
  );
}
