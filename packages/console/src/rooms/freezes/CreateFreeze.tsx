import { Checkbox, Modal, Select, TagsInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { capabilitiesQuery, rolesQuery } from '../../api/queries.ts';
import type { Freeze } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { zonesWith } from '../../ui/zones.ts';
import { type Draft, fileOf } from './freeze-file.ts';

const OWN = 'own';
const REPEATS = [
  { value: '', label: 'Once' },
  { value: 'FREQ=DAILY', label: 'Every day' },
  { value: 'FREQ=WEEKLY', label: 'Every week' },
  { value: 'FREQ=MONTHLY', label: 'Every month' },
  { value: 'FREQ=YEARLY', label: 'Every year' },
  { value: OWN, label: 'By a rule of my own' },
];
const CLASSES = [
  { value: 'read', label: 'Reads' },
  { value: 'write', label: 'Writes' },
  { value: 'destructive', label: 'Destructive' },
];

const EMPTY: Draft = {
  name: '',
  description: '',
  zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  starts: '',
  ends: '',
  repeats: '',
  actions: [],
  classes: [],
  roles: [],
  environments: [],
};

export function CreateFreeze({
  onClose,
  onCreated,
}: {
  readonly onClose: () => void;
  readonly onCreated: (freeze: Freeze) => void;
}) {
  const [draft, setDraft] = useState(EMPTY);
  const [hasRule, setHasRule] = useState(false);
  const { data: capabilities = [] } = useQuery(capabilitiesQuery);
  const { data: roles = [] } = useQuery(rolesQuery);
  const set = (part: Partial<Draft>) => setDraft((old) => ({ ...old, ...part }));
  const create = useWrite({
    write: () => send<Freeze>('PUT', at`/v1/freezes/${draft.name.trim()}`, fileOf(draft)),
    changes: ['freezes'],
    done: ({ name }) => `The freeze ${name} is written.`,
    onDone: onCreated,
  });
  const { name, zone, starts, ends, actions, classes, roles: worn, environments } = draft;
  const isNarrowed = [actions, classes, worn, environments].some((each) => each.length > 0);
  const isReady = name.trim() !== '' && zone.trim() !== '' && starts !== '' && ends !== '' && isNarrowed;
  return (
    <Modal opened onClose={onClose} title="New freeze" size={560} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !create.isPending) create.mutate(undefined);
        }}
      >
        <TextInput
          label="Name"
          placeholder="year-end"
          withAsterisk
          data-autofocus
          autoComplete="off"
          spellCheck={false}
          value={name}
          onChange={(event) => set({ name: event.currentTarget.value })}
        />
        <TextInput
          label="Description"
          maxLength={2000}
          value={draft.description}
          onChange={(event) => set({ description: event.currentTarget.value })}
        />
        <Select
          label="Time zone"
          description="Starts and ends are on its wall clock, summer and winter."
          withAsterisk
          searchable
          data={zonesWith(zone)}
          limit={50}
          value={zone}
          onChange={(next) => set({ zone: next ?? zone })}
        />
        <TextInput
          label="Starts"
          type="datetime-local"
          withAsterisk
          value={starts}
          onChange={(event) => set({ starts: event.currentTarget.value })}
        />
        <TextInput
          label="Ends"
          type="datetime-local"
          withAsterisk
          value={ends}
          onChange={(event) => set({ ends: event.currentTarget.value })}
        />
        <Select
          label="Repeats"
          allowDeselect={false}
          data={REPEATS}
          value={hasRule ? OWN : draft.repeats}
          onChange={(next) => {
            setHasRule(next === OWN);
            set({ repeats: next === OWN ? 'FREQ=MONTHLY;BYDAY=-1FR' : (next ?? '') });
          }}
        />
        {hasRule ? (
          <TextInput
            label="Rule"
            description="RFC 5545, by day or longer. The start must be one of its times."
            spellCheck={false}
            value={draft.repeats}
            onChange={(event) => set({ repeats: event.currentTarget.value })}
          />
        ) : null}
        <TagsInput
          label="Capabilities"
          description="crm.* for a namespace, * for all. What is left empty does not narrow; one of these four must be given."
          data={capabilities.map((each) => each.name)}
          limit={50}
          value={[...actions]}
          onChange={(next) => set({ actions: next })}
        />
        <Checkbox.Group label="Classes" value={[...classes]} onChange={(next) => set({ classes: next })}>
          <div className="row-wrap">
            {CLASSES.map((each) => (
              <Checkbox key={each.value} {...each} />
            ))}
          </div>
        </Checkbox.Group>
        <TagsInput
          label="Roles"
          data={roles.map((each) => each.name)}
          limit={50}
          value={[...worn]}
          onChange={(next) => set({ roles: next })}
        />
        <TagsInput label="Environments" value={[...environments]} onChange={(next) => set({ environments: next })} />
        {create.isError ? <ErrorNotice error={create.error} /> : null}
        <ActButton needs="PUT /v1/freezes/:name" type="submit" disabled={!isReady} loading={create.isPending}>
          Write freeze
        </ActButton>
      </form>
    </Modal>
  );
}
