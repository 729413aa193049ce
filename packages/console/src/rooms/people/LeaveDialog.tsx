import { Skeleton } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { at, send } from '../../api/client.ts';
import { openSessionsQuery } from '../../api/identity-queries.ts';
import type { Person } from '../../api/identity-types.ts';
import { delegationsQuery, keysQuery, reachQuery } from '../../api/queries.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';
import { plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import classes from './people.module.css';

/** Deactivates a person, after saying what that will do. */
export function LeaveDialog({
  person,
  isOwn,
  onClose,
}: {
  readonly person: Person;
  readonly isOwn: boolean;
  readonly onClose: () => void;
}) {
  const leave = useWrite({
    write: () => send<Person>('PATCH', at`/v1/people/${person.id}`, { active: false }),
    changes: ['people', 'agents', 'sessions', 'keys', 'approvals', 'delegations'],
    done: ({ email }) => `${email} is deactivated.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Deactivate ${person.email}`}
      action="Deactivate"
      danger
      word={isOwn || person.agents > 0 ? person.email : undefined}
      pending={leave.isPending}
      error={leave.error}
      onConfirm={() => leave.mutate(undefined)}
      onClose={onClose}
    >
      <div className="stack-tight">
        {isOwn ? <p>This is you: you will be signed out.</p> : null}
        <p>At once, in one step that comes back with nothing left running:</p>
        <Reach person={person} />
      </div>
    </Confirm>
  );
}

function Reach({ person }: { readonly person: Person }) {
  const reach = useQuery(reachQuery('owner', person.email));
  const sessions = useInfiniteQuery(openSessionsQuery(person.id));
  const { data: keys = [] } = useQuery(keysQuery);
  const { data: delegations = [] } = useQuery(delegationsQuery);
  if (reach.error !== null) return <ErrorNotice error={reach.error} retry={() => void reach.refetch()} />;
  if (reach.data === undefined) return <Skeleton height={110} aria-label="Loading" />;
  const { agents, calls, approvals } = reach.data;
  const open = sessions.data?.pages.flatMap(({ data }) => data).length;
  const live = keys.filter((key) => key.status === 'live' && key.person === person.email).length;
  const delegated = delegations.filter(({ from, to }) => from === person.email || to === person.email).length;
  return (
    <>
      <ul className={classes.reach}>
        <li>
          {plural(agents, 'agent')} suspended, {plural(calls, 'call')} in flight aborted, their tokens ended
        </li>
        <li>
          {plural(approvals, 'held approval')} cancelled, and those that nobody but {person.email} could decide
        </li>
        <li>{open === undefined ? 'sessions' : plural(open, 'session')} ended</li>
        <li>{plural(live, 'admin key')} revoked</li>
        <li>{plural(delegated, 'delegation')} ended</li>
      </ul>
      {agents === 0 ? null : (
        <p>The agents wait for another owner. Those that have none by the deadline are revoked.</p>
      )}
    </>
  );
}
