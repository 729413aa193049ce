import { Modal, Select, Textarea, TextInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Alert, IncidentDetail } from '../../api/alert-types.ts';
import { send } from '../../api/client.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { OwnerPicker } from '../../ui/Pickers.tsx';

const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;

/** Opens an incident, of an alert or of what nothing here has seen, and goes to it. */
export function OpenIncident({ alert, onClose }: { readonly alert?: Alert; readonly onClose: () => void }) {
  const [title, setTitle] = useState(alert?.title ?? '');
  const [summary, setSummary] = useState('');
  const [severity, setSeverity] = useState<string | null>(null);
  const [lead, setLead] = useState<string>();
  const [reason, setReason] = useState('');
  const navigate = useNavigate();
  const open = useWrite({
    write: () =>
      send<IncidentDetail>('POST', '/v1/incidents', {
        title: title.trim(),
        summary: summary.trim(),
        reason: reason.trim(),
        ...(severity === null ? {} : { severity }),
        ...(lead === undefined ? {} : { lead }),
        ...(alert === undefined ? {} : { alerts: [alert.id], synthetic: alert.synthetic }),
      }),
    changes: ['incidents', 'alerts'],
    done: () => 'The incident is open',
    onDone: ({ id }) => {
      onClose();
      void navigate({ to: '/incidents/$incident', params: { incident: id } });
    },
  });
  const isReady = title.trim() !== '' && reason.trim() !== '';
  return (
    <Modal opened onClose={onClose} title="Open an incident" size={520} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !open.isPending) open.mutate(undefined);
        }}
      >
        <TextInput
          label="Title"
          withAsterisk
          maxLength={200}
          value={title}
          onChange={(event) => setTitle(event.currentTarget.value)}
        />
        <Textarea
          label="What is known"
          autosize
          minRows={2}
          value={summary}
          onChange={(event) => setSummary(event.currentTarget.value)}
        />
        <Select
          label="Severity"
          placeholder={alert === undefined ? 'medium' : `that of the alert: ${alert.severity}`}
          clearable
          data={[...SEVERITIES]}
          value={severity}
          onChange={setSeverity}
        />
        <OwnerPicker label="Lead" placeholder="you" onlyKnown clearable value={lead} onChange={setLead} />
        <Textarea
          label="Reason"
          description="Goes into the log."
          withAsterisk
          autosize
          minRows={2}
          maxLength={2000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {open.isError ? <ErrorNotice error={open.error} /> : null}
        <ActButton needs="POST /v1/incidents" type="submit" disabled={!isReady} loading={open.isPending}>
          Open
        </ActButton>
      </form>
    </Modal>
  );
}
