import { SegmentedControl } from '@mantine/core';
import { IconBan } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import { containmentSettingsQuery, reachQuery, sessionQuery } from '../../api/queries.ts';
import type { Containment, ContainmentProposal, ContainmentScope } from '../../api/types.ts';
import { notifyDone } from '../../app/notify.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
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
  const { data: settings } = useQuery(containmentSettingsQuery);
  const takesTwo = settings?.two_people.kill.includes(scope) === true;
  const covered = scope === 'workspace' ? '*' : target;
  const stop = useWrite({
    write: (reason: string) =>
      send<Containment | ContainmentProposal>('POST', '/v1/containments', {
        scope,
        target: covered,
        ...(reason === '' ? {} : { reason }),
      }),
    changes: ['containments', 'agents', 'credentials', 'roles', 'approvals', 'session', 'workspace'],
    onDone: (answer) => {
      setArming(false);
      if (answer.object === 'containment') onStopped(answer);
      else {
        notifyDone('Proposed. Nothing is stopped until a second person confirms.');
        onChoose({ scope, target: undefined });
      }
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
        <ActButton
          needs="POST /v1/containments"
          color="red"
          leftSection={<IconBan size={14} aria-hidden />}
          disabled={name === undefined}
          onClick={() => {
            stop.reset();
            setArming(true);
          }}
        >
          {takesTwo ? 'Propose a stop…' : 'Stop…'}
        </ActButton>
      </div>
      <p className="muted" style={{ marginTop: 10 }}>
        {SAYS[scope]} {takesTwo ? TWO : ''}
      </p>
      {covered === undefined ? null : <Reach scope={scope} target={covered} />}
      {arming && name !== undefined ? (
        <Confirm
          title={scope === 'workspace' ? `Stop the whole workspace` : `Stop ${scope} ${name}`}
          action={takesTwo ? 'Propose' : 'Stop now'}
          danger
          word={name}
          withReason
          pending={stop.isPending}
          error={stop.error}
          onConfirm={stop.mutate}
          onClose={() => setArming(false)}
        >
          <p>
            {takesTwo ? TWO : ''} {SAYS[scope]} Calls in flight are aborted, held approvals called off, and the receipt
            says what became of each.
          </p>
          {covered === undefined ? null : <Reach scope={scope} target={covered} />}
        </Confirm>
      ) : null}
    </Panel>
  );
}

const SAYS: Readonly<Record<ContainmentScope, string>> = {
  workspace: 'Every agent of the workspace is refused everything, and all their tokens die.',
  tool: 'No agent can use the capability, on any path. Tokens stay alive and everything else goes on.',
  agent: 'Every call of the agent is refused, its sessions are closed and its tokens die.',
  role: 'Everyone who wears the role is stopped, and nobody can be given it; their tokens die.',
  owner: 'All agents of the person are stopped, and no other can be given to them; their tokens die.',
};

const TWO = 'It takes two people: you propose it, and another one confirms.';

/** Whom and what a stop would meet now. */
export function Reach({ scope, target }: { readonly scope: ContainmentScope; readonly target: string }) {
  const { data, error } = useQuery(reachQuery(scope, target));
  if (error !== null) return <ErrorNotice error={error} />;
  if (data === undefined) return <p className={classes.reach}>Counting what it would cover…</p>;
  const { agents, calls, approvals, standing } = data;
  return (
    <p className={classes.reach} data-testid="reach">
      <strong>
        {scope === 'tool' ? `${plural(agents, 'agent')} with it` : plural(agents, 'agent')} · {plural(calls, 'call')} in
        flight · {plural(approvals, 'held approval')}
      </strong>
      {standing === null ? null : (
        <Link to="/containment" search={{ scope, stop: standing }}>
          It is stopped already
        </Link>
      )}
    </p>
  );
}
