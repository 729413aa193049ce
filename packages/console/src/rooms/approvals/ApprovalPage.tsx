import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { approvalQuery } from '../../api/queries.ts';
import type { FullApproval } from '../../api/types.ts';
import { CodeBlock } from '../../ui/Copy.tsx';
import { impactsWords } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Section } from '../../ui/Page.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import classes from './approvals.module.css';
import { Binding } from './Binding.tsx';
import { CanStillDo } from './CanStillDo.tsx';
import { Deciders } from './Deciders.tsx';
import { Decision } from './Decision.tsx';
import { History, PayeeHistory } from './History.tsx';
import { useOpened } from './use-opened.ts';
import { stateOf } from './words.ts';

const route = getRouteApi('/in/approvals/$approval');
const UP = { to: '/approvals', label: 'Approvals' } as const;

export function ApprovalPage() {
  const { approval: id } = route.useParams();
  const { data, error, refetch } = useQuery(approvalQuery(id));
  if (data === undefined)
    return (
      <Page title="Approval" up={UP}>
        {error === null ? (
          <Skeleton height={320} aria-label="Loading" />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
      </Page>
    );
  return (
    <Page
      title={`${data.action} by ${data.agent}`}
      name={data.action}
      up={UP}
      mark={<StatusMark status={stateOf(data.status)} />}
      description={data.reason}
    >
      <div className={classes.columns}>
        <div>
          <Asked approval={data} />
          <Binding approval={data} />
          <PayeeHistory approval={data} />
          <History approval={data} />
          <CanStillDo approval={data} />
        </div>
        <div className="stack">
          <Decision approval={data} />
          <Deciders approval={data} />
        </div>
      </div>
    </Page>
  );
}

/** The view whose digest is bound. */
function Asked({ approval }: { readonly approval: FullApproval }) {
  const { view, agent, owner, tool, namespace, access, destructive, impact, entrance, event_id } = approval;
  useOpened(approval);
  return (
    <Section title="What is asked">
      <Facts
        facts={[
          [
            'Agent',
            <Link key="agent" to="/agents/$agent" params={{ agent }}>
              {agent}
            </Link>,
          ],
          ['Owner', owner],
          ['Roles', view.roles.join(', ')],
          ['Tool', [tool, namespace === null ? '' : `on ${namespace}`].filter(Boolean).join(' ')],
          ['Access', [access ?? 'unknown', destructive === true ? 'destructive' : ''].filter(Boolean).join(', ')],
          ['Amount', impactsWords(impact)],
          ['Entrance', entrance],
          [
            'Held because',
            <ul key="rules" className={classes.rules}>
              {view.rules.map(({ rule, origin, sentence, detail }) => (
                <li key={`${origin} ${rule}`}>
                  {sentence} <span className="muted">{[rule, origin, detail].filter(Boolean).join(' · ')}</span>
                </li>
              ))}
            </ul>,
          ],
          [
            'Record',
            <Link key="record" to="/log" search={{ event: event_id }} className="mono">
              {event_id}
            </Link>,
          ],
        ]}
      />
      <CodeBlock code={JSON.stringify(view.arguments, null, 2)} what="arguments" wrap />
      <p className="muted">All arguments, as they will be sent. What the schema marks as sensitive is masked.</p>
    </Section>
  );
}
