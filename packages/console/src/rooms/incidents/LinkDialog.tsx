import { Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { IncidentDetail } from '../../api/alert-types.ts';
import { at } from '../../api/client.ts';
import { AgentPicker } from '../../ui/Pickers.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';

const KINDS = [
  { value: 'alert', label: 'Alert' },
  { value: 'agent', label: 'Agent' },
  { value: 'approval', label: 'Approval' },
  { value: 'change', label: 'Change' },
  { value: 'containment', label: 'Stop' },
  { value: 'quarantine', label: 'Quarantine' },
  { value: 'event', label: 'Record of the log' },
] as const;

export function LinkDialog({ incident, onClose }: { readonly incident: IncidentDetail; readonly onClose: () => void }) {
  const [kind, setKind] = useState<(typeof KINDS)[number]['value']>('alert');
  const [ref, setRef] = useState('');
  return (
    <ReasonForm
      title="What it concerns too"
      action="Link"
      needs="POST /v1/incidents/:id/links"
      to={at`/v1/incidents/${incident.id}/links`}
      body={ref.trim() === '' ? undefined : { kind, ref: ref.trim() }}
      done="It is linked, and in the timeline"
      changes={['incidents', 'alerts']}
      onClose={onClose}
    >
      <Select
        label="Kind"
        allowDeselect={false}
        data={[...KINDS]}
        value={kind}
        onChange={(next) => {
          setKind(KINDS.find(({ value }) => value === next)?.value ?? kind);
          setRef('');
        }}
      />
      {kind === 'agent' ? (
        <AgentPicker label="Agent" required value={ref || undefined} onChange={(next) => setRef(next ?? '')} />
      ) : (
        <TextInput
          label={kind === 'change' ? 'Id or name, such as CHG-12' : 'Id'}
          withAsterisk
          value={ref}
          onChange={(event) => setRef(event.currentTarget.value)}
        />
      )}
    </ReasonForm>
  );
}
