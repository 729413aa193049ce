import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { at, get } from '../../api/client.ts';
import type { Policy } from '../../api/types.ts';
import { CodeBlock, Identifier } from '../../ui/Copy.tsx';
import { DataTable } from '../../ui/DataTable.tsx';
import { actorWords, plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Panel, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { objectWords } from '../changes/words.ts';
import { Sentences } from '../roles/Sentences.tsx';
import { TimeSlider } from './TimeSlider.tsx';

const route = getRouteApi('/in/policy/$revision');

/** All that could change a verdict, as it was at one revision. */
export function PolicyPage() {
  const { revision } = route.useParams();
  const { data, error, refetch } = useQuery({
    queryKey: ['policies', revision],
    queryFn: ({ signal }) => get<Policy>(at`/v1/policies/${revision}`, {}, signal),
  });
  const title = `Policy ${revision === 'current' ? 'in force' : `revision ${revision}`}`;
  if (error !== null)
    return (
      <Page title={title}>
        <ErrorNotice error={error} retry={() => void refetch()} />
      </Page>
    );
  if (data === undefined)
    return (
      <Page title={title}>
        <Skeleton height={320} aria-label="Loading" />
      </Page>
    );
  return (
    <Page
      title={`Policy revision ${data.revision}`}
      mark={<Mark tone={data.until === null ? 'allow' : 'neutral'}>{data.until === null ? 'in force' : 'past'}</Mark>}
    >
      <TimeSlider key={data.revision} policy={data} />
      <Panel>
        <Facts
          facts={[
            ['Hash', <Identifier key="hash" value={data.hash} what="policy hash" />],
            ['In force from', <Time key="from" value={data.created} />],
            ['Until', data.until === null ? 'now' : <Time key="until" value={data.until} />],
            ['Changed by', data.author],
            [
              'Holds',
              `${plural(data.roles.length, 'role')}, ${plural(data.capabilities.length, 'capability', 'capabilities')}`,
            ],
            ['Stopped tools', data.stopped_tools.length === 0 ? 'none' : data.stopped_tools.join(', ')],
          ]}
        />
      </Panel>
      <div style={{ height: 28 }} />
      <Section title="Guards of the workspace">
        <Sentences sentences={data.workspace_guards.map(({ sentence }) => sentence)} />
      </Section>
      {data.roles.map((role) => (
        <Section
          key={role.name}
          title={`${role.name} · rev ${role.revision}`}
          aside={
            <Link to="/roles/$role" params={{ role: role.name }} search={{ tab: 'revisions' }}>
              All revisions
            </Link>
          }
        >
          <p className="muted">{role.description}</p>
          <p className="mono">{role.allow.length === 0 ? 'grants nothing' : role.allow.join(', ')}</p>
          <Sentences sentences={role.guards.map(({ sentence }) => sentence)} />
        </Section>
      ))}
      <Section title="What it is made of">
        <DataTable
          label="Objects and the changes that brought them"
          rows={data.objects}
          rowKey={({ type, id }) => `${type} ${id}`}
          empty={<p className="muted">It is from before versions were kept.</p>}
          columns={[
            { key: 'object', header: 'Object', cell: (object) => objectWords(object) },
            { key: 'version', header: 'Version', width: '90px', cell: ({ version }) => version },
            { key: 'author', header: 'By', cell: ({ author }) => actorWords(author) },
            {
              key: 'change',
              header: 'Change',
              width: '170px',
              cell: ({ change }) =>
                change === null ? (
                  <span className="muted">direct, not reviewed</span>
                ) : (
                  <Link to="/changes/$change" params={{ change }}>
                    see the change
                  </Link>
                ),
            },
            {
              key: 'since',
              header: 'Since',
              width: '120px',
              cell: ({ activated_at }) => <Time value={activated_at} />,
            },
          ]}
        />
      </Section>
      <Section title="Document">
        <CodeBlock code={JSON.stringify(data, null, 2)} what="policy document" />
      </Section>
    </Page>
  );
}
