import { Link } from '@tanstack/react-router';
import type { Change } from '../../api/change-types.ts';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import classes from './changes.module.css';

/** Who decided what, how they were signed in, and with which words. */
export function Reviews({ change: { reviews } }: { readonly change: Change }) {
  if (reviews.length === 0) return null;
  return (
    <Section title="Decisions">
      <ul className={classes.said}>
        {reviews.map(
          ({ event_id, person, decision, groups, comment, method, channel, signature, at, counts, stage }) => (
            <li key={event_id}>
              <div className="row-wrap">
                <strong>{person}</strong>
                <Mark tone={decision === 'approve' ? 'allow' : 'deny'}>
                  {decision === 'approve' ? (stage === 'after' ? 'confirmed' : 'approved') : 'rejected'}
                </Mark>
                {counts ? null : <Mark tone="neutral">does not count any more</Mark>}
              </div>
              {comment === '' ? null : <p>{comment}</p>}
              <p className="muted">
                {groups.length === 0 ? '' : `for ${groups.join(', ')} · `}
                by {method} in the {channel}
                {signature === null ? '' : ', signed with a passkey'} ·{' '}
                <Link to="/log" search={{ event: event_id }}>
                  <Time value={at} />
                </Link>
              </p>
            </li>
          ),
        )}
      </ul>
    </Section>
  );
}
