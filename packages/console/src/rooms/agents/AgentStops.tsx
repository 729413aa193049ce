import { useQuery } from '@tanstack/react-query';
import { stopsQuery } from '../../api/queries.ts';
import type { Agent } from '../../api/types.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { StopsTable } from '../containment/StopsTable.tsx';

/** Stops that named this agent, its owner, or one of its roles. */
export function AgentStops({ agent }: { readonly agent: Agent }) {
  const { data, error, refetch } = useQuery(stopsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const stops = data?.data.filter(
    ({ scope, target, receipt }) =>
      (scope === 'agent' && (target === agent.id || target === agent.name)) ||
      receipt.agents?.some(({ id }) => id === agent.id),
  );
  return (
    <StopsTable
      label="Stops of this agent"
      stops={stops}
      empty={
        <Empty title="Never stopped" command={`npx hivekey revoke ${agent.name}`}>
          The kill switch is at the top of this page, or:
        </Empty>
      }
    />
  );
}
