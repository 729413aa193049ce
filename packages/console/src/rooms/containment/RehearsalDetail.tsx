import { Link } from '@tanstack/react-router';
import type { Rehearsal } from '../../api/types.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { actorWords } from '../../ui/format.ts';
import { Facts, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import classes from './containment.module.css';
import { measuredWords, msWords } from './words.ts';

type Result = NonNullable<Rehearsal['result']>;
type Asked = Result['tools'][number] | Result['entrances'][number];

const refused: Column<Asked> = {
  key: 'refused',
  header: 'Refused',
  width: '220px',
  cell: (each) => (
    <span className="row">
      <StatusMark status={each.refused ? 'refused' : 'failed'} />
      <span className="mono truncate" title={each.code ?? ''}>
        {each.code ?? (each.refused ? '' : 'not refused')}
      </span>
    </span>
  ),
};

const after: Column<Asked> = {
  key: 'ms',
  header: 'After',
  width: '110px',
  align: 'end',
  cell: ({ ms }) => <span className="num">{ms === null ? '—' : msWords(ms)}</span>,
};

const TOOLS: readonly Column<Result['tools'][number]>[] = [
  {
    key: 'capability',
    header: 'Tool',
    cell: ({ capability, before }) => (
      <span className="mono" title={before === null ? capability : `${capability}: ${before} before`}>
        {capability}
      </span>
    ),
  },
  refused,
  after,
];

const ENTRANCES: readonly Column<Result['entrances'][number]>[] = [
  { key: 'entrance', header: 'Entrance', cell: ({ entrance }) => entrance },
  refused,
  after,
];

/** What a rehearsal measured. */
export function RehearsalDetail({ rehearsal }: { readonly rehearsal: Rehearsal }) {
  const { status, agent, drill, actor, node, started_at, result } = rehearsal;
  const took = (ms: number | null | undefined) => (ms === null || ms === undefined ? null : msWords(ms));
  return (
    <div className={`stack ${classes.signed}`} data-testid="rehearsal">
      <p className="row-wrap">
        <StatusMark status={status} />
        <span>{measuredWords(rehearsal)}</span>
      </p>
      <Facts
        facts={[
          ['Shadow of', agent],
          ['Drill', drill ?? 'none, by hand'],
          ['By', actorWords(actor)],
          ['Node', node],
          ['Started', <Time key="started" value={started_at} />],
          ['Committed after', took(result?.commit_ms)],
          ['First refusal after', took(result?.first_refusal_ms)],
          ['Call aborted after', took(result?.call_aborted_ms)],
          ['Session closed after', took(result?.session_closed_ms)],
          [
            'Stop',
            result?.containment === undefined || result.containment === null ? null : (
              <Link key="stop" to="/containment" search={{ tab: 'receipts', stop: result.containment }}>
                its receipt
              </Link>
            ),
          ],
        ]}
      />
      {result === null ? null : (
        <>
          <Section title="Entrances">
            <DataTable
              label="Entrances that were tried"
              columns={ENTRANCES}
              rows={result.entrances}
              rowKey={({ entrance }) => entrance}
              empty={<p className="muted">None was tried.</p>}
            />
          </Section>
          <Section title="Tools">
            <DataTable
              label="Tools that were asked for"
              columns={TOOLS}
              rows={result.tools}
              rowKey={({ capability }) => capability}
              empty={<p className="muted">None was asked for.</p>}
            />
          </Section>
        </>
      )}
    </div>
  );
}
