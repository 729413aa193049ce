import { Button, SegmentedControl } from '@mantine/core';
import { IconBan } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get, send } from '../../api/client.ts';
import { rolesQuery, sessionQuery } from '../../api/queries.ts';
import type { Agent, Containment, ContainmentScope, List } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';
import { plural } from '../../ui/format.ts';
import { Panel } from '../../ui/Page.tsx';
import { AgentPicker, CapabilityPicker, OwnerPicker, RolePicker } from '../../ui/Pickers.tsx';
import classes from './containment.module.css';

const SCOPES: readonly { readonly value: ContainmentScope; readonly label: string }[] = [
  { value: 'agent', label: 'Agent' },
  { value: 'role', label: 'Role' },
  { value: 'owner', label: 'Owner' },
  { value: 'tool', label: 'Tool' },
  { value: 'workspace', label: 'Workspace' },
];

/** Choose what to stop; typing its name arms the switch. */
export function KillSwitch({
  scope,
  target,
  onChoose,
  onStopped,
}: {
  readonly scope: ContainmentScope;
  readonly target: string | undefined;
  readonly onChoose: (choice: { scope: ContainmentScope; target: string | undefined }) => void;
  readonly onStopped: (stop: Containment) => void;
}) {
  const [arming, setArming] = useState(false);
  const { data: session } = useQuery(sessionQuery);
  const stop = useWrite({
    write: (reason: string) =>
      send<Containment>('POST', '/v1/containments', {
        scope,
        target: scope === 'workspace' ? '*' : target,
        ...(reason === '' ? {} : { reason }),
      }),
    changes: ['containments', 'agents', 'tokens', 'roles', 'session', 'workspace'],
    onDone: (stopped) => {
      setArming(false);
      onStopped(stopped);
    },
  });
  const name = scope === 'workspace' ? session?.workspace.name : target;
  const choose = (next: string | undefined) => onChoose({ scope, target: next });
  const field = { hideLabel: true, value: target, onChange: choose, onlyKnown: true } as const;
  return (
    <Panel>
      <div className={classes.switch}>
        <SegmentedControl
          aria-label="What to stop"
          data={[...SCOPES]}
          value={scope}
          onChange={(next) => onChoose({ scope: next as ContainmentScope, target: undefined })}
        />
        <div className={classes.target}>
          {scope === 'agent' ? <AgentPicker label="Agent" placeholder="Which agent" {...field} /> : null}
          {scope === 'role' ? <RolePicker label="Role" placeholder="Which role" {...field} /> : null}
          {scope === 'owner' ? <OwnerPicker label="Owner" placeholder="Whose agents" {...field} /> : null}
          {scope === 'tool' ? <CapabilityPicker label="Tool" placeholder="Which capability" {...field} /> : null}
        </div>
        <Button
          color="red"
          leftSection={<IconBan size={14} aria-hidden />}
          disabled={name === undefined}
          onClick={() => {
            stop.reset();
            setArming(true);
          }}
        >
          Stop…
        </Button>
      </div>
      <p className="muted" style={{ marginTop: 8 }}>
        <Reach scope={scope} target={target} />
      </p>
      {arming && name !== undefined ? (
        <Confirm
          title={scope === 'workspace' ? `Stop the whole workspace` : `Stop ${scope} ${name}`}
          action="Stop now"
          danger
          word={name}
          withReason
          pending={stop.isPending}
          error={stop.error}
          onConfirm={stop.mutate}
          onClose={() => setArming(false)}
        >
          <Reach scope={scope} target={target} /> Calls in flight are aborted and the receipt says what became of each.
        </Confirm>
      ) : null}
    </Panel>
  );
}

const LIMIT = 200;

/** Who a stop would reach, in words. */
function Reach({ scope, target }: { readonly scope: ContainmentScope; readonly target: string | undefined }) {
  const { data: roles = [] } = useQuery(rolesQuery);
  const { data: owned } = useQuery({
    queryKey: ['agents', 'owned', target],
    queryFn: ({ signal }) => get<List<Agent>>('/v1/agents', { owner: target, limit: LIMIT }, signal),
    enabled: scope === 'owner' && target !== undefined,
  });
  switch (scope) {
    case 'workspace':
      return 'Every agent of the workspace is refused everything, and all their tokens die.';
    case 'tool':
      return 'No agent can use the capability, on any path. Tokens stay alive and everything else goes on.';
    case 'agent':
      return 'Every call of the agent is refused, its sessions are closed and its tokens die.';
    case 'role': {
      const role = roles.find(({ name }) => name === target);
      return `Everyone who wears the role is stopped${role === undefined ? '' : `: ${plural(role.agents, 'agent')}`}; their tokens die.`;
    }
    case 'owner': {
      const many =
        owned === undefined
          ? ''
          : `: ${owned.has_more ? `more than ${LIMIT} agents` : plural(owned.data.length, 'agent')}`;
      return `All agents of the person are stopped${many}; their tokens die.`;
    }
  }
}
