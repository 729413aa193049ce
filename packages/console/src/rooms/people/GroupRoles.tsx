import { Button, Modal, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import { groupRolesQuery } from '../../api/identity-queries.ts';
import type { GroupRoles } from '../../api/identity-types.ts';
import type { WorkspaceRole } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actions, type Column, DataTable, Tags } from '../../ui/DataTable.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { RolesField } from './RolesField.tsx';

interface Row {
  readonly group: string;
  readonly roles: readonly WorkspaceRole[];
}

const NEW: Row = { group: '', roles: [] };

/** Which roles of the workspace come with which groups, also with those that only an identity provider names. */
export function GroupRolesTable() {
  const { data, error, refetch } = useQuery(groupRolesQuery);
  const [editing, setEditing] = useState<Row>();
  const columns: readonly Column<Row>[] = [
    { key: 'group', header: 'Group', cell: ({ group }) => <span title={group}>{group}</span> },
    { key: 'roles', header: 'Roles that come with it', cell: ({ roles }) => <Tags names={roles} most={7} /> },
    actions('90px', (row) => (
      <ActButton
        needs="PUT /v1/group-roles"
        variant="default"
        size="compact-xs"
        aria-label={`Change the roles of the group ${row.group}`}
        onClick={() => setEditing(row)}
      >
        Change
      </ActButton>
    )),
  ];
  return (
    <Section
      title="Roles by group"
      aside={
        <ActButton
          needs="PUT /v1/group-roles"
          variant="default"
          size="compact-sm"
          leftSection={<IconPlus size={14} aria-hidden />}
          disabled={data === undefined}
          onClick={() => setEditing(NEW)}
        >
          Give a group roles
        </ActButton>
      }
    >
      <p className="muted">
        Whoever is in the group, or comes with it from the identity provider, may do this. Nobody can change their own
        roles this way.
      </p>
      {error === null ? (
        <DataTable
          label="Roles by group"
          columns={columns}
          rows={
            data === undefined ? undefined : Object.entries(data.groups).map(([group, roles]) => ({ group, roles }))
          }
          rowKey={({ group }) => group}
          empty={<p className="muted">No group brings a role.</p>}
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      {editing === undefined || data === undefined ? null : (
        <GroupRolesDialog all={data.groups} row={editing} onClose={() => setEditing(undefined)} />
      )}
    </Section>
  );
}

function GroupRolesDialog({
  all,
  row,
  onClose,
}: {
  readonly all: GroupRoles['groups'];
  readonly row: Row;
  readonly onClose: () => void;
}) {
  const [group, setGroup] = useState(row.group);
  const [roles, setRoles] = useState(row.roles);
  const isNew = row === NEW;
  const name = group.trim();
  const save = useWrite({
    write: () => {
      const { [name]: _, ...others } = all;
      return send<GroupRoles>('PUT', '/v1/group-roles', {
        groups: roles.length === 0 ? others : { ...others, [name]: roles },
      });
    },
    changes: ['people', 'session'],
    done: () => (roles.length === 0 ? `${name} brings no role any more.` : `${name} brings ${roles.join(', ')}.`),
    onDone: onClose,
  });
  const isTaken = isNew && name in all;
  return (
    <Modal
      opened
      onClose={onClose}
      title={isNew ? 'Give a group roles' : `Roles of ${row.group}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(undefined);
        }}
      >
        {isNew ? (
          <TextInput
            label="Group"
            description="As people have it here, or as the claim of the identity provider names it."
            data-autofocus
            withAsterisk
            spellCheck={false}
            value={group}
            error={isTaken ? 'It has roles already: change those.' : undefined}
            onChange={(event) => setGroup(event.currentTarget.value)}
          />
        ) : null}
        <RolesField label={`Roles of ${name}`} value={roles} onChange={setRoles} />
        {save.isError ? <ErrorNotice error={save.error} /> : null}
        <Button
          type="submit"
          loading={save.isPending}
          disabled={name === '' || isTaken || (isNew && roles.length === 0)}
          {...(roles.length === 0 && !isNew ? { color: 'red' } : {})}
        >
          {roles.length === 0 && !isNew ? 'Take all roles' : 'Save'}
        </Button>
      </form>
    </Modal>
  );
}
