import type { EvidenceReport } from '@hivekey/sdk';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { reportsQuery } from '../../api/evidence-queries.ts';
import { type Column, DataTable, rowLink, Tags, TwoLines } from '../../ui/DataTable.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { type Days, isDay, lastQuarter, PeriodFields } from '../../ui/Period.tsx';

const route = getRouteApi('/in/evidence');

/** The period in the address, or the last quarter that is over. */
export function daysOf({ from, to }: { readonly from?: string | undefined; readonly to?: string | undefined }): Days {
  return isDay(from) && isDay(to) ? { from, to } : lastQuarter();
}

/** The nine items an auditor asks for, and what goes along with them. */
export function Reports() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const days = daysOf(search);
  const { data, error, refetch } = useQuery(reportsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const columns = columnsFor(days);
  const items = data?.filter(({ item }) => item > 0).toSorted((a, b) => a.item - b.item);
  return (
    <div className="stack">
      <PeriodFields
        value={days}
        onChange={(next) => navigate({ search: (old) => ({ ...old, ...next }), replace: true })}
      />
      <Section title="The nine items">
        <DataTable label="Evidence items" columns={columns} rows={items} rowKey={({ id }) => id} />
      </Section>
      <Section title="What goes along">
        <DataTable
          label="Other reports"
          columns={columns}
          rows={data?.filter(({ item }) => item === 0)}
          rowKey={({ id }) => id}
          empty={<p className="muted">Nothing else.</p>}
        />
      </Section>
    </div>
  );
}

function columnsFor(days: Days): readonly Column<EvidenceReport>[] {
  return [
    {
      key: 'item',
      header: 'Item',
      width: '60px',
      cell: ({ item }) => (item === 0 ? <span className="muted">—</span> : <span className="num">{item}</span>),
    },
    {
      key: 'title',
      header: 'Report',
      cell: ({ id, title, about }) => (
        <TwoLines
          first={
            <Link to="/evidence/$report" params={{ report: id }} search={days} className={rowLink}>
              {title}
            </Link>
          }
          second={about}
        />
      ),
    },
    { key: 'controls', header: 'Controls', width: '220px', cell: ({ controls }) => <Tags names={controls} /> },
    {
      key: 'tables',
      header: 'Tables',
      width: '80px',
      align: 'end',
      cell: ({ tables }) => <span className="num">{tables.length}</span>,
    },
  ];
}
