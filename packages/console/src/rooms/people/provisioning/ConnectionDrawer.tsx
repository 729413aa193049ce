import { Button, Drawer, Modal, Select } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../../api/client.ts';
import type { ScimConnection } from '../../../api/identity-types.ts';
import { useWrite } from '../../../app/write.ts';
import { ActButton } from '../../../ui/ActButton.tsx';
import { Confirm } from '../../../ui/Confirm.tsx';
import { CodeBlock } from '../../../ui/Copy.tsx';
import { type Column, DataTable } from '../../../ui/DataTable.tsx';
import { count, plural } from '../../../ui/format.ts';
import { ErrorNotice } from '../../../ui/Notice.tsx';
import { Facts, Section } from '../../../ui/Page.tsx';
import { Time } from '../../../ui/Time.tsx';
import { StatusMark } from '../../../ui/Verdict.tsx';
import { ScopesField, TOKEN_LIFETIMES } from './NewConnection.tsx';

type Traffic = ScimConnection['last_day'][keyof ScimConnection['last_day']] & { readonly of: string };

const TRAFFIC: readonly Column<Traffic>[] = [
  { key: 'of', header: 'Last 24 hours', cell: ({ of }) => of },
  ...(['reads', 'writes', 'refused'] as const).map(
    (which): Column<Traffic> => ({
      key: which,
      header: which === 'refused' ? 'Refused' : which === 'reads' ? 'Reads' : 'Writes',
      width: '90px',
      align: 'end',
      cell: (traffic) => <span className="num">{count(traffic[which])}</span>,
    }),
  ),
];

const NAMES = { users: 'People', groups: 'Groups', agents: 'Agents', other: 'Anything else' } as const;

type Dialog = 'change' | 'rotate' | 'revoke';

/** One connection: how it fares, its tokens, what may be done with it. */
export function ConnectionDrawer({
  connection,
  onShown,
  onClose,
}: {
  readonly connection: ScimConnection;
  readonly onShown: (connection: ScimConnection) => void;
  readonly onClose: () => void;
}) {
  const [dialog, setDialog] = useState<Dialog>();
  const close = () => setDialog(undefined);
  const { last_error: error } = connection;
  return (
    <Drawer opened onClose={onClose} title={connection.name} closeButtonProps={{ 'aria-label': 'Close' }}>
      <div className="stack">
        {connection.status === 'revoked' ? null : (
          <div className="row-wrap">
            <ActButton
              needs="PATCH /v1/scim-connections/:connection"
              variant="default"
              onClick={() => setDialog('change')}
            >
              Change…
            </ActButton>
            <ActButton
              needs="POST /v1/scim-connections/:connection/rotate"
              variant="default"
              onClick={() => setDialog('rotate')}
            >
              Rotate the token…
            </ActButton>
            <ActButton
              needs="POST /v1/scim-connections/:connection/revoke"
              variant="default"
              onClick={() => setDialog('revoke')}
            >
              Revoke…
            </ActButton>
          </div>
        )}
        <Section title="Health">
          <Facts
            facts={[
              ['Status', <StatusMark key="status" status={connection.status} />],
              ['Last seen', <Time key="seen" value={connection.last_seen_at} absent="never" />],
              [
                'Provides',
                <span key="provides">
                  {plural(connection.people, 'person', 'people')}, {plural(connection.groups, 'group')}
                </span>,
              ],
              ['May provision', connection.scopes.join(', ')],
              [
                'Agents without owner',
                connection.agent_owner === null ? undefined : (
                  <Link key="owner" to="/people/$person" params={{ person: connection.agent_owner }}>
                    {connection.agent_owner}
                  </Link>
                ),
              ],
              ['Made', <Time key="made" value={connection.created} />],
              ['By', connection.created_by],
            ]}
          />
        </Section>
        {error === null ? null : (
          <Section title="Last refusal">
            <Facts
              facts={[
                ['When', <Time key="when" value={error.at} />],
                ['Request', <code key="request">{error.request}</code>],
                ['Answer', `${error.status}${error.scim_type === null ? '' : ` ${error.scim_type}`}`],
                ['Detail', error.detail],
              ]}
            />
          </Section>
        )}
        <DataTable
          label="Traffic of the last 24 hours"
          columns={TRAFFIC}
          rows={(['users', 'groups', 'agents', 'other'] as const).map((of) => ({
            of: NAMES[of],
            ...connection.last_day[of],
          }))}
          rowKey={({ of }) => of}
        />
        <Section title="Tokens">
          {connection.tokens.length === 0 ? <p className="muted">None lives.</p> : null}
          {connection.tokens.map(({ id, last4, created, expires_at, last_used_at }) => (
            <p key={id}>
              <span className="mono">…{last4}</span> made <Time value={created} />, used{' '}
              <Time value={last_used_at} absent="never" />, ends <Time value={expires_at} />
            </p>
          ))}
        </Section>
        <Section title="Tenant URL, or base URL">
          <CodeBlock code={connection.base_url} what="base URL" wrap />
        </Section>
      </div>
      {dialog === 'change' ? <ChangeDialog connection={connection} onClose={close} /> : null}
      {dialog === 'rotate' ? <RotateDialog connection={connection} onShown={onShown} onClose={close} /> : null}
      {dialog === 'revoke' ? <RevokeDialog connection={connection} onClose={close} /> : null}
    </Drawer>
  );
}

