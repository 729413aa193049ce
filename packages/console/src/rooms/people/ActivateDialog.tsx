import { at, send } from '../../api/client.ts';
import type { Person } from '../../api/identity-types.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';

export function ActivateDialog({ person, onClose }: { readonly person: Person; readonly onClose: () => void }) {
  const activate = useWrite({
    write: () => send<Person>('PATCH', at`/v1/people/${person.id}`, { active: true }),
    changes: ['people', 'agents'],
    done: ({ email }) => `${email} is active.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Activate ${person.email}`}
      action="Activate"
      pending={activate.isPending}
      error={activate.error}
      onConfirm={() => activate.mutate(undefined)}
      onClose={onClose}
    >
      The person may come in again and be given agents. Agents that were suspended, sessions, keys and delegations do
      not come back by this: somebody decides about each.
    </Confirm>
  );
}
