import { Button, Modal, Select, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { keysQuery, sessionQuery } from '../../api/queries.ts';
import type { AdminKey } from '../../api/types.ts';
import { useRefusal } from '../../app/may.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { CodeBlock } from '../../ui/Copy.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { ErrorNotice, NotForYou, ShownOnce } from '../../ui/Notice.tsx';
import { OwnerPicker } from '../../ui/Pickers.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';

type Act = { readonly kind: 'create' } | { readonly kind: 'rotate' | 'revoke'; readonly key: AdminKey };

const NEVER = 'never';
const LIFETIMES = [
  { value: NEVER, label: 'Never' },
  { value: '86400', label: '1 day' },
  { value: '2592000', label: '30 days' },
  { value: '7776000', label: '90 days' },
  { value: '31536000', label: '1 year' },
];

export function Keys() {
  const refusal = useRefusal('GET /v1/keys');
  return refusal === undefined ? <KeyList /> : <NotForYou>{refusal}</NotForYou>;
}

function KeyList() {
  const { data, error, refetch } = useQuery(keysQuery);
  const { data: session } = useQuery(sessionQuery);
  const [act, setAct] = useState<Act>();
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const columns: readonly Column<AdminKey>[] = [
    {
      key: 'name',
      header: 'Admin key',
      cell: ({ id, name, last4 }) => (
        <TwoLines
          first={
            <>
              {name} <span className="mono muted">…{last4}</span>
            </>
          }
          second={id === session?.key?.id ? 'this session came from it' : undefined}
        />
      ),
    },
    {
      key: 'person',
      header: 'Person',
      cell: ({ person }) => person ?? <span className="muted">nobody: it decides about no approval</span>,
    },
    { key: 'status', header: 'Status', width: '110px', cell: ({ status }) => <StatusMark status={status} /> },
    {
      key: 'created',
      header: 'Created',
      width: '180px',
      cell: ({ created, created_by }) => <TwoLines first={<Time value={created} />} second={`by ${created_by}`} />,
    },
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
    actions('150px', (key) =>
      key.status === 'live' ? (
        <>
          <ActButton
            needs="POST /v1/keys/:id/rotate"
            variant="default"
            size="compact-xs"
            aria-label={`Rotate ${key.name}`}
            onClick={() => setAct({ kind: 'rotate', key })}
          >
            Rotate
          </ActButton>
          <ActButton
            needs="POST /v1/keys/:id/revoke"
            variant="default"
            size="compact-xs"
            aria-label={`Revoke ${key.name}`}
            onClick={() => setAct({ kind: 'revoke', key })}
          >
            Revoke
          </ActButton>
        </>
      ) : null,
    ),
  ];
  return (
    <div className="stack-tight">
      <div className="spread">
        <p className="muted">
          An admin key manages everything. Give each person and each pipeline one of its own; only a key that belongs to
          a person decides about approvals.
        </p>
        <ActButton
          needs="POST /v1/keys"
          style={{ flexShrink: 0 }}
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => setAct({ kind: 'create' })}
        >
          New admin key
        </ActButton>
      </div>
      <DataTable label="Admin keys" columns={columns} rows={data} rowKey={({ id }) => id} />
      {act?.kind === 'create' || act?.kind === 'rotate' ? (
        <NewKeyDialog replaces={act.kind === 'rotate' ? act.key : undefined} onClose={() => setAct(undefined)} />
      ) : null}
      {act?.kind === 'revoke' ? (
        <RevokeDialog adminKey={act.key} isOwn={act.key.id === session?.key?.id} onClose={() => setAct(undefined)} />
      ) : null}
    </div>
  );
}

function NewKeyDialog({
  replaces,
  onClose,
}: {
  readonly replaces: AdminKey | undefined;
  readonly onClose: () => void;
}) {
  const [name, setName] = useState('');
  const [person, setPerson] = useState<string>();
  const [lifetime, setLifetime] = useState('7776000');
  const make = useWrite({
    write: () => {
      const expires = lifetime === NEVER ? {} : { expires_in_seconds: Number(lifetime) };
      return replaces === undefined
        ? send<AdminKey>('POST', '/v1/keys', {
            name: name.trim(),
            ...(person === undefined ? {} : { person }),
            ...expires,
          })
        : send<AdminKey>('POST', at`/v1/keys/${replaces.id}/rotate`, expires);
    },
    changes: ['keys'],
  });
  const made = make.data?.key;
  return (
    <Modal
      opened
      onClose={onClose}
      title={replaces === undefined ? 'New admin key' : `Rotate ${replaces.name}`}
      closeOnClickOutside={made === undefined}
      closeOnEscape={made === undefined}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {made === undefined ? (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            make.mutate(undefined);
          }}
        >
          {replaces === undefined ? (
            <TextInput
              label="Name"
              description="Whose it is, or what uses it. It stands in the log as the actor."
              placeholder="dana"
              withAsterisk
              data-autofocus
              autoComplete="off"
              spellCheck={false}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
          ) : (
            <p>A new key takes its place, {ofWhom(replaces)}; the old one ends in an hour.</p>
          )}
          {replaces === undefined ? (
            <OwnerPicker
              label="Person"
              description="Whose key it is. Without one it belongs to nobody, such as a pipeline."
              onlyKnown
              clearable
              value={person}
              onChange={setPerson}
            />
          ) : null}
          <Select
            label="Expires after"
            data={LIFETIMES}
            value={lifetime}
            onChange={(next) => setLifetime(next ?? lifetime)}
          />
          {make.isError ? <ErrorNotice error={make.error} /> : null}
          <Button type="submit" loading={make.isPending} disabled={replaces === undefined && name.trim() === ''}>
            {replaces === undefined ? 'Create key' : 'Rotate key'}
          </Button>
        </form>
      ) : (
        <div className="stack">
          <ShownOnce>Copy the key now. It is shown this once and stored only as a hash.</ShownOnce>
          <CodeBlock code={made} what="admin key" wrap />
          <CodeBlock code={`npx hivekey login --key ${made}`} what="command" wrap />
          <Button variant="default" onClick={onClose}>
            Done
          </Button>
        </div>
      )}
    </Modal>
  );
}

function ofWhom({ person }: AdminKey): string {
  return person === null ? 'of nobody as before' : `of ${person}`;
}

function RevokeDialog({
  adminKey,
  isOwn,
  onClose,
}: {
  readonly adminKey: AdminKey;
  readonly isOwn: boolean;
  readonly onClose: () => void;
}) {
  const revoke = useWrite({
    write: () => send<AdminKey>('POST', at`/v1/keys/${adminKey.id}/revoke`, {}),
    changes: ['keys'],
    done: () => `${adminKey.name} is revoked.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Revoke ${adminKey.name}`}
      action="Revoke key"
      danger
      word={isOwn ? adminKey.name : undefined}
      pending={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate(undefined)}
      onClose={onClose}
    >
      {isOwn
        ? 'This session came from that key: you will be signed out at once.'
        : 'What uses it is refused from now on, and console sessions that came from it end.'}
    </Confirm>
  );
}
