import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { identitiesQuery, invitationsQuery } from '../../api/identity-queries.ts';
import type { Identity, Invitation, Person } from '../../api/identity-types.ts';
import { keysQuery } from '../../api/queries.ts';
import type { AdminKey } from '../../api/types.ts';
import { useRefusal, useSeesWaysOf } from '../../app/may.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { Passkeys } from './Passkeys.tsx';
import { SessionTable } from './SessionTable.tsx';
import { LINKED } from './words.ts';

/** The ways in that the person has: accounts at providers, passkeys, open sessions, keys. */
export function PersonAccess({ person }: { readonly person: Person }) {
  const seesKeys = useRefusal('GET /v1/keys') === undefined;
  if (!useSeesWaysOf(person.id)) return null;
  return (
    <>
      <Identities person={person} />
      <Passkeys person={person.id} />
      <Section title="Sessions">
        <SessionTable person={person.id} label={`Sessions of ${person.email}`} />
      </Section>
      {seesKeys ? <PersonKeys person={person} /> : null}
    </>
  );
}

function Identities({ person }: { readonly person: Person }) {
  const { data, error, refetch } = useQuery(identitiesQuery(person.id));
  const [unlinking, setUnlinking] = useState<Identity>();
  const columns: readonly Column<Identity>[] = [
    {
      key: 'provider',
      header: 'Identity provider',
      width: '26%',
      cell: ({ provider, issuer }) => <TwoLines first={provider.name} second={issuer} />,
    },
    {
      key: 'subject',
      header: 'Known there as',
      cell: ({ subject }) => (
        <span className="mono truncate" title={subject}>
          {subject}
        </span>
      ),
    },
    {
      key: 'linked',
      header: 'Linked',
      width: '190px',
      cell: ({ linked_at, linked_how, linked_by }) => (
        <TwoLines first={<Time value={linked_at} />} second={`${LINKED[linked_how]}, ${linked_by}`} />
      ),
    },
    { key: 'used', header: 'Last used', width: '112px', cell: ({ last_used_at }) => <Time value={last_used_at} /> },
    actions('90px', (identity) => (
      <ActButton
        needs="DELETE /v1/people/:person/identities/:id"
        variant="default"
        size="compact-xs"
        aria-label={`Unlink ${identity.provider.name}`}
        onClick={() => setUnlinking(identity)}
      >
        Unlink
      </ActButton>
    )),
  ];
  return (
    <Section title="Accounts at identity providers">
      {error === null ? (
        <DataTable
          label="Accounts at identity providers"
          columns={columns}
          rows={data}
          rowKey={({ id }) => id}
          empty={
            <p className="muted">
              None is linked.{' '}
              {person.active && !person.break_glass ? 'An invitation links one at the first sign-in.' : ''}
            </p>
          }
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      <OpenInvitation person={person} />
      {unlinking === undefined ? null : (
        <UnlinkDialog person={person} identity={unlinking} onClose={() => setUnlinking(undefined)} />
      )}
    </Section>
  );
}

function UnlinkDialog({
  person,
  identity,
  onClose,
}: {
  readonly person: Person;
  readonly identity: Identity;
  readonly onClose: () => void;
}) {
  const unlink = useWrite({
    write: () => send<unknown>('DELETE', at`/v1/people/${person.id}/identities/${identity.id}`),
    changes: ['identities', 'sessions'],
    done: () => `${identity.provider.name} is unlinked.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Unlink ${identity.provider.name}`}
      action="Unlink"
      danger
      pending={unlink.isPending}
      error={unlink.error}
      onConfirm={() => unlink.mutate(undefined)}
      onClose={onClose}
    >
      {person.email} no longer signs in with this account, and the sessions that came by it end.
    </Confirm>
  );
}

/** The link that was made and not used yet. */
function OpenInvitation({ person }: { readonly person: Person }) {
  const canSee = useRefusal('GET /v1/invitations') === undefined;
  const { data = [] } = useQuery({ ...invitationsQuery, enabled: canSee });
  const open = data.find(({ person: email, status }) => email === person.email && status === 'open');
  const revoke = useWrite({
    write: ({ id }: Invitation) => send<Invitation>('POST', at`/v1/invitations/${id}/revoke`, {}),
    changes: ['invitations'],
    done: () => 'The invitation is ended.',
  });
  if (open === undefined) return null;
  return (
    <div className="stack-tight">
      <p className="row-wrap">
        <span>
          An invitation by {open.created_by} is open; it ends <Time value={open.expires_at} />.
        </span>
        <ActButton
          needs="POST /v1/invitations/:id/revoke"
          variant="default"
          size="compact-xs"
          loading={revoke.isPending}
          onClick={() => revoke.mutate(open)}
        >
          End the invitation
        </ActButton>
      </p>
      {revoke.isError ? <ErrorNotice error={revoke.error} /> : null}
    </div>
  );
}

const KEY_COLUMNS: readonly Column<AdminKey>[] = [
  {
    key: 'name',
    header: 'Admin key',
    cell: ({ name, last4 }) => (
      <>
        {name} <span className="mono muted">…{last4}</span>
      </>
    ),
  },
  { key: 'status', header: 'Status', width: '110px', cell: ({ status }) => <StatusMark status={status} /> },
  {
    key: 'used',
    header: 'Last used',
    width: '112px',
    cell: ({ last_used_at }) => <Time value={last_used_at} absent="never" />,
  },
  {
    key: 'expires',
    header: 'Expires',
    width: '112px',
    cell: ({ expires_at }) => <Time value={expires_at} absent="never" />,
  },
];

function PersonKeys({ person }: { readonly person: Person }) {
  const { data, error, refetch } = useQuery(keysQuery);
  return (
    <Section title="Admin keys">
      {error === null ? (
        <DataTable
          label={`Admin keys of ${person.email}`}
          columns={KEY_COLUMNS}
          rows={data?.filter((key) => key.person === person.email)}
          rowKey={({ id }) => id}
          empty={<p className="muted">None.</p>}
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
    </Section>
  );
}
