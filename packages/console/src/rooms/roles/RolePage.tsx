import { Skeleton, Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { roleQuery } from '../../api/queries.ts';
import { Budgets } from '../../ui/Budgets.tsx';
import { plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { RadiusCard } from '../blast-radius/RadiusCard.tsx';
import { Revisions } from './Revisions.tsx';
import { RoleEditor } from './RoleEditor.tsx';
import { Wearers } from './Wearers.tsx';

const route = getRouteApi('/in/roles/$role');
const UP = { to: '/roles', label: 'Roles' };

export function RolePage() {
  const { role: name } = route.useParams();
  const { tab = 'edit', find } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: role, error, refetch } = useQuery(roleQuery(name));
  if (error !== null)
    return (
      <Page title={name} up={UP}>
        <ErrorNotice error={error} retry={() => void refetch()} />
      </Page>
    );
  if (role === undefined)
    return (
      <Page title={name} up={UP}>
        <Skeleton height={360} aria-label="Loading" />
      </Page>
    );
  return (
    <Page
      title={role.name}
      up={UP}
      mark={
        <span className="row">
          <Mark tone="allow">enforcing</Mark>
          <span className="muted">
            rev {role.revision} · applies to {plural(role.agents, 'agent')}
          </span>
        </span>
      }
    >
      <Tabs
        value={tab}
        keepMounted
        onChange={(next) => navigate({ search: { tab: next as typeof tab }, replace: true })}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="edit">Policy</Tabs.Tab>
          <Tabs.Tab value="agents">Agents</Tabs.Tab>
          <Tabs.Tab value="budgets">Budgets</Tabs.Tab>
          <Tabs.Tab value="blast-radius">Blast radius</Tabs.Tab>
          <Tabs.Tab value="revisions">Revisions</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="edit">
          <RoleEditor key={role.name} base={role} find={find} />
        </Tabs.Panel>
        <Tabs.Panel value="blast-radius">
          {tab === 'blast-radius' ? <RadiusCard whose={{ role: role.name }} /> : null}
        </Tabs.Panel>
        <Tabs.Panel value="agents">{tab === 'agents' ? <Wearers role={role.name} /> : null}</Tabs.Panel>
        <Tabs.Panel value="budgets">{tab === 'budgets' ? <Budgets whose={{ role: role.name }} /> : null}</Tabs.Panel>
        <Tabs.Panel value="revisions">{tab === 'revisions' ? <Revisions role={role} /> : null}</Tabs.Panel>
      </Tabs>
    </Page>
  );
}
