import type { Review, ReviewRemediation } from '@hivekey/sdk';
import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { reviewRemediationsQuery } from '../../api/review-queries.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { plural, secondsOfLocal } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark, StatusMark } from '../../ui/Verdict.tsx';

/** What was decided is done only when the state was read again and is so. */
export function Remediations({ review }: { readonly review: Review }) {
  const [excepting, setExcepting] = useState<ReviewRemediation>();
  const { data, error, refetch } = useQuery(reviewRemediationsQuery(review.id));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <>
      <DataTable
        label="What has to change"
        rows={data}
        rowKey={({ id }) => id}
        columns={[
          ...COLUMNS,
          actions<ReviewRemediation>('190px', (remediation) => (
            <RemediationActs
              remediation={remediation}
              isRunning={review.status === 'running'}
              onExcept={() => setExcepting(remediation)}
            />
          )),
        ]}
        empty={
          <Empty title="Nothing has to change">
            What reviewers take away, or change, stands here with its clock, until the state was read again and is as
            decided.
          </Empty>
        }
      />
      {excepting === undefined ? null : (
        <ExceptionDialog remediation={excepting} onClose={() => setExcepting(undefined)} />
      )}
    </>
  );
}

const COLUMNS: readonly Column<ReviewRemediation>[] = [
  {
    key: 'what',
    header: 'What',
    cell: ({ id, kind, title, problem }) => <TwoLines first={`${kind}: ${title}`} second={problem ?? id} />,
  },
  {
    key: 'status',
    header: 'Status',
    width: '110px',
    cell: ({ status, days_late: late }) =>
      status === 'verified' ? (
        <Mark tone="allow">verified</Mark>
      ) : (
        <StatusMark status={late > 0 ? 'overdue' : status.replace('_', ' ')} />
      ),
  },
  {
    key: 'due',
    header: 'Due',
    width: '100px',
    cell: ({ due_at: due, days_late: late }) => (
      <>
        <Time value={due} />
        {late > 0 ? <span className="muted"> {plural(late, 'day')} late</span> : null}
      </>
    ),
  },
  {
    key: 'verified',
    header: 'State read again',
    width: '130px',
    cell: ({ verified_at: verified, verification_method: method }) => (
      <span title={method ?? undefined}>
        <Time value={verified} absent="not yet" />
      </span>
    ),
  },
];

function RemediationActs({
  remediation,
  isRunning,
  onExcept,
}: {
  readonly remediation: ReviewRemediation;
  readonly isRunning: boolean;
  readonly onExcept: () => void;
}) {
  const { id, review, status, change, exception } = remediation;
  const path = at`/v1/reviews/${review}/remediations/${id}`;
  const retry = useWrite({
    write: () => send('POST', `${path}/retry`, {}),
    changes: ['reviews', 'agents'],
    done: () => `${id} was tried again`,
  });
  const agree = useWrite({
    write: () => send('POST', `${path}/exception/approve`, {}),
    changes: ['reviews'],
    done: () => `${id} may stay open for a time`,
  });
  if (status === 'verified' || !isRunning) return null;
  return (
    <>
      {change === null ? null : (
        <Button component={Link} to={`/changes/${change}`} variant="default" size="compact-xs">
          The change
        </Button>
      )}
      <ActButton
        needs="POST /v1/reviews/:review/remediations/:remediation/retry"
        variant="default"
        size="compact-xs"
        loading={retry.isPending}
        onClick={() => retry.mutate(undefined)}
      >
        Try now
      </ActButton>
      {exception === null ? (
        <ActButton
          needs="POST /v1/reviews/:review/remediations/:remediation/exception"
          variant="default"
          size="compact-xs"
          onClick={onExcept}
        >
          Except
        </ActButton>
      ) : exception.approved_by === null ? (
        <ActButton
          needs="POST /v1/reviews/:review/remediations/:remediation/exception/approve"
          size="compact-xs"
          loading={agree.isPending}
          title={`${exception.requested_by}: ${exception.reason}`}
          onClick={() => agree.mutate(undefined)}
        >
          Agree to exception
        </ActButton>
      ) : null}
    </>
  );
}

function ExceptionDialog({
  remediation: { id, review, title },
  onClose,
}: {
  readonly remediation: ReviewRemediation;
  readonly onClose: () => void;
}) {
  const [until, setUntil] = useState('');
  return (
    <ReasonForm
      title={`Leave it open: ${title}`}
      action="Ask for it"
      needs="POST /v1/reviews/:review/remediations/:remediation/exception"
      to={at`/v1/reviews/${review}/remediations/${id}/exception`}
      body={until === '' ? undefined : { until: secondsOfLocal(until) }}
      done="Another person has to agree now"
      changes={['reviews']}
      onClose={onClose}
    >
      <p className="muted">It takes a second person, ends at the latest after 92 days, and stands in the evidence.</p>
      <TextInput
        type="datetime-local"
        label="Until"
        withAsterisk
        value={until}
        onChange={(event) => setUntil(event.currentTarget.value)}
      />
    </ReasonForm>
  );
}
