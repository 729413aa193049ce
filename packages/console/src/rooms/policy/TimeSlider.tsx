import { Slider, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { at, get } from '../../api/client.ts';
import type { List, Policy, PolicyRevision } from '../../api/types.ts';
import { actorWords, localOfSeconds, localTime, secondsOfLocal } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import classes from './policy.module.css';

const MOST = 200;

/** Moves through the policies that were in force: by hand over the newest, or to an instant, however long ago. */
export function TimeSlider({ policy }: { readonly policy: Policy }) {
  const navigate = useNavigate();
  const { data } = useQuery({
    queryKey: ['policies', 'list'],
    queryFn: ({ signal }) => get<List<PolicyRevision>>('/v1/policies', { limit: MOST }, signal),
  });
  const [dragged, setDragged] = useState<number>();
  const [instant, setInstant] = useState(() => localOfSeconds(policy.created, 'seconds'));
  const [error, setError] = useState<unknown>();
  const go = (revision: number): void =>
    void navigate({ to: '/policy/$revision', params: { revision: String(revision) }, replace: true });
  async function goTo(local: string): Promise<void> {
    setError(undefined);
    try {
      const seconds = secondsOfLocal(local);
      const then = await get<Policy>(at`/v1/policies/${'current'}`, { at: seconds });
      go(then.revision);
    } catch (reason) {
      setError(reason);
    }
  }
  const revisions = data?.data ?? [];
  const byNumber = new Map(revisions.map((each) => [each.revision, each]));
  const newest = revisions[0]?.revision ?? policy.revision;
  const oldest = revisions.at(-1)?.revision ?? policy.revision;
  const shown = dragged ?? policy.revision;
  const there = byNumber.get(shown);
  return (
    <section className={classes.time} aria-label="As at">
      <div className="row-wrap">
        <TextInput
          type="datetime-local"
          step={1}
          label="As at"
          value={instant}
          onChange={(event) => setInstant(event.currentTarget.value)}
          onBlur={() => void goTo(instant)}
          onKeyDown={(event) => event.key === 'Enter' && void goTo(instant)}
          w={220}
        />
        <p className="muted">
          {there === undefined
            ? `revision ${shown}`
            : `revision ${shown}, ${localTime(new Date(there.created * 1000))}, by ${actorWords(there.author)}`}
        </p>
      </div>
      {newest > oldest ? (
        <Slider
          thumbLabel="Revision"
          min={oldest}
          max={newest}
          step={1}
          label={(value) => `revision ${value}`}
          value={shown}
          onChange={setDragged}
          onChangeEnd={(value) => {
            setDragged(undefined);
            go(value);
          }}
        />
      ) : null}
      {error === undefined ? null : <ErrorNotice error={error} />}
    </section>
  );
}
