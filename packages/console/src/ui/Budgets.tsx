import { Progress } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { budgetsQuery, type Whose } from '../api/queries.ts';
import type { Budget } from '../api/types.ts';
import { type Column, DataTable, TwoLines } from './DataTable.tsx';
import { duration, impactWords, plural } from './format.ts';
import { Empty, ErrorNotice } from './Notice.tsx';

/** Of what a counter is kept apart by, only a digest is known; so much of it tells counters apart. */
const DIGEST_SHOWN = 12;

function amount(value: number, unit: string | null): string {
  return unit === null ? plural(value, 'call') : impactWords(unit, value);
}

function whoseWords({ scope, subject, per }: Budget): string {
  const shared = scope === 'workspace' ? 'whole workspace' : `${scope} ${subject}`;
  return per === null
    ? shared
    : `${shared} · ${per.by} ${per.by === 'action' ? per.value : per.value.slice(0, DIGEST_SHOWN)}`;
}

const COLUMNS: readonly Column<Budget>[] = [
  {
    key: 'rule',
    header: 'Budget',
    cell: (budget) => (
      <TwoLines first={<span title={budget.sentence}>{budget.sentence}</span>} second={whoseWords(budget)} />
    ),
  },
  {
    key: 'used',
    header: 'Used',
    width: '220px',
    cell: ({ used, limit, unit, rule }) => (
      <>
        <Progress
          value={limit === 0 ? 100 : Math.min(100, (100 * used) / limit)}
          {...(used >= limit ? { color: 'red' } : {})}
          size="sm"
          aria-label={`${rule} used`}
        />
        <span className="muted">
          {amount(used, unit)} of {amount(limit, unit)}
        </span>
      </>
    ),
  },
  { key: 'left', header: 'Left', width: '130px', align: 'end', cell: ({ left, unit }) => amount(left, unit) },
  {
    key: 'frees',
    header: 'More frees up',
    width: '130px',
    cell: ({ frees_in_seconds: seconds }) => (seconds === null ? '–' : `in ${duration(seconds)}`),
  },
];

/** How full the windows of somebody, or of the whole workspace, are now. */
export function Budgets({ whose }: { readonly whose: Whose }) {
  const { data, error, refetch } = useQuery(budgetsQuery(whose));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <DataTable
      label="Budgets"
      columns={COLUMNS}
      rows={data}
      rowKey={({ origin, rule, scope, subject, per }) => `${origin} ${rule} ${scope} ${subject} ${per?.value ?? ''}`}
      empty={
        <Empty title="No cap and no rate applies">Guards with a window, such as a sum over 24 hours, show here.</Empty>
      }
    />
  );
}
