import type { ReviewItem } from '@hivekey/sdk';
import { Button, Checkbox, Modal, Radio, Skeleton, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { at, send } from '../../api/client.ts';
import { reviewReductionQuery } from '../../api/review-queries.ts';
import { useWrite } from '../../app/write.ts';
import { plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { ItemFigures } from './ItemCard.tsx';
import classes from './reviews.module.css';

type Choice = 'keep' | 'reduce' | 'revoke' | 'escalate';

/** Days of suspension before a staged revoke. */
const STAGED_DAYS = 7;

/** Nothing is chosen beforehand, and nothing happens before it is submitted. */
export function DecideDialog({ item, onClose }: { readonly item: ReviewItem; readonly onClose: () => void }) {
  const [choice, setChoice] = useState<Choice>();
  const [isStaged, setStaged] = useState(false);
  const [reason, setReason] = useState('');
  const canReduce = item.type === 'assignment' || item.type === 'role';
  const decide = useWrite({
    write: () => send('POST', at`/v1/reviews/${item.review}/items/${item.id}/decide`, bodyOf(choice, reason, isStaged)),
    changes: ['reviews'],
    done: () => (choice === 'escalate' ? `${item.id} went up` : `${item.id} is decided, and not submitted yet`),
    onDone: onClose,
  });
  const needsReason = choice !== undefined && (choice !== 'keep' || item.privileged);
  const isReady = choice !== undefined && (!needsReason || reason.trim() !== '');
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (isReady && !decide.isPending) decide.mutate(undefined);
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Decide about ${item.title}`}
      size={640}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form className="stack" onSubmit={submit}>
        {item.facts.changes.length === 0 ? null : (
          <ul className={classes.changes}>
            {item.facts.changes.map((change) => (
              <li key={change}>{change}</li>
            ))}
          </ul>
        )}
        <p className={classes.text}>{item.facts.summary}</p>
        <ItemFigures item={item} />
        <Radio.Group
          label="What shall become of it"
          withAsterisk
          value={choice ?? null}
          onChange={(value) => setChoice(value as Choice)}
        >
          <div className="stack-tight" style={{ marginTop: 8 }}>
            <Radio value="keep" label="Keep it as it is" />
            {canReduce ? <Radio value="reduce" label="Reduce it to what was used in 90 days" /> : null}
            <Radio value="revoke" label="Take it away" />
            <Radio value="escalate" label="I cannot judge this: somebody above shall" />
          </div>
        </Radio.Group>
        {choice === 'reduce' ? <Reduction item={item} /> : null}
        {choice === 'revoke' && item.agent_id !== null ? (
          <Checkbox
            label={`In two steps: the agent is suspended now, and the access goes after ${STAGED_DAYS} days`}
            checked={isStaged}
            onChange={(event) => setStaged(event.currentTarget.checked)}
          />
        ) : null}
        <Textarea
          label="Reason"
          description="Goes into the log, and to the auditor."
          withAsterisk={needsReason}
          autosize
          minRows={2}
          maxLength={4000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {decide.error === null ? null : <ErrorNotice error={decide.error} />}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            type="submit"
            disabled={!isReady}
            loading={decide.isPending}
            {...(choice === 'revoke' ? { color: 'red' } : {})}
          >
            Decide
          </Button>
        </div>
      </form>
    </Modal>
  );
}

function bodyOf(choice: Choice | undefined, reason: string, isStaged: boolean): object {
  const why = reason.trim();
  switch (choice) {
    case 'reduce':
      return { decision: 'modify', reason: why, modification: { kind: 'reduce_to_used' } };
    case 'revoke':
      return { decision: 'revoke', reason: why, ...(isStaged ? { staged_days: STAGED_DAYS } : {}) };
    case 'escalate':
      return { decision: 'escalate', reason: why };
    default:
      return { decision: 'keep', reason: why };
  }
}

/** The simulated effect, before it is chosen for good. */
function Reduction({ item }: { readonly item: ReviewItem }) {
  const { data, error } = useQuery(reviewReductionQuery(item.review, item.id));
  if (error !== null) return <ErrorNotice error={error} />;
  if (data === undefined) return <Skeleton height={60} aria-label="Loading" />;
  if (!data.covered)
    return <p className="muted">The log does not cover 90 days yet: what was not used is not known.</p>;
  if (data.sentences.length === 0) return <p className="muted">All of it was used: there is nothing to reduce.</p>;
  return (
    <div className="stack-tight">
      <p>
        {plural(data.sentences.length, 'change')}; none of them would have decided a call of these 90 days otherwise.
      </p>
      <ul className={classes.text}>
        {data.sentences.map(({ sentence }) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </div>
  );
}
