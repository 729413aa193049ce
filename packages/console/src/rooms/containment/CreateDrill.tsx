import { Modal, Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import type { Drill } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { AgentPicker } from '../../ui/Pickers.tsx';
import { zonesWith } from '../../ui/zones.ts';

const REPEATS = [
  { value: '', label: 'Once' },
  { value: 'FREQ=DAILY', label: 'Every day' },
  { value: 'FREQ=WEEKLY', label: 'Every week' },
  { value: 'FREQ=MONTHLY', label: 'Every month' },
  { value: 'FREQ=MONTHLY;INTERVAL=3', label: 'Every three months' },
];

export function CreateDrill({ onClose }: { readonly onClose: () => void }) {
  const [name, setName] = useState('');
  const [agent, setAgent] = useState<string>();
  const [zone, setZone] = useState(Intl.DateTimeFormat().resolvedOptions().timeZone);
  const [starts, setStarts] = useState('');
  const [repeats, setRepeats] = useState('FREQ=MONTHLY');
  const create = useWrite({
    write: () =>
      send<Drill>('PUT', at`/v1/drills/${name.trim()}`, {
        ...(agent === undefined ? {} : { agent }),
        time_zone: zone,
        starts,
        ...(repeats === '' ? {} : { repeats }),
      }),
    changes: ['drills'],
    done: (made) => `The drill ${made.name} is scheduled.`,
    onDone: onClose,
  });
  const isReady = name.trim() !== '' && starts !== '';
  return (
    <Modal opened onClose={onClose} title="New drill" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !create.isPending) create.mutate(undefined);
        }}
      >
        <TextInput
          label="Name"
          placeholder="monthly"
          withAsterisk
          data-autofocus
          autoComplete="off"
          spellCheck={false}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <AgentPicker
          label="Agent"
          description="Whose shadow; none chosen: one at random, each time."
          placeholder="At random"
          clearable
          value={agent}
          onChange={setAgent}
        />
        <Select
          label="Time zone"
          searchable
          data={zonesWith(zone)}
          limit={50}
          value={zone}
          onChange={(next) => setZone(next ?? zone)}
        />
        <TextInput
          label="First"
          type="datetime-local"
          withAsterisk
          value={starts}
          onChange={(event) => setStarts(event.currentTarget.value)}
        />
        <Select
          label="Repeats"
          allowDeselect={false}
          data={REPEATS}
          value={repeats}
          onChange={(next) => setRepeats(next ?? '')}
        />
        {create.isError ? <ErrorNotice error={create.error} /> : null}
        <ActButton needs="PUT /v1/drills/:name" type="submit" disabled={!isReady} loading={create.isPending}>
          Schedule
        </ActButton>
      </form>
    </Modal>
  );
}
