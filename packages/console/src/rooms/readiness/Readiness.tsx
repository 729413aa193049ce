import type { Readiness as State } from '@hivekey/sdk';
import { Button, SegmentedControl, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { readinessQuery } from '../../api/readiness-queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { instants, lastQuarter } from '../../ui/Period.tsx';
import { Moment } from '../../ui/Time.tsx';
import { Controls, Criteria } from './Controls.tsx';
import { Deficiencies } from './Deficiencies.tsx';
import { Duties } from './Duties.tsx';
import { RunDialog } from './RunDialog.tsx';
import { Runs } from './Runs.tsx';
import classes from './readiness.module.css';
import { STATES, StateMark } from './states.tsx';

const route = getRouteApi('/in/readiness');

/** Where each control stands, in five counts and no percentage; every state one click from its records. */
export function Readiness() {
  const { tab = 'controls', from, to } = route.useSearch();
  const navigate = route.useNavigate();
  const [isRunning, setRunning] = useState(false);
  const period = from === undefined || to === undefined ? {} : { from, to };
  const { data, error, refetch } = useQuery(readinessQuery(period));
  return (
    <Page
      title="Readiness"
      description="Twenty controls, each tested over all there is in the period. No sample is drawn, and what is not known is said to be so."
      actions={
        <>
          <SegmentedControl
            aria-label="What is shown"
            data={[
              { value: 'controls', label: 'By control' },
              { value: 'criteria', label: 'By criterion' },
              { value: 'deficiencies', label: 'Deficiencies' },
              { value: 'runs', label: 'Runs' },
              { value: 'duties', label: 'Duties' },
            ]}
            value={tab}
            onChange={(next) =>
              navigate({
                search: (old) => ({
                  ...old,
                  tab: next === 'controls' ? undefined : (next as Exclude<typeof tab, 'controls'>),
                }),
              })
            }
          />
          <ActButton needs="POST /v1/readiness/runs" onClick={() => setRunning(true)}>
            Run now
          </ActButton>
        </>
      }
    >
      <div className="stack">
        {tab === 'deficiencies' ? (
          <Deficiencies />
        ) : tab === 'runs' ? (
          <Runs />
        ) : tab === 'duties' ? (
          <Duties />
        ) : error !== null ? (
          <ErrorNotice error={error} retry={() => void refetch()} />
        ) : data === undefined ? (
          <Skeleton height={320} aria-label="Testing" />
        ) : (
          <>
            <Head state={data} />
            {data.id === null && from === undefined ? (
              <NoRun onQuarter={() => navigate({ search: instants(lastQuarter()) })} />
            ) : null}
            {tab === 'criteria' ? <Criteria state={data} period={period} /> : <Controls state={data} period={period} />}
          </>
        )}
      </div>
      {isRunning ? <RunDialog onClose={() => setRunning(false)} onDone={() => navigate({ search: {} })} /> : null}
    </Page>
  );
}

function Head({ state }: { readonly state: State }) {
  const { banner, counts, coverage, clean, id, as_of, period_from, period_to } = state;
  return (
    <>
      <p className={classes.banner}>{banner}</p>
      <div className={classes.counts}>
        {(['pass', 'fail', 'not_enough_data', 'did_not_occur', 'not_applicable'] as const).map((each) => (
          <div key={each} className={classes.count}>
            <span className={`num ${classes.number}`}>{counts[each]}</span>
            <StateMark state={each} isNone={counts[each] === 0} />
          </div>
        ))}
      </div>
      <p className="muted">
        <Moment value={period_from} /> to <Moment value={period_to} />, {id === null ? 'tested' : `run ${id} made`}{' '}
        <Moment value={as_of} />. With enough data: {coverage.count} of {coverage.of}. Of these{' '}
        {STATES.pass.word.toLowerCase()}: {clean.count} of {clean.of}. The two are never one number.
      </p>
    </>
  );
}

function NoRun({ onQuarter }: { readonly onQuarter: () => void }) {
  return (
    <p className="muted row-wrap">
      No run was stored yet: these are the last 90 days, tested for this page. One is made by itself each day.
      <Button variant="default" size="compact-xs" onClick={onQuarter}>
        The last quarter
      </Button>
    </p>
  );
}
