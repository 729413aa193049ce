import { Menu } from '@mantine/core';
import { IconChevronDown, IconKey, IconPassword, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { credentialsQuery } from '../../../api/agent-queries.ts';
import type { Credential } from '../../../api/agent-types.ts';
import { at, send } from '../../../api/client.ts';
import type { Agent } from '../../../api/types.ts';
import { useRefusal } from '../../../app/may.ts';
import { useWrite } from '../../../app/write.ts';
import { ActButton } from '../../../ui/ActButton.tsx';
import { Confirm } from '../../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../../ui/DataTable.tsx';
import { actorWords } from '../../../ui/format.ts';
import { Empty, ErrorNotice } from '../../../ui/Notice.tsx';
import { Time } from '../../../ui/Time.tsx';
import { StatusMark } from '../../../ui/Verdict.tsx';
import classes from '../agents.module.css';
import { AddFederation } from './AddFederation.tsx';
import { AddKey } from './AddKey.tsx';
import { claimLines } from './claims.ts';
import { MintDialog } from './MintDialog.tsx';

type Act =
  | { readonly kind: 'mint' | 'key' | 'federation' }
  | { readonly kind: 'rotate' | 'revoke'; readonly credential: Credential };

const KINDS = { token: 'token', key: 'public key', federation: 'federation', connection: 'browser sign-in' } as const;

/** What tells it from others of its kind. */
function markOf({ last4, key, federation, connection }: Credential): string {
  if (connection !== null) return connection.client_host ?? connection.client_id;
  if (key !== null) return `${key.algorithm} ${key.thumbprint.slice(0, 12)}…`;
  return federation === null ? `…${last4}` : federation.issuer_name;
}

function detailOf({ kind, role, dpop, connection }: Credential): string {
  return [
    KINDS[kind],
    connection === null ? '' : connection.entrances.join(', '),
    role === null ? '' : `only as ${role}`,
    dpop === 'required' ? 'bound to a key of the client' : '',
  ]
    .filter((words) => words !== '')
    .join(' · ');
}

const COLUMNS: readonly Column<Credential>[] = [
  {
    key: 'name',
    header: 'Credential',
    cell: (credential) => (
      <>
        <TwoLines
          first={
            <span
              title={credential.key?.thumbprint ?? credential.federation?.issuer ?? credential.connection?.client_id}
            >
              {credential.name === '' ? 'unnamed' : credential.name}{' '}
              <span className="mono muted">{markOf(credential)}</span>
            </span>
          }
          second={detailOf(credential)}
        />
        {credential.federation === null ? null : (
          <ul className={classes.claims} aria-label="Claims it must have">
            {claimLines(credential.federation.claims).map((line) => (
              <li key={line} className="mono">
                {line}
              </li>
            ))}
          </ul>
        )}
      </>
    ),
  },
  { key: 'status', header: 'Status', width: '98px', cell: ({ status }) => <StatusMark status={status} /> },
  {
    key: 'made',
    header: 'Made',
    width: '112px',
    cell: ({ created, created_by }) => (
      <TwoLines first={<Time value={created} />} second={`by ${actorWords(created_by)}`} />
    ),
  },
  {
    key: 'used',
    header: 'Last used',
    width: '88px',
    cell: ({ last_used_at }) => <Time value={last_used_at} absent="never" />,
  },
  { key: 'expires', header: 'Expires', width: '80px', cell: ({ expires_at }) => <Time value={expires_at} /> },
];

/** What the agent proves itself with: tokens, keys whose private half it holds, workloads that it is, clients that people have connected. */
export function AgentCredentials({ agent }: { readonly agent: Agent }) {
  const { data, error, refetch } = useQuery(credentialsQuery(agent.id));
  const [act, setAct] = useState<Act>();
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const close = () => setAct(undefined);
  const columns: readonly Column<Credential>[] = [
    ...COLUMNS,
    actions('152px', (credential) =>
      credential.status === 'live' ? (
        <>
          {credential.kind === 'token' ? (
            <ActButton
              needs="POST /v1/tokens/:id/rotate"
              variant="default"
              size="compact-xs"
              aria-label={`Rotate ${credential.name} ${credential.last4}`}
              onClick={() => setAct({ kind: 'rotate', credential })}
            >
              Rotate
            </ActButton>
          ) : null}
          <ActButton
            needs={
              credential.kind === 'token'
                ? 'POST /v1/tokens/:id/revoke'
                : 'POST /v1/agents/:agent/credentials/:id/revoke'
            }
            variant="default"
            size="compact-xs"
            aria-label={`Revoke ${credential.name} ${markOf(credential)}`}
            onClick={() => setAct({ kind: 'revoke', credential })}
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
        <p className="muted">All are checked against current state on every call.</p>
        <span className="row">
          <ActButton
            needs="POST /v1/tokens"
            variant="default"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => setAct({ kind: 'mint' })}
            disabled={agent.status === 'revoked'}
          >
            Mint a token
          </ActButton>
          <WithoutSecret isRevoked={agent.status === 'revoked'} onChoose={(kind) => setAct({ kind })} />
        </span>
      </div>
      <DataTable
        label="Credentials"
        columns={columns}
        rows={data}
        rowKey={({ id }) => id}
        empty={
          <Empty title="No credential" command={`npx hivekey token create ${agent.name}`}>
            The agent needs one to connect: a token, or, without a secret that could leak, a key of its own or the
            identity of the workload that it is.
          </Empty>
        }
      />
      {act?.kind === 'mint' || act?.kind === 'rotate' ? (
        <MintDialog agent={agent} replaces={act.kind === 'rotate' ? act.credential : undefined} onClose={close} />
      ) : null}
      {act?.kind === 'key' ? <AddKey agent={agent} onClose={close} /> : null}
      {act?.kind === 'federation' ? <AddFederation agent={agent} onClose={close} /> : null}
      {act?.kind === 'revoke' ? <RevokeDialog agent={agent} credential={act.credential} onClose={close} /> : null}
    </div>
  );
}

function WithoutSecret({
  isRevoked,
  onChoose,
}: {
  readonly isRevoked: boolean;
  readonly onChoose: (kind: 'key' | 'federation') => void;
}) {
  const refusal = useRefusal('POST /v1/agents/:agent/credentials');
  const target = (
    <ActButton
      needs="POST /v1/agents/:agent/credentials"
      variant="default"
      rightSection={<IconChevronDown size={14} aria-hidden />}
      disabled={isRevoked}
    >
      Without a secret
    </ActButton>
  );
  if (refusal !== undefined) return target;
  return (
    <Menu position="bottom-end" width={270}>
      <Menu.Target>{target}</Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconKey size={14} aria-hidden />} onClick={() => onChoose('key')}>
          Register a public key
        </Menu.Item>
        <Menu.Item leftSection={<IconPassword size={14} aria-hidden />} onClick={() => onChoose('federation')}>
          Trust a workload
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function RevokeDialog({
  agent,
  credential,
  onClose,
}: {
  readonly agent: Agent;
  readonly credential: Credential;
  readonly onClose: () => void;
}) {
  const what = `${KINDS[credential.kind]} ${credential.name === '' ? markOf(credential) : credential.name}`;
  const revoke = useWrite({
    write: () =>
      send<unknown>(
        'POST',
        credential.kind === 'token'
          ? at`/v1/tokens/${credential.id}/revoke`
          : at`/v1/agents/${agent.id}/credentials/${credential.id}/revoke`,
        {},
      ),
    changes: ['credentials', 'agents'],
    done: () => `The ${what} is dead.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Revoke ${what}`}
      action="Revoke"
      danger
      pending={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate(undefined)}
      onClose={onClose}
    >
      Whatever uses it, or an access token that was given for it, is refused from its next call on. The agent and its
      other credentials go on.
    </Confirm>
  );
}
