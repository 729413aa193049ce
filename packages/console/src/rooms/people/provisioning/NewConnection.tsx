import { Button, Checkbox, Drawer, Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import { send } from '../../../api/client.ts';
import type { ScimConnection, ScimScope } from '../../../api/identity-types.ts';
import { useWrite } from '../../../app/write.ts';
import { CodeBlock } from '../../../ui/Copy.tsx';
import { ErrorNotice, ShownOnce } from '../../../ui/Notice.tsx';
import { OwnerPicker } from '../../../ui/Pickers.tsx';
import classes from '../people.module.css';

const SCOPES: readonly { readonly value: ScimScope; readonly label: string; readonly description: string }[] = [
  { value: 'users', label: 'People', description: 'It adds, changes and deactivates them.' },
  { value: 'groups', label: 'Groups', description: 'It says who is in which.' },
  { value: 'agents', label: 'Agents', description: 'It proposes and deactivates them; it grants nothing.' },
];

export const TOKEN_LIFETIMES = [
  { value: '7776000', label: '90 days' },
  { value: '15552000', label: '180 days' },
  { value: '31536000', label: '1 year' },
];

/** Makes a connection, or shows what was made, once. */
export function NewConnection({
  shown,
  onShown,
  onClose,
}: {
  readonly shown: ScimConnection | undefined;
  readonly onShown: (connection: ScimConnection) => void;
  readonly onClose: () => void;
}) {
  return (
    <Drawer
      opened
      onClose={onClose}
      title={shown === undefined ? 'New SCIM connection' : shown.name}
      closeOnClickOutside={shown === undefined}
      closeOnEscape={shown === undefined}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {shown === undefined ? <Form onCreated={onShown} /> : <TokenOnce connection={shown} onClose={onClose} />}
    </Drawer>
  );
}

function Form({ onCreated }: { readonly onCreated: (connection: ScimConnection) => void }) {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<readonly ScimScope[]>(['users', 'groups']);
  const [owner, setOwner] = useState<string>();
  const [lifetime, setLifetime] = useState('31536000');
  const create = useWrite({
    write: () =>
      send<ScimConnection>('POST', '/v1/scim-connections', {
        name: name.trim(),
        scopes,
        ...(scopes.includes('agents') && owner !== undefined ? { agent_owner: owner } : {}),
        expires_in_seconds: Number(lifetime),
      }),
    changes: ['scim'],
    onDone: onCreated,
  });
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate(undefined);
      }}
    >
      <TextInput
        label="Name"
        description="Stands in the log as the actor, as scim:okta."
        placeholder="okta"
        withAsterisk
        data-autofocus
        autoComplete="off"
        spellCheck={false}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <ScopesField value={scopes} onChange={setScopes} owner={owner} onOwner={setOwner} />
      <Select
        label="Its token ends after"
        data={TOKEN_LIFETIMES}
        value={lifetime}
        onChange={(next) => setLifetime(next ?? lifetime)}
      />
      {create.isError ? <ErrorNotice error={create.error} /> : null}
      <Button type="submit" loading={create.isPending} disabled={name.trim() === '' || scopes.length === 0}>
        Create connection
      </Button>
    </form>
  );
}

/** What the connection may provision, and who is accountable for the agents among it. */
export function ScopesField({
  value,
  onChange,
  owner,
  onOwner,
}: {
  readonly value: readonly ScimScope[];
  readonly onChange: (value: readonly ScimScope[]) => void;
  readonly owner: string | undefined;
  readonly onOwner: (owner: string | undefined) => void;
}) {
  return (
    <>
      <fieldset className={classes.roles}>
        <legend className={classes.legend}>It may provision</legend>
        {SCOPES.map(({ value: scope, label, description }) => (
          <Checkbox
            key={scope}
            label={label}
            description={description}
            checked={value.includes(scope)}
            onChange={(event) => {
              const others = value.filter((each) => each !== scope);
              onChange(event.currentTarget.checked ? [...others, scope] : others);
            }}
          />
        ))}
      </fieldset>
      {value.includes('agents') ? (
        <OwnerPicker
          label="Owner of its agents"
          description="Accountable for agents whose owner the directory does not name."
          onlyKnown
          clearable
          value={owner}
          onChange={onOwner}
        />
      ) : null}
    </>
  );
}

function TokenOnce({ connection, onClose }: { readonly connection: ScimConnection; readonly onClose: () => void }) {
  return (
    <div className="stack">
      <ShownOnce>Copy the token now. It is shown this once and stored only as a hash.</ShownOnce>
      <div>
        <p className="muted">Tenant URL, or base URL</p>
        <CodeBlock code={connection.base_url} what="base URL" wrap />
      </div>
      <div>
        <p className="muted">Secret token, or bearer token</p>
        <CodeBlock code={connection.token ?? ''} what="token" wrap />
      </div>
      <aside className={classes.help} aria-label="What to do in the directory">
        <ul className={classes.steps}>
          <li>
            Okta: Provisioning → Integration → SCIM; unique identifier userName; Push New Users, Push Profile Updates,
            Push Groups; HTTP Header.
          </li>
          <li>
            Microsoft Entra ID: Provisioning → Automatic. Map objectId to externalId, so that sign-in finds the same
            people.
          </li>
          <li>Deactivating somebody there suspends the agents they own here, in the same request.</li>
        </ul>
      </aside>
      <Button variant="default" onClick={onClose}>
        Done
      </Button>
    </div>
  );
}
