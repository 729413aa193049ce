import { Button, Checkbox, Drawer, Select, Textarea, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import type { Agent, AgentToken } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { OwnerPicker, RolesPicker } from '../../ui/Pickers.tsx';
import { TokenOnce } from './TokenOnce.tsx';

export const LIFETIMES = [
  { value: '86400', label: '1 day' },
  { value: '604800', label: '7 days' },
  { value: '2592000', label: '30 days' },
  { value: '7776000', label: '90 days' },
  { value: '31536000', label: '1 year' },
];
export const DEFAULT_LIFETIME = '7776000';

interface Draft {
  name: string;
  owner: string;
  roles: string[];
  description: string;
  withToken: boolean;
  lifetime: string;
}

interface Created {
  readonly agent: Agent;
  readonly token: AgentToken | undefined;
  /** The agent exists, but its token could not be minted. */
  readonly tokenError: unknown;
}

export function CreateAgent({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) {
  const [created, setCreated] = useState<Created>();
  function close(): void {
    setCreated(undefined);
    onClose();
  }
  return (
    <Drawer
      opened={opened}
      onClose={close}
      title={created === undefined ? 'New agent' : `Agent ${created.agent.name}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
      // A token that is shown once must not vanish with a stray click.
      closeOnClickOutside={created?.token === undefined}
      closeOnEscape={created?.token === undefined}
    >
      {created === undefined ? (
        <AgentForm onCreated={setCreated} />
      ) : (
        <div className="stack">
          <p>
            <Link to="/agents/$agent" params={{ agent: created.agent.name }}>
              {created.agent.name}
            </Link>{' '}
            can now use what its roles grant: {created.agent.roles.join(', ')}.
          </p>
          {created.token?.token === undefined ? null : <TokenOnce token={created.token.token} />}
          {created.tokenError === undefined ? null : (
            <>
              <p>The agent was created, but its token was not. Mint one on its page.</p>
              <ErrorNotice error={created.tokenError} />
            </>
          )}
          <Button variant="default" onClick={close}>
            Done
          </Button>
        </div>
      )}
    </Drawer>
  );
}

function AgentForm({ onCreated }: { readonly onCreated: (created: Created) => void }) {
  const form = useForm<Draft>({
    initialValues: { name: '', owner: '', roles: [], description: '', withToken: true, lifetime: DEFAULT_LIFETIME },
    validate: {
      name: (name) => (name.trim() === '' ? 'Give it a name.' : null),
      owner: (owner) => (owner.includes('@') ? null : 'Give the e-mail of an accountable person.'),
      roles: (roles) => (roles.length === 0 ? 'Choose a role; without one an agent can do nothing.' : null),
    },
  });
  const create = useWrite({
    write: async ({ name, owner, roles, description, withToken, lifetime }: Draft): Promise<Created> => {
      const agent = await send<Agent>('POST', '/v1/agents', {
        name: name.trim(),
        owner: owner.trim(),
        roles,
        ...(description.trim() === '' ? {} : { description: description.trim() }),
      });
      if (!withToken) return { agent, token: undefined, tokenError: undefined };
      try {
        const body = { agent: agent.id, name: 'first', expires_in_seconds: Number(lifetime) };
        return { agent, token: await send<AgentToken>('POST', '/v1/tokens', body), tokenError: undefined };
      } catch (tokenError) {
        return { agent, token: undefined, tokenError };
      }
    },
    changes: ['agents', 'people', 'roles', 'credentials'],
    onDone: onCreated,
  });
  const { values, errors } = form;
  return (
    <form className="stack" noValidate onSubmit={form.onSubmit((draft) => create.mutate(draft))}>
      <TextInput
        label="Name"
        description="A unique handle. It is never reused."
        placeholder="support-bot"
        withAsterisk
        data-autofocus
        autoComplete="off"
        spellCheck={false}
        {...form.getInputProps('name')}
      />
      <OwnerPicker
        label="Owner"
        description="The person who answers for what it does."
        placeholder="dana@acme.example"
        required
        value={values.owner}
        onChange={(owner) => form.setFieldValue('owner', owner ?? '')}
        error={asText(errors.owner)}
      />
      <RolesPicker
        label="Roles"
        description="It may do what any of them grants; the guards of all of them apply."
        value={values.roles}
        onChange={(roles) => form.setFieldValue('roles', roles)}
        error={asText(errors.roles)}
      />
      <Textarea label="Description" autosize minRows={2} maxLength={500} {...form.getInputProps('description')} />
      <Checkbox label="Mint a first token" {...form.getInputProps('withToken', { type: 'checkbox' })} />
      {values.withToken ? (
        <Select label="Token expires after" data={LIFETIMES} {...form.getInputProps('lifetime')} />
      ) : null}
      {create.isError ? <ErrorNotice error={create.error} /> : null}
      <ActButton needs="POST /v1/agents" type="submit" loading={create.isPending}>
        Create agent
      </ActButton>
    </form>
  );
}

function asText(error: unknown): string | undefined {
  return typeof error === 'string' ? error : undefined;
}
