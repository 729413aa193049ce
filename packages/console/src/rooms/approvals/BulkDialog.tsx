import { Button, Modal, Skeleton, Textarea } from '@mantine/core';
import { useQueries } from '@tanstack/react-query';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import { approvalQuery } from '../../api/queries.ts';
import type { Approval, FullApproval } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { CodeBlock } from '../../ui/Copy.tsx';
import { impactsWords, plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import classes from './approvals.module.css';
import { barWith, namesFor } from './bulk.ts';
import { HatPicker } from './hats.tsx';
import { check } from './use-binding-check.ts';
import { barWords } from './words.ts';

interface Answer {
  readonly data: readonly {
    readonly id: string;
    readonly decided: boolean;
    readonly error: { readonly code: string; readonly cause: string; readonly remedy: string } | null;
  }[];
}

interface Wanted {
  readonly decision: 'approve' | 'deny';
  readonly approvals: readonly Approval[];
}

/** Shows each call whole before all of them are decided in one move; each still by itself. */
export function BulkDialog({ decision, approvals, onClose }: Wanted & { readonly onClose: () => void }) {
  const [reason, setReason] = useState('');
  const [onBehalfOf, setOnBehalfOf] = useState<string>();
  const read = useQueries({
    // Once: what is decided is what was read.
    queries: approvals.map(({ id }) => ({ ...approvalQuery(id), refetchInterval: false as const })),
  });
  const failed = read.find(({ error }) => error !== null);
  const whole = read.flatMap(({ data }) => data ?? []);
  const isRead = whole.length === approvals.length;
  const names = namesFor(whole);
  const mine = decision === 'deny' ? whole : whole.filter((each) => barWith(each, onBehalfOf) === undefined);
  const decide = useWrite({
    write: async () => {
      await refuseBroken(mine);
      return send<Answer>('POST', '/v1/approvals/decide', {
        decision,
        reason: reason.trim(),
        ...(onBehalfOf === undefined ? {} : { on_behalf_of: onBehalfOf }),
        approvals: mine.map(({ id, hash }) => (decision === 'approve' ? { id, hash } : { id })),
      });
    },
    changes: ['approvals'],
  });
  const word = decision === 'approve' ? 'Approve' : 'Deny';
  const [first] = approvals;
  return (
    <Modal
      opened
      onClose={onClose}
      size={720}
      title={`${word} ${plural(approvals.length, 'call')}: ${first?.action} by ${first?.agent}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {decide.data === undefined ? (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (!decide.isPending) decide.mutate(undefined);
          }}
        >
          <p>
            {decision === 'approve'
              ? 'Read each one. Every call runs once, with exactly the arguments shown.'
              : 'None of them ever runs; the agent is told why.'}{' '}
            {mine.length < 2 ? '' : `Each decision is marked as one of ${mine.length} made together.`}
          </p>
          {decision === 'approve' ? <HatPicker names={names} value={onBehalfOf} onChange={setOnBehalfOf} /> : null}
          {failed === undefined ? null : <ErrorNotice error={failed.error} />}
          {isRead || failed !== undefined ? null : <Skeleton height={200} aria-label="Loading" />}
          {whole.map((each) => (
            <Item key={each.id} approval={each} bar={decision === 'deny' ? undefined : barWith(each, onBehalfOf)} />
          ))}
          {isRead && mine.length < 2 ? (
            <p role="alert">
              Together they are at least two, and you may decide about {mine.length}. Open the call to decide about it
              alone.
            </p>
          ) : null}
          <Textarea
            label="Reason"
            description="Goes into the log with each."
            autosize
            minRows={2}
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          {decide.isError ? <ErrorNotice error={decide.error} /> : null}
          <div className="row" style={{ justifyContent: 'flex-end' }}>
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              type="submit"
              {...(decision === 'deny' ? { color: 'red' } : {})}
              disabled={!isRead || mine.length < 2}
              loading={decide.isPending}
            >
              {word} {mine.length} calls
            </Button>
          </div>
        </form>
      ) : (
        <Results answer={decide.data} word={decision === 'approve' ? 'approved' : 'denied'} onClose={onClose} />
      )}
    </Modal>
  );
}

/** What is shown must be what is bound. Throws what to do when it is not. */
async function refuseBroken(approvals: readonly FullApproval[]): Promise<void> {
  for (const approval of approvals) {
    const result = await check(approval);
    if (result.state === 'differs') throw new Error(`${approval.id}: ${result.fault} Do not approve it.`);
  }
}

function Item({ approval, bar }: { readonly approval: FullApproval; readonly bar: string | undefined }) {
  const { id, impact, view, reason, you } = approval;
  return (
    <section className={classes.item} aria-label={id}>
      <p className="row-wrap">
        <span className="mono">{id}</span> <strong className="num">{impactsWords(impact) ?? ''}</strong>
        {bar === undefined ? null : <Mark tone="neutral">left out</Mark>}
      </p>
      <p className="muted">
        {bar === undefined ? reason : `You may not approve it: ${you.person ?? 'nobody'} ${barWords(bar)}.`}
      </p>
      <CodeBlock code={JSON.stringify(view.arguments, null, 2)} what={`arguments of ${id}`} wrap />
    </section>
  );
}

function Results({
  answer,
  word,
  onClose,
}: {
  readonly answer: Answer;
  readonly word: string;
  readonly onClose: () => void;
}) {
  const done = answer.data.filter(({ decided }) => decided).length;
  return (
    <div className="stack">
      <p role="status">
        {done} of {plural(answer.data.length, 'call')} {word}.
      </p>
      <ul className={classes.list}>
        {answer.data.map(({ id, decided, error }) => (
          <li key={id}>
            <span className="mono truncate">{id}</span>
            <Mark tone={decided ? 'allow' : 'deny'}>{decided ? word : 'not decided'}</Mark>
            {error === null ? null : (
              <p className="muted">
                {error.cause} {error.remedy}
              </p>
            )}
          </li>
        ))}
      </ul>
      <Button onClick={onClose}>Done</Button>
    </div>
  );
}
