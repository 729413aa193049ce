import { Select } from '@mantine/core';
import { useState } from 'react';
import { type Alert, SEVERITIES } from '../../api/alert-types.ts';
import { at } from '../../api/client.ts';
import { ReasonForm } from '../../ui/ReasonForm.tsx';

export function GradeDialog({ alert, onClose }: { readonly alert: Alert; readonly onClose: () => void }) {
  const [severity, setSeverity] = useState(alert.severity);
  const allowed = SEVERITIES.slice(SEVERITIES.indexOf(alert.severity_floor));
  return (
    <ReasonForm
      title="How severe it is"
      action="Grade"
      needs="POST /v1/alerts/:id/severity"
      to={at`/v1/alerts/${alert.id}/severity`}
      body={severity === alert.severity ? undefined : { severity }}
      done={`It is ${severity} now`}
      changes={['alerts']}
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
    </ReasonForm>
  );
}
