/** Stops, quarantines and breakers on trial as rows of one table: what stops most comes first. */
import { Link } from '@tanstack/react-router';
import type { Breaker, ContainmentScope, Quarantine, Containment as Stop } from '../../api/types.ts';
import { type Column, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords, plural } from '../../ui/format.ts';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';

type BreakerAgent = Breaker['agents'][number];

export type Contained =
  | { readonly kind: 'stop'; readonly key: string; readonly stop: Stop }
  | { readonly kind: 'quarantine'; readonly key: string; readonly quarantine: Quarantine }
  | { readonly kind: 'trial'; readonly key: string; readonly breaker: Breaker; readonly of: BreakerAgent };

const WIDEST: readonly ContainmentScope[] = ['workspace', 'tool', 'role', 'owner', 'agent'];

/** Open breakers stand here as the stop or the quarantine that they ordered. */
export function containedNow(
  stops: readonly Stop[],
  quarantines: readonly Quarantine[],
  breakers: readonly Breaker[],
): readonly Contained[] {
  return [
    ...stops
      .toSorted((a, b) => WIDEST.indexOf(a.scope) - WIDEST.indexOf(b.scope) || b.ordered_at - a.ordered_at)
      .map((stop) => ({ kind: 'stop' as const, key: stop.id, stop })),
    ...quarantines.map((quarantine) => ({ kind: 'quarantine' as const, key: quarantine.id, quarantine })),
    ...breakers.flatMap((breaker) =>
      breaker.agents
        .filter(({ state }) => state === 'half_open')
        .map((of) => ({ kind: 'trial' as const, key: `${breaker.name} ${of.agent_id}`, breaker, of })),
    ),
  ];
}

const STATES = { stop: 'stopped', quarantine: 'reads only', trial: 'on trial' } as const;

export const CONTAINED: readonly Column<Contained>[] = [
  { key: 'what', header: 'What', cell: (row) => <What row={row} /> },
  { key: 'state', header: 'State', width: '116px', cell: ({ kind }) => <StatusMark status={STATES[kind]} /> },
  {
    key: 'reached',
    header: 'Reached',
    width: '170px',
    cell: (row) => (row.kind === 'stop' ? <Reached stop={row.stop} /> : '1 agent'),
  },
  { key: 'since', header: 'Since', width: '170px', cell: (row) => <Since row={row} /> },
  { key: 'ends', header: 'Ends', width: '190px', cell: (row) => <Ends row={row} /> },
];

function What({ row }: { readonly row: Contained }) {
  switch (row.kind) {
    case 'stop':
      return (
        <TwoLines
          first={
            <Link to="/containment" search={{ stop: row.stop.id }} className={rowLink}>
              {row.stop.scope === 'workspace' ? 'The workspace' : `${row.stop.scope} ${row.stop.target}`}
            </Link>
          }
          second={row.stop.reason}
        />
      );
    case 'quarantine':
      return (
        <TwoLines
          first={
            <Link
              to="/containment"
              search={{ tab: 'quarantine', quarantine: row.quarantine.id }}
              className={rowLink}
            >{`agent ${row.quarantine.agent}`}</Link>
          }
          second={row.quarantine.reason}
        />
      );
    case 'trial':
      return (
        <TwoLines
          first={
            <Link to="/containment" search={{ tab: 'breakers', breaker: row.breaker.name }} className={rowLink}>
              {`agent ${row.of.agent}`}
            </Link>
          }
          second={`breaker ${row.breaker.name}, tripped ${plural(row.of.trips, 'time')}`}
        />
      );
  }
}

function Reached({ stop }: { readonly stop: Stop }) {
  const { agents, calls } = stop.receipt;
  return (
    <TwoLines
      first={stop.scope === 'tool' ? 'every agent' : plural(agents.length, 'agent')}
      second={calls.length === 0 ? undefined : `${plural(calls.length, 'call')} in flight`}
    />
  );
}

function Since({ row }: { readonly row: Contained }) {
  switch (row.kind) {
    case 'stop':
      return <TwoLines first={<Time value={row.stop.ordered_at} />} second={`by ${actorWords(row.stop.actor)}`} />;
    case 'quarantine': {
      const { entered_at, actor } = row.quarantine;
      return <TwoLines first={<Time value={entered_at} />} second={`by ${actorWords(actor)}`} />;
    }
    case 'trial':
      return <Time value={row.of.since} />;
  }
}

function Ends({ row }: { readonly row: Contained }) {
  switch (row.kind) {
    case 'stop':
      return 'when a person lifts it';
    case 'quarantine':
      return row.quarantine.until === null ? 'after a review' : <Time value={row.quarantine.until} />;
    case 'trial':
      return `after ${plural(row.breaker.trial_calls, 'good call')}`;
  }
}
