import { Tabs } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { Page } from '../../ui/Page.tsx';
import { Channels } from './Channels.tsx';
import { Health } from './Health.tsx';
import { Keys } from './Keys.tsx';
import { WorkspaceGuards } from './WorkspaceGuards.tsx';

const route = getRouteApi('/in/system');

export function System() {
  const { tab = 'health' } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page title="System">
      <Tabs value={tab} onChange={(next) => navigate({ search: { tab: next as typeof tab }, replace: true })}>
        <Tabs.List mb="md">
          <Tabs.Tab value="health">Health</Tabs.Tab>
          <Tabs.Tab value="keys">Admin keys</Tabs.Tab>
          <Tabs.Tab value="guards">Workspace guards</Tabs.Tab>
          <Tabs.Tab value="channels">Channels</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="health">
          <Health />
        </Tabs.Panel>
        <Tabs.Panel value="keys">
          <Keys />
        </Tabs.Panel>
        <Tabs.Panel value="guards">
          <WorkspaceGuards />
        </Tabs.Panel>
        <Tabs.Panel value="channels">
          <Channels />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
