import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { agentToolsQuery } from '../../api/queries.ts';
import type { Agent, VisibleTool } from '../../api/types.ts';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import classes from './agents.module.css';

const COLUMNS: readonly Column<VisibleTool>[] = [
  {
    key: 'name',
    header: 'Tool',
    width: '34%',
    cell: ({ name, capability }) => (
      <TwoLines
        first={
          <span className="mono" title={name}>
            {name}
          </span>
        }
        second={capability === name ? undefined : capability}
      />
    ),
  },
  { key: 'access', header: 'Access', width: '72px', cell: ({ access }) => access },
  {
    key: 'description',
    header: 'Description and guards',
    cell: ({ description, guards }) => (
      <>
        <div title={description} className="truncate">
          {description}
        </div>
        {guards.length === 0 ? null : (
          <ul className={classes.guards}>
            {guards.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        )}
      </>
    ),
  },
];

/** What tools/list answers this agent: all of its roles together, minus what is off or stopped. */
export function AgentTools({ agent }: { readonly agent: Agent }) {
  const { data, error, refetch } = useQuery(agentToolsQuery(agent.id));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className="stack-tight">
      <p className="muted">
        {data === undefined || data.length === 0
          ? 'What the gateway lists for it now.'
          : `${plural(data.length, 'tool')} now, from its roles and what is approved. Anything else does not exist for it.`}
      </p>
      <DataTable
        label="Tools this agent sees"
        columns={COLUMNS}
        rows={data}
        rowKey={({ kind, name }) => `${kind} ${name}`}
        empty={
          <Empty title="It sees no tools" command={`npx hivekey role apply -f ${agent.roles[0] ?? 'role'}.yaml`}>
            {agent.status === 'active'
              ? 'Grant capabilities in one of its roles, and approve the tools on their MCP server. '
              : 'A stopped agent sees nothing. '}
            {agent.roles.map((role) => (
              <Link key={role} to="/roles/$role" params={{ role }} style={{ marginRight: 8 }}>
                {role}
              </Link>
            ))}
          </Empty>
        }
      />
    </div>
  );
}
