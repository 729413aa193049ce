import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { activeQuarantinesQuery, activeStopsQuery, breakersQuery, waitingQuery } from '../../api/queries.ts';
import { count } from '../../ui/format.ts';
import classes from './containment.module.css';

/** How much is held back, at a glance. */
export function Summary() {
  const { data: stops } = useQuery(activeStopsQuery);
  const { data: quarantines } = useQuery(activeQuarantinesQuery);
  const { data: breakers } = useQuery(breakersQuery);
  const { data: waiting } = useQuery(waitingQuery);
  const states = breakers?.flatMap(({ agents }) => agents.map(({ state }) => state));
  const open = states?.filter((state) => state === 'open').length;
  const trial = states?.filter((state) => state === 'half_open').length ?? 0;
  return (
    <ul className={classes.summary}>
      <li>
        <Link to="/containment" search={{ tab: 'receipts' }} className={classes.figure}>
          <Figure label={stops?.length === 1 ? 'stop in force' : 'stops in force'} value={stops?.length} tone="deny" />
        </Link>
      </li>
      <li>
        <Link to="/containment" search={{ tab: 'quarantine' }} className={classes.figure}>
          <Figure
            label={quarantines?.length === 1 ? 'agent in quarantine' : 'agents in quarantine'}
            value={quarantines?.length}
            tone="review"
          />
        </Link>
      </li>
      <li>
        <Link to="/containment" search={{ tab: 'breakers' }} className={classes.figure}>
          <Figure
            label={`${open === 1 ? 'breaker' : 'breakers'} tripped${trial === 0 ? '' : `, ${count(trial)} on trial`}`}
            value={open}
            tone="deny"
          />
        </Link>
      </li>
      <li>
        <Link to="/approvals" className={classes.figure}>
          <Figure
            label={waiting?.data.length === 1 ? 'call held for people' : 'calls held for people'}
            value={waiting?.data.length}
            more={waiting?.has_more === true}
            tone="review"
          />
        </Link>
      </li>
    </ul>
  );
}

function Figure({
  label,
  value,
  more = false,
  tone,
}: {
  readonly label: string;
  readonly value: number | undefined;
  /** There are more than were counted. */
  readonly more?: boolean;
  readonly tone: 'deny' | 'review';
}) {
  return (
    <>
      <strong className="num" data-tone={value === undefined || value === 0 ? 'none' : tone}>
        {value === undefined ? '–' : `${count(value)}${more ? '+' : ''}`}
      </strong>
      <span>{label}</span>
    </>
  );
}
