import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { httpApisQuery } from '../../api/queries.ts';
import type { HttpApi } from '../../api/types.ts';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark, StatusMark } from '../../ui/Verdict.tsx';

const COLUMNS: readonly Column<HttpApi>[] = [
  {
    key: 'namespace',
    header: 'API',
    cell: ({ namespace, endpoint }) => (
      <TwoLines
        first={
          <Link to="/apis/$api" params={{ api: namespace }} className={rowLink}>
            {namespace}
          </Link>
        }
        second={endpoint}
      />
    ),
  },
  { key: 'status', header: 'Status', width: '30%', cell: ({ status }) => <StatusMark status={status} /> },
  {
    key: 'waiting',
    header: 'To look at',
    width: '136px',
    cell: ({ operations }) => {
      const waiting = operations.new + operations.changed;
      return waiting === 0 ? <span className="muted">nothing</span> : <Mark tone="review">{`${waiting} waiting`}</Mark>;
    },
  },
  {
    key: 'live',
    header: 'Live',
    width: '72px',
    align: 'end',
    cell: ({ operations }) => <span className="num">{operations.live}</span>,
  },
  {
    key: 'read',
    header: 'Document read',
    width: '112px',
    cell: ({ document }) => <Time value={document?.imported ?? null} absent="never" />,
  },
];

/** REST APIs, beside the MCP servers. */
export function HttpApis() {
  const { data, error, refetch } = useQuery(httpApisQuery);
  return (
    <Section title="HTTP APIs">
      {error === null ? (
        <DataTable
          label="HTTP APIs"
          columns={COLUMNS}
          rows={data}
          rowKey={({ id }) => id}
          empty={
            <Empty
              title="No HTTP APIs yet"
              command="npx hivekey http-api add shop --endpoint https://shop.internal.acme.example/api -f shop.openapi.yaml"
            >
              Each operation of an OpenAPI document becomes a capability. It grants nothing: roles do that.
            </Empty>
          }
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
    </Section>
  );
}
