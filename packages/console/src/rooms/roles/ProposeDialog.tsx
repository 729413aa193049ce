import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { Change } from '../../api/change-types.ts';
import { send } from '../../api/client.ts';
import type { Role } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';
import { refuseOutdated } from './outdated.ts';

/** Makes the draft of a role a change, which others look at before it takes effect. */
export function ProposeDialog({
  base,
  name,
  document,
  onClose,
}: {
  /** What was edited; undefined for a new role. */
  readonly base: Role | undefined;
  readonly name: string;
  readonly document: object;
  readonly onClose: () => void;
}) {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const propose = useWrite({
    write: async (reason: string) => {
      await refuseOutdated(queryClient, base);
      return send<Change>('POST', '/v1/changes', {
        title: base === undefined ? `New role ${name}` : `Change of role ${name}`,
        justification: reason,
        operations: [{ type: 'role', id: name, document }],
      });
    },
    changes: ['changes'],
    done: (change) => `${change.name} is drafted; submit it for review.`,
    onDone: (change) => void navigate({ to: '/changes/$change', params: { change: change.name }, ignoreBlocker: true }),
  });
  return (
    <Confirm
      title={base === undefined ? `Propose the role ${name}` : `Propose a change of ${name}`}
      action="Draft the change"
      withReason
      pending={propose.isPending}
      error={propose.error}
      onConfirm={propose.mutate}
      onClose={onClose}
    >
      Others see what it would do before it takes effect. Until then nothing changes.
    </Confirm>
  );
}
