import { Button, Modal, Select, Textarea } from '@mantine/core';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import type { Quarantine } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { AgentPicker, RolePicker } from '../../ui/Pickers.tsx';

const REVIEW = '';
const ENDS = [
  { value: REVIEW, label: 'When a person releases it' },
  { value: '3600', label: 'By itself, after an hour' },
  { value: '14400', label: 'By itself, after 4 hours' },
  { value: '86400', label: 'By itself, after a day' },
  { value: '604800', label: 'By itself, after a week' },
];

export function PlaceDialog({
  agent: given,
  onClose,
}: {
  readonly agent: string | undefined;
  readonly onClose: () => void;
}) {
  const [agent, setAgent] = useState(given);
  const [role, setRole] = useState<string>();
  const [ends, setEnds] = useState(REVIEW);
  const [reason, setReason] = useState('');
  const place = useWrite({
    write: (whom: string) =>
      send<Quarantine>('POST', at`/v1/agents/${whom}/quarantine`, {
        ...(reason.trim() === '' ? {} : { reason: reason.trim() }),
        ...(role === undefined ? {} : { role }),
        ...(ends === REVIEW ? {} : { expires_in_seconds: Number(ends) }),
      }),
    changes: ['quarantines', 'agents'],
    done: (made) => `${made.agent} is in quarantine: from its next action on it reads, and does nothing else.`,
    onDone: onClose,
  });
  return (
    <Modal opened onClose={onClose} title="Place in quarantine" size={520} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (agent !== undefined && !place.isPending) place.mutate(agent);
        }}
      >
        <p>
          Roles, tokens and sessions stay; what is in flight ends by itself. Writes are answered like tools that do not
          exist.
        </p>
        <AgentPicker label="Agent" placeholder="Which agent" required value={agent} onChange={setAgent} />
        <RolePicker
          label="No more than this role grants"
          description="It takes away, and never adds."
          placeholder="Its own roles alone"
          clearable
          value={role}
          onChange={setRole}
        />
        <Select
          label="Ends"
          allowDeselect={false}
          data={ENDS}
          value={ends}
          onChange={(next) => setEnds(next ?? REVIEW)}
        />
        <Textarea
          label="Reason"
          description="Goes into the log, and is what the reviewer reads."
          autosize
          minRows={2}
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {place.isError ? <ErrorNotice error={place.error} /> : null}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <ActButton
            needs="POST /v1/agents/:agent/quarantine"
            type="submit"
            color="red"
            disabled={agent === undefined}
            loading={place.isPending}
          >
            Place in quarantine
          </ActButton>
        </div>
      </form>
    </Modal>
  );
}
