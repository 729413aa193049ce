import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Change } from '../../api/change-types.ts';
import { at, send } from '../../api/client.ts';
import { proposalsQuery } from '../../api/radius-queries.ts';
import type { LeastPrivilegeProposal } from '../../api/radius-types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actions, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { count, impactWords, plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Moment } from '../../ui/Time.tsx';

const DAYS = ['30', '90', '180'];

/** What nobody used, and caps far above the largest use, each as a change that is ready to be proposed. */
export function LeastPrivilege() {
  const [days, setDays] = useState('90');
  const { data, error, refetch } = useQuery(proposalsQuery(Number(days)));
  const navigate = useNavigate();
  const propose = useWrite({
    write: (proposal: LeastPrivilegeProposal) =>
      send<Change>('POST', at`/v1/least-privilege/proposals/${proposal.id}/change`, { days: Number(days) }),
    changes: ['changes', 'radius'],
    done: ({ name }) => `${name} is drafted; submit it for review.`,
    onDone: ({ name }) => void navigate({ to: '/changes/$change', params: { change: name } }),
  });
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className="stack-tight">
      <Select
        label="Judged by the calls of"
        data={DAYS.map((value) => ({ value, label: `the last ${value} days` }))}
        allowDeselect={false}
        value={days}
        onChange={(next) => next !== null && setDays(next)}
        w={190}
      />
      {propose.isError ? <ErrorNotice error={propose.error} /> : null}
      {data !== undefined && !data.period.covered ? (
        <Empty title="Not enough data">
          {data.period.calls_known_from === null
            ? 'No call is known yet.'
            : 'The log does not reach back so far: nothing is proposed from less than the whole time.'}
        </Empty>
      ) : (
        <DataTable
          label="Proposals of least privilege"
          rows={data?.data}
          rowKey={({ id }) => id}
          empty={
            <Empty title="Nothing to take away">
              Everything that is granted was used in this time, and no cap is far above the largest use.
            </Empty>
          }
          columns={[
            {
              key: 'what',
              header: 'Could be taken away',
              cell: ({ sentence, subject }) => (
                <TwoLines first={<span title={sentence}>{sentence}</span>} second={subject.agent ?? subject.id} />
              ),
            },
            {
              key: 'evidence',
              header: 'Because',
              width: '260px',
              cell: (proposal) => <Evidence proposal={proposal} />,
            },
            actions<LeastPrivilegeProposal>('130px', (proposal) =>
              proposal.operations.length === 0 ? (
                <span className="muted">look at it</span>
              ) : (
                <ActButton
                  needs="POST /v1/least-privilege/proposals/:id/change"
                  variant="default"
                  size="compact-sm"
                  loading={propose.isPending && propose.variables.id === proposal.id}
                  onClick={() => propose.mutate(proposal)}
                >
                  Draft change
                </ActButton>
              ),
            ),
          ]}
        />
      )}
    </div>
  );
}

function Evidence({ proposal: { evidence } }: { readonly proposal: LeastPrivilegeProposal }) {
  const { calls, largest_use, cap, unit, last_used_at } = evidence;
  const words = (amount: number): string => (unit === null ? plural(amount, 'call') : impactWords(unit, amount));
  if (largest_use !== null && cap !== null)
    return (
      <span>
        at most {words(largest_use)} of {words(cap)} in {count(calls)} calls
      </span>
    );
  return (
    <span>
      {plural(calls, 'call')}
      {last_used_at === null ? ', never used' : null}
      {last_used_at === null ? null : (
        <>
          , last <Moment value={last_used_at} />
        </>
      )}
    </span>
  );
}
