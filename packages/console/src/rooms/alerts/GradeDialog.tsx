import { Select } from '@mantine/core';
import { useState } from 'react';
import { type Alert, SEVERITIES } from '../../api/alert-types.ts';
import { ActDialog } from './ActDialog.tsx';

export function GradeDialog({ alert, onClose }: { readonly alert: Alert; readonly onClose: () => void }) {
  const [severity, setSeverity] = useState(alert.severity);
  const allowed = SEVERITIES.slice(SEVERITIES.indexOf(alert.severity_floor));
  return (
    <ActDialog
      alert={alert}
      title="How severe it is"
      action="Grade"
      act="severity"
      body={severity === alert.severity ? undefined : { severity }}
      done={`It is ${severity} now`}
      onClose={onClose}
    >
      <Select
        label="Severity"
        description={
          alert.severity_floor === 'informational'
            ? undefined
            : `The workspace lets nobody grade it below ${alert.severity_floor}.`
        }
        allowDeselect={false}
        data={[...allowed]}
        value={severity}
        onChange={(next) => setSeverity(allowed.find((each) => each === next) ?? severity)}
      />
    </ActDialog>
  );
}
