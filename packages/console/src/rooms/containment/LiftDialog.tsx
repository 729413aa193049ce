import { useQuery } from '@tanstack/react-query';
import { at, send } from '../../api/client.ts';
import { containmentSettingsQuery } from '../../api/queries.ts';
import type { ContainmentProposal, Containment as Stop } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';

export function LiftDialog({ stop, onClose }: { readonly stop: Stop; readonly onClose: () => void }) {
  const lift = useWrite({
    write: (reason: string) =>
      send<Stop | ContainmentProposal>('POST', at`/v1/containments/${stop.id}/lift`, reason === '' ? {} : { reason }),
    changes: ['containments', 'agents', 'roles', 'breakers', 'session', 'workspace'],
    done: (answer) =>
      answer.object === 'containment'
        ? `The stop of ${stop.scope} ${stop.target} is lifted.`
        : 'Proposed. The stop stands until a second person confirms.',
    onDone: onClose,
  });
  const { data: settings } = useQuery(containmentSettingsQuery);
  const takesTwo = settings?.two_people.lift.includes(stop.scope) === true;
  return (
    <Confirm
      title={`Lift the stop of ${stop.scope} ${stop.target}`}
      action={takesTwo ? 'Propose' : 'Lift stop'}
      withReason
      pending={lift.isPending}
      error={lift.error}
      onConfirm={lift.mutate}
      onClose={onClose}
    >
      {takesTwo ? 'It takes two people: you propose it, and another one confirms. ' : ''}Agents come back only where no
      other stop covers them. Tokens that the stop ended stay dead: mint new ones.
    </Confirm>
  );
}
