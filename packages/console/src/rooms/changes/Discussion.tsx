import { Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { changeCommentsQuery } from '../../api/change-queries.ts';
import type { Change, ChangeComment } from '../../api/change-types.ts';
import { at, send } from '../../api/client.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actorWords } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import classes from './changes.module.css';

export function Discussion({ change: { name } }: { readonly change: Change }) {
  const [body, setBody] = useState('');
  const { data = [], error } = useQuery(changeCommentsQuery(name));
  const say = useWrite({
    write: () => send<ChangeComment>('POST', at`/v1/changes/${name}/comments`, { body: body.trim() }),
    changes: ['changes'],
    onDone: () => setBody(''),
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (body.trim() !== '') say.mutate(undefined);
  }
  return (
    <Section title="Discussion">
      {error === null ? null : <ErrorNotice error={error} />}
      <ul className={classes.said}>
        {data.map(({ id, person, actor, body: said, at: when }) => (
          <li key={id}>
            <p className="muted">
              <strong>{person ?? actorWords(actor)}</strong> · <Time value={when} />
            </p>
            <p className={classes.words}>{said}</p>
          </li>
        ))}
      </ul>
      <form onSubmit={submit} className="stack-tight">
        <Textarea
          aria-label="Comment"
          placeholder="Ask or answer something about it"
          autosize
          minRows={2}
          maxLength={4000}
          value={body}
          onChange={(event) => setBody(event.currentTarget.value)}
        />
        {say.isError ? <ErrorNotice error={say.error} /> : null}
        <div>
          <ActButton
            needs="POST /v1/changes/:change/comments"
            type="submit"
            variant="default"
            loading={say.isPending}
            disabled={body.trim() === ''}
          >
            Comment
          </ActButton>
        </div>
      </form>
    </Section>
  );
}
