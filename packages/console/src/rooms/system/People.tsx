import { Button, Modal, Select, TagsInput, Textarea, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { delegationsQuery, peopleQuery } from '../../api/queries.ts';
import type { Person } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { impactWords, plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { type Authority, authorityText, authorityWords, readAuthority } from './authority-text.ts';

export function People() {
  const { data, error, refetch } = useQuery(peopleQuery);
  const { data: delegations = [] } = useQuery(delegationsQuery);
  const [editing, setEditing] = useState<Person | 'new'>();
  const [switching, setSwitching] = useState<Person>();
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const columns: readonly Column<Person>[] = [
    {
      key: 'email',
      header: 'Person',
      cell: ({ email, display_name }) => <TwoLines first={email} second={display_name} />,
    },
    {
      key: 'groups',
      header: 'Groups and team',
      cell: ({ groups, label }) => (
        <TwoLines
          first={groups.length === 0 ? <span className="muted">no group</span> : groups.join(', ')}
          second={label ?? undefined}
        />
      ),
    },
    {
      key: 'approves',
      header: 'May approve',
      cell: ({ email, authority }) => {
        const words = authorityWords(authority, impactWords);
        const others = delegations
          .filter(({ from, to, status }) => status === 'in_force' && (from === email || to === email))
          .map(({ from, to }) => (to === email ? `decides for ${from}` : `${to} decides for them`));
        return <TwoLines first={<span title={words}>{words}</span>} second={others.join(', ')} />;
      },
    },
    {
      key: 'slack',
      header: 'Slack',
      width: '130px',
      cell: ({ slack }) =>
        slack === null ? <span className="muted">—</span> : <TwoLines first={slack.user} second={slack.team} />,
    },
    {
      key: 'active',
      header: 'Status',
      width: '90px',
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
    { key: 'created', header: 'Added', width: '100px', cell: ({ created }) => <Time value={created} /> },
    actions('180px', (person) => (
      <>
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
      </>
    )),
  ];
  return (
    <div className="stack-tight">
      <div className="spread">
        <p className="muted">
          Every agent has one accountable person; people decide about held calls as far as their groups and authority
          reach. Who leaves takes the agents' right to act along, and what was delegated.
        </p>
        <Button
          style={{ flexShrink: 0 }}
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => setEditing('new')}
        >
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

type Reach = 'anything' | 'nothing' | 'some';

const REACHES: readonly { readonly value: Reach; readonly label: string }[] = [
  { value: 'anything', label: 'Anything' },
  { value: 'nothing', label: 'Nothing' },
  { value: 'some', label: 'Only what is listed' },
];

function reachOf(authority: Person['authority']): Reach {
  if (authority === null) return 'anything';
  return authority.length === 0 ? 'nothing' : 'some';
}

function PersonDialog({ person, onClose }: { readonly person: Person | undefined; readonly onClose: () => void }) {
  const [email, setEmail] = useState(person?.email ?? '');
  const [name, setName] = useState(person?.display_name ?? '');
  const [label, setLabel] = useState(person?.label ?? '');
  const [groups, setGroups] = useState<readonly string[]>(person?.groups ?? []);
  const [reach, setReach] = useState<Reach>(reachOf(person?.authority ?? null));
  const [limits, setLimits] = useState(authorityText(person?.authority ?? []));
  const [team, setTeam] = useState(person?.slack?.team ?? '');
  const [user, setUser] = useState(person?.slack?.user ?? '');
  const read = readAuthority(limits);
  const fault = reach === 'some' ? faultOf(read) : undefined;
  const slack = team.trim() === '' && user.trim() === '' ? null : { team: team.trim(), user: user.trim() };
  const save = useWrite({
    write: async () => {
      const named = { display_name: name.trim(), label: label.trim() === '' ? null : label.trim() };
      const authority = reach === 'anything' ? null : reach === 'nothing' || 'fault' in read ? [] : read;
      const change = { ...named, groups, authority, slack };
      if (person !== undefined) return send<Person>('PATCH', at`/v1/people/${person.id}`, change);
      return send<Person>('POST', '/v1/people', { email: email.trim(), ...named });
    },
    changes: ['people', 'agents', 'approvals'],
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
          if (fault === undefined && !save.isPending) save.mutate(undefined);
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
        {person === undefined ? (
          <p className="muted">Groups, what the person may approve and the Slack account are set with Change.</p>
        ) : (
          <>
            <TagsInput
              label="Groups"
              description="What the person speaks for in approvals, such as finance."
              value={[...groups]}
              onChange={setGroups}
            />
            <Select
              label="May approve"
              allowDeselect={false}
              data={[...REACHES]}
              value={reach}
              onChange={(next) => setReach(REACHES.find(({ value }) => value === next)?.value ?? reach)}
            />
            {reach === 'some' ? (
              <Textarea
                label="Authority"
                description="A capability a line, and the most that a call may spend of each unit, money in minor units: payments.* usd=500000"
                classNames={{ input: 'mono' }}
                autosize
                minRows={2}
                spellCheck={false}
                value={limits}
                onChange={(event) => setLimits(event.currentTarget.value)}
                error={fault}
              />
            ) : null}
            <TextInput
              label="Slack team"
              description="Ids of the account with which the person decides in Slack."
              placeholder="T012AB3CD"
              value={team}
              onChange={(event) => setTeam(event.currentTarget.value)}
            />
            <TextInput
              label="Slack member"
              placeholder="U045EF6GH"
              value={user}
              onChange={(event) => setUser(event.currentTarget.value)}
            />
          </>
        )}
        {save.isError ? <ErrorNotice error={save.error} /> : null}
        <Button type="submit" loading={save.isPending} disabled={email.trim() === '' || fault !== undefined}>
          Save
        </Button>
      </form>
    </Modal>
  );
}

function faultOf(read: Authority | { readonly fault: string }): string | undefined {
  return 'fault' in read ? read.fault : undefined;
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
        ? `${plural(person.agents, 'agent')} of this person are suspended at once, until they are given to someone else. What was delegated by or to them ends.`
        : 'Agents that were suspended because this person left may act again.'}
    </Confirm>
  );
}
