import type { Review, ReviewCapacity, ReviewSignature } from '@hivekey/sdk';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { ApiError } from '../../api/problem.ts';
import { reviewSignaturesQuery } from '../../api/review-queries.ts';
import { type Challenge, challengeForReview } from '../../app/passkey.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { SignDialog } from '../../ui/SignDialog.tsx';
import { Moment } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';

const CAPACITIES: Readonly<Record<ReviewCapacity, string>> = {
  reviewer: 'my own decisions',
  owner: 'completeness',
  countersigner: 'what is privileged, from outside',
};

/** Who stands for what: an authenticated session, the statement, and the hashes of what it is about. */
export function Signatures({ review }: { readonly review: Review }) {
  const { data, error, refetch } = useQuery(reviewSignaturesQuery(review.id));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className="stack-tight">
      {(review.mine?.may_sign ?? []).map((capacity) => (
        <Sign key={capacity} review={review.id} capacity={capacity} />
      ))}
      <DataTable
        label="Signatures"
        rows={data}
        rowKey={({ id }) => id}
        columns={COLUMNS}
        empty={
          <Empty title="Nobody has signed yet">
            Reviewers sign their own decisions, the owner of the campaign its completeness, and somebody outside what is
            privileged.
          </Empty>
        }
      />
    </div>
  );
}

function Sign({ review, capacity }: { readonly review: string; readonly capacity: ReviewCapacity }) {
  const [challenge, setChallenge] = useState<Challenge>();
  const prepare = useMutation({ mutationFn: () => challengeForReview(review, capacity), onSuccess: setChallenge });
  const sign = useWrite({
    write: async (given: Challenge | undefined) =>
      send<ReviewSignature>('POST', at`/v1/reviews/${review}/signatures`, {
        capacity,
        ...(given === undefined ? {} : { signature: await given.sign() }),
      }),
    changes: ['reviews'],
    done: () => `You have signed ${CAPACITIES[capacity]}`,
    onDone: () => setChallenge(undefined),
  });
  const takesPasskey = sign.error instanceof ApiError && sign.error.code === 'step_up_required';
  return (
    <div className="row">
      <ActButton
        needs="POST /v1/reviews/:review/signatures"
        loading={sign.isPending || prepare.isPending}
        onClick={() => (takesPasskey ? prepare.mutate() : sign.mutate(undefined))}
      >
        {takesPasskey ? 'Sign with a passkey' : `Sign ${CAPACITIES[capacity]}`}
      </ActButton>
      {sign.error === null ? null : <ErrorNotice error={sign.error} />}
      {prepare.error === null ? null : <ErrorNotice error={prepare.error} />}
      {challenge === undefined ? null : (
        <SignDialog
          title={`Sign ${CAPACITIES[capacity]}`}
          challenge={challenge}
          pending={sign.isPending}
          error={sign.error}
          onSign={() => sign.mutate(challenge)}
          onClose={() => setChallenge(undefined)}
        />
      )}
    </div>
  );
}

const COLUMNS: readonly Column<ReviewSignature>[] = [
  {
    key: 'person',
    header: 'Person',
    width: '240px',
    cell: ({ person, id }) => <TwoLines first={person} second={id} />,
  },
  {
    key: 'what',
    header: 'Signed',
    cell: ({ capacity, document }) => <TwoLines first={CAPACITIES[capacity]} second={statementOf(document)} />,
  },
  {
    key: 'when',
    header: 'When',
    width: '190px',
    cell: ({ signed_at: at_, lapsed_at: lapsed }) => (
      <>
        <Moment value={at_} /> {lapsed === null ? null : <Mark tone="review">lapsed</Mark>}
      </>
    ),
  },
];

function statementOf(document: string): string {
  const read: unknown = JSON.parse(document);
  return typeof read === 'object' && read !== null && 'statement' in read && typeof read.statement === 'string'
    ? read.statement
    : '';
}
