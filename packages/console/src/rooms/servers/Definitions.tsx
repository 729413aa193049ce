import { Link } from '@tanstack/react-router';
import type { McpDefinition } from '../../api/types.ts';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Notice.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';

export function descriptionOf({ definition }: McpDefinition): string {
  const { description, title } = definition;
  return typeof description === 'string' ? description : typeof title === 'string' ? title : '';
}

const COLUMNS: readonly Column<McpDefinition>[] = [
  {
    key: 'capability',
    header: 'Capability',
    width: '32%',
    cell: ({ capability, upstream_name }) => (
      <TwoLines
        first={
          <Link
            from="/servers/$server"
            to="."
            search={(old) => ({ ...old, definition: capability })}
            className={`${rowLink} mono`}
            title={capability}
          >
            {capability}
          </Link>
        }
        second={capability.endsWith(`.${upstream_name}`) ? undefined : `upstream: ${upstream_name}`}
      />
    ),
  },
  { key: 'kind', header: 'Kind', width: '92px', cell: ({ kind }) => kind },
  { key: 'access', header: 'Access', width: '76px', cell: ({ access }) => access },
  { key: 'status', header: 'Status', width: '112px', cell: ({ status }) => <StatusMark status={status} /> },
  {
    key: 'description',
    header: 'Description',
    cell: (definition) => {
      const text =
        definition.problem === null ? descriptionOf(definition) : `Cannot be published: ${definition.problem}`;
      return (
        <span className="truncate" title={text} style={{ display: 'block' }}>
          {text}
        </span>
      );
    },
  },
];

export function Definitions({
  rows,
  namespace,
}: {
  readonly rows: readonly McpDefinition[] | undefined;
  readonly namespace: string;
}) {
  return (
    <DataTable
      label="Definitions"
      columns={COLUMNS}
      rows={rows}
      rowKey={({ kind, capability }) => `${kind} ${capability}`}
      empty={
        <Empty title="Nothing here" command={`npx hivekey mcp-server refresh ${namespace}`}>
          No definition has this status. What the server offers is read again when you say so, and by itself from time
          to time.
        </Empty>
      }
    />
  );
}
