import { Skeleton } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { secretQuery } from '../../../api/agent-queries.ts';
import type { StoredSecret } from '../../../api/agent-types.ts';
import { at, send } from '../../../api/client.ts';
import { useWrite } from '../../../app/write.ts';
import { ActButton } from '../../../ui/ActButton.tsx';
import { Confirm } from '../../../ui/Confirm.tsx';
import { type Column, DataTable, Tags, TwoLines } from '../../../ui/DataTable.tsx';
import { actorWords } from '../../../ui/format.ts';
import { ErrorNotice } from '../../../ui/Notice.tsx';
import { Facts, Page, Panel, Section } from '../../../ui/Page.tsx';
import { Time } from '../../../ui/Time.tsx';
import { StatusMark } from '../../../ui/Verdict.tsx';
import classes from '../servers.module.css';
import { SecretEnd } from './Secrets.tsx';
import { SecretTest } from './SecretTest.tsx';
import { StoreSecret } from './StoreSecret.tsx';
import { Versions } from './Versions.tsx';

const route = getRouteApi('/in/secrets/$secret');
const UP = { to: '/servers', label: 'MCP servers' };

/** All that may be known of a credential: never its value. */
export function SecretPage() {
  const { secret: name } = route.useParams();
  const { data: secret, error, refetch } = useQuery(secretQuery(name));
  const [dialog, setDialog] = useState<'store' | 'erase'>();
  if (secret === undefined)
    return (
      <Page title={name} up={UP}>
        {error === null ? (
          <Skeleton height={320} aria-label="Loading" />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
      </Page>
    );
  const close = () => setDialog(undefined);
  return (
    <Page
      title={secret.name}
      up={UP}
      actions={
        <>
          <ActButton
            needs="DELETE /v1/secrets/:name"
            refusal={secret.used_by.length === 0 ? undefined : 'It is used: have its users name another one first.'}
            variant="default"
            leftSection={<IconTrash size={14} aria-hidden />}
            onClick={() => setDialog('erase')}
          >
            Erase…
          </ActButton>
          <ActButton
            needs="PUT /v1/secrets/:name"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => setDialog('store')}
          >
            New version
          </ActButton>
        </>
      }
    >
      <div className={classes.columns}>
        <div>
          <Versions secret={secret} />
          <UsedBy secret={secret} />
          <Reach secret={secret} />
        </div>
        <div className="stack">
          <Panel>
            <Facts
              facts={[
                ['Named as', <code key="named">{`vault://${secret.name}`}</code>],
                ['In use', secret.version === 0 ? 'none: it is only staged' : `version ${secret.version}`],
                ['Ends in', <code key="last4">…{secret.last4}</code>],
                ['Set', <Time key="set" value={secret.created} />],
                ['By', actorWords(secret.created_by)],
                ['Ends', <SecretEnd key="ends" secret={secret} />],
                ['Last used', <Time key="used" value={secret.last_used} absent="never" />],
              ]}
            />
          </Panel>
          <SecretTest secret={secret} />
        </div>
      </div>
      {dialog === 'store' ? <StoreSecret name={secret.name} onClose={close} /> : null}
      {dialog === 'erase' ? <EraseDialog name={secret.name} onClose={close} /> : null}
    </Page>
  );
}

type User = StoredSecret['used_by'][number];

const USERS: readonly Column<User>[] = [
  {
    key: 'name',
    header: 'Used by',
    cell: ({ kind, id, name }) =>
      kind === 'sink' ? (
        <Link to="/pipelines/$sink" params={{ sink: id }}>
          {name}
        </Link>
      ) : kind === 'channel' ? (
        <Link to="/system" search={{ tab: 'channels' }}>
          {name}
        </Link>
      ) : kind === 'mcp_server' ? (
        <Link to="/servers/$server" params={{ server: name }}>
          {name}
        </Link>
      ) : (
        <Link to="/apis/$api" params={{ api: name }}>
          {name}
        </Link>
      ),
  },
  { key: 'kind', header: 'Kind', width: '160px', cell: ({ kind }) => KINDS[kind] },
  { key: 'status', header: 'Status', width: '118px', cell: ({ status }) => <StatusMark status={status} /> },
];

const KINDS = { mcp_server: 'MCP server', http_api: 'HTTP API', channel: 'channel', sink: 'sink' } as const;

function UsedBy({ secret }: { readonly secret: StoredSecret }) {
  return (
    <Section title="What uses it">
      <DataTable
        label="What uses it"
        columns={USERS}
        rows={secret.used_by}
        rowKey={({ kind, id }) => `${kind} ${id}`}
        empty={<p className="muted">Nothing names it.</p>}
      />
    </Section>
  );
}

type Reaching = NonNullable<StoredSecret['agents']>[number];

const AGENTS: readonly Column<Reaching>[] = [
  {
    key: 'name',
    header: 'Agent',
    cell: ({ name }) => (
      <Link to="/agents/$agent" params={{ agent: name }} title={name}>
        {name}
      </Link>
    ),
  },
  {
    key: 'capabilities',
    header: 'By capabilities',
    cell: ({ capabilities }) => <Tags names={capabilities} most={3} />,
  },
  { key: 'status', header: 'Status', width: '118px', cell: ({ status }) => <StatusMark status={status} /> },
  {
    key: 'last',
    header: 'Last call there',
    width: '130px',
    cell: ({ last_call }) => <TwoLines first={<Time value={last_call} absent="none in 90 days" />} />,
  },
];

function Reach({ secret }: { readonly secret: StoredSecret }) {
  return (
    <Section title="Agents that can reach it">
      <DataTable
        label="Agents that can reach it"
        columns={AGENTS}
        rows={secret.agents}
        rowKey={({ id }) => id}
        empty={<p className="muted">No agent wears a role that grants a capability behind it.</p>}
      />
    </Section>
  );
}

function EraseDialog({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const navigate = route.useNavigate();
  const queryClient = useQueryClient();
  const erase = useWrite({
    write: () => send<unknown>('DELETE', at`/v1/secrets/${name}`),
    // Once this page is left: what it reads is gone.
    changes: [],
    done: () => `${name} is erased.`,
    onDone: () =>
      void navigate({ to: '/servers' }).then(() => queryClient.invalidateQueries({ queryKey: ['secrets'] })),
  });
  return (
    <Confirm
      title={`Erase ${name}`}
      action="Erase"
      danger
      word={name}
      pending={erase.isPending}
      error={erase.error}
      onConfirm={() => erase.mutate(undefined)}
      onClose={onClose}
    >
      All its versions are erased. They cannot be brought back.
    </Confirm>
  );
}
