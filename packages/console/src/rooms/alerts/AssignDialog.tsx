import { useState } from 'react';
import type { Alert } from '../../api/alert-types.ts';
import { OwnerPicker } from '../../ui/Pickers.tsx';
import { ActDialog } from './ActDialog.tsx';

export function AssignDialog({ alert, onClose }: { readonly alert: Alert; readonly onClose: () => void }) {
  const [person, setPerson] = useState(alert.assignee ?? undefined);
  return (
    <ActDialog
      alert={alert}
      title="Assign the alert"
      action="Assign"
      act="assign"
      body={person === undefined ? undefined : { person }}
      reasonRequired={false}
      done={`${person ?? ''} has it, and is told`}
      onClose={onClose}
    >
      <OwnerPicker label="Person" onlyKnown required value={person} onChange={setPerson} />
    </ActDialog>
  );
}
