import { Button, Modal, Select, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { tokensQuery } from '../../api/queries.ts';
import type { Agent, AgentToken } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { DEFAULT_LIFETIME, LIFETIMES } from './CreateAgent.tsx';
import { TokenOnce } from './TokenOnce.tsx';

type Act = { readonly kind: 'mint' } | { readonly kind: 'rotate' | 'revoke'; readonly token: AgentToken };

const COLUMNS: readonly Column<AgentToken>[] = [
  {
    key: 'name',
    header: 'Token',
    cell: ({ name, last4, role }) => (
      <TwoLines
        first={
          <>
            {name === '' ? 'unnamed' : name} <span className="mono muted">…{last4}</span>
          </>
        }
        second={role === null ? undefined : `only as ${role}`}
      />
    ),
  },
  { key: 'status', header: 'Status', width: '108px', cell: ({ status }) => <StatusMark status={status} /> },
  {
    key: 'used',
    header: 'Last used',
    width: '104px',
    cell: ({ last_used_at }) => <Time value={last_used_at} absent="never" />,
  },
  { key: 'expires', header: 'Expires', width: '104px', cell: ({ expires_at }) => <Time value={expires_at} /> },
];

export function AgentTokens({ agent }: { readonly agent: Agent }) {
  const { data, error, refetch } = useQuery(tokensQuery(agent.id));
  const [act, setAct] = useState<Act>();
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const columns: readonly Column<AgentToken>[] = [
    ...COLUMNS,
    actions('150px', (token) =>
      token.status === 'live' ? (
        <>
          <ActButton
            needs="POST /v1/tokens/:id/rotate"
            variant="default"
            size="compact-xs"
            aria-label={`Rotate ${token.name} ${token.last4}`}
            onClick={() => setAct({ kind: 'rotate', token })}
          >
            Rotate
          </ActButton>
          <ActButton
            needs="POST /v1/tokens/:id/revoke"
            variant="default"
            size="compact-xs"
            aria-label={`Revoke ${token.name} ${token.last4}`}
            onClick={() => setAct({ kind: 'revoke', token })}
          >
            Revoke
          </ActButton>
        </>
      ) : null,
    ),
  ];
  const mint = (
    <ActButton
      needs="POST /v1/tokens"
      variant="default"
      leftSection={<IconPlus size={14} aria-hidden />}
      onClick={() => setAct({ kind: 'mint' })}
      disabled={agent.status === 'revoked'}
    >
      Mint a token
    </ActButton>
  );
  return (
    <div className="stack-tight">
      <div className="spread">
        <p className="muted">Tokens are checked against current state on every call.</p>
        {mint}
      </div>
      <DataTable
        label="Tokens"
        columns={columns}
        rows={data}
        rowKey={({ id }) => id}
        empty={
          <Empty title="No tokens" command={`npx hivekey token create ${agent.name}`}>
            The agent needs one to connect.
          </Empty>
        }
      />
      {act?.kind === 'mint' || act?.kind === 'rotate' ? (
        <MintDialog
          agent={agent}
          replaces={act.kind === 'rotate' ? act.token : undefined}
          onClose={() => setAct(undefined)}
        />
      ) : null}
      {act?.kind === 'revoke' ? <RevokeDialog token={act.token} onClose={() => setAct(undefined)} /> : null}
    </div>
  );
}

const OVERLAPS = [
  { value: '0', label: 'at once' },
  { value: '3600', label: 'after 1 hour' },
  { value: '86400', label: 'after 1 day' },
  { value: '604800', label: 'after 7 days' },
];

/** Mints a token, or a successor of one. */
function MintDialog({
  agent,
  replaces,
  onClose,
}: {
  readonly agent: Agent;
  readonly replaces: AgentToken | undefined;
  readonly onClose: () => void;
}) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<string | null>(null);
  const [lifetime, setLifetime] = useState(DEFAULT_LIFETIME);
  const [overlap, setOverlap] = useState('3600');
  const mint = useWrite({
    write: () => {
      const expires = { expires_in_seconds: Number(lifetime) };
      return replaces === undefined
        ? send<AgentToken>('POST', '/v1/tokens', {
            agent: agent.id,
            ...(name.trim() === '' ? {} : { name: name.trim() }),
            ...(role === null ? {} : { role }),
            ...expires,
          })
        : send<AgentToken>('POST', at`/v1/tokens/${replaces.id}/rotate`, {
            overlap_seconds: Number(overlap),
            ...expires,
          });
    },
    changes: ['tokens'],
  });
  const minted = mint.data?.token;
  return (
    <Modal
      opened
      onClose={onClose}
      size={560}
      title={
        replaces === undefined
          ? `Mint a token for ${agent.name}`
          : `Rotate ${replaces.name || 'token'} …${replaces.last4}`
      }
      closeOnClickOutside={minted === undefined}
      closeOnEscape={minted === undefined}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {minted === undefined ? (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            mint.mutate(undefined);
          }}
        >
          {replaces === undefined ? (
            <>
              <TextInput
                label="Name"
                description="Where it will be used."
                placeholder="ci"
                data-autofocus
                autoComplete="off"
                value={name}
                onChange={(event) => setName(event.currentTarget.value)}
              />
              {agent.roles.length > 1 ? (
                <Select
                  label="Role"
                  description="Narrows the token to one of the agent's roles."
                  placeholder="All its roles"
                  clearable
                  data={[...agent.roles]}
                  value={role}
                  onChange={setRole}
                />
              ) : null}
            </>
          ) : (
            <Select
              label="The old token ends"
              data={OVERLAPS}
              value={overlap}
              onChange={(next) => setOverlap(next ?? overlap)}
            />
          )}
          <Select
            label="Expires after"
            data={LIFETIMES}
            value={lifetime}
            onChange={(next) => setLifetime(next ?? lifetime)}
          />
          {mint.isError ? <ErrorNotice error={mint.error} /> : null}
          <Button type="submit" loading={mint.isPending}>
            {replaces === undefined ? 'Mint token' : 'Rotate token'}
          </Button>
        </form>
      ) : (
        <div className="stack">
          <TokenOnce token={minted} />
          <Button variant="default" onClick={onClose}>
            Done
          </Button>
        </div>
      )}
    </Modal>
  );
}

function RevokeDialog({ token, onClose }: { readonly token: AgentToken; readonly onClose: () => void }) {
  const revoke = useWrite({
    write: () => send<AgentToken>('POST', at`/v1/tokens/${token.id}/revoke`, {}),
    changes: ['tokens'],
    done: () => `Token …${token.last4} is dead.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Revoke token …${token.last4}`}
      action="Revoke token"
      danger
      pending={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate(undefined)}
      onClose={onClose}
    >
      Whatever uses it is refused from its next call on. The agent itself and its other tokens go on.
    </Confirm>
  );
}
