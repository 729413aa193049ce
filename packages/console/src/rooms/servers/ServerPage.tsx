import { SegmentedControl, Skeleton } from '@mantine/core';
import { IconPlayerPlay, IconPlugConnectedX, IconRefresh } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at as pathOf, send } from '../../api/client.ts';
import { definitionsQuery, serverQuery } from '../../api/queries.ts';
import type { McpServer, RefreshReport } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { Identifier } from '../../ui/Copy.tsx';
import { rowLink } from '../../ui/DataTable.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Panel, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { ApproveAll } from './ApproveAll.tsx';
import { DefinitionDrawer } from './DefinitionDrawer.tsx';
import { Definitions } from './Definitions.tsx';
import { Instructions } from './Instructions.tsx';
import { addressOf, serverStatus } from './Servers.tsx';
import classes from './servers.module.css';
import { isWaiting } from './status.ts';

const route = getRouteApi('/in/servers/$server');
const UP = { to: '/servers', label: 'MCP servers' };
const ERAS = { modern: 'stateless (2026)', legacy: 'sessions (up to 2025-11-25)' } as const;

export function ServerPage() {
  const { server: namespace } = route.useParams();
  const { status, definition } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: server, error, refetch } = useQuery(serverQuery(namespace));
  const definitions = useQuery(definitionsQuery(namespace));
  const failure = error ?? definitions.error;
  if (failure !== null)
    return (
      <Page title={namespace} up={UP}>
        <ErrorNotice
          error={failure}
          retry={() => {
            void refetch();
            void definitions.refetch();
          }}
        />
      </Page>
    );
  if (server === undefined)
    return (
      <Page title={namespace} up={UP}>
        <Skeleton height={260} aria-label="Loading" />
      </Page>
    );
  const definitionsPath = pathOf`/v1/mcp/servers/${namespace}/definitions`;
  const all = definitions.data;
  const waiting = all?.filter(isWaiting) ?? [];
  const shown = all?.filter((each) =>
    status === undefined
      ? true
      : status === 'waiting'
        ? isWaiting(each)
        : status === 'live'
          ? each.status === 'live'
          : each.status === 'off' || each.status === 'gone',
  );
  const at = shown?.findIndex(({ capability }) => capability === definition) ?? -1;
  const next = at < 0 ? undefined : shown?.[at + 1]?.capability;
  return (
    <Page
      title={server.namespace}
      up={UP}
      mark={<StatusMark status={serverStatus(server)} />}
      actions={<Acts server={server} />}
    >
      <div className="stack">
        {server.last_error === null ? null : (
          <p className={classes.lastError}>
            <strong>Its lists could not be read:</strong> {server.last_error} What was approved stays as it was.
          </p>
        )}
        <Panel>
          <div className={classes.facts}>
            <Facts
              facts={[
                [
                  server.transport === 'http' ? 'Endpoint' : 'Command',
                  <span key="address" className="mono">
                    {addressOf(server)}
                  </span>,
                ],
                [
                  'Credential',
                  server.credential_ref === null ? (
                    'none'
                  ) : (
                    <span key="credential" className="mono">
                      {server.credential_ref}
                    </span>
                  ),
                ],
                ['Reads, writes', server.default_access],
                ['Private address', server.transport === 'stdio' ? null : server.allow_private ? 'allowed' : 'refused'],
              ]}
            />
            <Facts
              facts={[
                [
                  'Protocol',
                  server.era === null ? 'not negotiated yet' : `${server.protocol_version ?? ''} ${ERAS[server.era]}`,
                ],
                ['Lists read', <Time key="read" value={server.discovered_at} absent="never" />],
                [
                  'Registered',
                  <span key="created">
                    <Time value={server.created} /> by {server.created_by}
                  </span>,
                ],
                ['Id', <Identifier key="id" value={server.id} what="server id" />],
              ]}
            />
          </div>
        </Panel>
      </div>
      <div style={{ height: 28 }} />
      {server.instructions.status === 'new' || server.instructions.status === 'changed' ? (
        <Instructions server={server} />
      ) : null}
      <Section
        title="Definitions"
        aside={
          <div className="row-wrap">
            {waiting.length > 0 ? <ApproveAll path={definitionsPath} waiting={waiting} /> : null}
            <SegmentedControl
              aria-label="Definitions shown"
              data={[
                { value: 'all', label: `All ${all?.length ?? ''}` },
                { value: 'waiting', label: `Waiting ${waiting.length}` },
                { value: 'live', label: `Live ${server.definitions.live}` },
                { value: 'off', label: `Off ${server.definitions.off + server.definitions.gone}` },
              ]}
              value={status ?? 'all'}
              onChange={(next) =>
                navigate({
                  search: (old) => ({ ...old, status: next === 'all' ? undefined : (next as typeof status) }),
                  replace: true,
                })
              }
            />
          </div>
        }
      >
        <Definitions
          rows={shown}
          command={`npx hivekey mcp-server refresh ${namespace}`}
          link={(capability) => (
            <Link
              from="/servers/$server"
              to="."
              search={(old) => ({ ...old, definition: capability })}
              className={`${rowLink} mono`}
              title={capability}
            >
              {capability}
            </Link>
          )}
        />
      </Section>
      <DefinitionDrawer
        path={definitionsPath}
        definition={all?.find(({ capability }) => capability === definition)}
        next={
          next === undefined ? null : (
            <Link from="/servers/$server" to="." search={(old) => ({ ...old, definition: next })}>
              Next
            </Link>
          )
        }
        onClose={() => navigate({ search: (old) => ({ ...old, definition: undefined }) })}
      />
    </Page>
  );
}

