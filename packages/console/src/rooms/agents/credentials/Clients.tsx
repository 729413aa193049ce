import { Button, Modal, Skeleton, Switch, TagsInput, Textarea, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { browserSignInSettingsQuery, oauthClientsQuery } from '../../../api/agent-queries.ts';
import type { BrowserSignInSettings, OAuthClient } from '../../../api/agent-types.ts';
import { at, send } from '../../../api/client.ts';
import { useWrite } from '../../../app/write.ts';
import { ActButton } from '../../../ui/ActButton.tsx';
import { Confirm } from '../../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../../ui/DataTable.tsx';
import { actorWords, count, plural } from '../../../ui/format.ts';
import { Empty, ErrorNotice } from '../../../ui/Notice.tsx';
import { Section } from '../../../ui/Page.tsx';
import { Time } from '../../../ui/Time.tsx';
import { StatusMark } from '../../../ui/Verdict.tsx';

/** Programs of people that are agents because the owner has said so in a browser: whether, and which. */
export function Clients() {
  const { data, error, refetch } = useQuery(browserSignInSettingsQuery);
  return (
    <div className="stack">
      <p className="muted">
        An MCP client sends the browser here; the person chooses one of the agents they own and says yes. What it gets
        is a credential of that agent.
      </p>
      {error === null ? null : <ErrorNotice error={error} retry={() => void refetch()} />}
      {data === undefined && error === null ? <Skeleton height={140} aria-label="Loading" /> : null}
      {data === undefined ? null : <Settings key={JSON.stringify(data)} settings={data} />}
      <Registered />
    </div>
  );
}

function Settings({ settings }: { readonly settings: BrowserSignInSettings }) {
  const [enabled, setEnabled] = useState(settings.enabled);
  const [hosts, setHosts] = useState<readonly string[]>(settings.client_hosts);
  const isSame = enabled === settings.enabled && hosts.join(' ') === settings.client_hosts.join(' ');
  const save = useWrite({
    write: () => send<BrowserSignInSettings>('PUT', '/v1/browser-sign-in-settings', { enabled, client_hosts: hosts }),
    changes: ['credentials', 'agents'],
    done: () => 'Saved. Connections of clients that are not let in any more have ended.',
  });
  return (
    <Section title="Who is let in">
      <form
        className="stack"
        style={{ maxWidth: 640 }}
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(undefined);
        }}
      >
        <Switch
          label="Agents sign in through a browser"
          checked={enabled}
          onChange={(event) => setEnabled(event.currentTarget.checked)}
        />
        <TagsInput
          label="Hosts of clients"
          description="Clients whose name one of these hosts vouches for; without any, all hosts. Registered clients are let in, too."
          placeholder={hosts.length === 0 ? 'claude.ai' : ''}
          value={[...hosts]}
          onChange={(next) => setHosts(next.map((each) => each.trim().toLowerCase()))}
          disabled={!enabled}
        />
        {save.isError ? <ErrorNotice error={save.error} /> : null}
        <div className="row-wrap">
          <ActButton needs="PUT /v1/browser-sign-in-settings" type="submit" loading={save.isPending} disabled={isSame}>
            Save
          </ActButton>
          {settings.author === null ? null : (
            <span className="muted">
              Last set by {actorWords(settings.author)}, <Time value={settings.updated_at} />
            </span>
          )}
        </div>
      </form>
    </Section>
  );
}

