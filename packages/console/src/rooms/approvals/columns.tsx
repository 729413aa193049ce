import { Link } from '@tanstack/react-router';
import type { Approval } from '../../api/types.ts';
import { type Column, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { impactsWords } from '../../ui/format.ts';

export const CALL: Column<Approval> = {
  key: 'call',
  header: 'Call',
  cell: ({ id, action, reason }) => (
    <TwoLines
      first={
        <Link to="/approvals/$approval" params={{ approval: id }} className={rowLink}>
          {action}
        </Link>
      }
      second={reason}
    />
  ),
};

export const AGENT: Column<Approval> = {
  key: 'agent',
  header: 'Agent',
  width: '200px',
  cell: ({ agent, owner }) => <TwoLines first={agent} second={owner} />,
};

export const AMOUNT: Column<Approval> = {
  key: 'amount',
  header: 'Amount',
  width: '140px',
  align: 'end',
  cell: ({ impact }) => <span className="num">{impactsWords(impact) ?? <span className="muted">—</span>}</span>,
};
