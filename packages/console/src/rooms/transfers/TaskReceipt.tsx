import { Link } from '@tanstack/react-router';
import type { FullTransferTask } from '../../api/agent-types.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { Instant } from '../containment/Instant.tsx';
import { FATES } from './words.ts';

type Receipt = FullTransferTask['receipt'];

const CALLS: readonly Column<Receipt['calls'][number]>[] = [
  { key: 'agent', header: 'Agent', cell: ({ agent }) => agent },
  {
    key: 'capability',
    header: 'Call',
    cell: ({ capability, event_id }) => (
      <Link to="/log" search={{ event: event_id }} className="mono">
        {capability}
      </Link>
    ),
  },
  { key: 'fate', header: 'Fate', cell: ({ fate }) => FATES[fate] },
];

const NODES: readonly Column<Receipt['nodes'][number]>[] = [
  { key: 'node', header: 'Node', cell: ({ node }) => <span className="mono">{node}</span> },
  {
    key: 'effective',
    header: 'Aborted what it ran',
    cell: ({ effective_at }) =>
      effective_at === null ? (
        <Mark tone="review">not heard from; what it had recorded could begin for 2 s</Mark>
      ) : (
        <Instant at={effective_at} />
      ),
  },
];

/** What the departure stopped, and how fast, as it was measured. */
export function TaskReceipt({ task: { receipt } }: { readonly task: FullTransferTask }) {
  return (
    <Section
      title="Receipt"
      aside={
        <Link to="/log" search={{ event: receipt.event_id, kind: 'all' }}>
          Record
        </Link>
      }
    >
      <div className="stack">
        <p>
          {receipt.first_refusal_ms === null
            ? 'In force; there was no active agent to measure a refusal with.'
            : `A refusal was measured ${receipt.first_refusal_ms.toLocaleString('en-US', { maximumFractionDigits: 1 })} ms after the order.`}
        </p>
        <Facts
          facts={[
            ['Ordered', <Instant key="ordered" at={receipt.ordered_at} />],
            ['Committed', <Instant key="committed" at={receipt.committed_at} />],
            ['Refusal seen', <Instant key="effective" at={receipt.effective_at} />],
            ['Sessions closed', String(receipt.sessions_closed)],
          ]}
        />
        {receipt.calls.length === 0 ? (
          <p className="muted">No call was in flight.</p>
        ) : (
          <DataTable
            label="Calls that were in flight"
            columns={CALLS}
            rows={receipt.calls}
            rowKey={({ event_id }) => event_id}
          />
        )}
        <DataTable
          label="Nodes"
          columns={NODES}
          rows={receipt.nodes}
          rowKey={({ node }) => node}
          empty={<p className="muted">No node has confirmed yet.</p>}
        />
      </div>
    </Section>
  );
}
