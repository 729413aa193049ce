import type { Engagement, EngagementRun, WalkthroughPress, WalkthroughStep } from '@hivekey/sdk';
import { Button, Select, Skeleton, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { engagementRunsQuery, walkthroughQuery } from '../../api/engagement-queries.ts';
import { reportsQuery } from '../../api/evidence-queries.ts';
import { useWrite } from '../../app/write.ts';
import { CodeBlock } from '../../ui/Copy.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { AgentPicker } from '../../ui/Pickers.tsx';
import { Moment } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import classes from './engagements.module.css';
import { whoWords } from './words.ts';

/** What is shown live, step by step; what a button showed stays as it was. */
export function Walkthrough({ engagement, isFirm }: { readonly engagement: Engagement; readonly isFirm: boolean }) {
  const { data: script, error, refetch } = useQuery(walkthroughQuery(engagement.id));
  const { data: runs = [] } = useQuery(engagementRunsQuery(engagement.id));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (script === undefined) return <Skeleton height={320} aria-label="Loading" />;
  return (
    <div className={classes.cards}>
      {isFirm ? null : (
        <p className="muted">The auditor presses the buttons. What each showed stands below its step, and stays.</p>
      )}
      {script.steps.map((step, i) => (
        <Step
          key={step.id}
          number={i + 1}
          step={step}
          engagement={engagement}
          runs={runs.filter((run) => run.step === step.id)}
          canPress={isFirm && engagement.status === 'open'}
        />
      ))}
    </div>
  );
}

function Step({
  number,
  step,
  engagement,
  runs,
  canPress,
}: {
  readonly number: number;
  readonly step: WalkthroughStep;
  readonly engagement: Engagement;
  readonly runs: readonly EngagementRun[];
  readonly canPress: boolean;
}) {
  return (
    <article className={classes.card} aria-label={step.title}>
      <div className={classes.cardHead}>
        <span className="muted num">{number}</span>
        <h3>{step.title}</h3>
      </div>
      <dl className={classes.why}>
        <div>
          <dt>What you see</dt>
          <dd>{step.see}</dd>
        </div>
        <div>
          <dt>Why it proves something</dt>
          <dd>{step.proves}</dd>
        </div>
        <div>
          <dt>What it does not</dt>
          <dd>{step.limits}</dd>
        </div>
      </dl>
      {canPress && step.button !== null ? <Press step={step} label={step.button} engagement={engagement} /> : null}
      {runs.toReversed().map((run, i) => (
        <Shown key={run.id} run={run} isNewest={i === 0} />
      ))}
    </article>
  );
}

function Press({
  step,
  label,
  engagement,
}: {
  readonly step: WalkthroughStep;
  readonly label: string;
  readonly engagement: Engagement;
}) {
  const [agent, setAgent] = useState<string>();
  const [entry, setEntry] = useState('');
  const [report, setReport] = useState<string>();
  const { data: reports = [] } = useQuery(reportsQuery);
  const given = { agent, entry: entry.trim() === '' ? undefined : entry.trim(), report };
  const body = Object.fromEntries(
    step.asks.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
  );
  const press = useWrite({
    write: () => send<WalkthroughPress>('POST', at`/v1/engagements/${engagement.id}/walkthrough/${step.id}`, body),
    changes: ['engagements'],
  });
  return (
    <form
      className="row"
      style={{ flexWrap: 'wrap', alignItems: 'flex-end' }}
      onSubmit={(event) => {
        event.preventDefault();
        if (!press.isPending) press.mutate(undefined);
      }}
    >
      {step.asks.includes('agent') ? <AgentPicker label="Agent" value={agent} onChange={setAgent} /> : null}
      {step.asks.includes('entry') ? (
        <TextInput
          label="Entry"
          placeholder="evt_…"
          value={entry}
          onChange={(event) => setEntry(event.currentTarget.value)}
        />
      ) : null}
      {step.asks.includes('report') ? (
        <Select
          label="Report"
          searchable
          data={reports.map(({ id, title }) => ({ value: id, label: title }))}
          value={report ?? null}
          onChange={(next) => setReport(next ?? undefined)}
        />
      ) : null}
      <Button type="submit" loading={press.isPending} disabled={step.asks.some((name) => given[name] === undefined)}>
        {label}
      </Button>
      {press.isError ? <ErrorNotice error={press.error} /> : null}
    </form>
  );
}

function Shown({ run, isNewest }: { readonly run: EngagementRun; readonly isNewest: boolean }) {
  const { said, facts } = run.result;
  return (
    <div role={isNewest ? 'status' : undefined}>
      <p className={classes.prose}>
        <Mark tone={run.shown ? 'allow' : 'deny'}>{run.shown ? 'shown' : 'not shown'}</Mark>{' '}
        {typeof said === 'string' ? said : ''}
      </p>
      <p className="muted">
        {whoWords(run.actor)}, <Moment value={run.at} />
      </p>
      <details>
        <summary>What was measured</summary>
        <CodeBlock code={JSON.stringify(facts ?? null, null, 2)} what="measurements" />
      </details>
    </div>
  );
}
