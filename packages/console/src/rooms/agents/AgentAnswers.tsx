import type { Answer, AnswerClaim, AnswerQuestion, AnswerTable } from '@hivekey/sdk';
import { Button, SegmentedControl, Skeleton, TextInput } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { answerQuery } from '../../api/answer-queries.ts';
import { at, withQuery } from '../../api/client.ts';
import type { Agent } from '../../api/types.ts';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords, count, localOfSeconds } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { type Days, instants, isDay, lastQuarter, PeriodFields } from '../../ui/Period.tsx';
import { saveFile } from '../../ui/save-file.ts';
import { Moment } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import classes from './agents.module.css';

const route = getRouteApi('/in/agents/$agent');

const QUESTIONS: readonly { readonly value: AnswerQuestion; readonly label: string }[] = [
  { value: 'authority', label: 'Authority' },
  { value: 'blast_radius', label: 'Blast radius' },
  { value: 'activity', label: 'Everything it did' },
  { value: 'revocation', label: 'Revoke now' },
];

/** An auditor's four questions, each with the record behind every claim. */
export function AgentAnswers({ agent }: { readonly agent: Agent }) {
  const { question = 'authority', at, from, to } = route.useSearch();
  const navigate = route.useNavigate();
  const days: Days = isDay(from) && isDay(to) ? { from, to } : lastQuarter();
  const when = question === 'authority' ? { at } : question === 'blast_radius' ? {} : instants(days);
  const { data, error, refetch, isFetching } = useQuery(answerQuery(agent.id, question, when));
  return (
    <div className="stack" aria-busy={isFetching}>
      <div className="spread" style={{ alignItems: 'flex-end', flexWrap: 'wrap', gap: 12 }}>
        <SegmentedControl
          aria-label="Question"
          data={[...QUESTIONS]}
          value={question}
          onChange={(next) =>
            navigate({ search: (old) => ({ ...old, question: next as AnswerQuestion }), replace: true })
          }
        />
        {question === 'authority' ? (
          <Instant at={at} />
        ) : question === 'blast_radius' ? null : (
          <PeriodFields
            value={days}
            onChange={(next) => navigate({ search: (old) => ({ ...old, ...next }), replace: true })}
          />
        )}
      </div>
      {error !== null ? (
        <ErrorNotice error={error} retry={() => void refetch()} />
      ) : data === undefined ? (
        <Skeleton height={320} aria-label="Loading" />
      ) : (
        <Answered answer={data} />
      )}
    </div>
  );
}

/** Of which instant; it stands in the address, so that it can be sent to somebody. */
function Instant({ at }: { readonly at: string | undefined }) {
  const navigate = route.useNavigate();
  const read = at === undefined ? Number.NaN : Date.parse(at);
  return (
    <TextInput
      label="As at (empty: now)"
      type="datetime-local"
      step={1}
      value={Number.isNaN(read) ? '' : localOfSeconds(read / 1000, 'seconds')}
      onChange={(event) => {
        const next = new Date(event.currentTarget.value);
        const instant = Number.isNaN(next.getTime()) ? undefined : next.toISOString();
        void navigate({ search: (old) => ({ ...old, at: instant }), replace: true });
      }}
    />
  );
}

function Answered({ answer }: { readonly answer: Answer }) {
  const missing = answer.claims.filter((claim) => claim.missing).length;
  return (
    <>
      <section aria-label="Answer">
        <p className="muted">{answer.asked}</p>
        <p className={classes.summary}>{answer.sentence}</p>
        <p className="muted">
          As of <Moment value={answer.as_of} />
          {answer.period === null
            ? ''
            : `, about ${answer.period.from.slice(0, 10)} to before ${answer.period.to.slice(0, 10)} (UTC)`}
          . {missing === 0 ? 'Every claim has a record or a computation.' : `${count(missing)} without a record.`}
        </p>
      </section>
      <Section title="What it is made of" aside={<Links answer={answer} />}>
        <DataTable
          label="Claims"
          columns={CLAIMS}
          rows={answer.claims}
          rowKey={claimKey}
          empty={<p className="muted">Nothing is claimed.</p>}
        />
      </Section>
      {answer.tables.map((table) => (
        <Section key={table.name} title={table.title}>
          <Values table={table} />
        </Section>
      ))}
      <Section title="What it says nothing about">
        <ul className={classes.notCovered}>
          {answer.not_covered.map((words) => (
            <li key={words}>{words}</li>
          ))}
        </ul>
      </Section>
    </>
  );
}

