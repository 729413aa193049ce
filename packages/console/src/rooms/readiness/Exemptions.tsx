import type { ControlExemption } from '@hivekey/sdk';
import { TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { exemptionsQuery } from '../../api/readiness-queries.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';
import { Time } from '../../ui/Time.tsx';

/** One person asks with a reason and an end; another agrees. What fails stays failed all the same. */
export function NotApplicable({ control, onClose }: { readonly control: string; readonly onClose: () => void }) {
  const [until, setUntil] = useState('');
  return (
    <ReasonForm
      title={`${control} does not apply`}
      action="Ask"
      needs="POST /v1/readiness/not-applicable"
      to="/v1/readiness/not-applicable"
      body={until === '' ? undefined : { control, expires_at: `${until}T00:00:00Z` }}
      done="Asked; another person has to agree"
      changes={['readiness']}
      onClose={onClose}
    >
      <p className="muted">Another person has to agree, and it ends by itself. A control that fails stays failed.</p>
      <TextInput
        label="Until"
        type="date"
        withAsterisk
        value={until}
        onChange={(event) => setUntil(event.currentTarget.value)}
      />
    </ReasonForm>
  );
}

const COLUMNS: readonly Column<ControlExemption>[] = [
  { key: 'status', header: 'Status', width: '130px', cell: ({ status }) => status },
  { key: 'reason', header: 'Reason', cell: ({ reason }) => <bdi>{reason}</bdi> },
  { key: 'asked', header: 'Asked', width: '200px', cell: ({ requested_by }) => <TwoLines first={requested_by} /> },
  {
    key: 'answered',
    header: 'Answered',
    width: '200px',
    cell: ({ answered_by }) => answered_by ?? <span className="muted">nobody</span>,
  },
  { key: 'until', header: 'Until', width: '130px', cell: ({ expires_at }) => <Time value={expires_at} /> },
];

export function Exemptions({ control }: { readonly control: string }) {
  const { data } = useQuery(exemptionsQuery);
  const own = data?.filter((each) => each.control === control) ?? [];
  const answer = useWrite({
    write: ({ id, word }: { readonly id: string; readonly word: Word }) =>
      send<ControlExemption>('POST', at`/v1/readiness/not-applicable/${id}/${word}`, {}),
    changes: ['readiness'],
    done: ({ status }) => `It is ${status}`,
  });
  if (own.length === 0) return null;
  return (
    <Section title="Whether it applies">
      {answer.isError ? <ErrorNotice error={answer.error} /> : null}
      <DataTable
        label="Whether it applies"
        rows={own}
        rowKey={({ id }) => id}
        columns={[
          ...COLUMNS,
          actions<ControlExemption>('250px', ({ id, status }) =>
            wordsFor(status).map((word) => (
              <ActButton
                key={word}
                needs={`POST /v1/readiness/not-applicable/:id/${word}`}
                variant="default"
                size="compact-xs"
                onClick={() => answer.mutate({ id, word })}
              >
                {LABELS[word]}
              </ActButton>
            )),
          ),
        ]}
      />
    </Section>
  );
}

const LABELS = { approve: 'Agree', refuse: 'Refuse', withdraw: 'Withdraw', end: 'It applies again' } as const;
type Word = keyof typeof LABELS;

function wordsFor(status: ControlExemption['status']): readonly Word[] {
  return status === 'requested' ? ['approve', 'refuse', 'withdraw'] : status === 'approved' ? ['end'] : [];
}
