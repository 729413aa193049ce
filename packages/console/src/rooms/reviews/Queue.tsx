import type { ReviewItem, ReviewSubmission } from '@hivekey/sdk';
import { Checkbox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { reviewQueueQuery } from '../../api/review-queries.ts';
import { useMe } from '../../app/me.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { BulkDialog } from './BulkDialog.tsx';
import { ItemCard } from './ItemCard.tsx';
import classes from './reviews.module.css';
import { byUrgency } from './words.ts';

/** What waits for whoever is signed in: what changed first, then what can do most; nothing is chosen beforehand. */
export function Queue() {
  const me = useMe();
  const { data, error, refetch } = useQuery(reviewQueueQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (me.person === undefined)
    return (
      <Empty title="People review">
        You are signed in with a key of nobody. Sign in as yourself to see what waits for you.
      </Empty>
    );
  if (data === undefined) return <p className="muted">Loading…</p>;
  if (data.length === 0)
    return (
      <Empty title="Nothing waits for your review" command="hivekey reviews queue">
        When a campaign is launched, what you are to judge stands here: how it is used, what it could do, and what has
        changed since it was reviewed last.
      </Empty>
    );
  const reviews = Map.groupBy(data, ({ review }) => review);
  return (
    <>
      {[...reviews].map(([review, items]) => (
        <OfReview key={review} review={review} items={items} />
      ))}
    </>
  );
}

function OfReview({ review, items }: { readonly review: string; readonly items: readonly ReviewItem[] }) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [isTogether, setTogether] = useState(false);
  const sorted = items.toSorted(byUrgency);
  const open = sorted.filter(({ own }) => own?.submitted !== true);
  const low = open.filter(({ tier, own }) => tier === 'low' && own?.decision == null);
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  return (
    <Section
      title={review}
      aside={
        <Link to="/reviews/$review" params={{ review }} className="muted">
          The campaign
        </Link>
      }
    >
      <ul className={classes.cards}>
        {sorted.map((item) => (
          <li key={item.id}>
            <ItemCard
              item={item}
              choose={
                low.length > 1 && low.includes(item) ? (
                  <Checkbox
                    aria-label={`Choose ${item.id}`}
                    checked={chosen.has(item.id)}
                    onChange={() => toggle(item.id)}
                  />
                ) : null
              }
            />
          </li>
        ))}
      </ul>
      <SubmitBar review={review} items={items} chosen={chosen.size} onTogether={() => setTogether(true)} />
      {isTogether ? (
        <BulkDialog
          review={review}
          items={[...chosen]}
          onClose={() => {
            setTogether(false);
            setChosen(new Set());
          }}
        />
      ) : null}
    </Section>
  );
}

function SubmitBar({
  review,
  items,
  chosen,
  onTogether,
}: {
  readonly review: string;
  readonly items: readonly ReviewItem[];
  readonly chosen: number;
  readonly onTogether: () => void;
}) {
  const pending = items.filter(({ own }) => own !== null && own.decision !== null && !own.submitted).length;
  const left = items.filter(({ own }) => own !== null && own.decision === null).length;
  const submit = useWrite({
    write: () => send<ReviewSubmission>('POST', at`/v1/reviews/${review}/submit`, {}),
    changes: ['reviews', 'agents'],
    done: ({ submitted, remediations }) =>
      remediations.length === 0
        ? `${plural(submitted, 'decision')} submitted`
        : `${plural(submitted, 'decision')} submitted; ${plural(remediations.length, 'change')} begun`,
  });
  if (pending === 0 && chosen === 0 && left === 0) return null;
  return (
    <div className={classes.bar}>
      <span>
        {pending === 0
          ? `${plural(left, 'item')} to decide.`
          : `${plural(pending, 'decision')} not submitted yet; ${plural(left, 'item')} to decide.`}
      </span>
      <span className="row">
        {chosen === 0 ? null : (
          <ActButton needs="POST /v1/reviews/:review/decide" variant="default" onClick={onTogether}>
            {`Decide ${plural(chosen, 'item')} together`}
          </ActButton>
        )}
        <ActButton
          needs="POST /v1/reviews/:review/submit"
          refusal={pending === 0 ? 'Nothing is decided that is not submitted.' : undefined}
          loading={submit.isPending}
          onClick={() => submit.mutate(undefined)}
        >
          Submit
        </ActButton>
      </span>
      {submit.error === null ? null : <ErrorNotice error={submit.error} />}
    </div>
  );
}
