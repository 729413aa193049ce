import { Button, Select, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { ownershipSettingsQuery } from '../../api/agent-queries.ts';
import { at, send } from '../../api/client.ts';
import type { Agent, RiskTier } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Identifier } from '../../ui/Copy.tsx';
import { localOfSeconds, secondsOfLocal } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Panel, Section } from '../../ui/Page.tsx';
import { OwnerPicker, RolesPicker } from '../../ui/Pickers.tsx';
import { Time } from '../../ui/Time.tsx';
import { RISK_TIERS } from './words.ts';

/** Who the agent is and who answers for it; owner, roles, end and the like can be changed here. */
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
              ['Deputies', agent.deputies.join(', ')],
              ['Risk tier', agent.risk_tier],
              ['Ends', <Time key="ends" value={agent.valid_until} absent="no end is set" />],
              ['Last action', <Time key="last" value={agent.last_action_at} absent="never" />],
              ['Created', <Time key="created" value={agent.created} />],
              ['By', agent.created_by],
              [
                'Asked for',
                agent.admission === null ? null : (
                  <Link key="request" to="/agent-requests/$request" params={{ request: agent.admission.request }}>
                    by {agent.admission.requested_by}
                  </Link>
                ),
              ],
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
  const [riskTier, setRiskTier] = useState<RiskTier | null>(agent.risk_tier);
  const [ends, setEnds] = useState(endOf(agent));
  const { data: ownership } = useQuery(ownershipSettingsQuery);
  const save = useWrite({
    write: () =>
      send<Agent>('PATCH', at`/v1/agents/${agent.id}`, {
        ...(owner === agent.owner ? {} : { owner: owner.trim() }),
        ...(sameList(roles, agent.roles) ? {} : { roles }),
        ...(description === agent.description ? {} : { description: description.trim() }),
        ...(riskTier === agent.risk_tier ? {} : { risk_tier: riskTier }),
        ...(ends === endOf(agent) ? {} : { valid_until: ends === '' ? null : secondsOfLocal(ends) }),
      }),
    changes: ['agents', 'roles', 'people'],
    done: ({ name }) => `${name} is changed; it binds the agent's next action.`,
    onDone: onClose,
  });
  const isChanged =
    owner !== agent.owner ||
    !sameList(roles, agent.roles) ||
    description !== agent.description ||
    riskTier !== agent.risk_tier ||
    ends !== endOf(agent);
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(undefined);
      }}
    >
      {ownership?.acceptance_required === true ? (
        <p>
          {agent.owner} owns it. Another owner is{' '}
          <Link to="/agents/$agent" params={{ agent: agent.name }} search={{ tab: 'ownership' }}>
            asked first
          </Link>
          .
        </p>
      ) : (
        <OwnerPicker label="Owner" required value={owner} onChange={(next) => setOwner(next ?? '')} />
      )}
      <RolesPicker label="Roles" value={roles} onChange={setRoles} />
      <Textarea
        label="Description"
        autosize
        minRows={2}
        maxLength={500}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      <Select
        label="Risk tier"
        placeholder="Not stated"
        clearable
        data={RISK_TIERS}
        value={riskTier}
        onChange={setRiskTier}
      />
      <TextInput
        label="Ends"
        description="From then on it does nothing. Empty: no end. Somebody else than its owner sets a later one."
        type="datetime-local"
        value={ends}
        onChange={(event) => setEnds(event.currentTarget.value)}
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

function endOf({ valid_until }: Agent): string {
  return valid_until === null ? '' : localOfSeconds(valid_until);
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}
