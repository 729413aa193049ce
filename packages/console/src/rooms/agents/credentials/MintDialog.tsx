import { Button, Modal, Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Credential } from '../../../api/agent-types.ts';
import { at, send } from '../../../api/client.ts';
import type { Agent, AgentToken } from '../../../api/types.ts';
import { useWrite } from '../../../app/write.ts';
import { ErrorNotice } from '../../../ui/Notice.tsx';
import { DEFAULT_LIFETIME, LIFETIMES } from '../CreateAgent.tsx';
import { TokenOnce } from '../TokenOnce.tsx';

const OVERLAPS = [
  { value: '0', label: 'at once' },
  { value: '3600', label: 'after 1 hour' },
  { value: '86400', label: 'after 1 day' },
  { value: '604800', label: 'after 7 days' },
];

/** Mints a token, or a successor of one. */
export function MintDialog({
  agent,
  replaces,
  onClose,
}: {
  readonly agent: Agent;
  readonly replaces: Credential | undefined;
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
    changes: ['credentials', 'agents'],
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
