import type { Review, ReviewPreview } from '@hivekey/sdk';
import { Button, Modal, NumberInput, Skeleton, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import { reviewPolicyQuery, reviewPreviewQuery } from '../../api/review-queries.ts';
import { useWrite } from '../../app/write.ts';
import { count, plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts } from '../../ui/Page.tsx';
import { TYPE_WORDS } from './words.ts';

/** Says what would be reviewed and by whom, before it is frozen. */
export function LaunchDialog({ onClose }: { readonly onClose: () => void }) {
  const [reason, setReason] = useState('');
  const [days, setDays] = useState<number>();
  const { data: policy } = useQuery(reviewPolicyQuery);
  const preview = useQuery(reviewPreviewQuery);
  const navigate = useNavigate();
  const launch = useWrite({
    write: () =>
      send<Review>('POST', '/v1/reviews', { reason: reason.trim(), ...(days === undefined ? {} : { due_days: days }) }),
    changes: ['reviews'],
    done: ({ id, progress }) => `${id} was launched with ${plural(progress.items, 'item')}`,
    onDone: ({ id }) => void navigate({ to: '/reviews/$review', params: { review: id } }),
  });
  const isReady = reason.trim() !== '' && preview.data !== undefined && preview.data.unassigned.length === 0;
  return (
    <Modal opened onClose={onClose} title="Launch a review" size={600} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !launch.isPending) launch.mutate(undefined);
        }}
      >
        {preview.error !== null ? (
          <ErrorNotice error={preview.error} retry={() => void preview.refetch()} />
        ) : preview.data === undefined ? (
          <Skeleton height={160} aria-label="Loading" />
        ) : (
          <Preview preview={preview.data} />
        )}
        <NumberInput
          label="Days to decide"
          min={1}
          max={90}
          value={days ?? policy?.due_days ?? 11}
          onChange={(value) => setDays(typeof value === 'number' ? value : undefined)}
        />
        <Textarea
          label="Reason"
          description="Goes into the log."
          withAsterisk
          autosize
          minRows={2}
          maxLength={2000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {launch.error === null ? null : <ErrorNotice error={launch.error} />}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={!isReady} loading={launch.isPending}>
            Freeze and launch
          </Button>
        </div>
      </form>
    </Modal>
  );
}

function Preview({ preview }: { readonly preview: ReviewPreview }) {
  const { items, by_type: types, reviewers, unassigned, reconciliations } = preview;
  return (
    <div className="stack-tight">
      <Facts
        facts={[
          ['Items', count(items)],
          ...Object.entries(types).map(
            ([type, of]) => [TYPE_WORDS[type as keyof typeof TYPE_WORDS] ?? type, count(of)] as const,
          ),
          ['Reviewers', reviewers.map(({ reviewer, items: of }) => `${reviewer} (${count(of)})`).join(', ')],
          [
            'Owners who left, moved, and strangers',
            reconciliations.length === 0 ? 'none' : plural(reconciliations.length, 'finding'),
          ],
        ]}
      />
      {unassigned.length === 0 ? null : (
        <div role="alert">
          <p>{plural(unassigned.length, 'item')} would have nobody who may review them:</p>
          <ul>
            {unassigned.slice(0, 5).map(({ subject, why }) => (
              <li key={subject}>
                {subject} <span className="muted">{why.slice(0, 3).join('; ')}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}
