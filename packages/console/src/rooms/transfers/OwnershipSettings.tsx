import { Button, Checkbox, Modal, NumberInput, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ownershipSettingsQuery } from '../../api/agent-queries.ts';
import type { OwnershipSettings as Settings } from '../../api/agent-types.ts';
import { send } from '../../api/client.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { hoursWords } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Panel, Section } from '../../ui/Page.tsx';
import { PeopleAndGroupsField } from '../../ui/Pickers.tsx';
import { Time } from '../../ui/Time.tsx';

/** How agents change hands, and how long what a leaver left behind may wait. */
export function OwnershipSettings() {
  const { data, error, refetch } = useQuery(ownershipSettingsQuery);
  const [changing, setChanging] = useState(false);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={160} aria-label="Loading" />;
  return (
    <Panel>
      <Section
        title="How agents change hands"
        aside={
          <ActButton
            needs="PUT /v1/ownership-settings"
            variant="default"
            size="compact-sm"
            aria-label="Change how agents change hands"
            onClick={() => setChanging(true)}
          >
            Change
          </ActButton>
        }
      >
        <Facts
          facts={[
            [
              'New owners',
              data.acceptance_required
                ? 'Accept an offer, and in no other way'
                : 'Accept an offer, or are named by operators',
            ],
            ['Told again', `after ${hoursWords(data.remind_after_hours)}: deputies and administrators`],
            [
              'Escalated',
              `after ${hoursWords(data.escalate_after_hours)}${data.escalate_to.length === 0 ? ', to nobody more' : `, to ${data.escalate_to.join(', ')} as well`}`,
            ],
            ['Revoked', `after ${hoursWords(data.transfer_hours)} without another owner`],
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

function ChangeDialog({ settings, onClose }: { readonly settings: Settings; readonly onClose: () => void }) {
  const [draft, setDraft] = useState({
    acceptance_required: settings.acceptance_required,
    remind_after_hours: settings.remind_after_hours,
    escalate_after_hours: settings.escalate_after_hours,
    transfer_hours: settings.transfer_hours,
    escalate_to: settings.escalate_to,
  });
  const save = useWrite({
    write: () => send<Settings>('PUT', '/v1/ownership-settings', draft),
    changes: ['agents'],
    done: () => 'Saved; open tasks keep the times they were opened with.',
    onDone: onClose,
  });
  const number = (name: 'remind_after_hours' | 'escalate_after_hours' | 'transfer_hours', label: string) => (
    <NumberInput
      label={label}
      min={1}
      max={2160}
      allowDecimal={false}
      value={draft[name]}
      onChange={(value) => (typeof value === 'number' ? setDraft({ ...draft, [name]: value }) : undefined)}
    />
  );
  return (
    <Modal opened onClose={onClose} title="How agents change hands" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(undefined);
        }}
      >
        <Checkbox
          label="New owners accept"
          description="An agent changes hands by an offer that its new owner accepts, and in no other way."
          checked={draft.acceptance_required}
          onChange={(event) => setDraft({ ...draft, acceptance_required: event.currentTarget.checked })}
        />
        {number('remind_after_hours', 'Told again after, hours')}
        {number('escalate_after_hours', 'Escalated after, hours')}
        <PeopleAndGroupsField
          label="Escalated to"
          description="People and groups who are told then as well."
          value={draft.escalate_to}
          onChange={(next) => setDraft({ ...draft, escalate_to: next })}
        />
        {number('transfer_hours', 'Revoked after, hours')}
        {save.isError ? <ErrorNotice error={save.error} /> : null}
        <Button type="submit" loading={save.isPending}>
          Save
        </Button>
      </form>
    </Modal>
  );
}
