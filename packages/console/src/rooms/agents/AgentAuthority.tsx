import { Button, Skeleton, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { authorityQuery } from '../../api/agent-queries.ts';
import type { Authority } from '../../api/agent-types.ts';
import type { Agent } from '../../api/types.ts';
import { actorWords, localOfSeconds } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import { Moment } from '../../ui/Time.tsx';
import { AttributesFacts } from './AttributesFacts.tsx';
import { AuthorityCredentials, AuthorityRoles } from './AuthorityTables.tsx';
import classes from './agents.module.css';
import { Life } from './Life.tsx';
import { OnRecord } from './OnRecord.tsx';

const route = getRouteApi('/in/agents/$agent');

/** Who gave the agent what, when, and on whose word, as at any instant. */
export function AgentAuthority({ agent }: { readonly agent: Agent }) {
  const { at } = route.useSearch();
  const { data, error, refetch, isPlaceholderData } = useQuery(authorityQuery(agent.id, at));
  return (
    <div className="stack" aria-busy={isPlaceholderData}>
      <Instant at={at} />
      {error !== null ? (
        <ErrorNotice error={error} retry={() => void refetch()} />
      ) : data === undefined ? (
        <Skeleton height={320} aria-label="Loading" />
      ) : data.exists ? (
        <Held authority={data} />
      ) : (
        <Empty title={data.summary}>Nobody had given it anything.</Empty>
      )}
    </div>
  );
}

/** Of which instant; it stands in the address, so that it can be sent to somebody. */
function Instant({ at }: { readonly at: string | undefined }) {
  const navigate = route.useNavigate();
  const read = at === undefined ? Number.NaN : Date.parse(at);
  return (
    <div className="row-wrap" style={{ alignItems: 'flex-end' }}>
      <TextInput
        label="As at"
        type="datetime-local"
        step={1}
        value={Number.isNaN(read) ? '' : localOfSeconds(read / 1000, 'seconds')}
        onChange={(event) => {
          const next = new Date(event.currentTarget.value);
          if (!Number.isNaN(next.getTime()))
            void navigate({ search: (old) => ({ ...old, at: next.toISOString() }), replace: true });
        }}
      />
      <Button
        variant="default"
        disabled={at === undefined}
        onClick={() => navigate({ search: (old) => ({ ...old, at: undefined }), replace: true })}
      >
        Now
      </Button>
    </div>
  );
}

function Held({ authority }: { readonly authority: Authority }) {
  const { owner, version } = authority;
  return (
    <>
      <p className={classes.summary}>{authority.summary}</p>
      {authority.no_record.length === 0 ? null : (
        <section className={classes.noRecord} aria-label="What is not known">
          <h3>What is not known</h3>
          <ul>
            {authority.no_record.map((words) => (
              <li key={words}>{words}</li>
            ))}
          </ul>
        </section>
      )}
      <Life authority={authority} />
      <Section title="Who answered for it" aside={owner === null ? undefined : <OnRecord event={owner.event} />}>
        {owner === null ? (
          <p className="muted">No record.</p>
        ) : (
          <Facts
            facts={[
              ['Owner', owner.owner],
              ['Since', <Moment key="since" value={owner.since} />],
              ['Given by', actorWords(owner.given_by)],
              ['Reason', owner.reason],
              ['Accepted', <Moment key="accepted" value={owner.accepted_at} absent="nobody asked them" />],
              [
                'Deputies',
                authority.deputies.map(({ name, added_by }) => `${name} (by ${actorWords(added_by)})`).join(', '),
              ],
            ]}
          />
        )}
      </Section>
      <AuthorityRoles roles={authority.roles} />
      <AuthorityCredentials credentials={authority.credentials} />
      <Section title={version === null ? 'Made of' : `Made of: version ${version.version}`}>
        {version === null ? (
          <p className="muted">No record: nothing was declared.</p>
        ) : (
          <div className="stack-tight">
            <p className="row-wrap muted">
              <span>
                <Moment value={version.at} />, by {actorWords(version.author)}
              </span>
              <OnRecord event={version.event} />
            </p>
            <AttributesFacts attributes={version.attributes} />
          </div>
        )}
      </Section>
      <Section title="What stood in its way">
        <Bars authority={authority} />
      </Section>
    </>
  );
}

function Bars({ authority: { stops, quarantines } }: { readonly authority: Authority }) {
  if (stops.length + quarantines.length === 0) return <p className="muted">No stop covered it, and no quarantine.</p>;
  return (
    <ul className={classes.plain}>
      {stops.map(({ id, scope, target, reason, actor, ordered_at, event }) => (
        <Bar key={id} event={event}>
          Stop of {scope === 'workspace' ? 'the workspace' : `${scope} ${target}`}, <Moment value={ordered_at} />, by{' '}
          {actorWords(actor)}
          {reason === '' ? '' : `: ${reason}`}
        </Bar>
      ))}
      {quarantines.map(({ id, role, reason, actor, since, event }) => (
        <Bar key={id} event={event}>
          In quarantine{role === null ? '' : ` with the role ${role}`}, <Moment value={since} />, by {actorWords(actor)}
          {reason === '' ? '' : `: ${reason}`}
        </Bar>
      ))}
    </ul>
  );
}

function Bar({ event, children }: { readonly event: string | null; readonly children: ReactNode }) {
  return (
    <li className="spread">
      <span>{children}</span>
      <OnRecord event={event} />
    </li>
  );
}
