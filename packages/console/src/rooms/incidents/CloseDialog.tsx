import { Textarea } from '@mantine/core';
import { useState } from 'react';
import type { IncidentDetail } from '../../api/alert-types.ts';
import { at } from '../../api/client.ts';
import { plural } from '../../ui/format.ts';
import { ReasonForm } from '../../ui/ReasonForm.tsx';

export function CloseDialog({
  incident,
  onClose,
}: {
  readonly incident: IncidentDetail;
  readonly onClose: () => void;
}) {
  const [why, setWhy] = useState('');
  const open = incident.open_follow_ups;
  return (
    <ReasonForm
      title="Close the incident"
      action="Close"
      needs="POST /v1/incidents/:id/close"
      to={at`/v1/incidents/${incident.id}/close`}
      body={open === 0 ? {} : why.trim() === '' ? undefined : { open_follow_ups_reason: why.trim() }}
      done="The incident is closed"
      changes={['incidents', 'alerts']}
      onClose={onClose}
    >
      <p className="muted">It takes a decision and a root cause, and alerts that are all judged.</p>
      {open === 0 ? null : (
        <Textarea
          label={`${plural(open, 'follow-up')} not done: who sees to them`}
          withAsterisk
          autosize
          minRows={2}
          value={why}
          onChange={(event) => setWhy(event.currentTarget.value)}
        />
      )}
    </ReasonForm>
  );
}
