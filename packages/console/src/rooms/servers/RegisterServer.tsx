import { Autocomplete, Checkbox, Drawer, PasswordInput, SegmentedControl, Select, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { at, send } from '../../api/client.ts';
import { secretsQuery } from '../../api/queries.ts';
import type { McpServer } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';

interface Draft {
  namespace: string;
  transport: 'http' | 'stdio';
  endpoint: string;
  command: string;
  access: 'read-only' | 'read-write' | 'none';
  allowPrivate: boolean;
  trust: boolean;
  credential: string;
  /** Stored under the name in `credential` when given. */
  secret: string;
  env: string;
}

const ACCESS = [
  { value: 'read-only', label: 'Reads on, writes off' },
  { value: 'read-write', label: 'Reads and writes on' },
  { value: 'none', label: 'Everything off' },
];

export function RegisterServer({
  opened,
  onClose,
  onRegistered,
}: {
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly onRegistered: (server: McpServer) => void;
}) {
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      title="Register an MCP server"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <RegisterForm onRegistered={onRegistered} />
    </Drawer>
  );
}

function RegisterForm({ onRegistered }: { readonly onRegistered: (server: McpServer) => void }) {
  const { data: secrets = [] } = useQuery(secretsQuery);
  const form = useForm<Draft>({
    initialValues: {
      namespace: '',
      transport: 'http',
      endpoint: '',
      command: '',
      access: 'read-only',
      allowPrivate: false,
      trust: false,
      credential: '',
      secret: '',
      env: '',
    },
    validate: {
      namespace: (value) =>
        /^[a-z][a-z0-9-]{0,30}$/.test(value)
          ? null
          : 'Lower-case letters, digits and hyphens, beginning with a letter.',
      endpoint: (value, { transport }) =>
        transport === 'stdio' || /^https?:\/\//.test(value) ? null : 'An http or https address.',
      command: (value, { transport }) =>
        transport === 'http' || value.trim() !== '' ? null : 'The program and its arguments.',
      credential: (value, { secret }) =>
        value === ''
          ? secret === ''
            ? null
            : 'Name it: vault://name.'
          : /^(vault|env|file):\/\//.test(value)
            ? null
            : 'A reference such as vault://crm-key.',
      env: (value, { transport, credential }) =>
        transport === 'http' || credential === '' || value !== '' ? null : 'The variable that the server reads.',
    },
  });
  const register = useWrite({
    write: async (draft: Draft) => {
      const { namespace, transport, endpoint, command, access, allowPrivate, trust, credential, secret, env } = draft;
      const name = /^vault:\/\/(.+)$/.exec(credential)?.[1];
      if (secret !== '' && name !== undefined) await send('PUT', at`/v1/secrets/${name}`, { value: secret });
      return send<McpServer>('POST', '/v1/mcp/servers', {
        namespace,
        ...(transport === 'http' ? { endpoint: endpoint.trim() } : { command: wordsOf(command) }),
        default_access: access,
        allow_private: allowPrivate,
        trust_annotations: trust,
        ...(credential === '' ? {} : { credential_ref: credential }),
        ...(credential !== '' && transport === 'stdio' ? { injection: { env } } : {}),
      });
    },
    changes: ['servers', 'capabilities', 'roles', 'secrets', 'system'],
    done: ({ namespace, discovered }) => `${namespace}: ${discovered} definitions discovered. Nothing is granted yet.`,
    onDone: onRegistered,
  });
  const { values } = form;
  const isHttp = values.transport === 'http';
  return (
    <form className="stack" noValidate onSubmit={form.onSubmit((draft) => register.mutate(draft))}>
      <TextInput
        label="Namespace"
        description="Prefix of its tools: crm makes crm.read."
        placeholder="crm"
        withAsterisk
        data-autofocus
        autoComplete="off"
        spellCheck={false}
        {...form.getInputProps('namespace')}
      />
      <SegmentedControl
        aria-label="Transport"
        data={[
          { value: 'http', label: 'Streamable HTTP' },
          { value: 'stdio', label: 'Local program (stdio)' },
        ]}
        {...form.getInputProps('transport')}
      />
      {isHttp ? (
        <>
          <TextInput
            label="Endpoint"
            placeholder="https://mcp.internal.acme.example/mcp"
            withAsterisk
            spellCheck={false}
            {...form.getInputProps('endpoint')}
          />
          <Checkbox
            label="It may have a private or loopback address"
            {...form.getInputProps('allowPrivate', { type: 'checkbox' })}
          />
        </>
      ) : (
        <TextInput
          label="Command"
          description="Started on the HiveKey host without a shell. Quote arguments that hold spaces."
          placeholder="npx -y @modelcontextprotocol/server-filesystem /srv/files"
          withAsterisk
          spellCheck={false}
          {...form.getInputProps('command')}
        />
      )}
      <Select
        label="What is switched on"
        description="Of what is discovered now. Roles still grant each tool."
        data={ACCESS}
        {...form.getInputProps('access')}
      />
      <Checkbox
        label="Believe its own marks of what only reads"
        description="Otherwise every tool counts as a write until somebody says that it reads."
        {...form.getInputProps('trust', { type: 'checkbox' })}
      />
      <Autocomplete
        label="Credential"
        description="A reference; agents never see the value."
        placeholder="vault://crm-key"
        data={secrets.map(({ name }) => `vault://${name}`)}
        spellCheck={false}
        {...form.getInputProps('credential')}
      />
      {values.credential.startsWith('vault://') ? (
        <PasswordInput
          label="Value to store under that name"
          description="Encrypted at rest and never shown again. Leave it empty to use what is stored."
          autoComplete="off"
          visibilityToggleButtonProps={{ 'aria-label': 'Show the value' }}
          {...form.getInputProps('secret')}
        />
      ) : null}
      {values.credential !== '' && !isHttp ? (
        <TextInput
          label="Variable that holds it"
          placeholder="CRM_TOKEN"
          spellCheck={false}
          {...form.getInputProps('env')}
        />
      ) : null}
      {register.isError ? <ErrorNotice error={register.error} /> : null}
      <ActButton needs="POST /v1/mcp/servers" type="submit" loading={register.isPending}>
        Register
      </ActButton>
    </form>
  );
}

/** Splits a command at spaces; what stands between quotes stays together. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? '',
  );
}
