import { Button } from '@mantine/core';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import type { Person } from '../../api/identity-types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Tags } from '../../ui/DataTable.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Panel, Section } from '../../ui/Page.tsx';
import { RolesField } from './RolesField.tsx';

/** What the person may do in HiveKey itself: roles of their own, and those that come with groups. */
export function PersonRoles({ person, isOwn }: { readonly person: Person; readonly isOwn: boolean }) {
  const [editing, setEditing] = useState(false);
  const byGroups = person.effective_roles.filter((role) => !person.roles.includes(role));
  return (
    <Panel>
      <Section
        title="Workspace roles"
        aside={
          editing || isOwn || person.break_glass ? null : (
            <ActButton
              needs="PATCH /v1/people/:person"
              variant="default"
              size="compact-sm"
              aria-label={`Change the roles of ${person.email}`}
              onClick={() => setEditing(true)}
            >
              Change
            </ActButton>
          )
        }
      >
        {editing ? (
          <EditRoles person={person} onClose={() => setEditing(false)} />
        ) : (
          <>
            <Facts
              facts={[
                ['Own', <Tags key="own" names={person.roles} most={7} />],
                ['By groups', byGroups.length === 0 ? undefined : <Tags key="groups" names={byGroups} most={7} />],
                ['In effect', <Tags key="effective" names={person.effective_roles} most={7} />],
              ]}
            />
            {isOwn ? <p className="muted">Your own roles are changed by another administrator.</p> : null}
            {person.break_glass ? (
              <p className="muted">An account for emergencies is an administrator, always.</p>
            ) : null}
            {person.effective_roles.length === 0 ? (
              <p className="muted">Without a role the person sees nothing here; their agents act all the same.</p>
            ) : null}
          </>
        )}
      </Section>
    </Panel>
  );
}

function EditRoles({ person, onClose }: { readonly person: Person; readonly onClose: () => void }) {
  const [roles, setRoles] = useState(person.roles);
  const save = useWrite({
    write: () => send<Person>('PATCH', at`/v1/people/${person.id}`, { roles }),
    changes: ['people'],
    done: ({ email }) => `${email} has these roles from the next request on.`,
    onDone: onClose,
  });
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(undefined);
      }}
    >
      <RolesField label={`Roles of ${person.email}`} value={roles} onChange={setRoles} />
      {save.isError ? <ErrorNotice error={save.error} /> : null}
      <div className="row">
        <Button type="submit" loading={save.isPending} disabled={sameSet(roles, person.roles)}>
          Save roles
        </Button>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}
