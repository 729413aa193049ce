import type { ReactNode } from 'react';
import type { McpDefinition } from '../../api/types.ts';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Notice.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';

export function descriptionOf({ definition }: McpDefinition): string {
  const { description, title } = definition;
  return typeof description === 'string' ? description : typeof title === 'string' ? title : '';
}

const COLUMNS: readonly Column<McpDefinition>[] = [
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

function first(link: (capability: string) => ReactNode): Column<McpDefinition> {
  return {
    key: 'capability',
    header: 'Capability',
    width: '32%',
    cell: ({ kind, name, capability, upstream_name }) => (
      <TwoLines
        first={link(capability)}
        second={
          kind === 'operation'
            ? (name ?? undefined)
            : capability.endsWith(`.${upstream_name}`)
              ? undefined
              : `upstream: ${upstream_name}`
        }
      />
    ),
  };
}

export function Definitions({
  rows,
  link,
  command,
}: {
  readonly rows: readonly McpDefinition[] | undefined;
  /** To the definition of that capability. */
  readonly link: (capability: string) => ReactNode;
  /** Has them read again. */
  readonly command: string;
}) {
  return (
    <DataTable
      label="Definitions"
      columns={[first(link), ...COLUMNS]}
      rows={rows}
      rowKey={({ kind, capability }) => `${kind} ${capability}`}
      empty={
        <Empty title="Nothing here" command={command}>
          No definition has this status.
        </Empty>
      }
    />
  );
}
