import { Button, Textarea } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import type { Agent } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Identifier } from '../../ui/Copy.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Panel, Section } from '../../ui/Page.tsx';
import { OwnerPicker, RolesPicker } from '../../ui/Pickers.tsx';
import { Time } from '../../ui/Time.tsx';

/** Who the agent is and who answers for it; owner, roles and description can be changed here. */
export function AgentIdentity({ agent }: { readonly agent: Agent }) {
  const [editing, setEditing] = useState(false);
  const metadata = Object.entries(agent.metadata);
  return (
    <Panel>
      <Section
        title="Identity"
        aside={
          editing ? null : (
            <ActButton
              needs="PATCH /v1/agents/:agent"
              variant="default"
              size="compact-sm"
              onClick={() => setEditing(true)}
            >
              Change
            </ActButton>
          )
        }
      >
        {editing ? (
          <EditIdentity agent={agent} onClose={() => setEditing(false)} />
        ) : (
          <Facts
            facts={[
              ['Owner', agent.owner],
              ['Team', agent.owner_label],
              [
                'Roles',
                <span key="roles" className="row-wrap">
                  {agent.roles.map((role) => (
                    <Link key={role} to="/roles/$role" params={{ role }}>
                      {role}
                    </Link>
                  ))}
                </span>,
              ],
              ['Last action', <Time key="last" value={agent.last_action_at} absent="never" />],
              ['Created', <Time key="created" value={agent.created} />],
              ['By', agent.created_by],
              ['Id', <Identifier key="id" value={agent.id} what="agent id" />],
              ...metadata.map(
                ([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const,
              ),
            ]}
          />
        )}
      </Section>
    </Panel>
  );
}

function EditIdentity({ agent, onClose }: { readonly agent: Agent; readonly onClose: () => void }) {
  const [owner, setOwner] = useState(agent.owner);
  const [roles, setRoles] = useState([...agent.roles]);
  const [description, setDescription] = useState(agent.description);
  const save = useWrite({
    write: () =>
      send<Agent>('PATCH', at`/v1/agents/${agent.id}`, {
        ...(owner === agent.owner ? {} : { owner: owner.trim() }),
        ...(sameList(roles, agent.roles) ? {} : { roles }),
        ...(description === agent.description ? {} : { description: description.trim() }),
      }),
    changes: ['agents', 'roles', 'people'],
    done: ({ name }) => `${name} is changed; it binds the agent's next action.`,
    onDone: onClose,
  });
  const isChanged = owner !== agent.owner || !sameList(roles, agent.roles) || description !== agent.description;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(undefined);
      }}
    >
      <OwnerPicker label="Owner" required value={owner} onChange={(next) => setOwner(next ?? '')} />
      <RolesPicker label="Roles" value={roles} onChange={setRoles} />
      <Textarea
        label="Description"
        autosize
        minRows={2}
        maxLength={500}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      {save.isError ? <ErrorNotice error={save.error} /> : null}
      <div className="row">
        <Button type="submit" disabled={!isChanged || roles.length === 0} loading={save.isPending}>
          Save
        </Button>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}
