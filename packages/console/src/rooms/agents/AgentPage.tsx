import { Button, Skeleton, Tabs } from '@mantine/core';
import { IconBan, IconFlask, IconPlayerPause, IconPlayerPlay, IconShieldPause } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { agentQuery } from '../../api/queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Budgets } from '../../ui/Budgets.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { RadiusCard } from '../blast-radius/RadiusCard.tsx';
import { AgentAnswers } from './AgentAnswers.tsx';
import { AgentAuthority } from './AgentAuthority.tsx';
import { AgentEvents } from './AgentEvents.tsx';
import { AgentIdentity } from './AgentIdentity.tsx';
import { AgentOwnership } from './AgentOwnership.tsx';
import { AgentStops } from './AgentStops.tsx';
import { AgentTools } from './AgentTools.tsx';
import { AgentVersions } from './AgentVersions.tsx';
import { AttentionMarks } from './AttentionMarks.tsx';
import classes from './agents.module.css';
import { AgentCredentials } from './credentials/AgentCredentials.tsx';
import { type Order, OrderDialog } from './OrderDialog.tsx';

const route = getRouteApi('/in/agents/$agent');
const UP = { to: '/agents', label: 'Agents' };

export function AgentPage() {
  const { agent: handle } = route.useParams();
  const { tab = 'tools' } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: agent, error, refetch } = useQuery(agentQuery(handle));
  const [order, setOrder] = useState<Order>();

  if (error !== null)
    return (
      <Page title={handle} up={UP}>
        <ErrorNotice error={error} retry={() => void refetch()} />
      </Page>
    );
  if (agent === undefined)
    return (
      <Page title={handle} up={UP}>
        <Skeleton height={240} aria-label="Loading" />
      </Page>
    );

  const actions = (
    <>
      <Button
        variant="default"
        leftSection={<IconFlask size={14} aria-hidden />}
        renderRoot={(props: object) => <Link to="/dry-run" search={{ agent: agent.name }} {...props} />}
      >
        Dry run
      </Button>
      {agent.status === 'active' ? (
        <ActButton
          needs="POST /v1/agents/:agent/suspend"
          variant="default"
          leftSection={<IconPlayerPause size={14} aria-hidden />}
          onClick={() => setOrder('suspend')}
        >
          Suspend
        </ActButton>
      ) : (
        <ActButton
          needs="POST /v1/agents/:agent/restore"
          leftSection={<IconPlayerPlay size={14} aria-hidden />}
          onClick={() => setOrder('restore')}
        >
          Restore
        </ActButton>
      )}
      {agent.status === 'active' && agent.quarantine === null ? (
        <Button
          variant="default"
          leftSection={<IconShieldPause size={14} aria-hidden />}
          renderRoot={(props: object) => (
            <Link to="/containment" search={{ tab: 'quarantine', place: agent.name }} {...props} />
          )}
        >
          Quarantine
        </Button>
      ) : null}
      {agent.status === 'revoked' ? null : (
        <ActButton
          needs="POST /v1/agents/:agent/revoke"
          color="red"
          leftSection={<IconBan size={14} aria-hidden />}
          onClick={() => setOrder('revoke')}
        >
          Kill
        </ActButton>
      )}
    </>
  );
  return (
    <Page
      title={agent.name}
      up={UP}
      mark={
        <>
          <StatusMark status={agent.status} />
          <AttentionMarks attention={agent.attention} />
        </>
      }
      actions={actions}
      {...(agent.description === '' ? {} : { description: agent.description })}
    >
      {agent.status === 'active' ? null : (
        <p className={classes.stopped}>
          {agent.status === 'revoked'
            ? 'Killed: every call is refused and its credentials are dead.'
            : 'Suspended: every call is refused; its tokens are kept.'}
          {agent.stopped_reason === null || agent.stopped_reason === '' ? '' : ` Reason: ${agent.stopped_reason}`}
        </p>
      )}
      {agent.quarantine === null ? null : (
        <p className={classes.stopped}>
          In quarantine: it reads on and does nothing else
          {agent.quarantine.until === null ? (
            ', until a person releases it'
          ) : (
            <>
              , until <Time value={agent.quarantine.until} />
            </>
          )}
          .{agent.quarantine.reason === '' ? '' : ` Reason: ${agent.quarantine.reason}.`}{' '}
          <Link to="/containment" search={{ tab: 'quarantine', quarantine: agent.quarantine.id }}>
            Review and release
          </Link>
        </p>
      )}
      <div className={classes.columns}>
        <Tabs value={tab} onChange={(next) => navigate({ search: { tab: next as typeof tab }, replace: true })}>
          <Tabs.List mb="md">
            <Tabs.Tab value="tools">Tools</Tabs.Tab>
            <Tabs.Tab value="budgets">Budgets</Tabs.Tab>
            <Tabs.Tab value="credentials">Credentials</Tabs.Tab>
            <Tabs.Tab value="authority">Authority</Tabs.Tab>
            <Tabs.Tab value="ownership">Ownership</Tabs.Tab>
            <Tabs.Tab value="versions">Made of</Tabs.Tab>
            <Tabs.Tab value="blast-radius">Blast radius</Tabs.Tab>
            <Tabs.Tab value="log">Log</Tabs.Tab>
            <Tabs.Tab value="stops">Stops</Tabs.Tab>
            <Tabs.Tab value="answers">Answers</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="tools">
            <AgentTools agent={agent} />
          </Tabs.Panel>
          <Tabs.Panel value="budgets">{tab === 'budgets' ? <Budgets whose={{ agent: agent.id }} /> : null}</Tabs.Panel>
          <Tabs.Panel value="credentials">
            {tab === 'credentials' ? <AgentCredentials agent={agent} /> : null}
          </Tabs.Panel>
          <Tabs.Panel value="authority">{tab === 'authority' ? <AgentAuthority agent={agent} /> : null}</Tabs.Panel>
          <Tabs.Panel value="ownership">{tab === 'ownership' ? <AgentOwnership agent={agent} /> : null}</Tabs.Panel>
          <Tabs.Panel value="versions">{tab === 'versions' ? <AgentVersions agent={agent} /> : null}</Tabs.Panel>
          <Tabs.Panel value="blast-radius">
            {tab === 'blast-radius' ? <RadiusCard whose={{ agent: agent.name }} /> : null}
          </Tabs.Panel>
          <Tabs.Panel value="log">
            <AgentEvents agent={agent} />
          </Tabs.Panel>
          <Tabs.Panel value="stops">
            <AgentStops agent={agent} />
          </Tabs.Panel>
          <Tabs.Panel value="answers">{tab === 'answers' ? <AgentAnswers agent={agent} /> : null}</Tabs.Panel>
        </Tabs>
        <AgentIdentity key={agent.id} agent={agent} />
      </div>
      {order === undefined ? null : <OrderDialog agent={agent} order={order} onClose={() => setOrder(undefined)} />}
    </Page>
  );
}
