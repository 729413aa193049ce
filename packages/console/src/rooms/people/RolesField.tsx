import { Checkbox } from '@mantine/core';
import type { WorkspaceRole } from '../../api/types.ts';
import classes from './people.module.css';
import { ROLES } from './words.ts';

/** The roles of the workspace, each with what it is for. */
export function RolesField({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: readonly WorkspaceRole[];
  readonly onChange: (value: readonly WorkspaceRole[]) => void;
}) {
  const isAuditor = value.includes('auditor');
  return (
    <fieldset className={classes.roles}>
      <legend className="visually-hidden">{label}</legend>
      {ORDER.map((role) => (
        <Checkbox
          key={role}
          label={role}
          description={ROLES[role]}
          checked={value.includes(role)}
          // An auditor is nothing else.
          disabled={isAuditor && role !== 'auditor'}
          onChange={(event) => {
            const others = role === 'auditor' ? [] : value.filter((each) => each !== role);
            onChange(event.currentTarget.checked ? [...others, role] : others);
          }}
        />
      ))}
    </fieldset>
  );
}

const ORDER: readonly WorkspaceRole[] = ['admin', 'approver', 'author', 'operator', 'reviewer', 'viewer', 'auditor'];
