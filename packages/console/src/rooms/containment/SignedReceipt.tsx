import { Button, Skeleton } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { signedReceiptQuery } from '../../api/queries.ts';
import type { Containment, SignedReceipt as Signed } from '../../api/types.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { saveFile } from '../../ui/save-file.ts';
import classes from './containment.module.css';
import { Instant } from './Instant.tsx';

type Receipt = Signed['receipt'];
type Tool = NonNullable<Receipt['tools']>[number];

const TOOLS: readonly Column<Tool>[] = [
  {
    key: 'capability',
    header: 'Tool',
    cell: ({ capability }) => (
      <span className="mono" title={capability}>
        {capability}
      </span>
    ),
  },
  { key: 'agents', header: 'Of', width: '84px', cell: ({ agents }) => plural(agents, 'agent') },
  {
    key: 'refused',
    header: 'Refused',
    width: '190px',
    cell: ({ established, refused_at }) =>
      established === 'probe' ? <Instant at={refused_at} /> : <span className="muted">by the same state</span>,
  },
];

const NODES: readonly Column<Receipt['nodes'][number]>[] = [
  {
    key: 'node',
    header: 'Node',
    cell: ({ node }) => (
      <span className="mono" title={node}>
        {node}
      </span>
    ),
  },
  {
    key: 'effective',
    header: 'In force',
    width: '290px',
    cell: ({ effective_at, bound_at }) =>
      effective_at === null && bound_at !== null ? (
        <>
          not heard from; nothing begins after <Instant at={bound_at} />
        </>
      ) : (
        <Instant at={effective_at} absent="not heard from" />
      ),
  },
];

const AGENTS: readonly Column<Receipt['agents'][number]>[] = [
  {
    key: 'name',
    header: 'Agent',
    cell: ({ name }) => (
      <span className="truncate" title={name}>
        {name}
      </span>
    ),
  },
  {
    key: 'allowed',
    header: 'Last allowed',
    width: '150px',
    cell: ({ last_allowed_at }) => <Instant at={last_allowed_at} absent="never" />,
  },
  {
    key: 'denied',
    header: 'First denied',
    width: '150px',
    cell: ({ first_denied_at }) => <Instant at={first_denied_at} absent="not tried since" />,
  },
];

/** A line for each tool, node and agent, under the log's signature, and the file to keep. */
export function SignedReceipt({ stop }: { readonly stop: Containment }) {
  const { data: text, error, refetch } = useQuery(signedReceiptQuery(stop.id));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (text === undefined) return <Skeleton height={160} aria-label="Loading" />;
  // Its shape is that of the one server that made it; a change of it comes with this console.
  const { receipt } = JSON.parse(text) as Signed;
  const { two_people, tools, nodes, agents, permits_ended, reservations_released } = receipt;
  return (
    <div className={`stack ${classes.signed}`} data-testid="signed-receipt">
      {two_people === null ? null : (
        <p>
          Proposed by {two_people.proposed_by} at <Instant at={two_people.proposed_at} />, confirmed by{' '}
          {two_people.confirmed_by}.
        </p>
      )}
      <Section title="Tools">
        {tools === null ? (
          <p className="muted">They were not listed: the stop came before receipts had a line for each.</p>
        ) : (
          <DataTable
            label="Tools in the receipt"
            columns={TOOLS}
            rows={tools}
            rowKey={({ capability }) => capability}
            empty={<p className="muted">No tool was granted to whom it covered.</p>}
          />
        )}
      </Section>
      <Section title="Nodes">
        <DataTable
          label="Nodes in the receipt"
          columns={NODES}
          rows={nodes}
          rowKey={({ node }) => node}
          empty={<p className="muted">None has said that it heard.</p>}
        />
      </Section>
      {agents.length === 0 ? null : (
        <Section title="Agents">
          <DataTable label="Agents in the receipt" columns={AGENTS} rows={agents} rowKey={({ id }) => id} />
        </Section>
      )}
      {permits_ended.length + reservations_released.length === 0 ? null : (
        <p className="muted">
          {plural(permits_ended.length, 'permit')} ended, {plural(reservations_released.length, 'reservation')}{' '}
          released.
        </p>
      )}
      <Section title="To keep">
        <p className="muted">
          Signed with the log’s key over these very bytes. Check it, without this server, with{' '}
          <code>hivekey receipt verify</code>.
        </p>
        <div>
          <Button
            variant="default"
            leftSection={<IconDownload size={14} aria-hidden />}
            onClick={() => saveFile(`${stop.id}.receipt.json`, 'application/json', text)}
          >
            Download the signed receipt
          </Button>
        </div>
      </Section>
    </div>
  );
}
