import { Link } from '@tanstack/react-router';
import type { Authority } from '../../api/agent-types.ts';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords, plural } from '../../ui/format.ts';
import { Section } from '../../ui/Page.tsx';
import { Moment } from '../../ui/Time.tsx';
import classes from './agents.module.css';
import { OnRecord } from './OnRecord.tsx';

type Worn = Authority['roles'][number];
type Credential = Authority['credentials'][number];

const ROLES: readonly Column<Worn>[] = [
  {
    key: 'role',
    header: 'Role',
    cell: ({ role, revision }) => (
      <TwoLines
        first={
          <Link to="/roles/$role" params={{ role }} search={{ tab: 'revisions' }} title={role}>
            {role}
          </Link>
        }
        second={
          revision === null
            ? 'what it allowed: no record'
            : `revision ${revision.revision}, written by ${actorWords(revision.author)}`
        }
      />
    ),
  },
  {
    key: 'given',
    header: 'Given',
    width: '220px',
    cell: ({ granted_at, granted_by, removed_at, removed_by }) => (
      <TwoLines
        first={<Moment value={granted_at} />}
        second={`by ${actorWords(granted_by)}${removed_at === null ? '' : `; taken away later by ${actorWords(removed_by ?? '')}`}`}
      />
    ),
  },
  { key: 'record', header: 'Given, on the log', width: '130px', cell: ({ event }) => <OnRecord event={event} /> },
  {
    key: 'revision',
    header: 'Revision, on the log',
    width: '140px',
    cell: ({ revision }) => <OnRecord event={revision?.event ?? null} />,
  },
];

/** The roles that it wore, each in the revision that was in force, with what that allowed. */
export function AuthorityRoles({ roles }: { readonly roles: readonly Worn[] }) {
  return (
    <Section title="What it might do">
      <div className="stack-tight">
        <DataTable
          label="Roles it wore"
          columns={ROLES}
          rows={roles}
          rowKey={({ role }) => role}
          empty={<p className="muted">It wore no role, and could do nothing.</p>}
        />
        {roles.map(({ role, revision }) =>
          revision === null ? null : (
            <details key={role} className={classes.made}>
              <summary>
                {role} allowed {plural(revision.allow.length, 'capability', 'capabilities')}, under{' '}
                {plural(revision.guards, 'guard')}
              </summary>
              <ul className={classes.capabilities} aria-label={`Capabilities that ${role} allowed`}>
                {revision.allow.map((capability) => (
                  <li key={capability} className="mono">
                    {capability}
                  </li>
                ))}
              </ul>
            </details>
          ),
        )}
      </div>
    </Section>
  );
}

const CREDENTIALS: readonly Column<Credential>[] = [
  {
    key: 'name',
    header: 'Credential',
    cell: ({ kind, name, id, role }) => (
      <TwoLines
        first={<span title={id}>{`${kind} ${name === '' ? 'unnamed' : name}`}</span>}
        second={role === null ? undefined : `only as ${role}`}
      />
    ),
  },
  {
    key: 'made',
    header: 'Made',
    width: '220px',
    cell: ({ created_at, created_by }) => (
      <TwoLines first={<Moment value={created_at} />} second={`by ${actorWords(created_by)}`} />
    ),
  },
  {
    key: 'ends',
    header: 'Ends',
    width: '200px',
    cell: ({ expires_at, ended_at }) =>
      ended_at === null ? (
        <Moment value={expires_at} absent="no end is set" />
      ) : (
        <TwoLines first={<Moment value={ended_at} />} second="ended later, before its time" />
      ),
  },
  { key: 'record', header: 'On the log', width: '100px', cell: ({ event }) => <OnRecord event={event} /> },
];

/** What it could prove itself with. */
export function AuthorityCredentials({ credentials }: { readonly credentials: readonly Credential[] }) {
  return (
    <Section title="How it proved itself">
      <DataTable
        label="Credentials it had"
        columns={CREDENTIALS}
        rows={credentials}
        rowKey={({ id }) => id}
        empty={<p className="muted">It had no live credential, and could not connect.</p>}
      />
    </Section>
  );
}
