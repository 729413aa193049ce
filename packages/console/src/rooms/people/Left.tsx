import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { leftBehindQuery, leftQuery } from '../../api/identity-queries.ts';
import type { Person, TransferTask } from '../../api/identity-types.ts';
import type { LogEvent } from '../../api/types.ts';
import { count, plural } from '../../ui/format.ts';
import { Facts, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import classes from './people.module.css';

const CAUSES: Readonly<Record<string, string>> = {
  administrator: 'an administrator',
  scim: 'the directory',
  identity_provider: 'the identity provider',
  security_event: 'a security event',
};

/** What ended when the person left, with the times of it, and what of it waits for somebody. */
export function Left({ person }: { readonly person: Person }) {
  const { data: record } = useQuery(leftQuery(person.id));
  const { data: task } = useQuery(leftBehindQuery(person.id));
  if ((record === undefined || record === null) && (task === undefined || task === null)) return null;
  return (
    <div className={classes.left}>
      <Section
        title="Left"
        aside={
          record === undefined || record === null ? undefined : (
            <Link to="/log" search={{ kind: 'person.left', event: record.event_id }}>
              Record
            </Link>
          )
        }
      >
        <Facts facts={[...recordFacts(record ?? undefined), ...taskFacts(task ?? undefined)]} />
      </Section>
    </div>
  );
}

type Fact = Parameters<typeof Facts>[0]['facts'][number];

function recordFacts(record: LogEvent | undefined): readonly Fact[] {
  if (record === undefined) return [];
  const number = (field: string): number => (typeof record[field] === 'number' ? record[field] : 0);
  const ended = [
    `${plural(number('suspended'), 'agent')} suspended of ${count(number('agents'))}`,
    `${plural(number('tokens_ended'), 'token')} ended`,
    `${plural(number('approvals_cancelled'), 'approval')} cancelled`,
    `${plural(number('sessions_ended'), 'session')} ended`,
    `${plural(number('keys_revoked'), 'key')} revoked`,
    `${plural(number('delegations_ended'), 'delegation')} ended`,
  ];
  return [
    [
      'When',
      <span key="when">
        <Time value={record.ts} />, by {CAUSES[String(record.cause)] ?? String(record.cause)} ({record.actor})
      </span>,
    ],
    ['Ended', ended.join(' · ')],
  ];
}

function taskFacts(task: TransferTask | undefined): readonly Fact[] {
  if (task === undefined) return [];
  const { receipt } = task;
  const aborted = receipt.calls.filter(({ fate }) => fate !== 'finished').length;
  return [
    ['Ordered', <Instant key="ordered" value={receipt.ordered_at} />],
    ['Committed', <Instant key="committed" value={receipt.committed_at} since={receipt.ordered_at} />],
    ['In effect', <Instant key="effective" value={receipt.effective_at} since={receipt.ordered_at} />],
    [
      'First refusal',
      receipt.first_refusal_ms === null ? undefined : `after ${milliseconds(receipt.first_refusal_ms)}`,
    ],
    [
      'In flight',
      receipt.calls.length === 0
        ? 'no call'
        : `${plural(receipt.calls.length, 'call')}, of which ${count(aborted)} aborted`,
    ],
    [
      'Agents left behind',
      <span key="agents" className="row-wrap">
        <Link to="/transfers/$task" params={{ task: task.id }}>
          {count(task.agents_waiting)} of {count(task.agents_total)} wait for an owner
        </Link>
        {task.status === 'open' ? (
          <>
            <Mark tone="review">open</Mark>
            <span>
              those left are revoked <Time value={task.due_at} />
            </span>
          </>
        ) : (
          <Mark tone="neutral">{task.status}</Mark>
        )}
      </span>,
    ],
  ];
}

function Instant({ value, since }: { readonly value: string | null; readonly since?: string | null }) {
  if (value === null) return <span className="muted">not known</span>;
  const after = since === undefined || since === null ? undefined : Date.parse(value) - Date.parse(since);
  return (
    <span className="num">
      {value}
      {after === undefined ? null : <span className="muted"> +{milliseconds(after)}</span>}
    </span>
  );
}

function milliseconds(value: number): string {
  return `${value.toLocaleString('en-US', { maximumFractionDigits: 1 })} ms`;
}
