import { Tabs } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { agentSettingsQuery, openTasksQuery, waitingRequestsQuery } from '../../api/agent-queries.ts';
import type { List } from '../../api/types.ts';
import { useRefusal } from '../../app/may.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Page } from '../../ui/Page.tsx';
import { OfferedToMe } from '../transfers/OfferedToMe.tsx';
import { Transfers } from '../transfers/Transfers.tsx';
import { AgentList } from './AgentList.tsx';
import classes from './agents.module.css';
import { CreateAgent } from './CreateAgent.tsx';
import { Clients } from './credentials/Clients.tsx';
import { Issuers } from './credentials/Issuers.tsx';
import { AskForAgent } from './requests/AskForAgent.tsx';
import { Requests } from './requests/Requests.tsx';
import { Unregistered } from './Unregistered.tsx';

const route = getRouteApi('/in/agents');
const TABS = ['requests', 'transfers', 'unregistered', 'issuers', 'clients'] as const;

/** Who acts, who is to, and for whom nobody answers any more. */
export function Agents() {
  const { tab = 'list', create } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: settings } = useQuery(agentSettingsQuery);
  const { data: requests } = useQuery(waitingRequestsQuery);
  const { data: tasks } = useQuery(openTasksQuery);
  const mayNotCreate = useRefusal('POST /v1/agents') !== undefined;
  const isAsked = settings?.admission === 'reviewed' || mayNotCreate;
  const close = () => navigate({ search: (old) => ({ ...old, create: undefined }) });
  return (
    <Page
      title="Agents"
      actions={
        <ActButton
          needs={isAsked ? 'POST /v1/agent-requests' : 'POST /v1/agents'}
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => navigate({ search: (old) => ({ ...old, create: true }) })}
        >
          {isAsked ? 'Ask for an agent' : 'New agent'}
        </ActButton>
      }
    >
      <OfferedToMe />
      <Tabs
        value={tab}
        keepMounted={false}
        onChange={(next) => navigate({ search: { tab: TABS.find((each) => each === next) }, replace: true })}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="list">Agents</Tabs.Tab>
          <Tabs.Tab value="requests" rightSection={<Count of={requests} what="waiting" />}>
            Requests
          </Tabs.Tab>
          <Tabs.Tab value="transfers" rightSection={<Count of={tasks} what="open" />}>
            Transfers
          </Tabs.Tab>
          <Tabs.Tab value="unregistered">Unregistered</Tabs.Tab>
          <Tabs.Tab value="issuers">Workload issuers</Tabs.Tab>
          <Tabs.Tab value="clients">Browser sign-in</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="list">
          <AgentList />
        </Tabs.Panel>
        <Tabs.Panel value="requests">
          <Requests />
        </Tabs.Panel>
        <Tabs.Panel value="transfers">
          <Transfers />
        </Tabs.Panel>
        <Tabs.Panel value="unregistered">
          <Unregistered />
        </Tabs.Panel>
        <Tabs.Panel value="issuers">
          <Issuers />
        </Tabs.Panel>
        <Tabs.Panel value="clients">
          <Clients />
        </Tabs.Panel>
      </Tabs>
      {isAsked ? (
        create === true ? (
          <AskForAgent
            onAsked={({ id }) => navigate({ to: '/agent-requests/$request', params: { request: id } })}
            onClose={close}
          />
        ) : null
      ) : (
        <CreateAgent opened={create === true} onClose={close} />
      )}
    </Page>
  );
}

function Count({ of, what }: { readonly of: List<unknown> | undefined; readonly what: string }) {
  if (of === undefined || of.data.length === 0) return null;
  return (
    <span className={classes.count}>
      {of.data.length}
      {of.has_more ? '+' : ''}
      <span className="visually-hidden"> {what}</span>
    </span>
  );
}
