import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { requestQuery } from '../../../api/agent-queries.ts';
import type { AgentRequest } from '../../../api/agent-types.ts';
import { peopleSearchQuery } from '../../../api/identity-queries.ts';
import { Identifier } from '../../../ui/Copy.tsx';
import { ErrorNotice } from '../../../ui/Notice.tsx';
import { Facts, Page, Section } from '../../../ui/Page.tsx';
import { Time } from '../../../ui/Time.tsx';
import { Mark, StatusMark } from '../../../ui/Verdict.tsx';
import { AttributesFacts } from '../AttributesFacts.tsx';
import classes from '../agents.module.css';
import { REQUEST_STATUSES } from '../words.ts';
import { Answer } from './Answer.tsx';
import { RoleGrants } from './RoleGrants.tsx';

const route = getRouteApi('/in/agent-requests/$request');
const UP = { to: '/agents', search: { tab: 'requests' }, label: 'Requests' };

/** All that is asked for, and what may be answered. */
export function RequestPage() {
  const { request: id } = route.useParams();
  const { data, error, refetch } = useQuery(requestQuery(id));
  if (data === undefined)
    return (
      <Page title="Request for an agent" up={UP}>
        {error === null ? (
          <Skeleton height={320} aria-label="Loading" />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
      </Page>
    );
  return (
    <Page
      title={data.name}
      up={UP}
      mark={<StatusMark status={REQUEST_STATUSES[data.status]} />}
      {...(data.description === '' ? {} : { description: data.description })}
    >
      <div className={classes.wide}>
        <div>
          <Section title="What is asked for">
            <Facts
              facts={[
                ['For', data.reason],
                ['Owner to be', <OwnerToBe key="owner" request={data} />],
                ['Deputies', data.deputies.join(', ')],
                ['Risk tier', data.risk_tier],
                [
                  'Ends',
                  data.valid_until === null ? 'no end is asked for' : <Time key="ends" value={data.valid_until} />,
                ],
                ...Object.entries(data.metadata),
                ['Id', <Identifier key="id" value={data.id} what="id of the request" />],
              ]}
            />
          </Section>
          <RoleGrants roles={data.roles} />
          <Section title="What it is made of, as declared">
            <AttributesFacts attributes={data.attributes} />
          </Section>
        </div>
        <Answer request={data} />
      </div>
    </Page>
  );
}

/** Whoever approves should know whether that is somebody. */
function OwnerToBe({ request: { owner, status } }: { readonly request: AgentRequest }) {
  const { data } = useQuery({ ...peopleSearchQuery(owner, 5), enabled: status === 'requested' });
  const known = data?.data.find(({ email }) => email === owner);
  return (
    <span className="row-wrap">
      <span style={{ overflowWrap: 'anywhere' }}>{owner}</span>
      {data === undefined ? null : known === undefined ? (
        <Mark tone="review">not known here</Mark>
      ) : known.active ? null : (
        <Mark tone="deny">has left</Mark>
      )}
    </span>
  );
}
