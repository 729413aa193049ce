import { useState } from 'react';
import type { Alert } from '../../api/alert-types.ts';
import { at } from '../../api/client.ts';
import { OwnerPicker } from '../../ui/Pickers.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';

export function AssignDialog({ alert, onClose }: { readonly alert: Alert; readonly onClose: () => void }) {
  const [person, setPerson] = useState(alert.assignee ?? undefined);
  return (
    <ReasonForm
      title="Assign the alert"
      action="Assign"
      needs="POST /v1/alerts/:id/assign"
      to={at`/v1/alerts/${alert.id}/assign`}
      body={person === undefined ? undefined : { person }}
      reason="optional"
      done={`${person ?? ''} has it, and is told`}
      changes={['alerts']}
      onClose={onClose}
    >
      <OwnerPicker label="Person" onlyKnown required value={person} onChange={setPerson} />
    </ReasonForm>
  );
}
