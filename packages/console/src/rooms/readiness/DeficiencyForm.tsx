import type { Deficiency } from '@hivekey/sdk';
import { Select, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';
import { OwnerPicker } from '../../ui/Pickers.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';

interface Shown {
  readonly deficiency: Deficiency;
  readonly onClose: () => void;
}

const NEEDS = 'PATCH /v1/deficiencies/:id';

/** Who sees to it, until when, and by what. */
export function DeficiencyForm({ deficiency, onClose }: Shown) {
  const [owner, setOwner] = useState<string | undefined>(deficiency.owner ?? undefined);
  const [severity, setSeverity] = useState<string>(deficiency.severity);
  const [due, setDue] = useState(dayOf(deficiency.due_at));
  const [changes, setChanges] = useState(deficiency.remediation.changes.join(', '));
  const [incidents, setIncidents] = useState(deficiency.remediation.incidents.join(', '));
  const [compensating, setCompensating] = useState(deficiency.compensating);
  const [remark, setRemark] = useState(deficiency.remark);
  return (
    <ReasonForm
      title={`${deficiency.control}: what is done about it`}
      action="Save"
      needs={NEEDS}
      method="PATCH"
      to={at`/v1/deficiencies/${deficiency.id}`}
      body={{
        ...{ owner: owner ?? null, severity, due_at: due === '' ? null : `${due}T00:00:00Z` },
        ...{ remediation: { changes: ids(changes), incidents: ids(incidents) }, compensating, remark },
      }}
      done="Saved"
      reason="none"
      changes={['readiness']}
      onClose={onClose}
    >
      <p className="muted">No word here changes the state of the control.</p>
      <OwnerPicker label="Owner" value={owner} onChange={setOwner} onlyKnown clearable />
      <Select
        label="Severity"
        data={['low', 'medium', 'high']}
        value={severity}
        allowDeselect={false}
        onChange={(next) => setSeverity(next ?? severity)}
      />
      <TextInput label="Due" type="date" value={due} onChange={(event) => setDue(event.currentTarget.value)} />
      <TextInput
        label="Changes that put it right"
        description="Ids, with commas."
        value={changes}
        onChange={(event) => setChanges(event.currentTarget.value)}
      />
      <TextInput
        label="Incidents"
        description="Ids, with commas."
        value={incidents}
        onChange={(event) => setIncidents(event.currentTarget.value)}
      />
      <Textarea
        label="Compensating control"
        description="What lessens the risk meanwhile."
        autosize
        minRows={2}
        maxLength={4000}
        value={compensating}
        onChange={(event) => setCompensating(event.currentTarget.value)}
      />
      <Textarea
        label="Remark"
        autosize
        minRows={2}
        maxLength={4000}
        value={remark}
        onChange={(event) => setRemark(event.currentTarget.value)}
      />
    </ReasonForm>
  );
}

export function CloseDeficiency({ deficiency, onClose }: Shown) {
  const close = useWrite({
    write: (reason: string) => send<Deficiency>('PATCH', at`/v1/deficiencies/${deficiency.id}`, { close: { reason } }),
    changes: ['readiness'],
    done: () => 'Closed',
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Close without a run that passes: ${deficiency.control}`}
      action="Close"
      danger
      withReason="required"
      pending={close.isPending}
      error={close.error}
      onConfirm={(reason) => close.mutate(reason)}
      onClose={onClose}
    >
      The control goes on failing while its records deviate. The register keeps who closed this, and why.
    </Confirm>
  );
}

function ids(text: string): readonly string[] {
  return text.split(/[,\s]+/).filter((id) => id !== '');
}

function dayOf(seconds: number | null): string {
  return seconds === null ? '' : new Date(seconds * 1000).toISOString().slice(0, 10);
}
