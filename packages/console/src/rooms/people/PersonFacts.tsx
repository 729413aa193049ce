import { Button, Select, TagsInput, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { groupsOfQuery } from '../../api/identity-queries.ts';
import type { Person } from '../../api/identity-types.ts';
import { delegationsQuery } from '../../api/queries.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Identifier } from '../../ui/Copy.tsx';
import { impactWords } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Panel, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { type Authority, authorityText, authorityWords, readAuthority } from './authority-text.ts';
import { SOURCES } from './words.ts';

/** Who the person is, what they speak for and may approve. */
export function PersonFacts({ person, isOwn }: { readonly person: Person; readonly isOwn: boolean }) {
  const [editing, setEditing] = useState(false);
  return (
    <Panel>
      <Section
        title="Person"
        aside={
          editing ? null : (
            <ActButton
              needs="PATCH /v1/people/:person"
              variant="default"
              size="compact-sm"
              aria-label={`Change ${person.email}`}
              onClick={() => setEditing(true)}
            >
              Change
            </ActButton>
          )
        }
      >
        {editing ? (
          <EditPerson person={person} isOwn={isOwn} onClose={() => setEditing(false)} />
        ) : (
          <PersonView person={person} />
        )}
      </Section>
    </Panel>
  );
}

function PersonView({ person }: { readonly person: Person }) {
  const { data: groups = [] } = useQuery(groupsOfQuery(person.id));
  const { data: delegations = [] } = useQuery(delegationsQuery);
  const fromDirectory = new Set(groups.filter(({ source }) => source === 'directory').map(({ name }) => name));
  const others = delegations
    .filter(({ from, to, status }) => status === 'in_force' && (from === person.email || to === person.email))
    .map(({ from, to }) => (to === person.email ? `decides for ${from}` : `${to} decides for them`));
  return (
    <Facts
      facts={[
        ['Team', person.label],
        [
          'Source',
          person.directory === null ? SOURCES[person.source] : `${SOURCES[person.source]}, ${person.directory}`,
        ],
        ['In the directory', person.user_name === person.email ? undefined : person.user_name],
        ['External id', person.external_id],
        [
          'Manager',
          person.manager === null ? undefined : (
            <Link key="manager" to="/people/$person" params={{ person: person.manager }}>
              {person.manager}
            </Link>
          ),
        ],
        [
          'Groups',
          person.groups.length === 0 ? (
            <span key="none" className="muted">
              none
            </span>
          ) : (
            <span key="groups" className="row-wrap">
              {person.groups.map((group) => (
                <span key={group}>
                  <Link to="/people" search={{ group }}>
                    {group}
                  </Link>
                  {fromDirectory.has(group) ? <span className="muted"> SCIM</span> : null}
                </span>
              ))}
            </span>
          ),
        ],
        ['May approve', authorityWords(person.authority, impactWords)],
        ['Delegations', others.join(', ')],
        ['Slack', person.slack === null ? undefined : `${person.slack.user} in ${person.slack.team}`],
        ['Added', <Time key="added" value={person.created} />],
        ['Id', <Identifier key="id" value={person.id} what="person id" />],
      ]}
    />
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

function EditPerson({
  person,
  isOwn,
  onClose,
}: {
  readonly person: Person;
  readonly isOwn: boolean;
  readonly onClose: () => void;
}) {
  const [name, setName] = useState(person.display_name);
  const [label, setLabel] = useState(person.label ?? '');
  const [groups, setGroups] = useState<readonly string[]>(person.groups);
  const [reach, setReach] = useState<Reach>(reachOf(person.authority));
  const [limits, setLimits] = useState(authorityText(person.authority ?? []));
  const [team, setTeam] = useState(person.slack?.team ?? '');
  const [user, setUser] = useState(person.slack?.user ?? '');
  const read = readAuthority(limits);
  const fault = reach === 'some' ? faultOf(read) : undefined;
  const save = useWrite({
    write: () => {
      const slack = team.trim() === '' && user.trim() === '' ? null : { team: team.trim(), user: user.trim() };
      const authority = reach === 'anything' ? null : reach === 'nothing' || 'fault' in read ? [] : read;
      return send<Person>('PATCH', at`/v1/people/${person.id}`, {
        ...(name.trim() === person.display_name ? {} : { display_name: name.trim() }),
        label: label.trim() === '' ? null : label.trim(),
        ...(isOwn ? {} : { groups, authority }),
        slack,
      });
    },
    changes: ['people', 'agents', 'approvals', 'session'],
    done: (saved) => `${saved.email} is saved.`,
    onDone: onClose,
  });
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (fault === undefined && !save.isPending) save.mutate(undefined);
      }}
    >
      <TextInput
        label="Name"
        disabled={person.directory !== null}
        description={person.directory === null ? undefined : `As the directory ${person.directory} says.`}
        maxLength={200}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput
        label="Team"
        description="Stands in the log beside the e-mail."
        maxLength={100}
        value={label}
        onChange={(event) => setLabel(event.currentTarget.value)}
      />
      {isOwn ? (
        <p className="muted">Your own groups and authority are changed by another administrator.</p>
      ) : (
        <>
          <TagsInput
            label="Groups"
            description="What the person speaks for in approvals, such as finance. Those of a directory change there."
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
        </>
      )}
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
      {save.isError ? <ErrorNotice error={save.error} /> : null}
      <div className="row">
        <Button type="submit" loading={save.isPending} disabled={fault !== undefined}>
          Save
        </Button>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

function faultOf(read: Authority | { readonly fault: string }): string | undefined {
  return 'fault' in read ? read.fault : undefined;
}
