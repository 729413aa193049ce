import type { Engagement, EngagementRun, Reperformance as Made, Reperformed } from '@hivekey/sdk';
import { Button, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { engagementRunsQuery } from '../../api/engagement-queries.ts';
import { useWrite } from '../../app/write.ts';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { count, plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Moment } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { whoWords } from './words.ts';

const MOST = 100;

/** Entries decided again, under the policy that each names. */
export function Reperformance({ engagement, isFirm }: { readonly engagement: Engagement; readonly isFirm: boolean }) {
  const [text, setText] = useState('');
  const [results, setResults] = useState<readonly Reperformed[]>();
  const ids = [...new Set(text.split(/[\s,;]+/).filter((id) => id !== ''))];
  const decide = useWrite({
    write: () => send<Made>('POST', at`/v1/engagements/${engagement.id}/reperformances`, { entries: ids }),
    changes: ['engagements'],
    onDone: (made) => setResults(made.results),
  });
  return (
    <div className="stack">
      {isFirm && engagement.status === 'open' ? (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (ids.length > 0 && !decide.isPending) decide.mutate(undefined);
          }}
        >
          <Textarea
            label="Event ids"
            description={`Up to ${MOST} calls of the period, one a line. Each is read as it was hashed and decided again under the archived policy that it names.`}
            autosize
            minRows={4}
            maxRows={12}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            {...(ids.length > MOST ? { error: `${ids.length} are more than ${MOST}.` } : {})}
          />
          {decide.isError ? <ErrorNotice error={decide.error} /> : null}
          <div>
            <Button type="submit" loading={decide.isPending} disabled={ids.length === 0 || ids.length > MOST}>
              Decide again
            </Button>
          </div>
        </form>
      ) : null}
      {results === undefined ? null : (
        <DataTable label="Decided again" columns={COLUMNS} rows={results} rowKey={({ event_id }) => event_id} />
      )}
      <Before engagement={engagement} isFirm={isFirm} />
    </div>
  );
}

const MARKS: Readonly<Record<Reperformed['result'], readonly ['allow' | 'deny' | 'review' | 'neutral', string]>> = {
  match: ['allow', 'match'],
  differs: ['deny', 'differs'],
  not_repeatable: ['review', 'not repeatable'],
  not_found: ['neutral', 'not found'],
};

const COLUMNS: readonly Column<Reperformed>[] = [
  {
    key: 'result',
    header: 'Result',
    width: '130px',
    cell: ({ result }) => <Mark tone={MARKS[result][0]}>{MARKS[result][1]}</Mark>,
  },
  {
    key: 'entry',
    header: 'Entry',
    width: '260px',
    cell: ({ event_id: id, seq, at: time }) => (
      <TwoLines
        first={<span className="mono">{id}</span>}
        second={seq === null ? '' : `${count(seq)}, ${time ?? ''}`}
      />
    ),
  },
  {
    key: 'call',
    header: 'Call',
    cell: ({ agent, action, policy_revision: revision }) => (
      <TwoLines first={action ?? '—'} second={agent === null ? '' : `${agent}, policy ${revision ?? ''}`} />
    ),
  },
  {
    key: 'recorded',
    header: 'Recorded',
    cell: ({ recorded }) => (recorded === null ? '—' : <TwoLines first={recorded.verdict} second={recorded.reason} />),
  },
  {
    key: 'again',
    header: 'Again',
    cell: ({ again, detail }) =>
      again === null ? (
        <span className="muted">{detail ?? '—'}</span>
      ) : (
        <TwoLines first={again.verdict} second={again.reason} />
      ),
  },
];

/** Earlier ones, in numbers: all of them are in the report `walkthrough`. */
function Before({ engagement, isFirm }: { readonly engagement: Engagement; readonly isFirm: boolean }) {
  const { data, error } = useQuery(engagementRunsQuery(engagement.id));
  const runs = data?.filter(({ kind }) => kind === 'reperformance').toReversed();
  if (error !== null) return <ErrorNotice error={error} />;
  if (runs?.length === 0)
    return isFirm ? null : (
      <Empty title="Nothing was decided again">The auditor pastes entries, and what came of it stays here.</Empty>
    );
  return (
    <Section title="Before">
      <DataTable
        label="Earlier re-performances"
        columns={[
          { key: 'who', header: 'Who', cell: ({ actor }: EngagementRun) => whoWords(actor) },
          { key: 'at', header: 'When', width: '220px', cell: ({ at: time }: EngagementRun) => <Moment value={time} /> },
          { key: 'what', header: 'Result', cell: ({ result }: EngagementRun) => wordsOf(result) },
        ]}
        rows={runs}
        rowKey={({ id }) => id}
      />
    </Section>
  );
}

function wordsOf(result: EngagementRun['result']): string {
  const number = (name: string) => (typeof result[name] === 'number' ? result[name] : 0);
  return `${plural(number('count'), 'entry', 'entries')}: ${number('match')} match, ${number('differs')} differ, ${number('not_repeatable')} not repeatable, ${number('not_found')} not found`;
}
