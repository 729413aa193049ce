import { useQueryClient } from '@tanstack/react-query';
import { at, send } from '../../api/client.ts';
import type { Role } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';
import { Diff } from '../../ui/Diff.tsx';
import { plural } from '../../ui/format.ts';
import { refuseOutdated } from './outdated.ts';
import classes from './roles.module.css';

/** Publishes the draft of a role directly, after what it changes was shown. */
export function PublishDialog({
  base,
  name,
  document,
  added,
  removed,
  rules,
  onPublished,
  onClose,
}: {
  /** What was edited; undefined for a new role. */
  readonly base: Role | undefined;
  readonly name: string;
  readonly document: object;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** As texts. */
  readonly rules: { readonly before: string; readonly after: string };
  readonly onPublished: (role: Role) => void;
  readonly onClose: () => void;
}) {
  const queryClient = useQueryClient();
  const publish = useWrite({
    write: async (): Promise<Role> => {
      await refuseOutdated(queryClient, base);
      return base === undefined
        ? send<Role>('POST', '/v1/roles', document)
        : send<Role>('PUT', at`/v1/roles/${name}`, document);
    },
    changes: ['roles', 'agents', 'capabilities', 'workspace'],
    done: ({ revision, agents }) => `${name} rev ${revision} binds ${plural(agents, 'agent')} on the next action.`,
    onDone: onPublished,
  });
  return (
    <Confirm
      title={base === undefined ? `Create ${name}` : `Publish ${name} rev ${base.revision + 1}`}
      action={base === undefined ? 'Create role' : 'Publish'}
      pending={publish.isPending}
      error={publish.error}
      onConfirm={() => publish.mutate(undefined)}
      onClose={onClose}
    >
      <p>
        {base === undefined
          ? 'No agent wears it yet.'
          : `It binds ${plural(base.agents, 'agent')} on the next action, without a restart.`}
      </p>
      <Names title="Granted" names={added} sign="+" />
      <Names title="Removed" names={removed} sign="−" />
      {rules.before === rules.after ? null : (
        <>
          <h3 style={{ margin: '10px 0 4px' }}>Rules</h3>
          <Diff label="Changes of the rules" {...rules} />
        </>
      )}
    </Confirm>
  );
}

function Names({
  title,
  names,
  sign,
}: {
  readonly title: string;
  readonly names: readonly string[];
  readonly sign: string;
}) {
  if (names.length === 0) return null;
  return (
    <>
      <h3 style={{ marginTop: 10 }}>{title}</h3>
      <ul className={classes.changes}>
        {names.map((name) => (
          <li key={name} className="mono">
            {sign} {name}
          </li>
        ))}
      </ul>
    </>
  );
}
