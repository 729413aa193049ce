import { Skeleton } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { detectionQuery, findingsQuery } from '../../api/detection-queries.ts';
import type { DetectionFinding, DetectionRule } from '../../api/detection-types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { CodeBlock, Identifier } from '../../ui/Copy.tsx';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords, duration, plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Section } from '../../ui/Page.tsx';
import { Moment, Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { SeverityMark } from '../alerts/marks.tsx';
import { kindWords } from '../alerts/words.ts';
import { LiveTestDialog } from './LiveTestDialog.tsx';
import { SettingsDialog } from './SettingsDialog.tsx';
import { Tests } from './Tests.tsx';
import { actionWords, parameterWords } from './words.ts';

const route = getRouteApi('/in/detections/$rule');
const UP = { to: '/detections', label: 'Detections' };

export function DetectionPage() {
  const { rule: name } = route.useParams();
  const { data, error, refetch } = useQuery(detectionQuery(name));
  const [open, setOpen] = useState<'settings' | 'test'>();
  if (data === undefined)
    return (
      <Page title={name} up={UP}>
        {error === null ? (
          <Skeleton height={320} aria-label="Loading" />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
      </Page>
    );
  const severity = data.severity ?? data.level;
  return (
    <Page
      title={`${data.name} ${data.title}`}
      name={`${data.name} · ${data.title}`}
      up={UP}
      mark={
        <>
          {severity === null ? null : <SeverityMark severity={severity} />}
          <Mark tone={data.problem !== null ? 'deny' : data.enabled ? 'allow' : 'review'}>
            {data.problem !== null ? 'does not run' : data.enabled ? 'on' : 'off'}
          </Mark>
        </>
      }
      description={data.description}
      actions={
        <>
          <ActButton needs="PUT /v1/detections/:rule" variant="default" onClick={() => setOpen('settings')}>
            Settings
          </ActButton>
          <ActButton
            needs="POST /v1/detections/:rule/live-tests"
            refusal={data.shipped ? undefined : 'Rules of your own have no sample of an attack to inject.'}
            onClick={() => setOpen('test')}
          >
            Test it live
          </ActButton>
        </>
      }
    >
      {data.problem === null ? null : (
        <p role="alert">
          <Mark tone="deny">does not run</Mark> {data.problem}
        </p>
      )}
      <About detection={data} />
      <Parameters detection={data} />
      <Found name={data.name} />
      <Section title="Live tests">
        <Tests detection={data.name} />
      </Section>
      <Section title="The rule as it is written">
        <CodeBlock code={data.rule} what="rule" />
      </Section>
      {open === 'settings' ? <SettingsDialog detection={data} onClose={() => setOpen(undefined)} /> : null}
      {open === 'test' ? <LiveTestDialog detection={data} onClose={() => setOpen(undefined)} /> : null}
    </Page>
  );
}

function About({ detection }: { readonly detection: DetectionRule }) {
  const { criteria, file_digest: digest, suppression_seconds: suppression } = detection;
  return (
    <Section title="About it">
      <Facts
        facts={[
          ['When it fires', actionWords(detection.action)],
          ['What to do', detection.response],
          ['False positives', detection.false_positives.join(' ')],
          ['Told again after', suppression === null ? null : suppression === 0 ? 'each time' : duration(suppression)],
          ['Learned', detection.learned ? 'rests on a learned baseline: it informs, and never acts' : null],
          ['Answers for it', detection.owner],
          [
            'Supports',
            [...criteria.soc2.map((id) => `SOC 2 ${id}`), ...criteria.owasp_agentic.map((id) => `OWASP ${id}`)].join(
              ', ',
            ),
          ],
          ['Reads', detection.fields.join(', ')],
          ['Form', detection.form === 'sigma' ? 'Sigma' : detection.form],
          ['Version', detection.rule_version],
          ['Digest', digest === null ? null : <Identifier key="digest" value={digest} what="digest of the rule" />],
          [
            'Settings',
            detection.settings_version === null
              ? 'as it is shipped'
              : `version ${detection.settings_version} by ${actorWords(detection.author ?? '')}`,
          ],
          ['Set', detection.updated_at === null ? null : <Moment key="set" value={detection.updated_at} />],
        ]}
      />
    </Section>
  );
}

function Parameters({ detection: { parameters } }: { readonly detection: DetectionRule }) {
  if (parameters.length === 0) return null;
  return (
    <Section title="Numbers">
      <DataTable
        label="Parameters"
        rows={parameters}
        rowKey={({ name }) => name}
        columns={[
          {
            key: 'name',
            header: 'Parameter',
            cell: ({ name, description }) => <TwoLines first={name} second={description} />,
          },
          {
            key: 'value',
            header: 'In force',
            width: '220px',
            cell: ({ name, value }) => <strong>{parameterWords(name, value)}</strong>,
          },
          {
            key: 'default',
            header: 'As shipped',
            width: '220px',
            cell: ({ name, default: own }) => <span className="muted">{parameterWords(name, own)}</span>,
          },
        ]}
      />
    </Section>
  );
}

function Found({ name }: { readonly name: string }) {
  const { data, error, isPending } = useInfiniteQuery(findingsQuery(name));
  return (
    <Section title="What it found">
      {error === null ? (
        <DataTable
          label="Findings"
          columns={FINDINGS}
          rows={isPending ? undefined : data.pages.flatMap((page) => page.data)}
          rowKey={({ id }) => id}
          empty={<Empty title="Nothing yet">A live test shows that it would.</Empty>}
        />
      ) : (
        <ErrorNotice error={error} />
      )}
    </Section>
  );
}

const FINDINGS: readonly Column<DetectionFinding>[] = [
  { key: 'severity', header: 'Severity', width: '124px', cell: ({ severity }) => <SeverityMark severity={severity} /> },
  {
    key: 'reason',
    header: 'Finding',
    cell: ({ reason, count: total, synthetic, clause, alert }) => (
      <TwoLines
        first={
          alert === null ? (
            reason
          ) : (
            <Link to="/alerts/$alert" params={{ alert }} title={reason}>
              {synthetic ? 'Test: ' : ''}
              {reason}
            </Link>
          )
        }
        second={`${plural(total, 'record')}${clause === null ? '' : ` · ${kindWords(clause)}`}`}
      />
    ),
  },
  { key: 'found', header: 'Found', width: '104px', cell: ({ found_at: at }) => <Time value={at} /> },
];
