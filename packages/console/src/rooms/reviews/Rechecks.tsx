import type { Review, ReviewRecheck } from '@hivekey/sdk';
import { Radio } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at } from '../../api/client.ts';
import { reviewRechecksQuery } from '../../api/review-queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';

/** A share of what was kept, looked at again by somebody who did not decide. */
export function Rechecks({ review }: { readonly review: Review }) {
  const [open, setOpen] = useState<ReviewRecheck>();
  const { data, error, refetch } = useQuery(reviewRechecksQuery(review.id));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <>
      {review.recheck === null ? null : (
        <p className="muted">
          Drawn by the seed <code>{review.recheck.seed}</code>: kept items sorted by SHA-256 of seed and id, the first
          ones.
        </p>
      )}
      <DataTable
        label="Re-check"
        rows={data}
        rowKey={({ item, place }) => `${item} ${place}`}
        columns={[
          ...COLUMNS,
          actions<ReviewRecheck>('110px', (row) =>
            row.result === null && review.status === 'running' ? (
              <ActButton needs="POST /v1/reviews/:review/rechecks/:item" size="compact-xs" onClick={() => setOpen(row)}>
                Look again
              </ActButton>
            ) : null,
          ),
        ]}
        empty={
          <Empty title={review.recheck === null ? 'Not drawn yet' : 'Nothing was drawn'}>
            When every item is decided, a share of what was kept is drawn by a seed that nobody knew before.
          </Empty>
        }
      />
      {open === undefined ? null : (
        <RecheckDialog review={review.id} recheck={open} onClose={() => setOpen(undefined)} />
      )}
    </>
  );
}

const COLUMNS: readonly Column<ReviewRecheck>[] = [
  { key: 'item', header: 'Item', cell: ({ item, title }) => <TwoLines first={title} second={item} /> },
  {
    key: 'result',
    header: 'Result',
    width: '130px',
    cell: ({ result }) =>
      result === null ? (
        <span className="muted">waiting</span>
      ) : (
        <Mark tone={result === 'agree' ? 'allow' : 'deny'}>{result}</Mark>
      ),
  },
  {
    key: 'by',
    header: 'By',
    width: '240px',
    cell: ({ person, reason, checked_at: at_ }) =>
      person === null ? null : (
        <TwoLines
          first={
            <>
              {person}, <Time value={at_} />
            </>
          }
          second={reason ?? ''}
        />
      ),
  },
];

function RecheckDialog({
  review,
  recheck: { item, title },
  onClose,
}: {
  readonly review: string;
  readonly recheck: ReviewRecheck;
  readonly onClose: () => void;
}) {
  const [result, setResult] = useState<string>();
  return (
    <ReasonForm
      title={`Look again at ${title}`}
      action="Say so"
      needs="POST /v1/reviews/:review/rechecks/:item"
      to={at`/v1/reviews/${review}/rechecks/${item}`}
      body={result === undefined ? undefined : { result }}
      done={`${item} was looked at again`}
      changes={['reviews']}
      onClose={onClose}
    >
      <Radio.Group label="Was it right to keep it" withAsterisk value={result ?? null} onChange={setResult}>
        <div className="stack-tight" style={{ marginTop: 8 }}>
          <Radio value="agree" label="Yes" />
          <Radio value="disagree" label="No: it is opened again, and signatures lapse" />
        </div>
      </Radio.Group>
    </ReasonForm>
  );
}
