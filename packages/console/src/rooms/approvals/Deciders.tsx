import { Link } from '@tanstack/react-router';
import type { FullApproval } from '../../api/types.ts';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark, StatusMark } from '../../ui/Verdict.tsx';
import classes from './approvals.module.css';
import { barWords, whoWords } from './words.ts';

/** Who decided, and while it waits, who could. */
export function Deciders({ approval }: { readonly approval: FullApproval }) {
  const { status, decisions, deciders, told } = approval;
  return (
    <>
      {decisions.length === 0 ? null : (
        <Section title="Decisions">
          <ul className={classes.list}>
            {decisions.map((each) => (
              <li key={each.event_id}>
                <span className="truncate">{whoWords(each.person, each.on_behalf_of)}</span>
                <StatusMark status={each.decision === 'approve' ? 'approved' : 'denied'} />
                <p>{each.reason === '' ? <span className="muted">without a reason</span> : each.reason}</p>
                <p className="muted">
                  {[
                    `key ${each.key}`,
                    `by ${each.channel}`,
                    each.groups.join(', '),
                    each.bulk === null ? '' : `one of ${each.bulk} decided together`,
                  ]
                    .filter(Boolean)
                    .join(' · ')}{' '}
                  · <Time value={each.decided_at} />
                </p>
                <p>
                  <Link to="/log" search={{ event: each.event_id, kind: 'all' }}>
                    Record of this decision
                  </Link>
                </p>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {told.length === 0 ? null : (
        <Section title="Told that it waits">
          <ul className={classes.list}>
            {told.map(({ kind, at, event_id }) => (
              <li key={kind}>
                <Link to="/log" search={{ event: event_id, kind: 'all' }}>
                  {kind === 'reminded' ? 'Reminder to who may decide' : 'Escalation to others as well'}
                </Link>
                <Time value={at} />
              </li>
            ))}
          </ul>
        </Section>
      )}
      {status === 'pending' ? (
        <Section title="Who may approve">
          {deciders.length === 0 ? (
            <p className="muted">
              Nobody: no active person has a key of their own. Make one under System, Admin keys, or with{' '}
              <code>hivekey key create NAME --person E-MAIL</code>.
            </p>
          ) : (
            <ul className={classes.list}>
              {deciders.map(({ person, on_behalf_of, may, why_not }) => (
                <li key={`${person} ${on_behalf_of}`}>
                  <span className="truncate">{whoWords(person, on_behalf_of)}</span>
                  <Mark tone={may ? 'allow' : 'neutral'}>{may ? 'may' : 'may not'}</Mark>
                  {may ? null : <p className="muted">{barWords(why_not)}</p>}
                </li>
              ))}
            </ul>
          )}
        </Section>
      ) : null}
    </>
  );
}
