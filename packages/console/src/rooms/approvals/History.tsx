import { Link } from '@tanstack/react-router';
import type { FullApproval } from '../../api/types.ts';
import { type Column, DataTable, rowLink } from '../../ui/DataTable.tsx';
import { count, impactsWords } from '../../ui/format.ts';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark, VerdictMark } from '../../ui/Verdict.tsx';
import { stateOf } from './words.ts';

type Payee = NonNullable<FullApproval['history']['payee']>;
type Before = FullApproval['history']['approvals'][number];
type Call = FullApproval['history']['calls'][number];

/** What this agent did with this capability before. */
export function History({ approval: { agent, action, history } }: { readonly approval: FullApproval }) {
  return (
    <Section
      title={`${agent} and ${action} before`}
      aside={
        <Link to="/log" search={{ agent, action }}>
          all in the log
        </Link>
      }
    >
      <DataTable
        label="Held calls before"
        columns={APPROVALS}
        rows={history.approvals}
        rowKey={({ id }) => id}
        empty={<p className="muted">No other call of this kind was held.</p>}
      />
      <DataTable
        label="Calls of the last 30 days"
        columns={CALLS}
        rows={history.calls}
        rowKey={({ event_id }) => event_id}
        empty={<p className="muted">No call in the last 30 days.</p>}
      />
    </Section>
  );
}

/** What this payee got before, whoever asked: a first payment looks like any other otherwise. */
export function PayeeHistory({ approval: { action, history } }: { readonly approval: FullApproval }) {
  const { payee } = history;
  if (payee === null) return null;
  return (
    <Section title={`${payee.payees.join(', ')} before`}>
      <DataTable
        label="Calls to this payee"
        columns={PAYEE}
        rows={payee.calls}
        rowKey={({ event_id }) => event_id}
        empty={
          <p className="muted">
            {payee.complete
              ? `No call of ${action} to this payee in the last 30 days, by any agent.`
              : `None found among the newest ${count(payee.looked_at)} calls of ${action}. There may be some all the same: older ones, or ones whose payees the log holds shortened or masked.`}
          </p>
        }
      />
    </Section>
  );
}

const PAYEE: readonly Column<Payee['calls'][number]>[] = [
  { key: 'verdict', header: 'Verdict', width: '100px', cell: ({ verdict }) => <VerdictMark verdict={verdict} /> },
  {
    key: 'agent',
    header: 'Agent',
    cell: ({ event_id, agent }) => (
      <Link to="/log" search={{ event: event_id }} className={rowLink}>
        {agent}
      </Link>
    ),
  },
  { key: 'amount', header: 'Amount', width: '130px', cell: ({ impact }) => impactsWords(impact) ?? '—' },
  { key: 'outcome', header: 'Outcome', width: '120px', cell: ({ outcome }) => outcome ?? '—' },
  { key: 'when', header: 'When', width: '110px', cell: ({ ts }) => <Time value={ts} /> },
];

const APPROVALS: readonly Column<Before>[] = [
  {
    key: 'status',
    header: 'Held call',
    cell: ({ id, status }) => (
      <Link to="/approvals/$approval" params={{ approval: id }} className={rowLink} aria-label={`${status}, ${id}`}>
        <StatusMark status={stateOf(status)} />
      </Link>
    ),
  },
  { key: 'amount', header: 'Amount', width: '130px', cell: ({ impact }) => impactsWords(impact) ?? '—' },
  { key: 'outcome', header: 'Outcome', width: '120px', cell: ({ outcome }) => outcome ?? '—' },
  { key: 'asked', header: 'Asked', width: '110px', cell: ({ requested_at }) => <Time value={requested_at} /> },
];

const CALLS: readonly Column<Call>[] = [
  { key: 'verdict', header: 'Verdict', width: '100px', cell: ({ verdict }) => <VerdictMark verdict={verdict} /> },
  {
    key: 'reason',
    header: 'Reason',
    cell: ({ event_id, reason }) => (
      <Link to="/log" search={{ event: event_id }} className={rowLink} title={reason}>
        {reason}
      </Link>
    ),
  },
  { key: 'outcome', header: 'Outcome', width: '120px', cell: ({ outcome }) => outcome ?? '—' },
  { key: 'when', header: 'When', width: '110px', cell: ({ ts }) => <Time value={ts} /> },
];
