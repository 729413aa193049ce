import { Link } from '@tanstack/react-router';
import type { Containment } from '../../api/types.ts';
import { Identifier } from '../../ui/Copy.tsx';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { actorWords, plural } from '../../ui/format.ts';
import { Facts } from '../../ui/Page.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { Instant } from './Instant.tsx';
import { SignedReceipt } from './SignedReceipt.tsx';

type Call = Containment['receipt']['calls'][number];

const FATES: Readonly<Record<string, string>> = {
  aborted_before_upstream: 'aborted before the upstream saw it',
  unknown: 'aborted; the upstream may have acted',
  finished: 'had finished',
};

const CALLS: readonly Column<Call>[] = [
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
  { key: 'fate', header: 'Fate', cell: ({ fate }) => FATES[fate] ?? fate },
];

/** What a stop did, and how fast, as it was measured. */
export function ReceiptView({ stop }: { readonly stop: Containment }) {
  const { receipt } = stop;
  return (
    <div className="stack" data-testid="receipt">
      <p className="row-wrap">
        <Mark tone="deny">{stop.lifted_at === null ? 'in force' : 'lifted'}</Mark>
        <span>
          {receipt.first_refusal_ms === null
            ? 'In force; there was no agent to measure a refusal with.'
            : `A refusal was measured ${receipt.first_refusal_ms.toLocaleString('en-US', { maximumFractionDigits: 1 })} ms after the order.`}
        </span>
      </p>
      <Facts
        facts={[
          ['Stopped', `${stop.scope} ${stop.target}`],
          ['Reason', stop.reason],
          ['Ordered by', actorWords(stop.actor)],
          ['Ordered', <Instant key="ordered" at={receipt.ordered_at} />],
          ['Committed', <Instant key="committed" at={receipt.committed_at} />],
          ['Refusal seen', <Instant key="effective" at={receipt.effective_at} />],
          [
            'Agents',
            receipt.agents.length === 0
              ? 'none'
              : receipt.agents
                  .map(({ name, tokens_ended }) => `${name} (${plural(tokens_ended, 'token')} ended)`)
                  .join(', '),
          ],
          ['Sessions closed', String(receipt.sessions_closed)],
          ['Approvals called off', String(receipt.approvals_cancelled)],
          ['Lifted', stop.lifted_at === null ? null : `by ${actorWords(stop.lifted_by ?? '')}`],
          ['Record', <RecordLink key="record" eventId={receipt.event_id} />],
          ['Id', <Identifier key="id" value={stop.id} what="id of the stop" />],
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
      <SignedReceipt stop={stop} />
    </div>
  );
}

function RecordLink({ eventId }: { readonly eventId: string }) {
  return eventId === '' ? null : (
    <Link to="/log" search={{ event: eventId, kind: 'all' }} className="mono">
      {eventId}
    </Link>
  );
}
