import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { drillsQuery, rehearsalsQuery } from '../../api/queries.ts';
import { duration } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Panel, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { measuredWords } from './words.ts';

/** When the kill switch was last pressed in a rehearsal, how fast it was, and whether the next one is late. */
export function LastDrill() {
  const drills = useQuery(drillsQuery);
  const rehearsals = useQuery(rehearsalsQuery);
  const failed = [drills, rehearsals].find(({ error }) => error !== null);
  const last = rehearsals.data?.data[0];
  const late = drills.data?.filter(({ overdue_seconds }) => overdue_seconds !== null) ?? [];
  const next = drills.data
    ?.flatMap(({ next_at }) => (next_at === null ? [] : [next_at]))
    .toSorted((a, b) => a - b)
    .at(0);
  return (
    <Section
      title="Last drill"
      aside={
        <Link to="/containment" search={{ tab: 'drills' }}>
          All drills
        </Link>
      }
    >
      {failed === undefined ? (
        <Panel>
          <div className="stack-tight" data-testid="last-drill">
            {rehearsals.data === undefined ? (
              <p className="muted">Reading…</p>
            ) : last === undefined ? (
              <p className="muted">
                The kill switch has not been rehearsed. A rehearsal presses it on a shadow of an agent and measures.
              </p>
            ) : (
              <p className="row-wrap">
                <StatusMark status={last.status} />
                <Link to="/containment" search={{ tab: 'drills', rehearsal: last.id }}>
                  {last.drill ?? 'by hand'}
                </Link>
                <Time value={last.started_at} />
                <span className="muted">{measuredWords(last)}</span>
              </p>
            )}
            {late.map(({ name, overdue_seconds }) => (
              <p key={name} className="row-wrap">
                <StatusMark status="overdue" />
                <span>
                  {name} is {duration(overdue_seconds ?? 0)} late.
                </span>
              </p>
            ))}
            {drills.data === undefined ? null : next === undefined ? (
              <p className="muted">No drill is scheduled.</p>
            ) : (
              <p className="muted">
                The next one is due <Time value={next} />.
              </p>
            )}
          </div>
        </Panel>
      ) : (
        <ErrorNotice error={failed.error} retry={() => void failed.refetch()} />
      )}
    </Section>
  );
}
