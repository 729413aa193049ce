import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { openOffersQuery } from '../../api/agent-queries.ts';
import type { OwnershipTransfer } from '../../api/agent-types.ts';
import { useMe } from '../../app/me.ts';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { OfferActs } from './OfferActs.tsx';

const COLUMNS: readonly Column<OwnershipTransfer>[] = [
  {
    key: 'agent',
    header: 'Agent',
    cell: ({ agent, reason }) => (
      <TwoLines
        first={
          <Link to="/agents/$agent" params={{ agent }} search={{ tab: 'ownership' }} title={agent}>
            {agent}
          </Link>
        }
        second={reason}
      />
    ),
  },
  {
    key: 'to',
    header: 'Offered to',
    cell: ({ from, to }) => <TwoLines first={<span title={to}>{to}</span>} second={`from ${from}`} />,
  },
  {
    key: 'by',
    header: 'Offered',
    width: '180px',
    cell: ({ proposed_at, proposed_by }) => (
      <TwoLines first={<Time value={proposed_at} />} second={`by ${actorWords(proposed_by)}`} />
    ),
  },
  { key: 'answer', header: 'Answer', width: '112px', cell: ({ answer_by }) => <Time value={answer_by} /> },
  actions('200px', (offer) => <OfferActs offer={offer} />),
];

/** Offers that wait for an answer; those to whoever looks come first. */
export function Offers() {
  const { person } = useMe();
  const { data, error, refetch } = useQuery(openOffersQuery);
  const isMine = ({ to }: OwnershipTransfer): boolean => to === person?.email;
  return (
    <Section title="Offers without an answer">
      {error === null ? (
        <DataTable
          label="Offers of agents"
          columns={COLUMNS}
          rows={data === undefined ? undefined : [...data].sort((a, b) => Number(isMine(b)) - Number(isMine(a)))}
          rowKey={({ id }) => id}
          empty={<p className="muted">No offer waits for an answer.</p>}
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
    </Section>
  );
}
