import { Drawer } from '@mantine/core';
import { IconPlayerPlay, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { drillsQuery, rehearsalsQuery } from '../../api/queries.ts';
import type { Drill, Rehearsal } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { actions, type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords, duration } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { CreateDrill } from './CreateDrill.tsx';
import { RehearsalDetail } from './RehearsalDetail.tsx';
import { RehearseDialog } from './RehearseDialog.tsx';
import { measuredWords } from './words.ts';

const route = getRouteApi('/in/containment');

const REHEARSALS: readonly Column<Rehearsal>[] = [
  {
    key: 'agent',
    header: 'Shadow of',
    cell: ({ id, agent, drill, actor }) => (
      <TwoLines
        first={
          <Link to="/containment" search={{ tab: 'drills', rehearsal: id }} className={rowLink}>
            {agent ?? 'no agent'}
          </Link>
        }
        second={drill === null ? `by ${actorWords(actor)}` : `drill ${drill}`}
      />
    ),
  },
  { key: 'status', header: 'Status', width: '110px', cell: ({ status }) => <StatusMark status={status} /> },
  {
    key: 'measured',
    header: 'Measured',
    cell: (each) => <span title={measuredWords(each)}>{measuredWords(each)}</span>,
  },
  { key: 'when', header: 'When', width: '120px', cell: ({ started_at }) => <Time value={started_at} /> },
];

const DRILLS: readonly Column<Drill>[] = [
  {
    key: 'name',
    header: 'Drill',
    cell: ({ name, agent }) => (
      <TwoLines first={<strong>{name}</strong>} second={agent === null ? 'an agent at random' : `agent ${agent}`} />
    ),
  },
  {
    key: 'next',
    header: 'Next',
    width: '230px',
    cell: ({ next_at, overdue_seconds, time_zone }) =>
      overdue_seconds === null ? (
        <TwoLines first={<Time value={next_at} absent="never again" />} second={time_zone} />
      ) : (
        <span className="row">
          <StatusMark status="overdue" />
          {duration(overdue_seconds)}
        </span>
      ),
  },
  {
    key: 'repeats',
    header: 'Repeats',
    width: '180px',
    cell: ({ repeats }) =>
      repeats === null ? (
        'once'
      ) : (
        <span className="mono truncate" title={repeats}>
          {repeats}
        </span>
      ),
  },
  {
    key: 'last',
    header: 'Last',
    width: '190px',
    cell: ({ last }) =>
      last === null ? (
        <span className="muted">not run yet</span>
      ) : (
        <span className="row">
          <StatusMark status={last.status} />
          <Time value={last.started_at} />
        </span>
      ),
  },
];

export function Drills() {
  const { create, rehearsal } = route.useSearch();
  const navigate = route.useNavigate();
  const drills = useQuery(drillsQuery);
  const rehearsals = useQuery(rehearsalsQuery);
  const [isRehearsing, setRehearsing] = useState(false);
  const [removing, setRemoving] = useState<Drill>();
  const close = () => navigate({ search: { tab: 'drills' }, replace: true });
  const show = ({ id }: Rehearsal) => navigate({ search: { tab: 'drills', rehearsal: id } });
  const shown = rehearsals.data?.data.find(({ id }) => id === rehearsal);
  const run = useWrite({
    write: ({ name }: Drill) => send<Rehearsal>('POST', at`/v1/drills/${name}/run`),
    changes: ['drills', 'containments'],
    onDone: show,
  });
  const remove = useWrite({
    write: ({ name }: Drill) => send<Drill>('DELETE', at`/v1/drills/${name}`),
    changes: ['drills'],
    done: ({ name }) => `The drill ${name} is removed.`,
    onDone: () => setRemoving(undefined),
  });
  const act: Column<Drill> = actions('190px', (drill) => (
    <>
      <ActButton
        needs="POST /v1/drills/:name/run"
        variant="default"
        size="compact-xs"
        aria-label={`Run now: ${drill.name}`}
        loading={run.isPending && run.variables.name === drill.name}
        onClick={() => run.mutate(drill)}
      >
        Run now
      </ActButton>
      <ActButton
        needs="DELETE /v1/drills/:name"
        variant="default"
        size="compact-xs"
        aria-label={`Remove ${drill.name}`}
        onClick={() => {
          remove.reset();
          setRemoving(drill);
        }}
      >
        Remove…
      </ActButton>
    </>
  ));
  return (
    <>
      <Section
        title="Drills"
        aside={
          <div className="row-wrap">
            <ActButton
              needs="POST /v1/containments/rehearsals"
              variant="default"
              leftSection={<IconPlayerPlay size={14} aria-hidden />}
              onClick={() => setRehearsing(true)}
            >
              Rehearse now…
            </ActButton>
            <ActButton
              needs="PUT /v1/drills/:name"
              leftSection={<IconPlus size={14} aria-hidden />}
              onClick={() => navigate({ search: { tab: 'drills', create: true } })}
            >
              New drill
            </ActButton>
          </div>
        }
      >
        <p className="muted">
          A drill presses the kill switch on a shadow of an agent, which has the agent’s roles and tools and touches
          nothing, and keeps what was measured. The agent itself goes on.
        </p>
        {run.isError ? <ErrorNotice error={run.error} /> : null}
        {drills.error === null ? (
          <DataTable
            label="Drills"
            columns={[...DRILLS, act]}
            rows={drills.data}
            rowKey={({ name }) => name}
            empty={
              <Empty title="No drill is scheduled">
                Schedule one, so that it is known before it is needed how fast a stop works.
              </Empty>
            }
          />
        ) : (
          <ErrorNotice error={drills.error} retry={() => void drills.refetch()} />
        )}
      </Section>
      <Section title="Rehearsals">
        {rehearsals.error === null ? (
          <DataTable
            label="Rehearsals"
            columns={REHEARSALS}
            rows={rehearsals.data?.data}
            rowKey={({ id }) => id}
            empty={<p className="muted">None yet. Each one stays here with its times.</p>}
          />
        ) : (
          <ErrorNotice error={rehearsals.error} retry={() => void rehearsals.refetch()} />
        )}
      </Section>
      <Drawer
        opened={shown !== undefined}
        onClose={close}
        title="Rehearsal"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {shown === undefined ? null : <RehearsalDetail rehearsal={shown} />}
      </Drawer>
      {create === true ? <CreateDrill onClose={close} /> : null}
      {isRehearsing ? (
        <RehearseDialog
          onClose={() => setRehearsing(false)}
          onDone={(made) => {
            setRehearsing(false);
            void show(made);
          }}
        />
      ) : null}
      {removing === undefined ? null : (
        <Confirm
          title={`Remove the drill ${removing.name}`}
          action="Remove"
          danger
          pending={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(removing)}
          onClose={() => setRemoving(undefined)}
        >
          It runs no more. What its rehearsals measured stays.
        </Confirm>
      )}
    </>
  );
}
