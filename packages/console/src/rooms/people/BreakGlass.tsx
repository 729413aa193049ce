import { Button, Modal, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { breakGlassQuery } from '../../api/identity-queries.ts';
import type { BreakGlass as Accounts, Invitation } from '../../api/identity-types.ts';
import { useRefusal } from '../../app/may.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { CodeBlock } from '../../ui/Copy.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { plural } from '../../ui/format.ts';
import { ErrorNotice, ShownOnce } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';

type Account = Accounts['accounts'][number];
type Dialog =
  | { readonly kind: 'add' }
  | { readonly kind: 'remove'; readonly account: Account }
  | { readonly kind: 'link'; readonly url: string; readonly email: string };

/** Administrators who come in with a passkey alone, for when the identity provider is out. */
export function BreakGlass() {
  return useRefusal('GET /v1/break-glass') === undefined ? <AccountList /> : null;
}

function AccountList() {
  const { data, error, refetch } = useQuery(breakGlassQuery);
  const [dialog, setDialog] = useState<Dialog>();
  const again = useWrite({
    write: ({ person }: Account) => send<Invitation>('POST', at`/v1/break-glass/${person}/invitations`, {}),
    changes: ['break-glass'],
    onDone: ({ url = '' }, { email }) => setDialog({ kind: 'link', url, email }),
  });
  const columns: readonly Column<Account>[] = [
    {
      key: 'email',
      header: 'Account',
      cell: ({ email, display_name }) => (
        <TwoLines
          first={
            <Link to="/people/$person" params={{ person: email }}>
              {email}
            </Link>
          }
          second={display_name}
        />
      ),
    },
    {
      key: 'passkeys',
      header: 'Passkeys',
      width: '150px',
      cell: ({ passkeys }) =>
        passkeys === 0 ? <Mark tone="review">none yet</Mark> : <span className="num">{passkeys}</span>,
    },
    {
      key: 'used',
      header: 'Last used',
      width: '112px',
      cell: ({ last_used_at }) => <Time value={last_used_at} absent="never" />,
    },
    actions('190px', (account) => (
      <>
        <ActButton
          needs="POST /v1/break-glass/:person/invitations"
          variant="default"
          size="compact-xs"
          aria-label={`Make a link for ${account.email}`}
          loading={again.isPending && again.variables?.person === account.person}
          onClick={() => again.mutate(account)}
        >
          New link
        </ActButton>
        <ActButton
          needs="DELETE /v1/break-glass/:person"
          variant="default"
          size="compact-xs"
          aria-label={`Remove ${account.email}`}
          onClick={() => setDialog({ kind: 'remove', account })}
        >
          Remove
        </ActButton>
      </>
    )),
  ];
  return (
    <Section
      title="Accounts for emergencies"
      aside={
        <ActButton
          needs="POST /v1/break-glass"
          variant="default"
          size="compact-sm"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => setDialog({ kind: 'add' })}
        >
          Set up an account
        </ActButton>
      }
    >
      <p className="muted">
        Administrators who come in with a passkey alone when the identity provider is out. Each use raises an alarm;
        keep the passkeys where two people have to fetch them.
        {data !== undefined && data.usable < data.minimum
          ? ` ${plural(data.usable, 'account')} can be used now: have at least ${data.minimum}.`
          : ''}
      </p>
      {error === null ? (
        <DataTable
          label="Accounts for emergencies"
          columns={columns}
          rows={data?.accounts}
          rowKey={({ person }) => person}
          empty={<p className="muted">None. Then an outage of the provider leaves only admin keys.</p>}
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      {again.isError ? <ErrorNotice error={again.error} /> : null}
      {dialog?.kind === 'add' ? (
        <AddDialog
          onMade={(url, email) => setDialog({ kind: 'link', url, email })}
          onClose={() => setDialog(undefined)}
        />
      ) : null}
      {dialog?.kind === 'link' ? <LinkDialog {...dialog} onClose={() => setDialog(undefined)} /> : null}
      {dialog?.kind === 'remove' ? (
        <RemoveDialog account={dialog.account} onClose={() => setDialog(undefined)} />
      ) : null}
    </Section>
  );
}

function AddDialog({
  onMade,
  onClose,
}: {
  readonly onMade: (url: string, email: string) => void;
  readonly onClose: () => void;
}) {
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const add = useWrite({
    write: () => send<Invitation>('POST', '/v1/break-glass', { email: email.trim(), display_name: name.trim() }),
    changes: ['break-glass', 'people'],
    onDone: ({ url = '', person }) => onMade(url, person),
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title="Set up an account for emergencies"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate(undefined);
        }}
      >
        <TextInput
          label="E-mail"
          description="Of nobody who is a person here already: it is an account of its own."
          placeholder="emergency-1@acme.example"
          type="email"
          withAsterisk
          data-autofocus
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <TextInput label="Name" maxLength={200} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        {add.isError ? <ErrorNotice error={add.error} /> : null}
        <Button type="submit" loading={add.isPending} disabled={email.trim() === ''}>
          Set it up
        </Button>
      </form>
    </Modal>
  );
}

function LinkDialog({
  url,
  email,
  onClose,
}: {
  readonly url: string;
  readonly email: string;
  readonly onClose: () => void;
}) {
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Passkey of ${email}`}
      closeOnClickOutside={false}
      closeOnEscape={false}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <div className="stack">
        <ShownOnce>
          Open this link on the device that will keep the passkey. It is shown this once, for one use, for a day.
        </ShownOnce>
        <CodeBlock code={url} what="link" wrap />
        <Button variant="default" onClick={onClose}>
          Done
        </Button>
      </div>
    </Modal>
  );
}

function RemoveDialog({ account, onClose }: { readonly account: Account; readonly onClose: () => void }) {
  const remove = useWrite({
    write: () => send<unknown>('DELETE', at`/v1/break-glass/${account.person}`),
    changes: ['break-glass', 'people', 'sessions'],
    done: () => `${account.email} is removed.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Remove ${account.email}`}
      action="Remove"
      danger
      word={account.email}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(undefined)}
      onClose={onClose}
    >
      Its passkeys and sessions end. The last accounts that can be used stay until there are others.
    </Confirm>
  );
}
