import { Button, Checkbox, Modal, PasswordInput, Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { StoredSecret } from '../../../api/agent-types.ts';
import { at, send } from '../../../api/client.ts';
import { useWrite } from '../../../app/write.ts';
import { secondsOfLocal } from '../../../ui/format.ts';
import { ErrorNotice } from '../../../ui/Notice.tsx';

export const OVERLAPS = [
  { value: '0', label: 'Erased at once' },
  { value: '3600', label: 'Can be taken back for 1 hour' },
  { value: '86400', label: 'Can be taken back for 1 day' },
  { value: '604800', label: 'Can be taken back for 7 days' },
];

/** Stores a version of a credential; with `name`, of one that there is. What was typed leaves this page in one request and is not kept. */
export function StoreSecret({ name: known, onClose }: { readonly name?: string; readonly onClose: () => void }) {
  const [name, setName] = useState(known ?? '');
  const [value, setValue] = useState('');
  const [staged, setStaged] = useState(false);
  const [overlap, setOverlap] = useState('86400');
  const [ends, setEnds] = useState('');
  const store = useWrite({
    write: () =>
      send<StoredSecret>('PUT', at`/v1/secrets/${name.trim()}`, {
        value,
        ...(staged ? { staged } : { overlap_seconds: Number(overlap) }),
        ...(ends === '' ? {} : { expires_at: secondsOfLocal(ends) }),
      }),
    changes: ['secrets', 'servers', 'system'],
    done: (stored) => (staged ? `A version of ${stored.name} is staged.` : `${stored.name} is used from now on.`),
    onDone: onClose,
  });
  const isReady = name.trim() !== '' && value !== '';
  return (
    <Modal
      opened
      onClose={onClose}
      title={known === undefined ? 'Store a credential' : `New version of ${known}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        autoComplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !store.isPending) store.mutate(undefined);
        }}
      >
        {known === undefined ? (
          <TextInput
            label="Name"
            description="Servers name it as vault://name."
            placeholder="crm-token"
            withAsterisk
            data-autofocus
            autoComplete="off"
            spellCheck={false}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
        ) : null}
        <PasswordInput
          label="Value"
          description="Shown to nobody afterwards, but for its last four characters."
          withAsterisk
          autoComplete="new-password"
          value={value}
          onChange={(event) => setValue(event.currentTarget.value)}
        />
        <Checkbox
          label="Only stage it"
          description="It is used once it is promoted."
          checked={staged}
          onChange={(event) => setStaged(event.currentTarget.checked)}
        />
        {staged ? null : (
          <Select
            label="The version before"
            data={OVERLAPS}
            allowDeselect={false}
            value={overlap}
            onChange={(next) => setOverlap(next ?? overlap)}
          />
        )}
        <TextInput
          label="Ends at the upstream"
          description="You are warned before."
          type="datetime-local"
          value={ends}
          onChange={(event) => setEnds(event.currentTarget.value)}
        />
        {store.isError ? <ErrorNotice error={store.error} /> : null}
        <Button type="submit" disabled={!isReady} loading={store.isPending}>
          Store
        </Button>
      </form>
    </Modal>
  );
}