function Links({ answer }: { readonly answer: Answer }) {
  const { agent, question, period } = answer;
  return (
    <span className="row">
      {question === 'revocation' ? (
        <Link to="/containment" search={{ tab: 'drills', create: true }}>
          Rehearse
        </Link>
      ) : (
        <Link
          to="/log"
          search={{ about: agent, kind: 'all', ...(period === null ? {} : { from: period.from, to: period.to }) }}
        >
          Show the raw records
        </Link>
      )}
      <Button
        variant="default"
        size="compact-sm"
        leftSection={<IconDownload size={14} aria-hidden />}
        onClick={() =>
          saveFile(`${question}-${agent}.json`, 'application/json', `${JSON.stringify(answer, null, 2)}\n`)
        }
      >
        JSON
      </Button>
      <Button
        component="a"
        variant="default"
        size="compact-sm"
        leftSection={<IconDownload size={14} aria-hidden />}
        href={withQuery(at`/v1/agents/${agent}/answers/${question}/pdf`, {
          ...period,
          at: question === 'authority' ? answer.as_of : undefined,
        })}
        download
      >
        PDF
      </Button>
    </span>
  );
}

const claimKey = ({ topic, sentence, record }: AnswerClaim): string => `${topic} ${sentence} ${record ?? ''}`;

const CLAIMS: readonly Column<AnswerClaim>[] = [
  {
    key: 'claim',
    header: 'Claim',
    cell: ({ topic, sentence }) => (
      <div className={classes.claim}>
        <span className="muted">{topic}</span>
        <span>{sentence}</span>
      </div>
    ),
  },
  {
    key: 'when',
    header: 'When and by whom',
    width: '230px',
    cell: ({ at, by }) => <TwoLines first={<Moment value={at} />} second={by === null ? '' : `by ${actorWords(by)}`} />,
  },
  { key: 'record', header: 'Behind it', width: '150px', cell: (claim) => <Behind claim={claim} /> },
];

function Behind({ claim: { record, computed_from: from } }: { readonly claim: AnswerClaim }) {
  if (record !== null)
    return (
      <Link to="/log" search={{ event: record, kind: 'all' }} aria-label={`Record ${record}`}>
        Record
      </Link>
    );
  if (from !== null)
    return (
      <span className="muted" title={`Computed from ${from}`}>
        computed
      </span>
    );
  return <Mark tone="deny">no record</Mark>;
}

/** Rows of texts and numbers as they came. */
function Values({ table: { title, columns, rows } }: { readonly table: AnswerTable }) {
  return (
    <DataTable
      label={title}
      columns={columns.map((header, i) => ({
        key: header,
        header,
        ...(rows.some((row) => typeof row[i] === 'number') ? { align: 'end' as const } : {}),
        cell: (row: AnswerTable['rows'][number]) => <Value value={row[i] ?? null} isRecord={header === 'record'} />,
      }))}
      rows={rows}
      rowKey={(row) => row.join(' ')}
      empty={<p className="muted">Nothing.</p>}
    />
  );
}

function Value({ value, isRecord }: { readonly value: string | number | null; readonly isRecord: boolean }) {
  if (isRecord)
    return value === null ? (
      <Mark tone="deny">no record</Mark>
    ) : (
      <Link to="/log" search={{ event: String(value), kind: 'all' }}>
        Record
      </Link>
    );
  if (value === null) return <span className="muted">—</span>;
  if (typeof value === 'number') return <span className="num">{count(value)}</span>;
  return /^\d{4}-\d{2}-\d{2}T/.test(value) ? (
    <Moment value={value} />
  ) : (
    <span style={{ overflowWrap: 'anywhere' }}>{value}</span>
  );
}
