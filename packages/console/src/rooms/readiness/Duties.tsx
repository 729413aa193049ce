import type { SegregationSet } from '@hivekey/sdk';
import { TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at } from '../../api/client.ts';
import { dutiesQuery } from '../../api/readiness-queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actions, type Column, DataTable, Tags, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { AgentPicker, RolesPicker } from '../../ui/Pickers.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';

const COLUMNS: readonly Column<SegregationSet>[] = [
  { key: 'name', header: 'Set', cell: ({ name, reason }) => <TwoLines first={name} second={reason} /> },
  { key: 'roles', header: 'No agent wears two of', width: '32%', cell: ({ roles }) => <Tags names={roles} /> },
  {
    key: 'accepted',
    header: 'Accepted',
    width: '26%',
    cell: ({ acceptances }) => {
      const held = acceptances.filter(({ ended_at: ended }) => ended === null);
      return held.length === 0 ? (
        <span className="muted">none</span>
      ) : (
        <Tags names={held.map(({ agent, person }) => `${agent} by ${person}`)} most={2} />
      );
    },
  },
  {
    key: 'since',
    header: 'Since',
    width: '130px',
    cell: ({ created_at, ended_at }) =>
      ended_at === null ? <Time value={created_at} /> : <Mark tone="neutral">over</Mark>,
  },
];

/** Roles that must not be in one hand: what AG-04 is tested by. */
export function Duties() {
  const [isAdding, setAdding] = useState(false);
  const [accepted, setAccepted] = useState<SegregationSet>();
  const [ended, setEnded] = useState<SegregationSet>();
  const { data, error, refetch } = useQuery(dutiesQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className="stack-tight">
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <ActButton needs="POST /v1/segregation" variant="default" onClick={() => setAdding(true)}>
          Add a set
        </ActButton>
      </div>
      <DataTable
        label="Conflicting duties"
        rows={data}
        rowKey={({ id }) => id}
        columns={[
          ...COLUMNS,
          actions<SegregationSet>('150px', (set) =>
            set.ended_at === null ? (
              <>
                <ActButton
                  needs="POST /v1/segregation/:id/acceptances"
                  variant="default"
                  size="compact-xs"
                  onClick={() => setAccepted(set)}
                >
                  Accept
                </ActButton>
                <ActButton
                  needs="POST /v1/segregation/:id/end"
                  variant="default"
                  size="compact-xs"
                  onClick={() => setEnded(set)}
                >
                  End
                </ActButton>
              </>
            ) : null,
          ),
        ]}
        empty={
          <Empty title="No sets of conflicting duties">
            Say which roles must not be in one hand. Until then nobody knows whether an agent wears two that conflict.
          </Empty>
        }
      />
      {isAdding ? <Add onClose={() => setAdding(false)} /> : null}
      {accepted === undefined ? null : <Accept set={accepted} onClose={() => setAccepted(undefined)} />}
      {ended === undefined ? null : (
        <ReasonForm
          title={`End ${ended.name}`}
          action="End"
          needs="POST /v1/segregation/:id/end"
          to={at`/v1/segregation/${ended.id}/end`}
          body={{}}
          reason="none"
          done="The set is over; what was said stays"
          changes={['readiness']}
          onClose={() => setEnded(undefined)}
        >
          <p>Agents may wear two of {ended.roles.join(', ')} from then on.</p>
        </ReasonForm>
      )}
    </div>
  );
}

function Add({ onClose }: { readonly onClose: () => void }) {
  const [name, setName] = useState('');
  const [roles, setRoles] = useState<readonly string[]>([]);
  return (
    <ReasonForm
      title="Roles that must not be in one hand"
      action="Add"
      needs="POST /v1/segregation"
      to="/v1/segregation"
      body={name.trim() === '' || roles.length < 2 ? undefined : { name: name.trim(), roles }}
      done="Added"
      changes={['readiness']}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        withAsterisk
        maxLength={100}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <RolesPicker label="Roles" value={roles} onChange={setRoles} />
    </ReasonForm>
  );
}

function Accept({ set, onClose }: { readonly set: SegregationSet; readonly onClose: () => void }) {
  const [agent, setAgent] = useState<string>();
  const [until, setUntil] = useState('');
  return (
    <ReasonForm
      title={`Accept a conflict of ${set.name}`}
      action="Accept"
      needs="POST /v1/segregation/:id/acceptances"
      to={at`/v1/segregation/${set.id}/acceptances`}
      body={agent === undefined || until === '' ? undefined : { agent, until: `${until}T00:00:00Z` }}
      done="Accepted"
      changes={['readiness']}
      onClose={onClose}
    >
      <p className="muted">In your name, and until that day. The owner of the agent cannot.</p>
      <AgentPicker label="Agent" value={agent} onChange={setAgent} required />
      <TextInput
        label="Until"
        type="date"
        withAsterisk
        value={until}
        onChange={(event) => setUntil(event.currentTarget.value)}
      />
    </ReasonForm>
  );
}
