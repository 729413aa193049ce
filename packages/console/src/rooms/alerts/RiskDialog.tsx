import { Select } from '@mantine/core';
import { useState } from 'react';
import type { Alert } from '../../api/alert-types.ts';
import { at } from '../../api/client.ts';
import { ReasonForm } from '../../ui/ReasonForm.tsx';

const LEVELS = ['low', 'medium', 'high', 'critical'] as const;
const LASTS = [
  { value: '3600', label: 'An hour' },
  { value: '14400', label: '4 hours' },
  { value: '86400', label: 'A day' },
  { value: '604800', label: 'A week' },
];

export function RiskDialog({ alert, onClose }: { readonly alert: Alert; readonly onClose: () => void }) {
  const [level, setLevel] = useState<(typeof LEVELS)[number]>('high');
  const [lasts, setLasts] = useState('14400');
  return (
    <ReasonForm
      title={`Raise a risk about ${alert.subject.name}`}
      action="Raise"
      needs="POST /v1/alerts/:id/risk"
      to={at`/v1/alerts/${alert.id}/risk`}
      body={{ level, expires_in_seconds: Number(lasts) }}
      done="Guards decide by it from the next action on"
      changes={['alerts', 'risks']}
      onClose={onClose}
    >
      <p className="muted">Guards that look at risk hold or refuse what it is about until the signal ends.</p>
      <Select
        label="Level"
        allowDeselect={false}
        data={[...LEVELS]}
        value={level}
        onChange={(next) => setLevel(LEVELS.find((each) => each === next) ?? level)}
      />
      <Select
        label="Counts for"
        allowDeselect={false}
        data={LASTS}
        value={lasts}
        onChange={(next) => setLasts(next ?? lasts)}
      />
    </ReasonForm>
  );
}