interface About {
  readonly connection: ScimConnection;
  readonly onClose: () => void;
}

function ChangeDialog({ connection, onClose }: About) {
  const [scopes, setScopes] = useState(connection.scopes);
  const [owner, setOwner] = useState(connection.agent_owner ?? undefined);
  const save = useWrite({
    write: () =>
      send<ScimConnection>('PATCH', at`/v1/scim-connections/${connection.id}`, { scopes, agent_owner: owner ?? null }),
    changes: ['scim'],
    done: ({ name }) => `${name} is saved.`,
    onDone: onClose,
  });
  return (
    <Modal opened onClose={onClose} title={`Change ${connection.name}`} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(undefined);
        }}
      >
        <ScopesField value={scopes} onChange={setScopes} owner={owner} onOwner={setOwner} />
        {save.isError ? <ErrorNotice error={save.error} /> : null}
        <Button type="submit" loading={save.isPending} disabled={scopes.length === 0}>
          Save
        </Button>
      </form>
    </Modal>
  );
}

const OVERLAPS = [
  { value: '0', label: 'Ends now' },
  { value: '3600', label: 'Lives for 1 hour more' },
  { value: '86400', label: 'Lives for 1 day more' },
  { value: '604800', label: 'Lives for 7 days more' },
];

function RotateDialog({ connection, onShown, onClose }: About & { readonly onShown: (made: ScimConnection) => void }) {
  const [overlap, setOverlap] = useState('86400');
  const [lifetime, setLifetime] = useState('31536000');
  const rotate = useWrite({
    write: () =>
      send<ScimConnection>('POST', at`/v1/scim-connections/${connection.id}/rotate`, {
        overlap_seconds: Number(overlap),
        expires_in_seconds: Number(lifetime),
      }),
    changes: ['scim'],
    onDone: onShown,
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Rotate the token of ${connection.name}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          rotate.mutate(undefined);
        }}
      >
        <Select
          label="The token that it has"
          data={OVERLAPS}
          value={overlap}
          onChange={(next) => setOverlap(next ?? overlap)}
        />
        <Select
          label="The new one ends after"
          data={TOKEN_LIFETIMES}
          value={lifetime}
          onChange={(next) => setLifetime(next ?? lifetime)}
        />
        {rotate.isError ? <ErrorNotice error={rotate.error} /> : null}
        <Button type="submit" loading={rotate.isPending}>
          Rotate
        </Button>
      </form>
    </Modal>
  );
}

function RevokeDialog({ connection, onClose }: About) {
  const revoke = useWrite({
    write: () => send<ScimConnection>('POST', at`/v1/scim-connections/${connection.id}/revoke`, {}),
    changes: ['scim'],
    done: ({ name }) => `${name} is revoked.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Revoke ${connection.name}`}
      action="Revoke"
      danger
      word={connection.name}
      pending={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate(undefined)}
      onClose={onClose}
    >
      Its tokens end now, and the name is not used again. The {plural(connection.people, 'person', 'people')} and{' '}
      {plural(connection.groups, 'group')} that it provided stay as they are, and nobody there deactivates them any
      more.
    </Confirm>
  );
}
