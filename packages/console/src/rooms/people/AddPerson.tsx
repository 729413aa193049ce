import { Button, Modal, TextInput } from '@mantine/core';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import type { Person } from '../../api/identity-types.ts';
import { useWrite } from '../../app/write.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';

export function AddPerson({ onClose }: { readonly onClose: () => void }) {
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [label, setLabel] = useState('');
  const add = useWrite({
    write: () =>
      send<Person>('POST', '/v1/people', {
        email: email.trim(),
        display_name: name.trim(),
        label: label.trim() === '' ? null : label.trim(),
      }),
    changes: ['people'],
    done: (person) => `${person.email} is added, without any role yet.`,
    onDone: onClose,
  });
  return (
    <Modal opened onClose={onClose} title="Add a person" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate(undefined);
        }}
      >
        <TextInput
          label="E-mail"
          type="email"
          withAsterisk
          data-autofocus
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <TextInput label="Name" maxLength={200} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <TextInput
          label="Team"
          description="Stands in the log beside the e-mail."
          maxLength={100}
          value={label}
          onChange={(event) => setLabel(event.currentTarget.value)}
        />
        <p className="muted">What the person may do, and a link to sign in with, are on the page of the person.</p>
        {add.isError ? <ErrorNotice error={add.error} /> : null}
        <Button type="submit" loading={add.isPending} disabled={email.trim() === ''}>
          Add
        </Button>
      </form>
    </Modal>
  );
}
