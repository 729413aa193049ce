import { Select, TextInput } from '@mantine/core';
import { DateTimePicker } from '@mantine/dates';
import '@mantine/dates/styles.layer.css';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { IncidentDetail, IncidentFollowUp } from '../../api/alert-types.ts';
import { at } from '../../api/client.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Section } from '../../ui/Page.tsx';
import { OwnerPicker } from '../../ui/Pickers.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import classes from './incidents.module.css';

/** What is changed because of it, by whom and until when. They go on when the incident is closed. */
export function FollowUps({ incident }: { readonly incident: IncidentDetail }) {
  const [isAdding, setAdding] = useState(false);
  const [settled, setSettled] = useState<IncidentFollowUp>();
  return (
    <Section
      title="Follow-ups"
      aside={
        incident.status === 'closed' ? null : (
          <ActButton
            needs="POST /v1/incidents/:id/follow-ups"
            variant="default"
            size="compact-xs"
            onClick={() => setAdding(true)}
          >
            Add
          </ActButton>
        )
      }
    >
      {incident.follow_ups.length === 0 ? <p className="muted">None yet.</p> : null}
      <ul className={classes.list}>
        {incident.follow_ups.map((each) => (
          <li key={each.id}>
            <div className="row-wrap">
              <strong>{each.title}</strong>
              <StatusMark status={each.overdue ? 'overdue' : each.status} />
            </div>
            <p className="muted">
              {each.owner} · by <Time value={each.due_at} />
              {each.change === null ? null : (
                <>
                  {' '}
                  ·{' '}
                  <Link to="/changes/$change" params={{ change: each.change.name }}>
                    {each.change.name}
                  </Link>{' '}
                  {each.change.status}
                </>
              )}
              {each.reason === '' ? '' : ` · ${each.reason}`}
            </p>
            {each.status === 'open' ? (
              <ActButton
                needs="PATCH /v1/incidents/:id/follow-ups/:follow_up"
                variant="default"
                size="compact-xs"
                aria-label={`Settle ${each.title}`}
                onClick={() => setSettled(each)}
              >
                Settle
              </ActButton>
            ) : null}
          </li>
        ))}
      </ul>
      {isAdding ? <AddDialog incident={incident} onClose={() => setAdding(false)} /> : null}
      {settled === undefined ? null : (
        <SettleDialog incident={incident} followUp={settled} onClose={() => setSettled(undefined)} />
      )}
    </Section>
  );
}

function AddDialog({ incident, onClose }: { readonly incident: IncidentDetail; readonly onClose: () => void }) {
  const [title, setTitle] = useState('');
  const [owner, setOwner] = useState<string | undefined>(incident.lead);
  const [due, setDue] = useState<string | null>(null);
  const [change, setChange] = useState('');
  const isComplete = title.trim() !== '' && owner !== undefined && due !== null;
  return (
    <ReasonForm
      title="What is to be changed"
      action="Add"
      needs="POST /v1/incidents/:id/follow-ups"
      to={at`/v1/incidents/${incident.id}/follow-ups`}
      body={
        isComplete
          ? {
              title: title.trim(),
              owner,
              due_at: new Date(due.replace(' ', 'T')).toISOString(),
              ...(change.trim() === '' ? {} : { change: change.trim() }),
            }
          : undefined
      }
      done="The follow-up is on the log"
      changes={['incidents', 'alerts']}
      onClose={onClose}
    >
      <TextInput
        label="What"
        withAsterisk
        maxLength={300}
        value={title}
        onChange={(e) => setTitle(e.currentTarget.value)}
      />
      <OwnerPicker label="Who" onlyKnown required value={owner} onChange={setOwner} />
      <DateTimePicker label="Until" withAsterisk value={due} onChange={setDue} popoverProps={{ withinPortal: false }} />
      <TextInput
        label="Change of what decides"
        description="Such as CHG-12. The follow-up is done by itself when that is in force."
        value={change}
        onChange={(event) => setChange(event.currentTarget.value)}
      />
    </ReasonForm>
  );
}

function SettleDialog({
  incident,
  followUp,
  onClose,
}: {
  readonly incident: IncidentDetail;
  readonly followUp: IncidentFollowUp;
  readonly onClose: () => void;
}) {
  const [status, setStatus] = useState<'done' | 'dropped'>('done');
  return (
    <ReasonForm
      title={followUp.title}
      action={status === 'done' ? 'It is done' : 'Drop it'}
      needs="PATCH /v1/incidents/:id/follow-ups/:follow_up"
      method="PATCH"
      to={at`/v1/incidents/${incident.id}/follow-ups/${followUp.id}`}
      body={{ status }}
      done="The follow-up is settled"
      changes={['incidents', 'alerts']}
      onClose={onClose}
    >
      <Select
        label="It is"
        allowDeselect={false}
        data={[
          { value: 'done', label: 'Done' },
          { value: 'dropped', label: 'Dropped: it is not to be done' },
        ]}
        value={status}
        onChange={(next) => setStatus(next === 'dropped' ? 'dropped' : 'done')}
      />
    </ReasonForm>
  );
}
