import { Progress } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { readingsQuery } from '../../api/queries.ts';
import type { Breaker, BreakerReading, LogEvent } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { actorWords, plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import classes from './breakers.module.css';
import { countedWords, responseWords, tripWords, valueWords } from './words.ts';

const STATES = { open: 'tripped', half_open: 'on trial', closed: 'closed' } as const;

export function BreakerDetail({
  breaker,
  trips,
  onEdit,
  onRemoved,
}: {
  readonly breaker: Breaker;
  /** Its newest; undefined while they are read. */
  readonly trips: readonly LogEvent[] | undefined;
  readonly onEdit: () => void;
  readonly onRemoved: () => void;
}) {
  const [removing, setRemoving] = useState(false);
  const remove = useWrite({
    write: () => send<Breaker>('DELETE', at`/v1/breakers/${breaker.name}`),
    changes: ['breakers'],
    done: ({ name }) => `The breaker ${name} is removed.`,
    onDone: onRemoved,
  });
  return (
    <div className={`stack ${classes.detail}`}>
      <Facts
        facts={[
          ['Trips when', tripWords(breaker)],
          ['Watches', breaker.roles === undefined ? 'every agent' : `who wears ${breaker.roles.join(', ')}`],
          ['Then', responseWords(breaker)],
          ['On trial', `one bad call trips it again, ${plural(breaker.trial_calls, 'good call')} close it`],
          ['Written', <Time key="written" value={breaker.updated_at} />],
          ['Written by', actorWords(breaker.author)],
        ]}
      />
      <div className="row">
        <ActButton needs="PUT /v1/breakers/:name" variant="default" size="compact-sm" onClick={onEdit}>
          Edit…
        </ActButton>
        <ActButton
          needs="DELETE /v1/breakers/:name"
          variant="default"
          size="compact-sm"
          onClick={() => setRemoving(true)}
        >
          Remove…
        </ActButton>
      </div>
      {/* Of one that is being removed there is soon nothing to read. */}
      <Readings breaker={breaker} isRead={!removing} />
      <Section title="Its trips">
        {trips?.length === 0 ? <p className="muted">It has not tripped, or not lately.</p> : null}
        <ul className={classes.list}>
          {trips?.map(({ event_id, agent, reason, ts }) => (
            <li key={event_id}>
              <Link to="/log" search={{ event: event_id, kind: 'all' }}>
                {agent}
              </Link>
              <span className="muted">
                {reason} · <Time value={ts} />
              </span>
            </li>
          ))}
        </ul>
      </Section>
      {removing ? (
        <Confirm
          title={`Remove the breaker ${breaker.name}`}
          action="Remove"
          danger
          pending={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(undefined)}
          onClose={() => setRemoving(false)}
        >
          Nothing trips it any more. Agents that it put into quarantine stay there until a person releases them.
        </Confirm>
      ) : null}
    </div>
  );
}

/** Where agents stand now, nearest to tripping first. */
function Readings({ breaker, isRead }: { readonly breaker: Breaker; readonly isRead: boolean }) {
  const { data, error, refetch } = useQuery({ ...readingsQuery(breaker.name), enabled: isRead });
  const acting = new Set(data?.map(({ agent_id }) => agent_id));
  const quiet = breaker.agents.filter(({ state, agent_id }) => state !== 'closed' && !acting.has(agent_id));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <Section title="Reading now">
      {data?.length === 0 && quiet.length === 0 ? (
        <p className="muted">No agent that it watches has called anything within its window.</p>
      ) : null}
      <ul className={classes.list}>
        {quiet.map(({ agent, agent_id, state, since }) => (
          <li key={agent_id}>
            <span className="spread">
              <AgentLink agent={agent} />
              <StatusMark status={STATES[state]} />
            </span>
            <span className="muted">
              since <Time value={since} />; nothing counts from before
            </span>
          </li>
        ))}
        {data?.map((reading) => (
          <Reading key={reading.agent_id} breaker={breaker} reading={reading} />
        ))}
      </ul>
    </Section>
  );
}

function Reading({ breaker, reading }: { readonly breaker: Breaker; readonly reading: BreakerReading }) {
  const { agent, state, value, is_judged } = reading;
  const part = Math.min(100, (100 * value) / breaker.threshold);
  return (
    <li>
      <span className="spread">
        <AgentLink agent={agent} />
        {state === 'closed' ? null : <StatusMark status={STATES[state]} />}
      </span>
      <Progress
        value={part}
        size="sm"
        color={!is_judged ? 'gray' : part >= 80 ? 'red' : 'indigo'}
        aria-label={`${agent}: part of the limit`}
      />
      <span className="muted">
        {valueWords(breaker, value)} of a limit of {valueWords(breaker, breaker.threshold)},{' '}
        {countedWords(breaker, reading)}
      </span>
    </li>
  );
}

function AgentLink({ agent }: { readonly agent: string }) {
  return (
    <Link to="/agents/$agent" params={{ agent }} className="truncate" title={agent}>
      {agent}
    </Link>
  );
}