const COLUMNS: readonly Column<OAuthClient>[] = [
  {
    key: 'client',
    header: 'Client',
    cell: ({ id, name }) => <TwoLines first={<span title={name}>{name}</span>} second={id} />,
  },
  {
    key: 'redirects',
    header: 'Goes back to',
    cell: ({ redirect_uris }) => (
      <span className="truncate mono" title={redirect_uris.join('\n')}>
        {redirect_uris.join(', ')}
      </span>
    ),
  },
  {
    key: 'connections',
    header: 'Connections',
    width: '104px',
    align: 'end',
    cell: ({ connections }) => <span className="num">{count(connections)}</span>,
  },
  {
    key: 'added',
    header: 'Added',
    width: '150px',
    cell: ({ created, created_by }) => (
      <TwoLines first={<Time value={created} />} second={`by ${actorWords(created_by)}`} />
    ),
  },
  { key: 'status', header: 'Status', width: '110px', cell: ({ status }) => <StatusMark status={status} /> },
];

function Registered() {
  const { data, error, refetch } = useQuery(oauthClientsQuery);
  const [act, setAct] = useState<'add' | OAuthClient>();
  const close = () => setAct(undefined);
  const columns: readonly Column<OAuthClient>[] = [
    ...COLUMNS,
    actions('100px', (client) =>
      client.status === 'active' ? (
        <ActButton
          needs="DELETE /v1/oauth-clients/:id"
          variant="default"
          size="compact-xs"
          aria-label={`Remove ${client.name}`}
          onClick={() => setAct(client)}
        >
          Remove
        </ActButton>
      ) : null,
    ),
  ];
  return (
    <Section
      title="Registered clients"
      aside={
        <ActButton
          needs="POST /v1/oauth-clients"
          variant="default"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => setAct('add')}
        >
          Register a client
        </ActButton>
      }
    >
      {error === null ? (
        <DataTable
          label="Registered clients"
          columns={columns}
          rows={data}
          rowKey={({ id }) => id}
          empty={
            <Empty title="No client is registered">
              Clients that publish a metadata document need no registration. Others are given a client id here.
            </Empty>
          }
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      {act === 'add' ? <AddDialog onClose={close} /> : null}
      {act === undefined || act === 'add' ? null : <RemoveDialog client={act} onClose={close} />}
    </Section>
  );
}

function AddDialog({ onClose }: { readonly onClose: () => void }) {
  const [name, setName] = useState('');
  const [uris, setUris] = useState('');
  const redirects = uris.split(/\s+/).filter((each) => each !== '');
  const isReady = name.trim() !== '' && redirects.length > 0;
  const add = useWrite({
    write: () => send<OAuthClient>('POST', '/v1/oauth-clients', { name: name.trim(), redirect_uris: redirects }),
    changes: ['credentials'],
    done: (added) => `${added.name} is registered; its client id is ${added.id}.`,
    onDone: onClose,
  });
  return (
    <Modal opened onClose={onClose} title="Register a client" size={520} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !add.isPending) add.mutate(undefined);
        }}
      >
        <TextInput
          label="Name"
          placeholder="Claude"
          withAsterisk
          autoComplete="off"
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Textarea
          label="Redirect addresses"
          description="One a line, as the client’s documentation has them. Of http://localhost the port does not matter."
          placeholder="https://claude.ai/api/mcp/auth_callback"
          withAsterisk
          autosize
          minRows={2}
          maxRows={8}
          spellCheck={false}
          value={uris}
          onChange={(event) => setUris(event.currentTarget.value)}
        />
        {add.isError ? <ErrorNotice error={add.error} /> : null}
        <Button type="submit" disabled={!isReady} loading={add.isPending}>
          Register
        </Button>
      </form>
    </Modal>
  );
}

function RemoveDialog({ client, onClose }: { readonly client: OAuthClient; readonly onClose: () => void }) {
  const remove = useWrite({
    write: () => send<OAuthClient>('DELETE', at`/v1/oauth-clients/${client.id}`),
    changes: ['credentials', 'agents'],
    done: ({ name }) => `${name} is let in no more.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Remove ${client.name}`}
      action="Remove"
      danger
      word={client.connections === 0 ? undefined : client.name}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(undefined)}
      onClose={onClose}
    >
      {plural(client.connections, 'connection')} of it end. Its client id is never good again.
    </Confirm>
  );
}
