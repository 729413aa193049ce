import { NumberInput, Radio, Select, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import { signInSettingsQuery } from '../../api/identity-queries.ts';
import type { Duty, SignInSettings as Settings, StepUpLevel } from '../../api/identity-types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import classes from './people.module.css';
import { DUTIES, LEVELS } from './words.ts';

const MINUTE = 60;

/** Who decides, what a decision takes beyond a session, and how long sessions last. */
export function SignInSettings() {
  const { data, error, refetch } = useQuery(signInSettingsQuery);
  return (
    <Section title="Deciding and sessions">
      {error !== null ? <ErrorNotice error={error} retry={() => void refetch()} /> : null}
      {data === undefined && error === null ? <Skeleton height={260} aria-label="Loading" /> : null}
      {data === undefined ? null : <Form key={JSON.stringify(data)} settings={data} />}
    </Section>
  );
}

function Form({ settings }: { readonly settings: Settings }) {
  const [draft, setDraft] = useState(settings);
  const change = (part: Partial<Settings>) => setDraft((old) => ({ ...old, ...part }));
  const { people_decide, step_up, step_up_seconds, idle_seconds, session_seconds } = draft;
  const save = useWrite({
    write: () =>
      send<Settings>('PUT', '/v1/sign-in-settings', {
        people_decide,
        step_up,
        step_up_seconds,
        idle_seconds,
        session_seconds,
      }),
    changes: ['providers', 'sessions'],
    done: () => 'Saved; it counts from the next request on.',
  });
  return (
    <form
      className="stack"
      style={{ maxWidth: 720 }}
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(undefined);
      }}
    >
      <Radio.Group
        label="Whatever takes a person is decided"
        value={people_decide}
        onChange={(next) => change({ people_decide: next === 'sessions' ? 'sessions' : 'keys' })}
      >
        <div className="stack-tight" style={{ marginTop: 6 }}>
          <Radio
            value="keys"
            label="by people who signed in, or by an admin key that belongs to a person"
            description="As long as nobody signs in by a provider, keys are all there is."
          />
          <Radio
            value="sessions"
            label="by people who signed in themselves"
            description="Whoever makes a key for somebody else can then decide nothing in their name."
          />
        </div>
      </Radio.Group>
      <fieldset className={classes.roles}>
        <legend className={classes.legend}>What it takes beside a session</legend>
        <div className={classes.duties}>
          {(Object.keys(DUTIES) as Duty[]).map((duty) => (
            <Level
              key={duty}
              label={DUTIES[duty]}
              value={step_up[duty]}
              onChange={(level) => change({ step_up: { ...step_up, [duty]: level } })}
            />
          ))}
        </div>
      </fieldset>
      <div className="row-wrap" style={{ alignItems: 'flex-end' }}>
        <NumberInput
          label="A step-up counts for, in minutes"
          min={1}
          max={60}
          allowDecimal={false}
          w={210}
          value={Math.round(step_up_seconds / MINUTE)}
          onChange={(next) => change({ step_up_seconds: secondsOf(next, step_up_seconds) })}
        />
        <NumberInput
          label="Idle sessions end after, in minutes"
          min={1}
          max={720}
          allowDecimal={false}
          w={230}
          value={Math.round(idle_seconds / MINUTE)}
          onChange={(next) => change({ idle_seconds: secondsOf(next, idle_seconds) })}
        />
        <NumberInput
          label="Any session ends after, in minutes"
          min={5}
          max={1440}
          allowDecimal={false}
          w={230}
          value={Math.round(session_seconds / MINUTE)}
          onChange={(next) => change({ session_seconds: secondsOf(next, session_seconds) })}
        />
      </div>
      {save.isError ? <ErrorNotice error={save.error} /> : null}
      <div className="row-wrap">
        <ActButton
          needs="PUT /v1/sign-in-settings"
          type="submit"
          loading={save.isPending}
          disabled={JSON.stringify(draft) === JSON.stringify(settings)}
        >
          Save
        </ActButton>
        {settings.author === null ? null : (
          <span className="muted">
            Last set by {settings.author}, <Time value={settings.updated_at} />
          </span>
        )}
      </div>
    </form>
  );
}

function secondsOf(minutes: number | string, before: number): number {
  return typeof minutes === 'number' && minutes > 0 ? minutes * MINUTE : before;
}

const OPTIONS = (Object.keys(LEVELS) as StepUpLevel[]).map((value) => ({ value, label: LEVELS[value] }));

function Level({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: StepUpLevel;
  readonly onChange: (level: StepUpLevel) => void;
}) {
  return (
    <>
      <span aria-hidden>{label}</span>
      <Select
        aria-label={label}
        data={OPTIONS}
        value={value}
        onChange={(next) => onChange(OPTIONS.find((each) => each.value === next)?.value ?? value)}
      />
    </>
  );
}
