import { Button, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { IncidentDetail } from '../../api/alert-types.ts';
import { at } from '../../api/client.ts';
import { incidentQuery } from '../../api/incident-queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { AnswerDialog } from '../../ui/AnswerDialog.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Section } from '../../ui/Page.tsx';
import { Moment } from '../../ui/Time.tsx';
import { Mark, StatusMark } from '../../ui/Verdict.tsx';
import { AlertMark, SeverityMark } from '../alerts/marks.tsx';
import { CloseDialog } from './CloseDialog.tsx';
import { EditDialog, type Part } from './EditDialog.tsx';
import { FollowUps } from './FollowUps.tsx';
import classes from './incidents.module.css';
import { LinkDialog } from './LinkDialog.tsx';
import { Timeline } from './Timeline.tsx';

const route = getRouteApi('/in/incidents/$incident');
const UP = { to: '/alerts', search: { show: 'incidents' }, label: 'Incidents' };

/** What happened, in order, what was decided, why it happened, and what is changed because of it. */
export function IncidentPage() {
  const { incident: id } = route.useParams();
  const { data, error, refetch } = useQuery(incidentQuery(id));
  if (data === undefined)
    return (
      <Page title="Incident" up={UP}>
        {error === null ? (
          <Skeleton height={320} aria-label="Loading" />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
      </Page>
    );
  return (
    <Page
      title={data.title}
      up={UP}
      mark={
        <>
          <SeverityMark severity={data.severity} />
          <StatusMark status={data.status} />
          {data.synthetic ? <Mark tone="neutral">exercise</Mark> : null}
        </>
      }
      {...(data.summary === '' ? {} : { description: data.summary })}
      actions={<Acts incident={data} />}
    >
      <div className={classes.wide}>
        <div className={classes.main}>
          <Timeline incident={data} />
        </div>
        <aside className={classes.aside} aria-label="What is known">
          <Known incident={data} />
          <FollowUps incident={data} />
          <Concerns incident={data} />
        </aside>
      </div>
    </Page>
  );
}

function Acts({ incident }: { readonly incident: IncidentDetail }) {
  const [open, setOpen] = useState<Part | 'close' | 'reopen'>();
  const close = () => setOpen(undefined);
  const path = at`/v1/incidents/${incident.id}`;
  return (
    <>
      <Button component="a" variant="default" href={`${path}/document?format=markdown`} download>
        Export
      </Button>
      {incident.status === 'closed' ? (
        <ActButton needs="POST /v1/incidents/:id/reopen" variant="default" onClick={() => setOpen('reopen')}>
          Reopen
        </ActButton>
      ) : (
        <>
          <ActButton needs="PATCH /v1/incidents/:id" variant="default" onClick={() => setOpen('facts')}>
            Edit
          </ActButton>
          <ActButton needs="POST /v1/incidents/:id/close" onClick={() => setOpen('close')}>
            Close
          </ActButton>
        </>
      )}
      {open === undefined ? null : open === 'close' ? (
        <CloseDialog incident={incident} onClose={close} />
      ) : open === 'reopen' ? (
        <AnswerDialog
          words={{ action: 'Reopen', danger: false, text: 'It goes on where it was.', done: 'is open again' }}
          about="the incident"
          to={`${path}/reopen`}
          changes={['incidents', 'alerts']}
          withReason="required"
          onClose={close}
        />
      ) : (
        <EditDialog incident={incident} part={open} onClose={close} />
      )}
    </>
  );
}

function Known({ incident }: { readonly incident: IncidentDetail }) {
  const [part, setPart] = useState<Part>();
  const isClosed = incident.status === 'closed';
  const text = (words: string | null, which: Part, missing: string) => (
    <>
      {words === null ? <p className="muted">{missing}</p> : <p className={classes.prose}>{words}</p>}
      {isClosed ? null : (
        <div>
          <ActButton
            needs="PATCH /v1/incidents/:id"
            variant="default"
            size="compact-xs"
            onClick={() => setPart(which)}
            aria-label={`${words === null ? 'Write it' : 'Correct it'}: ${which === 'decision' ? 'the decision' : 'the root cause'}`}
          >
            {words === null ? 'Write it' : 'Correct it'}
          </ActButton>
        </div>
      )}
    </>
  );
  return (
    <>
      <Section title="Decision">
        {text(incident.decision, 'decision', 'Not written yet: what it is, who is told, what is done.')}
        {incident.decided_by === null || incident.decided_at === null ? null : (
          <p className="muted">
            {incident.decided_by}, <Moment value={incident.decided_at} />
          </p>
        )}
      </Section>
      <Section title="Root cause">{text(incident.root_cause, 'root_cause', 'Not known yet.')}</Section>
      <Section title="About it">
        <Facts
          facts={[
            ['Lead', incident.lead],
            ['Began', incident.began_at === null ? 'not known' : <Moment key="began" value={incident.began_at} />],
            ['Opened', <Moment key="opened" value={incident.opened_at} />],
            ['Opened by', incident.opened_by],
            [
              'Contained',
              incident.contained_at === null ? 'not yet' : <Moment key="c" value={incident.contained_at} />,
            ],
            ['Closed', incident.closed_at === null ? null : <Moment key="closed" value={incident.closed_at} />],
            ['Closed by', incident.closed_by],
            ['Because', incident.close_reason],
          ]}
        />
      </Section>
      {part === undefined ? null : <EditDialog incident={incident} part={part} onClose={() => setPart(undefined)} />}
    </>
  );
}

function Concerns({ incident }: { readonly incident: IncidentDetail }) {
  const [isLinking, setLinking] = useState(false);
  const { members, links } = incident;
  return (
    <Section
      title="What it concerns"
      aside={
        incident.status === 'closed' ? null : (
          <ActButton
            needs="POST /v1/incidents/:id/links"
            variant="default"
            size="compact-xs"
            onClick={() => setLinking(true)}
          >
            Link
          </ActButton>
        )
      }
    >
      <ul className={classes.list}>
        {members.map((alert) => (
          <li key={alert.id}>
            <Link to="/alerts/$alert" params={{ alert: alert.id }}>
              {alert.title}
            </Link>{' '}
            <AlertMark alert={alert} />
          </li>
        ))}
        {links.map(({ kind, ref, name }) => (
          <li key={`${kind} ${ref}`}>
            {kind} <Target kind={kind} id={ref} name={name} />
          </li>
        ))}
      </ul>
      {members.length + links.length === 0 ? <p className="muted">Nothing is linked yet.</p> : null}
      {isLinking ? <LinkDialog incident={incident} onClose={() => setLinking(false)} /> : null}
    </Section>
  );
}

function Target({ kind, id, name }: { readonly kind: string; readonly id: string; readonly name: string }) {
  if (kind === 'agent')
    return (
      <Link to="/agents/$agent" params={{ agent: name }}>
        {name}
      </Link>
    );
  if (kind === 'approval')
    return (
      <Link to="/approvals/$approval" params={{ approval: id }}>
        {name}
      </Link>
    );
  if (kind === 'change')
    return (
      <Link to="/changes/$change" params={{ change: name }}>
        {name}
      </Link>
    );
  if (kind === 'containment')
    return (
      <Link to="/containment" search={{ stop: id }}>
        {name}
      </Link>
    );
  if (kind === 'quarantine')
    return (
      <Link to="/containment" search={{ tab: 'quarantine', quarantine: id }}>
        {name}
      </Link>
    );
  return (
    <Link to="/log" search={{ kind: 'all', event: id }} className="mono">
      {name}
    </Link>
  );
}
