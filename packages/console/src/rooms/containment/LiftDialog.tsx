import { at, send } from '../../api/client.ts';
import type { Containment as Stop } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';

export function LiftDialog({ stop, onClose }: { readonly stop: Stop; readonly onClose: () => void }) {
  const lift = useWrite({
    write: (reason: string) =>
      send<Stop>('POST', at`/v1/containments/${stop.id}/lift`, reason === '' ? {} : { reason }),
    changes: ['containments', 'agents', 'roles', 'breakers', 'session', 'workspace'],
    done: () => `The stop of ${stop.scope} ${stop.target} is lifted.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Lift the stop of ${stop.scope} ${stop.target}`}
      action="Lift stop"
      withReason
      pending={lift.isPending}
      error={lift.error}
      onConfirm={lift.mutate}
      onClose={onClose}
    >
      Agents come back only where no other stop covers them. Tokens that the stop ended stay dead: mint new ones.
    </Confirm>
  );
}
