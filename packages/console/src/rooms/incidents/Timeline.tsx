import { Skeleton, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { IncidentDetail, IncidentTimeline } from '../../api/alert-types.ts';
import { at } from '../../api/client.ts';
import { incidentTimelineQuery } from '../../api/incident-queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actorWords } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';
import { Moment } from '../../ui/Time.tsx';
import classes from './incidents.module.css';

/** From the log, found anew at each look, with the notes of people. */
export function Timeline({ incident }: { readonly incident: IncidentDetail }) {
  const [isWriting, setWriting] = useState(false);
  const { data, error, refetch } = useQuery(incidentTimelineQuery(incident.id));
  return (
    <Section
      title="Timeline"
      aside={
        <ActButton
          needs="POST /v1/incidents/:id/notes"
          variant="default"
          size="compact-xs"
          onClick={() => setWriting(true)}
        >
          Write a note
        </ActButton>
      }
    >
      {error !== null ? (
        <ErrorNotice error={error} retry={() => void refetch()} />
      ) : data === undefined ? (
        <Skeleton height={220} aria-label="Loading" />
      ) : (
        <Entries timeline={data} />
      )}
      {isWriting ? <NoteDialog incident={incident} onClose={() => setWriting(false)} /> : null}
    </Section>
  );
}

function Entries({ timeline: { entries, complete } }: { readonly timeline: IncidentTimeline }) {
  return (
    <>
      <ol className={classes.timeline}>
        {entries.map(({ at: when, kind, why, actor, sentence, event_id: event }) => (
          <li key={event} data-why={why}>
            <Moment value={when} />
            <div>
              <p>
                {sentence}{' '}
                <span className="muted">
                  {actorWords(actor)} · {why === 'note' ? 'note' : kind} ·{' '}
                  <Link to="/log" search={{ kind: 'all', event }}>
                    on the log
                  </Link>
                </span>
              </p>
            </div>
          </li>
        ))}
      </ol>
      {entries.length === 0 ? <p className="muted">Nothing yet. What is linked brings its records with it.</p> : null}
      {complete ? null : (
        <p className="muted">
          There is more than is shown here. <Link to="/log">The log</Link> has all of it.
        </p>
      )}
    </>
  );
}

function NoteDialog({ incident, onClose }: { readonly incident: IncidentDetail; readonly onClose: () => void }) {
  const [text, setText] = useState('');
  return (
    <ReasonForm
      title="Write a note"
      action="Write"
      needs="POST /v1/incidents/:id/notes"
      to={at`/v1/incidents/${incident.id}/notes`}
      body={text.trim() === '' ? undefined : { text: text.trim() }}
      reason="none"
      done="The note is in the timeline; another one can correct it"
      changes={['incidents', 'alerts']}
      onClose={onClose}
    >
      <Textarea
        label="Note"
        description="It is never changed."
        withAsterisk
        autosize
        minRows={4}
        maxLength={10_000}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
    </ReasonForm>
  );
}
