import { Button, Modal, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { peopleQuery } from '../../api/queries.ts';
import type { Person } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';

export function People() {
  const { data, error, refetch } = useQuery(peopleQuery);
  const [editing, setEditing] = useState<Person | 'new'>();
  const [switching, setSwitching] = useState<Person>();
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const columns: readonly Column<Person>[] = [
    {
      key: 'email',
      header: 'Person',
      cell: ({ email, display_name }) => <TwoLines first={email} second={display_name} />,
    },
    { key: 'label', header: 'Team', cell: ({ label }) => label ?? <span className="muted">—</span> },
    {
      key: 'active',
      header: 'Status',
      width: '120px',
      cell: ({ active }) => <Mark tone={active ? 'allow' : 'neutral'}>{active ? 'active' : 'left'}</Mark>,
    },
    {
      key: 'agents',
      header: 'Agents',
      width: '100px',
      cell: ({ email, agents }) =>
        agents === 0 ? (
          <span className="muted">none</span>
        ) : (
          <Link to="/agents" search={{ owner: email }}>
            {plural(agents, 'agent')}
          </Link>
        ),
    },
    { key: 'created', header: 'Added', width: '110px', cell: ({ created }) => <Time value={created} /> },
    {
      key: 'acts',
      header: <span className="visually-hidden">Actions</span>,
      width: '180px',
      align: 'end',
      cell: (person) => (
        <span className="row" style={{ justifyContent: 'flex-end' }}>
          <Button
            variant="default"
            size="compact-xs"
            aria-label={`Change ${person.email}`}
            onClick={() => setEditing(person)}
          >
            Change
          </Button>
          <Button
            variant="default"
            size="compact-xs"
            aria-label={`${person.active ? 'Deactivate' : 'Activate'} ${person.email}`}
            onClick={() => setSwitching(person)}
          >
            {person.active ? 'Deactivate' : 'Activate'}
          </Button>
        </span>
      ),
    },
  ];
  return (
    <div className="stack-tight">
      <div className="spread">
        <p className="muted">
          Every agent has one accountable person. Who leaves takes the agents' right to act along.
        </p>
        <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setEditing('new')}>
          Add a person
        </Button>
      </div>
      <DataTable
        label="People"
        columns={columns}
        rows={data}
        rowKey={({ id }) => id}
        empty={
          <Empty title="Nobody yet" command="npx hivekey person add dana@acme.example">
            People are added here, or with the first agent they own.
          </Empty>
        }
      />
      {editing === undefined ? null : (
        <PersonDialog person={editing === 'new' ? undefined : editing} onClose={() => setEditing(undefined)} />
      )}
      {switching === undefined ? null : <SwitchDialog person={switching} onClose={() => setSwitching(undefined)} />}
    </div>
  );
}

function PersonDialog({ person, onClose }: { readonly person: Person | undefined; readonly onClose: () => void }) {
  const [email, setEmail] = useState(person?.email ?? '');
  const [name, setName] = useState(person?.display_name ?? '');
  const [label, setLabel] = useState(person?.label ?? '');
  const save = useWrite({
    write: () => {
      const fields = { display_name: name.trim(), label: label.trim() === '' ? null : label.trim() };
      return person === undefined
        ? send<Person>('POST', '/v1/people', { email: email.trim(), ...fields })
        : send<Person>('PATCH', at`/v1/people/${person.id}`, fields);
    },
    changes: ['people', 'agents'],
    done: (saved) => `${saved.email} is saved.`,
    onDone: onClose,
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={person === undefined ? 'Add a person' : person.email}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(undefined);
        }}
      >
        {person === undefined ? (
          <TextInput
            label="E-mail"
            type="email"
            withAsterisk
            data-autofocus
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
        ) : null}
        <TextInput label="Name" maxLength={200} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <TextInput
          label="Team"
          description="Stands in the log beside the e-mail."
          maxLength={100}
          value={label}
          onChange={(event) => setLabel(event.currentTarget.value)}
        />
        {save.isError ? <ErrorNotice error={save.error} /> : null}
        <Button type="submit" loading={save.isPending} disabled={email.trim() === ''}>
          Save
        </Button>
      </form>
    </Modal>
  );
}

function SwitchDialog({ person, onClose }: { readonly person: Person; readonly onClose: () => void }) {
  const change = useWrite({
    write: () => send<Person>('PATCH', at`/v1/people/${person.id}`, { active: !person.active }),
    changes: ['people', 'agents'],
    done: ({ email, active }) => `${email} is ${active ? 'active' : 'deactivated'}.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`${person.active ? 'Deactivate' : 'Activate'} ${person.email}`}
      action={person.active ? 'Deactivate' : 'Activate'}
      danger={person.active}
      pending={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {person.active
        ? `${plural(person.agents, 'agent')} of this person are suspended at once, until they are given to someone else.`
        : 'Agents that were suspended because this person left may act again.'}
    </Confirm>
  );
}
