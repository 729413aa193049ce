import { Button, Checkbox, Modal, NumberInput, Radio, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { agentSettingsQuery } from '../../../api/agent-queries.ts';
import type { AgentSettings } from '../../../api/agent-types.ts';
import { send } from '../../../api/client.ts';
import { useWrite } from '../../../app/write.ts';
import { ActButton } from '../../../ui/ActButton.tsx';
import { hoursWords, plural } from '../../../ui/format.ts';
import { ErrorNotice } from '../../../ui/Notice.tsx';
import { Facts, Panel, Section } from '../../../ui/Page.tsx';
import { Time } from '../../../ui/Time.tsx';

/** How agents come about, and when one counts as forgotten. */
export function Admission() {
  const { data, error, refetch } = useQuery(agentSettingsQuery);
  const [changing, setChanging] = useState(false);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={160} aria-label="Loading" />;
  return (
    <Panel>
      <Section
        title="How agents come about"
        aside={
          <ActButton
            needs="PATCH /v1/agent-settings"
            variant="default"
            size="compact-sm"
            aria-label="Change how agents come about"
            onClick={() => setChanging(true)}
          >
            Change
          </ActButton>
        }
      >
        <Facts
          facts={[
            [
              'Admission',
              data.admission === 'reviewed'
                ? 'Reviewed: by a request that somebody else approves, and in no other way'
                : 'Direct: operators create them; requests are answered as well',
            ],
            ['A request waits', `${hoursWords(data.request_hours)}, then it has expired`],
            [
              'Dormant',
              `after ${plural(data.dormant_days, 'day')} without an action${data.suspend_dormant ? ', and suspended then' : ''}`,
            ],
            ['Warned of an end', `${plural(data.warn_days, 'day')} before`],
            [
              'Changed',
              data.updated_at === null ? null : (
                <span key="changed">
                  <Time value={data.updated_at} />, by {data.author}
                </span>
              ),
            ],
          ]}
        />
      </Section>
      {changing ? <ChangeDialog settings={data} onClose={() => setChanging(false)} /> : null}
    </Panel>
  );
}

function ChangeDialog({ settings, onClose }: { readonly settings: AgentSettings; readonly onClose: () => void }) {
  const [draft, setDraft] = useState({
    admission: settings.admission,
    request_hours: settings.request_hours,
    dormant_days: settings.dormant_days,
    suspend_dormant: settings.suspend_dormant,
    warn_days: settings.warn_days,
  });
  const save = useWrite({
    write: () => send<AgentSettings>('PATCH', '/v1/agent-settings', draft),
    changes: ['agents'],
    done: () => 'Saved; it counts from now on.',
    onDone: onClose,
  });
  const number = (name: 'request_hours' | 'dormant_days' | 'warn_days', label: string, most: number) => (
    <NumberInput
      label={label}
      min={1}
      max={most}
      allowDecimal={false}
      value={draft[name]}
      onChange={(value) => (typeof value === 'number' ? setDraft({ ...draft, [name]: value }) : undefined)}
    />
  );
  return (
    <Modal opened onClose={onClose} title="How agents come about" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(undefined);
        }}
      >
        <Radio.Group
          label="Admission"
          value={draft.admission}
          onChange={(next) => setDraft({ ...draft, admission: next === 'reviewed' ? 'reviewed' : 'direct' })}
        >
          <div className="stack-tight" style={{ marginTop: 6 }}>
            <Radio value="direct" label="Direct" description="Operators create agents." />
            <Radio
              value="reviewed"
              label="Reviewed"
              description="An agent is made by a request that somebody else approves: not who asked, not who is to own it."
            />
          </div>
        </Radio.Group>
        {number('request_hours', 'A request waits, hours', 2160)}
        {number('dormant_days', 'Dormant after, days', 3650)}
        <Checkbox
          label="Suspend dormant agents"
          checked={draft.suspend_dormant}
          onChange={(event) => setDraft({ ...draft, suspend_dormant: event.currentTarget.checked })}
        />
        {number('warn_days', 'Warn of an end, days before', 3650)}
        {save.isError ? <ErrorNotice error={save.error} /> : null}
        <Button type="submit" loading={save.isPending}>
          Save
        </Button>
      </form>
    </Modal>
  );
}
