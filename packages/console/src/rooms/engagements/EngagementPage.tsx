import type { Engagement } from '@hivekey/sdk';
import { Skeleton, Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { at } from '../../api/client.ts';
import { engagementQuery } from '../../api/engagement-queries.ts';
import { sessionQuery } from '../../api/queries.ts';
import { useRefusal } from '../../app/may.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { AnswerDialog } from '../../ui/AnswerDialog.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { Access } from './Access.tsx';
import { Entries } from './Entries.tsx';
import { EvidenceStates } from './EvidenceStates.tsx';
import { Notes } from './Notes.tsx';
import { Overview } from './Overview.tsx';
import { Reperformance } from './Reperformance.tsx';
import { Requests } from './Requests.tsx';
import { Walkthrough } from './Walkthrough.tsx';

const route = getRouteApi('/in/engagements/$engagement');
const UP = { to: '/engagements', label: 'Auditors' };

/** One engagement, the same for both sides but for what only one of them does. */
export function EngagementPage() {
  const { engagement: id } = route.useParams();
  const { data, error, refetch } = useQuery(engagementQuery(id));
  const { data: session } = useQuery(sessionQuery);
  const isFirm = session?.engagement === id;
  const up = isFirm ? {} : { up: UP };
  if (data === undefined)
    return (
      <Page title="Engagement" {...up}>
        {error === null ? (
          <Skeleton height={320} aria-label="Loading" />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
      </Page>
    );
  return (
    <Page
      title={isFirm ? 'Engagement' : data.firm}
      {...up}
      mark={<StatusMark status={data.status === 'open' ? 'active' : 'ended'} />}
      actions={isFirm || data.status === 'ended' ? undefined : <End engagement={data} />}
    >
      <Parts engagement={data} isFirm={isFirm} />
    </Page>
  );
}

function End({ engagement: { id, firm } }: { readonly engagement: Engagement }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <ActButton needs="POST /v1/engagements/:id/end" variant="default" onClick={() => setOpen(true)}>
        End it
      </ActButton>
      {isOpen ? (
        <AnswerDialog
          words={{
            action: 'End',
            danger: true,
            text: 'Everybody of the firm is out at once, and their passkeys end. What was done stays readable for you.',
            done: 'has ended',
          }}
          about={`the engagement of ${firm}`}
          to={at`/v1/engagements/${id}/end`}
          changes={['engagements']}
          withReason="required"
          onClose={() => setOpen(false)}
        />
      ) : null}
    </>
  );
}

function Parts({ engagement, isFirm }: { readonly engagement: Engagement; readonly isFirm: boolean }) {
  const { tab = 'overview' } = route.useSearch();
  const navigate = route.useNavigate();
  const seesAccess = useRefusal('GET /v1/engagements/:id/access') === undefined;
  const { open, returned, provided } = engagement.requests;
  const waiting = isFirm ? provided : open + returned;
  return (
    <Tabs
      value={tab}
      keepMounted={false}
      onChange={(next) => navigate({ search: { tab: next as typeof tab }, replace: true })}
    >
      <Tabs.List mb="md">
        <Tabs.Tab value="overview">Overview</Tabs.Tab>
        <Tabs.Tab value="evidence">Evidence</Tabs.Tab>
        <Tabs.Tab value="requests">Requests{waiting === 0 ? '' : ` (${waiting})`}</Tabs.Tab>
        <Tabs.Tab value="walkthrough">Walkthrough</Tabs.Tab>
        <Tabs.Tab value="reperformance">Re-performance</Tabs.Tab>
        {isFirm ? <Tabs.Tab value="entries">Entries</Tabs.Tab> : null}
        {isFirm ? <Tabs.Tab value="notes">Notes</Tabs.Tab> : null}
        {seesAccess ? <Tabs.Tab value="access">Access</Tabs.Tab> : null}
      </Tabs.List>
      <Tabs.Panel value="overview">
        <Overview engagement={engagement} isFirm={isFirm} />
      </Tabs.Panel>
      <Tabs.Panel value="evidence">
        <EvidenceStates engagement={engagement} isFirm={isFirm} />
      </Tabs.Panel>
      <Tabs.Panel value="requests">
        <Requests engagement={engagement} isFirm={isFirm} />
      </Tabs.Panel>
      <Tabs.Panel value="walkthrough">
        <Walkthrough engagement={engagement} isFirm={isFirm} />
      </Tabs.Panel>
      <Tabs.Panel value="reperformance">
        <Reperformance engagement={engagement} isFirm={isFirm} />
      </Tabs.Panel>
      {isFirm ? (
        <Tabs.Panel value="entries">
          <Entries engagement={engagement} />
        </Tabs.Panel>
      ) : null}
      {isFirm ? (
        <Tabs.Panel value="notes">
          <Notes engagement={engagement} />
        </Tabs.Panel>
      ) : null}
      {seesAccess ? (
        <Tabs.Panel value="access">
          <Access engagement={engagement} />
        </Tabs.Panel>
      ) : null}
    </Tabs>
  );
}
