import { Tabs } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { Page } from '../../ui/Page.tsx';
import { Groups } from './Groups.tsx';
import { PeopleList } from './PeopleList.tsx';
import { Providers } from './Providers.tsx';
import { Provisioning } from './Provisioning.tsx';
import { Sessions } from './Sessions.tsx';

const route = getRouteApi('/in/people');

/** Who may come in, from where they are known, and what they may do. */
export function People() {
  const { tab = 'people' } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page title="People">
      <Tabs value={tab} onChange={(next) => navigate({ search: { tab: next as typeof tab }, replace: true })}>
        <Tabs.List mb="md">
          <Tabs.Tab value="people">People</Tabs.Tab>
          <Tabs.Tab value="groups">Groups</Tabs.Tab>
          <Tabs.Tab value="sign-in">Sign-in</Tabs.Tab>
          <Tabs.Tab value="provisioning">Provisioning</Tabs.Tab>
          <Tabs.Tab value="sessions">Sessions</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="people">
          <PeopleList />
        </Tabs.Panel>
        <Tabs.Panel value="groups">
          <Groups />
        </Tabs.Panel>
        <Tabs.Panel value="sign-in">
          <Providers />
        </Tabs.Panel>
        <Tabs.Panel value="provisioning">
          <Provisioning />
        </Tabs.Panel>
        <Tabs.Panel value="sessions">
          <Sessions />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
