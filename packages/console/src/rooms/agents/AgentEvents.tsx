import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { get } from '../../api/client.ts';
import type { Agent, List, LogEvent } from '../../api/types.ts';
import { type Column, DataTable, rowLink } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Time } from '../../ui/Time.tsx';
import { VerdictMark } from '../../ui/Verdict.tsx';

const RECENT = 25;

function columnsFor(agent: Agent): readonly Column<LogEvent>[] {
  return [
    { key: 'ts', header: 'Time', width: '108px', cell: ({ ts }) => <Time value={ts} /> },
    {
      key: 'action',
      header: 'Action',
      cell: ({ action, event_id, kind }) => (
        <Link
          to="/log"
          search={{ agent: agent.name, event: event_id }}
          className={`${rowLink} mono`}
          title={action ?? kind}
        >
          {action ?? kind}
        </Link>
      ),
    },
    {
      key: 'verdict',
      header: 'Verdict',
      width: '140px',
      cell: ({ verdict, reason_class }) =>
        verdict === undefined ? null : <VerdictMark verdict={verdict} reasonClass={reason_class} />,
    },
    { key: 'reason', header: 'Reason', cell: ({ reason }) => <span title={reason}>{reason}</span> },
  ];
}

/** The newest calls of one agent; the log room has the rest. */
export function AgentEvents({ agent }: { readonly agent: Agent }) {
  const { data, error, refetch } = useQuery({
    queryKey: ['events', 'agent', agent.id],
    queryFn: ({ signal }) =>
      get<List<LogEvent>>(
        '/v1/audit/events',
        { agent: agent.id, kind: 'tool.call', order: 'desc', limit: RECENT },
        signal,
      ),
  });
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className="stack-tight">
      <div className="spread">
        <p className="muted">The newest {RECENT} calls, refused ones included.</p>
        <Link to="/log" search={{ agent: agent.name }}>
          Everything it did, live
        </Link>
      </div>
      <DataTable
        label="Newest calls"
        columns={columnsFor(agent)}
        rows={data?.data}
        rowKey={({ event_id }) => event_id}
        empty={
          <Empty title="It has not called anything yet" command={`npx hivekey logs --agent ${agent.name} --follow`}>
            Connect it with one of its tokens; every call appears here, refused ones included.
          </Empty>
        }
      />
    </div>
  );
}
