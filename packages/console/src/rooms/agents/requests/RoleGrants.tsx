import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { rolesQuery } from '../../../api/queries.ts';
import type { Role } from '../../../api/types.ts';
import { plural } from '../../../ui/format.ts';
import { ErrorNotice } from '../../../ui/Notice.tsx';
import { Section } from '../../../ui/Page.tsx';
import { Mark } from '../../../ui/Verdict.tsx';
import { Sentences } from '../../roles/Sentences.tsx';
import classes from '../agents.module.css';

/** What each of the roles grants now, with its guards as sentences. */
export function RoleGrants({ roles }: { readonly roles: readonly string[] }) {
  // The whole list: a role that is asked for need not exist.
  const { data, error, refetch } = useQuery(rolesQuery);
  return (
    <Section title="What its roles grant now">
      {error !== null ? (
        <ErrorNotice error={error} retry={() => void refetch()} />
      ) : data === undefined ? (
        <Skeleton height={120} aria-label="Loading" />
      ) : (
        <div className="stack">
          {roles.map((name) => (
            <Grants key={name} name={name} role={data.find((role) => role.name === name)} />
          ))}
        </div>
      )}
    </Section>
  );
}

function Grants({ name, role }: { readonly name: string; readonly role: Role | undefined }) {
  if (role === undefined)
    return (
      <div className={classes.grants}>
        <h3 className="row">
          <span className="truncate">{name}</span> <Mark tone="deny">does not exist</Mark>
        </h3>
        <p className="muted">As long as there is no such role, the request cannot be approved.</p>
      </div>
    );
  return (
    <div className={classes.grants}>
      <h3 className="row">
        <Link to="/roles/$role" params={{ role: name }} className="truncate">
          {name}
        </Link>
        <span className="muted">
          revision {role.revision}, worn by {plural(role.agents, 'agent')}
        </span>
      </h3>
      {role.description === '' ? null : <p className="muted">{role.description}</p>}
      <ul className={classes.capabilities} aria-label={`Capabilities of ${name}`}>
        {role.allow.length === 0 ? <li className="muted">grants nothing</li> : null}
        {role.allow.map((capability) => (
          <li key={capability} className="mono">
            {capability}
          </li>
        ))}
      </ul>
      <Sentences sentences={role.guards.map(({ sentence }) => sentence)} />
    </div>
  );
}
