import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Authority } from '../../api/agent-types.ts';
import { actorWords } from '../../ui/format.ts';
import { Section } from '../../ui/Page.tsx';
import { Moment } from '../../ui/Time.tsx';
import classes from './agents.module.css';
import { OnRecord } from './OnRecord.tsx';

/** How the agent came about, step by step: each of its times is later than the one before. */
export function Life({
  authority: { admission, created, first_credential_at, first_action_at },
}: {
  readonly authority: Authority;
}) {
  return (
    <Section title="How it came about">
      <ol className={classes.life} aria-label="Its life">
        <Step
          name="Asked for"
          at={admission?.requested_at ?? null}
          absent="nobody asked for it: it was created directly"
          event={admission?.requested_event}
        >
          {admission === null ? null : (
            <>
              by {actorWords(admission.requested_by)}:{' '}
              <Link to="/agent-requests/$request" params={{ request: admission.request }}>
                {admission.reason}
              </Link>
            </>
          )}
        </Step>
        <Step
          name="Approved"
          at={admission?.approved_at ?? null}
          absent="nobody but who created it let it in"
          event={admission?.approved_event}
        >
          {admission === null ? null : (
            <>
              by {actorWords(admission.approved_by)}
              {admission.approval_reason === '' ? '' : `: ${admission.approval_reason}`}
            </>
          )}
        </Step>
        <Step name="Created" at={created?.at ?? null} absent="no record" event={created?.event}>
          {created === null ? null : `by ${actorWords(created.by)}`}
        </Step>
        <Step name="First credential" at={first_credential_at} absent="not yet" />
        <Step name="First action" at={first_action_at} absent="not yet" />
      </ol>
    </Section>
  );
}

/** `event` is undefined where no record is looked for. */
function Step({
  name,
  at,
  absent,
  event,
  children,
}: {
  readonly name: string;
  readonly at: number | null;
  readonly absent: string;
  readonly event?: string | null | undefined;
  readonly children?: ReactNode;
}) {
  return (
    <li data-done={at !== null}>
      <span className={classes.step}>{name}</span>
      <span>
        <Moment value={at} absent={absent} /> {children}
      </span>
      {at === null || event === undefined ? null : <OnRecord event={event} />}
    </li>
  );
}
