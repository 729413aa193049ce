import { Checkbox, Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Alert } from '../../api/alert-types.ts';
import { at } from '../../api/client.ts';
import { ReasonForm } from '../../ui/ReasonForm.tsx';
import type { DISPOSITIONS } from './marks.tsx';

const CHOICES = [
  { value: 'true_positive', label: 'True positive: it is what the detection is for' },
  { value: 'benign', label: 'Benign: it happened, and was meant to' },
  { value: 'false_positive', label: 'False positive: it is not what was found' },
  { value: 'duplicate', label: 'Duplicate of another alert' },
  { value: 'test', label: 'Test' },
] as const;
type Disposition = keyof typeof DISPOSITIONS;

/** What a test made can be a test or a duplicate, and nothing else can be a test. */
function fits(disposition: Disposition, synthetic: boolean): boolean {
  return synthetic ? disposition === 'test' || disposition === 'duplicate' : disposition !== 'test';
}

export function TriageDialog({ alert, onClose }: { readonly alert: Alert; readonly onClose: () => void }) {
  const choices = CHOICES.filter(({ value }) => fits(value, alert.synthetic));
  const [disposition, setDisposition] = useState<Disposition | undefined>(alert.disposition ?? undefined);
  const [original, setOriginal] = useState(alert.duplicate_of ?? '');
  const [close, setClose] = useState(false);
  const isComplete = disposition !== undefined && (disposition !== 'duplicate' || original.trim() !== '');
  return (
    <ReasonForm
      title="Say what it was"
      action={close ? 'Say so, and close' : 'Say so'}
      needs="POST /v1/alerts/:id/triage"
      to={at`/v1/alerts/${alert.id}/triage`}
      body={
        isComplete
          ? { disposition, close, ...(disposition === 'duplicate' ? { duplicate_of: original.trim() } : {}) }
          : undefined
      }
      done="Your judgement is on the log"
      changes={['alerts']}
      onClose={onClose}
    >
      <Select
        label="It was"
        withAsterisk
        data={[...choices]}
        value={disposition ?? null}
        onChange={(next) => setDisposition(choices.find(({ value }) => value === next)?.value)}
      />
      {disposition === 'duplicate' ? (
        <TextInput
          label="The alert that it repeats"
          placeholder="alr_…"
          withAsterisk
          value={original}
          onChange={(event) => setOriginal(event.currentTarget.value)}
        />
      ) : null}
      <Checkbox
        label="Nothing is left to do: close it"
        checked={close}
        onChange={(event) => setClose(event.currentTarget.checked)}
      />
    </ReasonForm>
  );
}
