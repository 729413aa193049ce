import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { eventQuery } from '../../api/queries.ts';
import type { LogEvent } from '../../api/types.ts';
import { CodeBlock, Identifier } from '../../ui/Copy.tsx';
import { exactTime, readTime } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import { Trace } from '../../ui/Trace.tsx';
import { StatusMark, VerdictMark } from '../../ui/Verdict.tsx';
import { Integrity } from './Integrity.tsx';
import { summaryOf } from './matches.ts';

/** One event with all that is recorded of it. */
export function EventDetail({ id }: { readonly id: string }) {
  const { data, error, refetch } = useQuery(eventQuery(id));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={420} aria-label="Loading" />;
  const { event, result } = data;
  return (
    <div data-testid="event-detail">
      {event.kind === 'tool.call' ? <Call event={event} result={result} /> : <Other event={event} />}
      <Integrity event={event} />
    </div>
  );
}

function Call({ event, result }: { readonly event: LogEvent; readonly result: LogEvent | null }) {
  return (
    <>
      <Section title="Decision">
        <div className="row-wrap">
          {event.verdict === undefined ? null : (
            <VerdictMark verdict={event.verdict} reasonClass={event.reason_class} />
          )}
          <strong>{event.reason}</strong>
        </div>
        <Facts
          facts={[
            ['Action', <Mono key="action">{event.action}</Mono>],
            ['Called as', event.tool === event.action ? null : <Mono key="tool">{event.tool}</Mono>],
            ['When', <When key="when" ts={event.ts} />],
            ['Rule', event.rule],
            ['Outcome', <Outcome key="outcome" event={event} result={result} />],
            ['Policy then', <PolicyThen key="policy" event={event} />],
            ['Added latency', event.latency_ms === undefined ? null : `${event.latency_ms} ms`],
          ]}
        />
      </Section>
      <Section title="Trace">
        <Trace steps={event.trace ?? []} />
      </Section>
      <Section title="Attribution">
        <Facts
          facts={[
            [
              'Agent',
              event.agent === undefined ? null : (
                <Link key="agent" to="/agents/$agent" params={{ agent: event.agent }}>
                  {event.agent}
                </Link>
              ),
            ],
            ['Owner', [event.owner, event.owner_label].filter(Boolean).join(' · ')],
            [
              'Granted by',
              event.role === undefined ? null : <RoleThen key="role" name={event.role} revision={event.role_rev} />,
            ],
            ['Roles worn', event.roles?.join(', ')],
            ['Session', event.session_id === undefined ? null : <Session key="session" id={event.session_id} />],
            ['Run', textOf(event.run_id)],
            ['Entrance', textOf(event.entrance)],
            ['Address', textOf(event.src_ip)],
            ['Token', textOf(event.token_id)],
            ['Call of agent', event.agent_seq === undefined ? null : `no. ${event.agent_seq}`],
          ]}
        />
      </Section>
      <Section title="Arguments">
        <CodeBlock code={JSON.stringify(event.args ?? {}, null, 2)} what="arguments" />
        <p className="muted">
          Sensitive values stand as ***. The digest covers the full arguments under a key of the workspace.
        </p>
        {event.args_digest === undefined ? null : (
          <Identifier value={event.args_digest} what="digest of the arguments" />
        )}
      </Section>
    </>
  );
}

/** Fields shown elsewhere, or known to the reader. */
const PLAIN = new Set([
  'seq',
  'event_id',
  'kind',
  'ts',
  'v',
  'workspace',
  'env',
  'shard',
  'shard_seq',
  'entry_hash',
  'prev_hash',
  'hash',
  'outcome',
]);

function Other({ event }: { readonly event: LogEvent }) {
  const fields = Object.entries(event).filter(([name, value]) => !PLAIN.has(name) && value !== null);
  return (
    <Section title={event.kind}>
      <p>{summaryOf(event)}</p>
      <Facts
        facts={[
          ['When', <When key="when" ts={event.ts} />],
          ...fields.map(([name, value]): [string, ReactNode] => [
            name,
            typeof value === 'object' ? (
              <CodeBlock key={name} code={JSON.stringify(value, null, 2)} what={name} />
            ) : (
              <Mono key={name}>{String(value)}</Mono>
            ),
          ]),
        ]}
      />
    </Section>
  );
}

function Outcome({ event, result }: { readonly event: LogEvent; readonly result: LogEvent | null }) {
  if (event.verdict !== 'allow') return 'not run: nothing was sent upstream';
  const outcome = result?.outcome ?? event.outcome;
  if (outcome === null || outcome === undefined) return <StatusMark status="in flight" />;
  const code = textOf(result?.error_code);
  const ms = typeof result?.upstream_ms === 'number' ? `${result.upstream_ms} ms upstream` : undefined;
  const bytes = typeof result?.bytes_in === 'number' ? `${result.bytes_in} bytes back` : undefined;
  return (
    <span className="row-wrap">
      <StatusMark status={outcome === 'not_attempted' ? 'not attempted' : outcome} />
      <span className="muted">{[code, ms, bytes].filter((each) => each !== undefined).join(' · ')}</span>
    </span>
  );
}

function PolicyThen({ event }: { readonly event: LogEvent }) {
  return event.policy_revision === undefined ? null : (
    <span>
      <Link to="/policy/$revision" params={{ revision: String(event.policy_revision) }}>
        revision {event.policy_revision}
      </Link>{' '}
      {event.policy === undefined ? null : <Identifier value={event.policy} what="policy hash" />}
    </span>
  );
}

function RoleThen({ name, revision }: { readonly name: string; readonly revision: number | undefined }) {
  return (
    <Link to="/roles/$role" params={{ role: name }} search={{ tab: 'revisions' }}>
      {name}
      {revision === undefined ? '' : ` · rev ${revision}`}
    </Link>
  );
}

function Session({ id }: { readonly id: string }) {
  return (
    <span className="row">
      <Identifier value={id} what="session id" />
      <Link to="/log" search={{ session: id }}>
        all of it
      </Link>
    </span>
  );
}

function When({ ts }: { readonly ts: string }) {
  const date = readTime(ts);
  return <time dateTime={ts}>{date === undefined ? ts : exactTime(date)}</time>;
}

function Mono({ children }: { readonly children: ReactNode }) {
  return <span className="mono">{children}</span>;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