function Acts({ server }: { readonly server: McpServer }) {
  const path = pathOf`/v1/mcp/servers/${server.namespace}`;
  const [disabling, setDisabling] = useState(false);
  const changes = ['servers', 'capabilities', 'roles', 'agents', 'system'] as const;
  const refresh = useWrite({
    write: () => send<RefreshReport>('POST', `${path}/refresh`, {}),
    changes,
    done: ({ discovered, added, changed, gone }) =>
      `${discovered} definitions: ${added.length} new, ${changed.length} changed, ${gone.length} gone.`,
  });
  const enable = useWrite({
    write: () => send<McpServer>('POST', `${path}/enable`, {}),
    changes,
    done: ({ namespace }) => `${namespace} is enabled.`,
  });
  const disable = useWrite({
    write: () => send<McpServer>('POST', `${path}/disable`, {}),
    changes,
    done: ({ namespace }) => `${namespace} is disabled: its tools are gone from every agent's list.`,
    onDone: () => setDisabling(false),
  });
  return (
    <>
      {server.status === 'active' ? (
        <>
          <ActButton
            needs="POST /v1/mcp/servers/:server/refresh"
            variant="default"
            leftSection={<IconRefresh size={14} aria-hidden />}
            loading={refresh.isPending}
            onClick={() => refresh.mutate(undefined)}
          >
            Read its lists
          </ActButton>
          <ActButton
            needs="POST /v1/mcp/servers/:server/disable"
            variant="default"
            leftSection={<IconPlugConnectedX size={14} aria-hidden />}
            onClick={() => setDisabling(true)}
          >
            Disable
          </ActButton>
        </>
      ) : (
        <ActButton
          needs="POST /v1/mcp/servers/:server/enable"
          leftSection={<IconPlayerPlay size={14} aria-hidden />}
          loading={enable.isPending}
          onClick={() => enable.mutate(undefined)}
        >
          Enable
        </ActButton>
      )}
      {refresh.isError || enable.isError ? <ErrorNotice error={refresh.error ?? enable.error} /> : null}
      {disabling ? (
        <Confirm
          title={`Disable ${server.namespace}`}
          action="Disable server"
          danger
          pending={disable.isPending}
          error={disable.error}
          onConfirm={() => disable.mutate(undefined)}
          onClose={() => setDisabling(false)}
        >
          All of its tools vanish from every agent's list and calls to them are refused, until it is enabled again. What
          was approved stays approved.
        </Confirm>
      ) : null}
    </>
  );
}
