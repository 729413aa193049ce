import type { ReviewItem } from '@hivekey/sdk';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { at, send } from '../../api/client.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Tags } from '../../ui/DataTable.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { DecideDialog } from './DecideDialog.tsx';
import { ReassignDialog } from './ReassignDialog.tsx';
import classes from './reviews.module.css';
import { DECISION_WORDS, FLAG_WORDS, radiusWords, TYPE_WORDS, usageWords } from './words.ts';

/** Everything that a reviewer judges by. What changed since the last review comes first. */
export function ItemCard({ item, choose = null }: { readonly item: ReviewItem; readonly choose?: ReactNode }) {
  const [open, setOpen] = useState<'decide' | 'reassign'>();
  const look = useWrite({
    write: () => send<ReviewItem>('POST', at`/v1/reviews/${item.review}/items/${item.id}/open`, {}),
    changes: [],
    onDone: () => setOpen('decide'),
  });
  const { facts, own } = item;
  const isMine = own !== null && !own.submitted;
  return (
    <article className={classes.card} data-decided={own?.decision != null} aria-label={item.title}>
      <div className={classes.head}>
        {choose}
        <h3>{item.title}</h3>
        <TierMark item={item} />
        {facts.flags.map((flag) => (
          <Mark key={flag} tone="review">
            {FLAG_WORDS[flag] ?? flag}
          </Mark>
        ))}
        {own?.decision == null ? null : (
          <Mark tone={own.decision === 'keep' ? 'allow' : own.decision === 'revoke' ? 'deny' : 'review'}>
            {`${DECISION_WORDS[own.decision] ?? own.decision}${own.submitted ? '' : ' · not submitted'}`}
          </Mark>
        )}
      </div>
      {facts.changes.length === 0 ? null : (
        <ul className={classes.changes} aria-label="Since the last review">
          {facts.changes.map((change) => (
            <li key={change}>{change}</li>
          ))}
        </ul>
      )}
      <p className={classes.text}>{facts.summary}</p>
      <ItemFigures item={item} />
      <div className="row">
        <span className="muted mono">{item.id}</span>
        {item.agent === null ? null : (
          <Link to="/agents/$agent" params={{ agent: item.agent }}>
            {item.agent}
          </Link>
        )}
        {item.role === null ? null : (
          <Link to="/roles/$role" params={{ role: item.role }}>
            {item.role}
          </Link>
        )}
        <span style={{ flex: 1 }} />
        {isMine ? (
          <>
            <ActButton
              needs="POST /v1/reviews/:review/items/:item/reassign"
              variant="default"
              size="compact-sm"
              onClick={() => setOpen('reassign')}
            >
              Give on
            </ActButton>
            <ActButton
              needs="POST /v1/reviews/:review/items/:item/decide"
              size="compact-sm"
              loading={look.isPending}
              onClick={() => look.mutate(undefined)}
            >
              {own.decision === null ? 'Decide' : 'Decide again'}
            </ActButton>
          </>
        ) : null}
      </div>
      {open === 'decide' ? <DecideDialog item={item} onClose={() => setOpen(undefined)} /> : null}
      {open === 'reassign' ? <ReassignDialog item={item} onClose={() => setOpen(undefined)} /> : null}
    </article>
  );
}

export function TierMark({ item: { tier, privileged } }: { readonly item: Pick<ReviewItem, 'tier' | 'privileged'> }) {
  return <Mark tone={privileged ? 'deny' : tier === 'medium' ? 'review' : 'neutral'}>{`${tier} tier`}</Mark>;
}

export function ItemFigures({ item }: { readonly item: ReviewItem }) {
  const { facts, owner, type } = item;
  const facts_: readonly (readonly [string, ReactNode])[] = [
    ['What', TYPE_WORDS[type]],
    ['Use', usageWords(facts)],
    ['Last used', <Time key="used" value={facts.last_used_at} absent="not known" />],
    ['Can lose at most', radiusWords(facts)],
    ['Owner', owner],
    ['Given', facts.granted_by === null ? null : `by ${facts.granted_by}`],
    ['Since', <Time key="since" value={facts.granted_at} absent="not known" />],
    [
      'Last review',
      facts.last_review === null ? 'never' : `${facts.last_review.decision} in ${facts.last_review.item}`,
    ],
    ['Grants', facts.capabilities.length === 0 ? null : <Tags key="grants" names={facts.capabilities} most={4} />],
  ];
  return (
    <dl className={classes.figures}>
      {facts_.map(([name, value]) =>
        value === null ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}
