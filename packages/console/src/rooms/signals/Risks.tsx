import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { activeRisksQuery, endedRisksQuery } from '../../api/queries.ts';
import type { Risk } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Countdown, Time } from '../../ui/Time.tsx';
import { Mark, StatusMark } from '../../ui/Verdict.tsx';
import { RaiseDialog } from './RaiseDialog.tsx';

const route = getRouteApi('/in/signals');

const TONES = { low: 'neutral', medium: 'review', high: 'deny', critical: 'deny' } as const;

const ABOUT: Column<Risk> = {
  key: 'about',
  header: 'About',
  cell: ({ subject, reason }) => <TwoLines first={`${subject.kind} ${subject.name}`} second={reason} />,
};

const LEVEL: Column<Risk> = {
  key: 'level',
  header: 'Level',
  width: '100px',
  cell: ({ level }) => <Mark tone={TONES[level]}>{level}</Mark>,
};

const RAISED: Column<Risk> = {
  key: 'raised',
  header: 'Raised',
  width: '190px',
  cell: ({ raised_at, source }) => <TwoLines first={<Time value={raised_at} />} second={`by ${actorWords(source)}`} />,
};

const ENDED: readonly Column<Risk>[] = [
  ABOUT,
  LEVEL,
  RAISED,
  {
    key: 'end',
    header: 'Ended',
    width: '230px',
    cell: ({ status, cleared_at, cleared_by, expires_at }) => (
      <TwoLines
        first={
          <span className="row">
            <StatusMark status={status} />
            <Time value={cleared_at ?? expires_at} />
          </span>
        }
        second={cleared_by === null ? undefined : `by ${actorWords(cleared_by)}`}
      />
    ),
  },
];

export function Risks() {
  const { create } = route.useSearch();
  const navigate = route.useNavigate();
  const active = useQuery(activeRisksQuery);
  const ended = useQuery(endedRisksQuery);
  const [ending, setEnding] = useState<Risk>();
  const columns: readonly Column<Risk>[] = [
    ABOUT,
    LEVEL,
    RAISED,
    {
      key: 'left',
      header: 'Time left',
      width: '130px',
      align: 'end',
      cell: ({ expires_at }) => <Countdown until={expires_at} over="over" />,
    },
    actions('84px', (risk) => (
      <ActButton
        needs="POST /v1/risks/:id/clear"
        variant="default"
        size="compact-xs"
        aria-label={`End the signal about ${risk.subject.name}`}
        onClick={() => setEnding(risk)}
      >
        End…
      </ActButton>
    )),
  ];
  return (
    <>
      <Section
        title="In force"
        aside={
          <ActButton
            needs="POST /v1/risks"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => navigate({ search: { create: true } })}
          >
            Raise a signal
          </ActButton>
        }
      >
        <p className="muted">Guards on risk decide what follows. Where several stand, the highest level counts.</p>
        {active.error === null ? (
          <DataTable
            label="Signals in force"
            columns={columns}
            rows={active.data}
            rowKey={({ id }) => id}
            empty={
              <Empty title="No risk is signalled" command="npx hivekey risk raise agent AGENT high --expires 2h">
                Detectors push signals, see Transmitters; a person raises one here, or from the command line:
              </Empty>
            }
          />
        ) : (
          <ErrorNotice error={active.error} retry={() => void active.refetch()} />
        )}
      </Section>
      <Section title="Ended">
        {ended.error === null ? (
          <DataTable
            label="Ended signals"
            columns={ENDED}
            rows={ended.data?.data}
            rowKey={({ id }) => id}
            empty={<p className="muted">None. What expired or was ended stays here.</p>}
          />
        ) : (
          <ErrorNotice error={ended.error} retry={() => void ended.refetch()} />
        )}
      </Section>
      {create === true ? <RaiseDialog onClose={() => navigate({ search: {}, replace: true })} /> : null}
      {ending === undefined ? null : <EndDialog risk={ending} onClose={() => setEnding(undefined)} />}
    </>
  );
}

function EndDialog({ risk, onClose }: { readonly risk: Risk; readonly onClose: () => void }) {
  const { id, subject, level, reason } = risk;
  const clear = useWrite({
    write: (why: string) => send<Risk>('POST', at`/v1/risks/${id}/clear`, why === '' ? {} : { reason: why }),
    changes: ['risks'],
    done: () => `The signal about ${subject.name} is over.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`End the signal about ${subject.kind} ${subject.name}`}
      action="End signal"
      withReason
      pending={clear.isPending}
      error={clear.error}
      onConfirm={clear.mutate}
      onClose={onClose}
    >
      Level {level}
      {reason === '' ? '' : `: ${reason}`}. From the next action on it counts no more.
    </Confirm>
  );
}
