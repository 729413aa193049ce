import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { serversQuery } from '../../api/queries.ts';
import type { McpServer } from '../../api/types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark, StatusMark } from '../../ui/Verdict.tsx';
import { HttpApis } from './HttpApis.tsx';
import { RegisterServer } from './RegisterServer.tsx';
import { Secrets } from './secrets/Secrets.tsx';

const route = getRouteApi('/in/servers');

export function addressOf({ endpoint, command }: McpServer): string {
  return endpoint ?? command?.join(' ') ?? '';
}

export function serverStatus({ status, last_error }: McpServer): string {
  return status === 'active' && last_error !== null ? 'failing' : status;
}

const COLUMNS: readonly Column<McpServer>[] = [
  {
    key: 'namespace',
    header: 'Server',
    cell: (server) => (
      <TwoLines
        first={
          <Link to="/servers/$server" params={{ server: server.namespace }} className={rowLink}>
            {server.namespace}
          </Link>
        }
        second={addressOf(server)}
      />
    ),
  },
  {
    key: 'status',
    header: 'Status',
    width: '30%',
    cell: (server) => (
      <div className="row">
        <StatusMark status={serverStatus(server)} />
        {server.last_error === null ? null : (
          <span className="muted truncate" title={server.last_error}>
            {server.last_error}
          </span>
        )}
      </div>
    ),
  },
  {
    key: 'waiting',
    header: 'To look at',
    width: '136px',
    cell: ({ definitions }) => {
      const waiting = definitions.new + definitions.changed;
      return waiting === 0 ? <span className="muted">nothing</span> : <Mark tone="review">{`${waiting} waiting`}</Mark>;
    },
  },
  {
    key: 'live',
    header: 'Live',
    width: '72px',
    align: 'end',
    cell: ({ definitions }) => <span className="num">{definitions.live}</span>,
  },
  {
    key: 'read',
    header: 'Lists read',
    width: '112px',
    cell: ({ discovered_at }) => <Time value={discovered_at} absent="never" />,
  },
];

export function Servers() {
  const { create } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(serversQuery);
  return (
    <Page
      title="MCP servers"
      actions={
        <ActButton
          needs="POST /v1/mcp/servers"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => navigate({ search: { create: true } })}
        >
          Register a server
        </ActButton>
      }
    >
      {error === null ? (
        <DataTable
          label="MCP servers"
          columns={COLUMNS}
          rows={data}
          rowKey={({ id }) => id}
          empty={
            <Empty
              title="No MCP servers yet"
              command="npx hivekey mcp-server add crm --endpoint https://mcp.internal.acme.example/mcp"
            >
              Registering a server reads its tools, prefixes them with a namespace and pins each definition. It grants
              nothing: roles do that.
            </Empty>
          }
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      <div style={{ height: 28 }} />
      <HttpApis />
      <Secrets />
      <RegisterServer
        opened={create === true}
        onClose={() => navigate({ search: {} })}
        onRegistered={({ namespace }) => navigate({ to: '/servers/$server', params: { server: namespace } })}
      />
    </Page>
  );
}
