import { Tabs } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { Page } from '../../ui/Page.tsx';
import { Risks } from './Risks.tsx';
import { Sources } from './Sources.tsx';
import { Transmitters } from './Transmitters.tsx';

const route = getRouteApi('/in/signals');
const TABS = ['sources', 'transmitters'] as const;

export function Signals() {
  const { tab = 'risks' } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title="Signals"
      description="What guards are told from outside: how risky detectors say somebody is, and whose content is trusted."
    >
      <Tabs
        value={tab}
        keepMounted={false}
        onChange={(next) => navigate({ search: { tab: TABS.find((each) => each === next) }, replace: true })}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="risks">Risks</Tabs.Tab>
          <Tabs.Tab value="sources">Sources</Tabs.Tab>
          <Tabs.Tab value="transmitters">Transmitters</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="risks">
          <Risks />
        </Tabs.Panel>
        <Tabs.Panel value="sources">
          <Sources />
        </Tabs.Panel>
        <Tabs.Panel value="transmitters">
          <Transmitters />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
