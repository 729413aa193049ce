import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { asApiError } from '../../api/problem.ts';
import { activityQuery } from '../../api/query-queries.ts';
import { count, impactsWords, plural } from '../../ui/format.ts';
import classes from './log.module.css';

/** Everything an agent did in a time, in numbers; the list below has each of it. */
export function Activity({
  agent,
  from,
  to,
}: {
  readonly agent: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}) {
  const { data, error } = useQuery(activityQuery(agent, from, to));
  if (error !== null) return <p className="muted">{asApiError(error).message}</p>;
  if (data === undefined) return null;
  const { calls, verdicts } = data;
  const units = calls === null ? undefined : impactsWords(calls.units);
  const actions = calls?.actions
    .slice(0, 4)
    .map(({ action, allow, deny, review }) => `${action} ${count(allow + deny + review)}`);
  return (
    <dl className={classes.activity} aria-label={`What ${data.agent} did`}>
      <div>
        <dt>Agent</dt>
        <dd>
          <Link to="/agents/$agent" params={{ agent: data.agent }}>
            {data.agent}
          </Link>
        </dd>
      </div>
      <div>
        <dt>Records</dt>
        <dd>{count(data.entries)}</dd>
      </div>
      <div>
        <dt>Calls</dt>
        <dd>
          {count(verdicts.allow ?? 0)} allowed · {count(verdicts.deny ?? 0)} denied · {count(verdicts.review ?? 0)} held
        </dd>
      </div>
      {calls === null ? null : (
        <>
          <div>
            <dt>Did most</dt>
            <dd>{actions?.join(' · ')}</dd>
          </div>
          <div>
            <dt>Spent</dt>
            <dd>{units ?? 'nothing that is counted'}</dd>
          </div>
          <div data-bad={calls.missing > 0}>
            <dt>Decisions without a gap</dt>
            <dd>
              {calls.missing === 0 ? `all ${count(calls.decisions)}` : `${plural(calls.missing, 'number')} not there`}
            </dd>
          </div>
        </>
      )}
      {data.complete ? null : (
        <div>
          <dt>Calls one by one</dt>
          <dd>too many to look at each: choose a shorter time</dd>
        </div>
      )}
    </dl>
  );
}
