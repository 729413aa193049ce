import type { Review, ReviewItem } from '@hivekey/sdk';
import { Button, SegmentedControl, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { at } from '../../api/client.ts';
import { reviewItemsQuery, reviewQuery } from '../../api/review-queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { AnswerDialog } from '../../ui/AnswerDialog.tsx';
import { Identifier } from '../../ui/Copy.tsx';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { count } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Section } from '../../ui/Page.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';
import { Moment } from '../../ui/Time.tsx';
import { Mark, StatusMark } from '../../ui/Verdict.tsx';
import { TierMark } from './ItemCard.tsx';
import { Rechecks } from './Rechecks.tsx';
import { Remediations } from './Remediations.tsx';
import classes from './reviews.module.css';
import { Signatures } from './Signatures.tsx';
import { causageWords, DECISION_WORDS, TYPE_WORDS } from './words.ts';

const route = getRouteApi('/in/reviews/$review');
const UP = { to: '/reviews', search: { tab: 'campaigns' }, label: 'Access reviews' };

/** How far a campaign is, and what it is not closed without. */
export function ReviewPage() {
  const { review: id } = route.useParams();
  const { data, error, refetch } = useQuery(reviewQuery(id));
  if (data === undefined)
    return (
      <Page title={id} up={UP}>
        {error === null ? (
          <Skeleton height={320} aria-label="Loading" />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
      </Page>
    );
  return (
    <Page
      title={data.id}
      up={UP}
      mark={<StatusMark status={data.overdue ? 'overdue' : data.status} />}
      description={`Launched ${causageWords(data)}.`}
      actions={<Acts review={data} />}
    >
      <div className={classes.wide}>
        <div className={classes.column}>
          <Gates review={data} />
          <Parts review={data} />
        </div>
        <aside className={classes.column} aria-label="About it">
          <About review={data} />
          <Reviewers review={data} />
          <Reconciliations review={data} />
        </aside>
      </div>
    </Page>
  );
}

function Acts({ review }: { readonly review: Review }) {
  const [open, setOpen] = useState<'close' | 'void'>();
  const path = at`/v1/reviews/${review.id}`;
  const shut = review.gates.find(({ passed }) => !passed);
  return (
    <>
      <Button component="a" variant="default" href={`${path}/population`} download={`${review.id}-population.json`}>
        Population
      </Button>
      {review.status === 'voided' ? null : (
        <ActButton needs="POST /v1/reviews/:review/void" variant="default" onClick={() => setOpen('void')}>
          Void
        </ActButton>
      )}
      {review.status !== 'running' ? null : (
        <ActButton needs="POST /v1/reviews/:review/close" refusal={shut?.detail} onClick={() => setOpen('close')}>
          Close
        </ActButton>
      )}
      {open === 'void' ? (
        <AnswerDialog
          words={{
            action: 'Void',
            danger: true,
            text: 'It stays, with all that was decided, and counts for nothing. What it took away stays away.',
            done: 'is void',
          }}
          about={review.id}
          to={`${path}/void`}
          changes={['reviews']}
          withReason="required"
          onClose={() => setOpen(undefined)}
        />
      ) : null}
      {open === 'close' ? (
        <ReasonForm
          title={`Close ${review.id}`}
          action="Close"
          needs="POST /v1/reviews/:review/close"
          to={`${path}/close`}
          body={{}}
          reason="none"
          done={`${review.id} is closed`}
          changes={['reviews']}
          onClose={() => setOpen(undefined)}
        >
          <p>
            The state of everything that was taken away is read once more first. What is back keeps the review open.
          </p>
        </ReasonForm>
      ) : null}
    </>
  );
}

const GATE_WORDS: Readonly<Record<string, string>> = { yes: 'passed', no: 'waiting' };

function Gates({ review: { gates, status } }: { readonly review: Review }) {
  return (
    <Section title="What it is not closed without">
      <ul className={classes.gates}>
        {gates.map(({ gate, passed, detail }) => (
          <li key={gate}>
            <StatusMark status={GATE_WORDS[passed ? 'yes' : 'no'] ?? ''} />
            <span>{detail}</span>
          </li>
        ))}
      </ul>
      {status === 'voided' ? <p className="muted">It is void: nothing of it counts.</p> : null}
    </Section>
  );
}

function Parts({ review }: { readonly review: Review }) {
  const { tab = 'items' } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <div className="stack-tight">
      <div>
        <SegmentedControl
          aria-label="What is shown"
          data={[
            { value: 'items', label: `Items (${count(review.progress.items)})` },
            { value: 'remediations', label: `What has to change (${count(review.progress.remediations)})` },
            { value: 'recheck', label: 'Re-check' },
            { value: 'signatures', label: 'Signatures' },
          ]}
          value={tab}
          onChange={(next) =>
            navigate({ search: next === 'items' ? {} : { tab: next as Exclude<typeof tab, 'items'> } })
          }
        />
      </div>
      {tab === 'remediations' ? (
        <Remediations review={review} />
      ) : tab === 'recheck' ? (
        <Rechecks review={review} />
      ) : tab === 'signatures' ? (
        <Signatures review={review} />
      ) : (
        <Items review={review.id} />
      )}
    </div>
  );
}

function Items({ review }: { readonly review: string }) {
  const { data, error, refetch } = useQuery(reviewItemsQuery(review));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return <DataTable label="Items" rows={data} rowKey={({ id }) => id} columns={ITEM_COLUMNS} />;
}

const ITEM_COLUMNS: readonly Column<ReviewItem>[] = [
  {
    key: 'item',
    header: 'Item',
    cell: ({ title, id, type }) => (
      <TwoLines first={<span title={title}>{title}</span>} second={`${id} · ${TYPE_WORDS[type]}`} />
    ),
  },
  { key: 'tier', header: 'Tier', width: '120px', cell: (item) => <TierMark item={item} /> },
  {
    key: 'reviewer',
    header: 'Reviewer',
    width: '210px',
    cell: ({ reviewers }) => (
      <TwoLines
        first={
          reviewers.length === 0 ? (
            <Mark tone="deny">nobody</Mark>
          ) : (
            reviewers.map(({ reviewer }) => reviewer).join(', ')
          )
        }
        second={reviewers.map(({ note }) => note).join('; ')}
      />
    ),
  },
  {
    key: 'decision',
    header: 'Decision',
    width: '150px',
    cell: ({ decision, status, missed_act: missed }) =>
      decision !== null ? (
        <Mark tone={decision === 'keep' ? 'allow' : decision === 'revoke' ? 'deny' : 'review'}>
          {DECISION_WORDS[decision] ?? decision}
        </Mark>
      ) : (
        <StatusMark status={missed === 'suspended' ? 'suspended' : status} />
      ),
  },
];

function About({ review }: { readonly review: Review }) {
  const { progress } = review;
  return (
    <Section title="About it">
      <Facts
        facts={[
          ['Answers for it', review.owner],
          ['Due', <Moment key="due" value={review.due_at} />],
          ['Frozen', <Moment key="frozen" value={review.snapshot_at} />],
          ['SHA-256', <Identifier key="sha" value={review.snapshot_sha256} what="hash of the population" />],
          ['Decided', `${count(progress.decided)} of ${count(progress.items)}`],
          ['Not submitted', progress.pending === 0 ? null : count(progress.pending)],
          [
            'Kept, changed, taken away',
            `${count(progress.keep)}, ${count(progress.modify)}, ${count(progress.revoke)}`,
          ],
          ['Late changes', progress.remediations_late === 0 ? null : count(progress.remediations_late)],
          ['Policy', `version ${review.policy_version}`],
          ['Deadline missed', review.missed_at === null ? null : <Moment key="missed" value={review.missed_at} />],
          ['Closed', review.closed_at === null ? null : <Moment key="closed" value={review.closed_at} />],
          ['Void', review.void_reason],
        ]}
      />
      <p className={`muted ${classes.prose}`}>{review.policy.text}</p>
    </Section>
  );
}

function Reviewers({ review: { progress } }: { readonly review: Review }) {
  return (
    <Section title="Reviewers">
      <Facts
        facts={progress.reviewers.map(({ reviewer, items, submitted, signed }) => [
          reviewer,
          `${count(submitted)} of ${count(items)} submitted${signed ? ', signed' : ''}`,
        ])}
      />
    </Section>
  );
}

const FOUND_WORDS = {
  owner_left: 'owner has left',
  owner_moved: 'changed hands',
  orphan: 'not in the directory',
  not_in_inventory: 'in the log, and no agent',
} as const;

const MOST_FOUND = 20;

function Reconciliations({ review: { reconciliations, exclusions } }: { readonly review: Review }) {
  const found = reconciliations
    .slice(0, MOST_FOUND)
    .map(({ kind, name, detail }) => [`${name}: ${FOUND_WORDS[kind]}`, detail] as const);
  const left = exclusions.map(
    ({ what, count: of, reason }) =>
      [`Not in it: ${TYPE_WORDS[what as keyof typeof TYPE_WORDS] ?? what} (${count(of)})`, reason] as const,
  );
  return (
    <Section title="Reconciled when it was frozen">
      {found.length === 0 ? <p className="muted">Owners, directory and log agree with the population.</p> : null}
      <ul className={classes.found}>
        {[...found, ...left].map(([what, why]) => (
          <li key={what}>
            {what}
            <p className="muted">{why}</p>
          </li>
        ))}
      </ul>
    </Section>
  );
}
