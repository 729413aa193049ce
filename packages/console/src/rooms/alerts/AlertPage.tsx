import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { alertQuery } from '../../api/alert-queries.ts';
import type { AlertDetail } from '../../api/alert-types.ts';
import { actorWords, plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { Acts } from './Acts.tsx';
import classes from './alerts.module.css';
import { AlertMark, DISPOSITIONS, SeverityMark } from './marks.tsx';
import { factWords, kindWords, sourceWords } from './words.ts';

const route = getRouteApi('/in/alerts/$alert');

export function AlertPage() {
  const { alert: id } = route.useParams();
  const { data, error, refetch } = useQuery(alertQuery(id));
  if (error !== null)
    return (
      <Page title="Alert" up={{ to: '/alerts', label: 'Alerts' }}>
        <ErrorNotice error={error} retry={() => void refetch()} />
      </Page>
    );
  if (data === undefined)
    return (
      <Page title="Alert" up={{ to: '/alerts', label: 'Alerts' }}>
        <span aria-busy />
      </Page>
    );
  return (
    <Page
      title={data.title}
      up={{ to: '/alerts', label: 'Alerts' }}
      mark={
        <>
          <SeverityMark severity={data.severity} />
          <AlertMark alert={data} />
          {data.synthetic ? <Mark tone="neutral">made by a test</Mark> : null}
        </>
      }
      actions={<Acts alert={data} />}
    >
      <Found alert={data} />
      <Evidence alert={data} />
      <Handled alert={data} />
      <History alert={data} />
    </Page>
  );
}

function Found({ alert }: { readonly alert: AlertDetail }) {
  const { rule, rule_version: version, source, subject, window_from: from, window_to: to, repeats } = alert;
  return (
    <Section title="What was found">
      <Facts
        facts={[
          ['Rule', source === 'detection' ? <RuleLink key="rule" rule={rule} version={version} /> : rule],
          ['Found by', sourceWords(source)],
          ['About', <Subject key="subject" kind={subject.kind} name={subject.name} />],
          [
            'Period',
            from === null || to === null ? null : (
              <span key="period">
                <Time value={from} /> to <Time value={to} />
              </span>
            ),
          ],
          ...Object.entries(alert.facts).map(([name, value]) => [kindWords(name), factWords(value)] as const),
          ['Found again', repeats === 0 ? null : `${plural(repeats, 'time')} while it was suppressed`],
          ['Last found', repeats === 0 ? null : <Time key="last" value={alert.last_found_at} />],
          ['Over since', alert.over_at === null ? null : <Time key="over" value={alert.over_at} />],
          [
            'Case',
            alert.case === null ? null : (
              <Link key="case" to="/alerts" search={{ show: 'all', case: alert.case }}>
                all its alerts
              </Link>
            ),
          ],
          [
            'Where',
            alert.link === null ? null : (
              // A page of this console, as the server wrote it.
              <a key="link" href={alert.link}>
                {alert.link}
              </a>
            ),
          ],
        ]}
      />
    </Section>
  );
}

function RuleLink({ rule, version }: { readonly rule: string; readonly version: string | null }) {
  return (
    <>
      <Link to="/detections/$rule" params={{ rule }}>
        {rule}
      </Link>
      {version === null ? null : <span className="muted mono"> {version.slice(0, 19)}</span>}
    </>
  );
}

function Subject({ kind, name }: { readonly kind: string; readonly name: string }) {
  if (kind === 'agent')
    return (
      <>
        agent{' '}
        <Link to="/agents/$agent" params={{ agent: name }}>
          {name}
        </Link>
      </>
    );
  if (kind === 'role')
    return (
      <>
        role{' '}
        <Link to="/roles/$role" params={{ role: name }}>
          {name}
        </Link>
      </>
    );
  return (
    <>
      {kind} {name}
    </>
  );
}

function Evidence({ alert: { evidence, evidence_count: total } }: { readonly alert: AlertDetail }) {
  return (
    <Section title="Evidence" aside={<span className="muted">{plural(total, 'record')} of the log</span>}>
      {evidence.length === 0 ? (
        <p className="muted">The finding names no single record.</p>
      ) : (
        <div className={classes.evidence}>
          {evidence.map((id) => (
            <Link key={id} to="/log" search={{ kind: 'all', event: id }} className="mono">
              {id}
            </Link>
          ))}
          {total > evidence.length ? <span className="muted">and {total - evidence.length} more</span> : null}
        </div>
      )}
    </Section>
  );
}

function Handled({ alert }: { readonly alert: AlertDetail }) {
  const moment = (value: number | null) => (value === null ? null : <Time value={value} />);
  const by = (who: string | null, when: number | null) =>
    when === null ? null : (
      <>
        {who ?? ''} <Time value={when} />
      </>
    );
  return (
    <Section title="What was done">
      <Facts
        facts={[
          ['Opened', <Time key="opened" value={alert.opened_at} />],
          ['Acknowledge by', alert.acknowledged_at === null ? moment(alert.acknowledge_due_at) : null],
          ['Acknowledged', by(alert.acknowledged_by, alert.acknowledged_at)],
          ['Assigned to', alert.assignee ?? 'nobody'],
          ['Judged', by(alert.triaged_by, alert.triaged_at)],
          ['It was', alert.disposition === null ? null : DISPOSITIONS[alert.disposition]],
          [
            'Duplicate of',
            alert.duplicate_of === null ? null : (
              <Link key="of" to="/alerts/$alert" params={{ alert: alert.duplicate_of }} className="mono">
                {alert.duplicate_of}
              </Link>
            ),
          ],
          ['Reason', alert.reason],
          [
            'Incident',
            alert.incident === null ? null : (
              <Link key="incident" to="/incidents/$incident" params={{ incident: alert.incident }}>
                {alert.incident}
              </Link>
            ),
          ],
          ['Close by', alert.closed_at === null ? moment(alert.close_due_at) : null],
          ['Closed', by(alert.closed_by, alert.closed_at)],
          ['Told', alert.told.length === 0 ? 'nobody over a channel' : <Told key="told" alert={alert} />],
        ]}
      />
    </Section>
  );
}

function Told({ alert: { told } }: { readonly alert: AlertDetail }) {
  return (
    <ul className="plain">
      {told.map(({ channel, destination, event_id: event, status, delivered_at: at }) => (
        <li key={`${event} ${channel} ${destination}`}>
          {destination} by {channel}: {status} {at === null ? null : <Time value={at} />}
        </li>
      ))}
    </ul>
  );
}

function History({ alert: { history } }: { readonly alert: AlertDetail }) {
  return (
    <Section title="On the log">
      {history.length === 0 ? (
        <Empty title="Not sealed yet">Its records appear here as soon as they are sealed.</Empty>
      ) : (
        <ol className={classes.history}>
          {history.map((record) => (
            <li key={record.event_id}>
              <Link to="/log" search={{ kind: 'all', event: record.event_id }}>
                {kindWords(record.kind)}
              </Link>{' '}
              by {actorWords(record.actor)} · <Time value={record.ts} />
              {typeof record.reason === 'string' && record.reason !== '' ? <p>{record.reason}</p> : null}
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}
