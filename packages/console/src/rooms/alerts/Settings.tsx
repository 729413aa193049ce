import { NumberInput, Select, Skeleton, Switch } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { alertSettingsQuery } from '../../api/alert-queries.ts';
import { type AlertSettings, SEVERITIES, type Severity } from '../../api/alert-types.ts';
import { send } from '../../api/client.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { CodeField } from '../../ui/CodeField.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { PeopleAndGroupsField } from '../../ui/Pickers.tsx';
import classes from './alerts.module.css';

const CHANNELS = [
  ['slack', 'Slack'],
  ['email', 'E-mail'],
] as const;

export function Settings() {
  const { data, error, refetch } = useQuery(alertSettingsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={320} aria-label="Loading" />;
  return <Form key={JSON.stringify(data)} current={data} />;
}

/** Of floors and mutes: what people write in the field, and what it says; undefined where it is no JSON. */
interface Lists {
  readonly floors: AlertSettings['floors'];
  readonly slack: AlertSettings['channels']['slack']['mutes'];
  readonly email: AlertSettings['channels']['email']['mutes'];
}

function listsOf({ floors, channels }: AlertSettings): Lists {
  return { floors, slack: channels.slack.mutes, email: channels.email.mutes };
}

function Form({ current }: { readonly current: AlertSettings }) {
  const [draft, setDraft] = useState(current);
  const [text, setText] = useState(() => JSON.stringify(listsOf(current), null, 2));
  const lists = parse(text);
  const save = useWrite({
    write: ({ floors, slack, email }: Lists) =>
      send<AlertSettings>('PUT', '/v1/alert-settings', {
        ...draft,
        floors,
        channels: {
          slack: { ...draft.channels.slack, mutes: slack },
          email: { ...draft.channels.email, mutes: email },
        },
      }),
    changes: ['alerts'],
    done: () => 'The settings hold for alerts that open from now on.',
  });
  const minutes = (severity: Severity, what: 'acknowledge_minutes' | 'close_minutes') => (
    <NumberInput
      aria-label={`${severity}: ${what === 'close_minutes' ? 'close' : 'acknowledge'} within minutes`}
      placeholder="no time"
      min={1}
      value={draft.due[severity][what] ?? ''}
      onChange={(next) =>
        setDraft({
          ...draft,
          due: { ...draft.due, [severity]: { ...draft.due[severity], [what]: typeof next === 'number' ? next : null } },
        })
      }
    />
  );
  return (
    <form
      className="stack"
      style={{ maxWidth: 760 }}
      onSubmit={(event) => {
        event.preventDefault();
        if (lists !== undefined && !save.isPending) save.mutate(lists);
      }}
    >
      <Section title="How soon alerts are looked at">
        <div className={classes.due}>
          <span className="muted">Severity</span>
          <span className="muted">Acknowledged within (minutes)</span>
          <span className="muted">Closed within (minutes)</span>
          {[...SEVERITIES].reverse().map((severity) => (
            <DueRow key={severity} name={severity}>
              {minutes(severity, 'acknowledge_minutes')}
              {minutes(severity, 'close_minutes')}
            </DueRow>
          ))}
        </div>
      </Section>
      <Section title="Who is told">
        <PeopleAndGroupsField
          label="Told of alerts"
          description="Nobody named: the administrators."
          value={draft.notify}
          onChange={(notify) => setDraft({ ...draft, notify })}
        />
        <PeopleAndGroupsField
          label="Told too when one is overdue"
          value={draft.escalate_to}
          onChange={(next) => setDraft({ ...draft, escalate_to: next })}
        />
        <div className="row-wrap">
          {CHANNELS.map(([channel, label]) => (
            <Select
              key={channel}
              label={`${label}: at least`}
              allowDeselect={false}
              data={[...SEVERITIES]}
              value={draft.channels[channel].min_severity}
              onChange={(next) => {
                const severity = SEVERITIES.find((each) => each === next);
                if (severity !== undefined)
                  setDraft({
                    ...draft,
                    channels: { ...draft.channels, [channel]: { ...draft.channels[channel], min_severity: severity } },
                  });
              }}
              w={200}
            />
          ))}
        </div>
      </Section>
      <Section title="Who judges">
        <Switch
          label="High and critical alerts about somebody, or agents that they own, are judged by somebody else"
          checked={draft.separate_duties}
          onChange={(event) => setDraft({ ...draft, separate_duties: event.currentTarget.checked })}
        />
      </Section>
      <Section title="Floors and mutes">
        <CodeField
          label="Alerts that are at least so severe (floors), and alerts that are not told over Slack or e-mail for a time"
          description="JSON. A floor names a source, rule or subject and at_least; a mute also until and reason. Critical alerts are told all the same."
          rows={10}
          value={text}
          onChange={setText}
        />
        {lists === undefined ? <p className={classes.wrong}>This is not JSON with floors, slack and email.</p> : null}
      </Section>
      {save.isError ? <ErrorNotice error={save.error} /> : null}
      <div>
        <ActButton needs="PUT /v1/alert-settings" type="submit" disabled={lists === undefined} loading={save.isPending}>
          Save
        </ActButton>
      </div>
    </form>
  );
}

function DueRow({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <>
      <span>{name}</span>
      {children}
    </>
  );
}

/** The server says what of it is wrong; here it has to be three lists. */
function parse(text: string): Lists | undefined {
  try {
    const read: Lists = JSON.parse(text);
    const isWhole = Array.isArray(read.floors) && Array.isArray(read.slack) && Array.isArray(read.email);
    return isWhole ? read : undefined;
  } catch {
    return undefined;
  }
}
