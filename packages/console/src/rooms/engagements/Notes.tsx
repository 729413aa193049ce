import type { Engagement, EngagementNote } from '@hivekey/sdk';
import { Button, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { engagementNotesQuery } from '../../api/engagement-queries.ts';
import { useWrite } from '../../app/write.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Moment } from '../../ui/Time.tsx';
import classes from './engagements.module.css';
import { whoWords } from './words.ts';

/** Of the firm alone. */
export function Notes({ engagement }: { readonly engagement: Engagement }) {
  const [text, setText] = useState('');
  const [about, setAbout] = useState('');
  const { data, error, refetch } = useQuery(engagementNotesQuery(engagement.id));
  const add = useWrite({
    write: () =>
      send<EngagementNote>('POST', at`/v1/engagements/${engagement.id}/notes`, {
        text: text.trim(),
        ...(about.trim() === '' ? {} : { about: about.trim() }),
      }),
    changes: ['engagements'],
    onDone: () => {
      setText('');
      setAbout('');
    },
  });
  return (
    <div className={classes.cards}>
      <p className="muted">
        For people of {engagement.firm}. No route gives them to the customer and no record says that there are any; they
        are encrypted in the database. Whoever operates both database and server could still open them.
      </p>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== '' && !add.isPending) add.mutate(undefined);
        }}
      >
        <Textarea
          label="Note"
          autosize
          minRows={3}
          maxLength={20_000}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <TextInput
          label="About"
          description="A report, request, sample, entry or criterion."
          maxLength={200}
          value={about}
          onChange={(event) => setAbout(event.currentTarget.value)}
        />
        {add.isError ? <ErrorNotice error={add.error} /> : null}
        <div>
          <Button type="submit" disabled={text.trim() === ''} loading={add.isPending}>
            Keep the note
          </Button>
        </div>
      </form>
      {error === null ? null : <ErrorNotice error={error} retry={() => void refetch()} />}
      {data?.toReversed().map((note) => (
        <article key={note.id} className={classes.card}>
          <span className="muted">
            {whoWords(note.author)}, <Moment value={note.at} />
            {note.about === null ? '' : `, about ${note.about}`}
          </span>
          <p className={classes.prose}>{note.text}</p>
        </article>
      ))}
    </div>
  );
}
