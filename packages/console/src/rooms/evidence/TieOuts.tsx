import type { TieOut, TieOutCoverage } from '@hivekey/sdk';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { coverageQuery, tieOutsQuery } from '../../api/evidence-queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords, count } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { instants, PeriodFields } from '../../ui/Period.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { ImportDialog } from './ImportDialog.tsx';
import { daysOf } from './Reports.tsx';

const route = getRouteApi('/in/evidence');

/** What the tools themselves say was done, held against the log: the one check that does not rest on HiveKey. */
export function TieOuts() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const days = daysOf(search);
  const [isImporting, setImporting] = useState(false);
  const { data, error, refetch } = useQuery(tieOutsQuery);
  const coverage = useQuery(coverageQuery(instants(days)));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className="stack">
      <div className="spread" style={{ alignItems: 'flex-end' }}>
        <PeriodFields
          value={days}
          onChange={(next) => navigate({ search: (old) => ({ ...old, ...next }), replace: true })}
        />
        <ActButton needs="POST /v1/tie-outs" onClick={() => setImporting(true)}>
          Import a tool’s list
        </ActButton>
      </div>
      <Section title="Tools that moved money or data in the period">
        {coverage.error === null ? (
          <DataTable
            label="Tools"
            rows={coverage.data}
            rowKey={({ tool }) => tool}
            columns={COVERAGE}
            empty={<p className="muted">No tool did, as far as its capabilities say.</p>}
          />
        ) : (
          <ErrorNotice error={coverage.error} retry={() => void coverage.refetch()} />
        )}
      </Section>
      <Section title="Imports">
        <DataTable
          label="Tie-outs"
          rows={data}
          rowKey={({ id }) => id}
          columns={COLUMNS}
          empty={
            <Empty title="No tool’s list was imported yet" command="npx hivekey tie-outs import --help">
              A payment or mail provider counts what it did by itself. Where its list and the log agree, neither left
              anything out.
            </Empty>
          }
        />
      </Section>
      {isImporting ? <ImportDialog days={days} onClose={() => setImporting(false)} /> : null}
    </div>
  );
}

export function TieOutState({ state }: { readonly state: TieOut['state'] | 'none' }) {
  const tone = state === 'equal' ? 'allow' : state === 'different' ? 'deny' : 'review';
  return <Mark tone={tone}>{state === 'none' ? 'not compared' : state}</Mark>;
}

const COVERAGE: readonly Column<TieOutCoverage>[] = [
  { key: 'tool', header: 'Tool', cell: ({ tool, moves }) => <TwoLines first={tool} second={moves.join(', ')} /> },
  {
    key: 'calls',
    header: 'Allowed calls',
    width: '120px',
    align: 'end',
    cell: ({ calls }) => <span className="num">{count(calls)}</span>,
  },
  {
    key: 'covered',
    header: 'Compared',
    width: '220px',
    cell: ({ is_covered: isCovered, covered_through: through, state }) => {
      if (isCovered) return 'the whole period';
      if (through !== null) return `until ${through.slice(0, 10)}`;
      return state === 'none' ? 'no list was imported' : 'not from its beginning';
    },
  },
  { key: 'state', header: 'State', width: '140px', cell: ({ state }) => <TieOutState state={state} /> },
];

const COLUMNS: readonly Column<TieOut>[] = [
  {
    key: 'tool',
    header: 'Tool',
    cell: ({ id, tool, from, to }) => (
      <TwoLines
        first={
          <Link to="/evidence/tie-outs/$tieOut" params={{ tieOut: id }} className={rowLink}>
            {tool}
          </Link>
        }
        second={`${from.slice(0, 10)} to before ${to.slice(0, 10)}`}
      />
    ),
  },
  {
    key: 'theirs',
    header: 'By the tool',
    width: '110px',
    align: 'end',
    cell: ({ theirs }) => <span className="num">{count(theirs.count)}</span>,
  },
  {
    key: 'ours',
    header: 'By the log',
    width: '110px',
    align: 'end',
    cell: ({ ours }) => <span className="num">{count(ours.count)}</span>,
  },
  {
    key: 'differences',
    header: 'Differences',
    width: '160px',
    cell: ({ differences, explained }) =>
      differences === 0 ? 'none' : `${count(differences)}, ${count(explained)} explained`,
  },
  { key: 'state', header: 'State', width: '120px', cell: ({ state }) => <TieOutState state={state} /> },
  {
    key: 'by',
    header: 'Imported by',
    width: '180px',
    cell: ({ person, imported_by: by }) => <span className="truncate">{person ?? actorWords(by)}</span>,
  },
  { key: 'at', header: 'When', width: '104px', cell: ({ imported_at: at }) => <Time value={at} /> },
];
