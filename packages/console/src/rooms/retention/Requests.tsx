import type { RetentionRequest } from '@hivekey/sdk';
import { useQuery } from '@tanstack/react-query';
import { at, send } from '../../api/client.ts';
import { retentionRequestsQuery } from '../../api/retention-queries.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { CLASSES, periodWords } from './words.ts';

/** What one person asked for and another has to approve. */
export function Requests({ kind }: { readonly kind: RetentionRequest['kind'] }) {
  const { data, error } = useQuery(retentionRequestsQuery);
  const answer = useWrite({
    write: ({ id, act }: { readonly id: string; readonly act: 'approve' | 'withdraw' }) =>
      send('POST', `${at`/v1/retention/requests/${id}`}/${act}`, {}),
    changes: ['retention'],
    done: (_, { act }) => (act === 'approve' ? 'Approved: it happens' : 'Withdrawn'),
  });
  if (error !== null) return <ErrorNotice error={error} />;
  const requests = (data ?? []).filter((each) => each.kind === kind);
  if (requests.length === 0) return null;
  return (
    <Section title="Asked for">
      {answer.isError ? <ErrorNotice error={answer.error} /> : null}
      <DataTable
        label="Requests"
        rows={requests}
        rowKey={({ id }) => id}
        columns={[
          ...COLUMNS,
          actions<RetentionRequest>('180px', ({ id, status }) =>
            status === 'requested' ? (
              <>
                <ActButton
                  needs="POST /v1/retention/requests/:id/approve"
                  size="compact-xs"
                  loading={answer.isPending}
                  onClick={() => answer.mutate({ id, act: 'approve' })}
                >
                  Approve
                </ActButton>
                <ActButton
                  needs="POST /v1/retention/requests/:id/withdraw"
                  size="compact-xs"
                  variant="default"
                  onClick={() => answer.mutate({ id, act: 'withdraw' })}
                >
                  Withdraw
                </ActButton>
              </>
            ) : null,
          ),
        ]}
      />
    </Section>
  );
}

function wordsOf({ periods, redaction }: RetentionRequest): string {
  if (redaction !== null)
    return `${redaction.fields.join(', ') || 'all of it'} out of ${plural(redaction.events.length, 'record')}`;
  return Object.entries(periods ?? {})
    .map(([name, days]) => `${CLASSES[name as keyof typeof CLASSES]}: ${periodWords(days)}`)
    .join(' · ');
}

const COLUMNS: readonly Column<RetentionRequest>[] = [
  {
    key: 'what',
    header: 'What',
    cell: (request) => <TwoLines first={wordsOf(request)} second={request.reason} />,
  },
  {
    key: 'by',
    header: 'By',
    width: '200px',
    cell: ({ requested_by_person: by, answered_by_person: other }) => (
      <TwoLines first={by} second={other === null ? undefined : `answered by ${other}`} />
    ),
  },
  { key: 'status', header: 'Status', width: '120px', cell: ({ status }) => <StatusMark status={status} /> },
  { key: 'at', header: 'Asked', width: '104px', cell: ({ requested_at: at }) => <Time value={at} /> },
];
