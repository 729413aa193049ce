import { Modal, SegmentedControl, Select, Textarea } from '@mantine/core';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import type { Risk } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { AgentPicker, CapabilityPicker, OwnerPicker } from '../../ui/Pickers.tsx';

type Kind = Risk['subject']['kind'];

const KINDS: readonly { readonly value: Kind; readonly label: string }[] = [
  { value: 'agent', label: 'Agent' },
  { value: 'owner', label: 'Owner' },
  { value: 'tool', label: 'Tool' },
];
const LEVELS = ['low', 'medium', 'high', 'critical'] as const;
const LASTS = [
  { value: '3600', label: 'An hour' },
  { value: '14400', label: '4 hours' },
  { value: '86400', label: 'A day' },
  { value: '604800', label: 'A week' },
  { value: '2592000', label: '30 days' },
];

export function RaiseDialog({ onClose }: { readonly onClose: () => void }) {
  const [kind, setKind] = useState<Kind>('agent');
  const [id, setId] = useState<string>();
  const [level, setLevel] = useState<Risk['level']>('high');
  const [lasts, setLasts] = useState('3600');
  const [reason, setReason] = useState('');
  const raise = useWrite({
    write: (subject: { readonly kind: Kind; readonly id: string }) =>
      send<Risk>('POST', '/v1/risks', {
        subject,
        level,
        expires_in_seconds: Number(lasts),
        ...(reason.trim() === '' ? {} : { reason: reason.trim() }),
      }),
    changes: ['risks'],
    done: ({ subject }) => `The signal about ${subject.name} counts from the next action on.`,
    onDone: onClose,
  });
  const field = { value: id, onChange: setId, required: true };
  return (
    <Modal opened onClose={onClose} title="Raise a risk signal" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (id !== undefined && !raise.isPending) raise.mutate({ kind, id });
        }}
      >
        <SegmentedControl
          aria-label="About what"
          data={[...KINDS]}
          value={kind}
          onChange={(next) => {
            setKind(KINDS.find(({ value }) => value === next)?.value ?? 'agent');
            setId(undefined);
          }}
        />
        {kind === 'agent' ? <AgentPicker label="Agent" {...field} /> : null}
        {kind === 'owner' ? <OwnerPicker label="Owner" onlyKnown {...field} /> : null}
        {kind === 'tool' ? <CapabilityPicker label="Tool" onlyKnown {...field} /> : null}
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
        <Textarea
          label="Reason"
          description="Goes into the log."
          autosize
          minRows={2}
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {raise.isError ? <ErrorNotice error={raise.error} /> : null}
        <ActButton needs="POST /v1/risks" type="submit" disabled={id === undefined} loading={raise.isPending}>
          Raise
        </ActButton>
      </form>
    </Modal>
  );
}
